package duckdb

import (
	"context"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
)

// TestNames: every row, in memory, ahead or on disk, has the number that its cut says its name has, after kills, flushes that fail and
// days of a former layout; and a cut that says nothing has more names than there are numbers, or rows without.
func TestNames(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ctx, dir := context.Background(), t.TempDir()
		reopen := func() *Store {
			return openIdle(rt, Options{Dir: dir, FlushRows: 1000, CompactRuns: 3, Threads: 1, Now: afterAll})
		}
		s := reopen()
		defer func() { _ = s.shut() }()
		at, first, seen := uint64(0), 0, map[string]bool{}
		make1 := func(n int) event.Event {
			e := event.Event{Name: fmt.Sprintf("it's %d", n), ID: fmt.Sprint(at), UserID: "u"}
			e.Derived = event.Derived{Position: at, Person: uint64(1 + n%3), Time: int64(n%3) * 86400e6, ReceivedAt: int64(at)}
			return e
		}
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			switch rapid.SampledFrom([]string{"add", "add", "many", "flush", "flush", "failing", "kill", "former", "bring", "ahead"}).Draw(rt, "step") {
			case "many":
				first += 40
				fallthrough
			case "add":
				for range rapid.IntRange(1, 60).Draw(rt, "events") {
					e := make1(first + rapid.IntRange(0, 50).Draw(rt, "name"))
					seen[e.Name] = true
					s.Add(1, time.UTC, "native", &e)
					at++
				}
				if err := s.Commit(ctx, eventlog.Position(at)); err != nil {
					rt.Fatal(err)
				}
			case "ahead":
				e := make1(first + 51)
				e.Derived.Position += 10
				s.Preview(1, time.UTC, "native", &e)
				s.ShowPreview(eventlog.Position(at + 11))
				wantNumbers(rt, s, nil)
				s.EndPreview()
			case "flush":
				if err := s.flush(ctx); err != nil {
					rt.Fatal(err)
				}
			case "failing":
				failFlush(rt, s, eventlog.Position(at))
			case "kill":
				dir = crash(t, s, dir)
				s = reopen()
				at = uint64(s.Position())
			case "former":
				makeFormer(rt, s, "day = 1")
			case "bring":
				if err := s.compact(ctx); err != nil {
					rt.Fatal(err)
				}
			}
			wantNumbers(rt, s, seen)
		}
		brought(rt, s)
		wantNumbers(rt, s, seen)
	})
}

// wantNumbers holds the numbers of a cut to the rows. seen, if any, are more names than rows have.
func wantNumbers(t fataler, s *Store, seen map[string]bool) {
	c, err := s.Cut(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	numbers, names, rows := c.(*cut).numbers, map[string]bool{}, 0
	for row, err := range c.Rows(context.Background(), "SELECT event, event_number::BIGINT FROM "+c.Events("event", store.EventNumber)) {
		if err != nil {
			t.Fatal(err)
		}
		rows++
		name := row[0].(string)
		names[name] = true
		if numbers == nil {
			continue
		}
		if n, ok := numbers[name]; !ok || row[1] != int64(n) {
			t.Fatal(fmt.Sprintf("%q has the number %v, and is said to have %d (%t)", name, row[1], n, ok))
		}
	}
	if numbers == nil && rows > 0 && seen != nil && s.FormerDays() == 0 && len(seen) < mostNames {
		t.Fatal(fmt.Sprintf("nothing is said of %d names", len(seen)))
	}
	if len(names) >= mostNames && numbers != nil {
		t.Fatal(fmt.Sprintf("%d names are said to be all numbered", len(names)))
	}
}

// TestManyNames: with more names than there are numbers the cut says nothing of numbers, in memory, on disk and after a start.
func TestManyNames(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	defer func() { _ = s.Close() }()
	at := uint64(0)
	add := func(n int) {
		t.Helper()
		e := event.Event{Name: fmt.Sprint("name ", n), ID: fmt.Sprint(at), UserID: "u"}
		e.Derived = event.Derived{Position: at, Person: 1}
		s.Add(1, time.UTC, "native", &e)
		at++
		if err := s.Commit(context.Background(), eventlog.Position(at)); err != nil {
			t.Fatal(err)
		}
	}
	want := func(when string, numbered int) {
		t.Helper()
		c, err := s.Cut(context.Background(), 1)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if got := c.(*cut).numbers; len(got) != numbered || (got == nil) != (numbered == 0) {
			t.Errorf("%s %d names have numbers, want %d", when, len(got), numbered)
		}
	}
	want("without events", 0)
	for n := range mostNames - 1 {
		add(n)
	}
	want("in memory", mostNames-1)
	wantNumbers(t, s, nil)
	again := func() {
		t.Helper()
		flushed(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, dir)
	}
	again()
	want("after a start", mostNames-1)
	wantNumbers(t, s, nil)
	for n := range 3 {
		add(mostNames + n)
	}
	want("with too many in memory", 0)
	again()
	want("with too many, after a start", 0)
	var without int
	if err := s.db.QueryRow("SELECT count(*) FROM store.events_1 WHERE event_number = 0").Scan(&without); err != nil || without != 2 {
		t.Errorf("%d rows have no number, %v", without, err)
	}
}
