package duckdb

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
)

// labelled reads all columns of all rows, each with what it is about: two stores may have other numbers for a property, or the
// name of an event.
func labelled(t fataler, s *Store, from func(c store.Cut, names []string) string) string {
	c, err := s.Cut(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var names, labels []string
	for _, b := range builtins() {
		if b.Name != store.EventNumber {
			names, labels = append(names, b.Name), append(labels, b.Name)
		}
	}
	for key, ps := range c.Schema().Properties {
		for _, p := range ps {
			names, labels = append(names, p.Column), append(labels, fmt.Sprint("property ", key, p.Type))
		}
	}
	var out strings.Builder
	for row, err := range c.Rows(context.Background(), "SELECT "+strings.Join(names, ", ")+" FROM "+from(c, names)+" ORDER BY seq") {
		if err != nil {
			t.Fatal(err)
		}
		var cells []string
		for i, v := range row {
			if v != nil {
				if names[i] == "overflow" && c.Schema().NoOverflow {
					t.Fatal("there is an overflow in a project that has none")
				}
				cells = append(cells, fmt.Sprint(labels[i], "=", v))
			}
		}
		sort.Strings(cells)
		fmt.Fprintln(&out, cells)
	}
	return out.String()
}

// TestPreview shows random events ahead of random backlogs and compares every column of what is visible with a store that has just
// those events: those that are committed, and those behind that are shown and not withdrawn. Cuts stay what they were.
func TestPreview(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := open(t, t.TempDir())
		defer func() { _ = s.Close() }()
		events := make([]event.Event, rapid.IntRange(20, 120).Draw(rt, "events"))
		for i := range events {
			events[i] = anyEvent(rt)
			events[i].Derived.Position = uint64(i)
		}
		at, begun, ahead := 0, -1, 0
		withdrawn := map[int]bool{}
		visible := func() (out []int) {
			for i := range events {
				if i < at || begun >= 0 && i >= begun && i < ahead && !withdrawn[i] {
					out = append(out, i)
				}
			}
			return out
		}
		var kept store.Cut
		var keptRows string
		for step := range rapid.IntRange(3, 14).Draw(rt, "steps") {
			version, before := s.Version(1), visible()
			switch rapid.SampledFrom([]string{"commit", "commit", "show", "show", "flush", "end"}).Draw(rt, "step") {
			case "commit":
				to := min(len(events), at+rapid.IntRange(1, 30).Draw(rt, "n"))
				var hide []int
				if begun >= 0 && ahead > max(begun, to) {
					hide = rapid.SliceOfN(rapid.IntRange(max(begun, to), ahead-1), 0, 3).Draw(rt, "withdrawn")
				}
				for i := at; i < to; i++ {
					s.Add(1, time.UTC, "native", &events[i])
				}
				for _, i := range hide {
					s.Withdraw(eventlog.Position(i))
				}
				if got, want := labelledAll(rt, s), having(rt, t, events, before); got != want {
					rt.Fatalf("step %d, before the commit\n%s\nwant\n%s", step, got, want)
				}
				if err := s.Commit(context.Background(), eventlog.Position(to)); err != nil {
					rt.Fatal(err)
				}
				for _, i := range hide {
					withdrawn[i] = true
				}
				at = to
			case "show":
				if begun < 0 {
					begun = rapid.IntRange(at, len(events)).Draw(rt, "begin")
					ahead = begun
				}
				to := min(len(events), ahead+rapid.IntRange(0, 30).Draw(rt, "n"))
				for i := ahead; i < to; i++ {
					s.Preview(1, time.UTC, "native", &events[i])
				}
				from := s.ShowPreview(eventlog.Position(to))
				ahead = to
				if w := s.Watermark(); w.Position != eventlog.Position(at) || w.Head() < eventlog.Position(at) ||
					w.Preview != nil && (w.Preview.To > eventlog.Position(ahead) || from > eventlog.Position(ahead)) {
					rt.Fatalf("%+v, from %d", w, from)
				}
			case "flush":
				if err := s.flush(context.Background()); err != nil {
					rt.Fatal(err)
				}
			case "end":
				s.EndPreview()
				begun, withdrawn = -1, map[int]bool{}
				if s.Watermark().Preview != nil {
					rt.Fatal("still shown ahead")
				}
			}
			now := visible()
			if !slices.Equal(before, now) && s.Version(1) == version {
				rt.Fatalf("step %d: %v became %v and the version stays", step, before, now)
			}
			if got, want := labelledAll(rt, s), having(rt, t, events, now); got != want {
				rt.Fatalf("step %d, at %d, shown %d to %d\n%s\nwant\n%s", step, at, begun, ahead, got, want)
			}
			some := positions(rt, len(events))
			if got, want := labelledAt(rt, s, some), having(rt, t, events, slices.DeleteFunc(now, func(i int) bool { return !slices.Contains(some, eventlog.Position(i)) })); got != want {
				rt.Fatalf("at %v\n%s\nwant\n%s", some, got, want)
			}
			if kept != nil {
				if got := seqs(rt, kept); got != keptRows {
					rt.Fatalf("a cut changed from %s to %s", keptRows, got)
				}
				kept.Close()
			}
			var err error
			if kept, err = s.Cut(context.Background(), 1); err != nil {
				rt.Fatal(err)
			}
			keptRows = seqs(rt, kept)
		}
		kept.Close()
	})
}

// TestPreviewBesideCommits reads while rows are committed and shown ahead: each cut has just what its watermark says.
func TestPreviewBesideCommits(t *testing.T) {
	s := open(t, t.TempDir())
	defer func() { _ = s.Close() }()
	const all, begin = 3000, 1500
	add := func(i int, f func(store.ProjectID, *time.Location, string, *event.Event)) {
		e := event.Event{Name: "buy", ID: fmt.Sprint(i)}
		e.Derived.Position, e.Derived.Key = uint64(i), event.Key{byte(i), byte(i >> 8)}
		f(1, time.UTC, "native", &e)
	}
	done, stop := make(chan error), make(chan struct{})
	for range 2 {
		go func() {
			for {
				if err := asItSays(s); err != nil {
					done <- err
					return
				}
				select {
				case <-stop:
					done <- nil
					return
				default:
				}
			}
		}()
	}
	for at, ahead := 0, begin; at < all; {
		for n := 0; n < 30 && at < all; n++ {
			add(at, s.Add)
			at++
		}
		if err := s.Commit(context.Background(), eventlog.Position(at)); err != nil {
			t.Fatal(err)
		}
		for n := 0; n < 40 && ahead < all; n++ {
			add(ahead, s.Preview)
			ahead++
		}
		s.ShowPreview(eventlog.Position(ahead))
		if at%600 == 0 {
			if err := s.flush(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.EndPreview()
	close(stop)
	for range 2 {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
}

// asItSays compares what a cut has with its watermark.
func asItSays(s *Store) error {
	c, err := s.Cut(context.Background(), 1)
	if err != nil {
		return err
	}
	defer c.Close()
	w := c.Watermark()
	want := fmt.Sprint(int64(w.Position), " ", int64(w.Position))
	if p := w.Preview; p != nil {
		want = fmt.Sprint(int64(w.Position), " ", int64(w.Position+p.To-max(p.From, w.Position)))
	}
	q := fmt.Sprintf("SELECT count(*) FILTER (seq < %d), count(*) FROM %s", w.Position, c.Events("seq"))
	for row, err := range c.Rows(context.Background(), q) {
		if err != nil {
			return err
		}
		if got := fmt.Sprint(row[0], " ", row[1]); got != want {
			return fmt.Errorf("%+v, %+v: %s rows, want %s", w, w.Preview, got, want)
		}
	}
	return nil
}

func labelledAll(t fataler, s *Store) string {
	return labelled(t, s, func(c store.Cut, names []string) string { return c.Events(names...) })
}

func labelledAt(t fataler, s *Store, at []eventlog.Position) string {
	list := []string{"NULL"}
	for _, p := range at {
		list = append(list, fmt.Sprint(p))
	}
	return labelled(t, s, func(c store.Cut, names []string) string {
		return c.EventsAt(at, names...) + " WHERE seq IN (" + strings.Join(list, ", ") + ")"
	})
}

func positions(t *rapid.T, n int) (out []eventlog.Position) {
	for _, i := range rapid.SliceOfNDistinct(rapid.IntRange(0, n+2), 0, 6, rapid.ID[int]).Draw(t, "positions") {
		out = append(out, eventlog.Position(i))
	}
	return out
}

func seqs(t fataler, c store.Cut) string {
	var out []any
	for row, err := range c.Rows(context.Background(), "SELECT seq FROM "+c.Events("seq")+" ORDER BY seq") {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, row[0])
	}
	return fmt.Sprint(out)
}

// having is what a store says that has the events and no others.
func having(rt fataler, t *testing.T, events []event.Event, which []int) string {
	if len(which) == 0 {
		return ""
	}
	s := open(t, t.TempDir())
	defer func() { _ = s.Close() }()
	for _, i := range which {
		s.Add(1, time.UTC, "native", &events[i])
	}
	if err := s.Commit(context.Background(), eventlog.Position(len(events))); err != nil {
		rt.Fatal(err)
	}
	return labelledAll(rt, s)
}
