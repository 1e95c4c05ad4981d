// Package storetest is the suite that every adapter of the store passes: what it has is held against a log in memory
// and the rules of the port, while it flushes, compacts, forgets, is closed and crashes.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
)

// Store is all ports of a store, and its end.
type Store interface {
	store.Writer
	store.Reader
	store.Eraser
	Close() error
}

// PropertyLimit is what stores under test are opened with.
const PropertyLimit = 6

// Adapter makes stores.
type Adapter struct {
	// Open opens the store of a folder. Background work should be frequent and its units small.
	Open func(t testing.TB, dir string) Store
	// Settle makes everything committed durable, and does whatever else the store has put off.
	Settle func(t testing.TB, s Store)
	// Crash returns a folder with what a crash at this moment would leave; the store is not used any more.
	Crash func(t testing.TB, s Store, dir string) string
	// Numbers is a relation with the numbers from 0 to below n, in a column n of 64 bits.
	Numbers func(n int) string
	// Integers are columns of all the types of whole numbers that the engine has, made of n, which is below 20.
	Integers string
}

// Run runs the suite.
func Run(t *testing.T, a Adapter) {
	for name, test := range map[string]func(*testing.T, Adapter){
		"Empty": empty, "Atomic": atomicCommits, "ConsistentCuts": consistentCuts, "CutStays": cutStays, "Wait": waiting,
		"Properties": propertyColumns, "DeadLetters": deadLetters, "AnyHistory": anyHistory,
		"DayZones": dayZones, "Batches": batched, "People": peopleRelation, "Checksums": checksums,
	} {
		t.Run(name, func(t *testing.T) { test(t, a) })
	}
}

func closed(t testing.TB, s Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func cut(t testing.TB, s Store, project store.ProjectID) store.Cut {
	t.Helper()
	c, err := s.Cut(context.Background(), project)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func empty(t *testing.T, a Adapter) {
	s := a.Open(t, t.TempDir())
	defer closed(t, s)
	if s.Position() != 0 || s.Watermark().Position != 0 {
		t.Fatal(s.Position(), s.Watermark())
	}
	c := cut(t, s, 1)
	defer c.Close()
	if got := rowsOf(t, c); len(got) != 0 {
		t.Fatal(got)
	}
	if n, err := s.Expire(context.Background(), 1, 1e6); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	hours, err := s.Ledger(context.Background(), 1, 0, 1<<60)
	if len(hours) != 0 || err != nil {
		t.Fatal(hours, err)
	}
	duplicates, err := s.Duplicates(context.Background(), 1, 0, 1<<60)
	if len(duplicates) != 0 || err != nil {
		t.Fatal(duplicates, err)
	}
	dead, err := s.DeadLetters(context.Background(), 1, 1<<60, 9)
	if len(dead) != 0 || err != nil {
		t.Fatal(dead, err)
	}
}

// atomicCommits: what is added is seen by nobody before the commit, and then with its position.
func atomicCommits(t *testing.T, a Adapter) {
	s := a.Open(t, t.TempDir())
	defer closed(t, s)
	before := s.Version(1)
	for i := range 20 {
		e := event.Event{Name: "n", ID: fmt.Sprint(i)}
		e.Derived.Position, e.Derived.Person = uint64(i), 1
		s.Add(1, time.UTC, "native", &e)
	}
	c := cut(t, s, 1)
	if got := rowsOf(t, c); len(got) != 0 || c.Watermark().Position != 0 || s.Version(1) != before {
		t.Fatalf("%d rows before the commit, at %d", len(got), c.Watermark().Position)
	}
	c.Close()
	s.Count(1, 0, store.Counts{Accepted: 20, Stored: 20})
	if err := s.Commit(context.Background(), 20); err != nil {
		t.Fatal(err)
	}
	c = cut(t, s, 1)
	defer c.Close()
	if got := rowsOf(t, c); len(got) != 20 || c.Watermark().Position != 20 || s.Watermark().Position != 20 || s.Version(1) == before {
		t.Fatalf("%d rows, at %d", len(got), c.Watermark().Position)
	}
}

// consistentCuts: while commits and the background go on, every cut has exactly what is before its position, however
// often it is asked.
func consistentCuts(t *testing.T, a Adapter) {
	s := a.Open(t, t.TempDir())
	defer closed(t, s)
	h := newHistory(2)
	h.grow(2000)
	var wg sync.WaitGroup
	done := make(chan struct{})
	for r := range 2 {
		wg.Go(func() {
			project := store.ProjectID(1 + r)
			for {
				c, err := s.Cut(context.Background(), project)
				if err != nil {
					t.Error(err)
					return
				}
				want := h.rows(project, c.Watermark().Position, 0)
				for range 3 {
					if d := difference(rowsOf(t, c), want); d != "" {
						t.Errorf("project %d at %d: %s", project, c.Watermark().Position, d)
						c.Close()
						return
					}
				}
				c.Close()
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for from := eventlog.Position(0); from < 2000; {
		to := min(from+1+eventlog.Position(h.rng.IntN(60)), 2000)
		h.give(t, s, from, to)
		from = to
	}
	close(done)
	wg.Wait()
}

// cutStays: a cut is not touched by what happens after it was made, even when it is asked for the first time.
func cutStays(t *testing.T, a Adapter) {
	s := a.Open(t, t.TempDir())
	defer closed(t, s)
	h := newHistory(3)
	h.grow(900)
	var cuts []store.Cut
	for from := eventlog.Position(0); from < 900; from += 100 {
		h.give(t, s, from, from+100)
		cuts = append(cuts, cut(t, s, 1))
		if from%300 == 0 {
			a.Settle(t, s)
			cuts = append(cuts, cut(t, s, 1))
		}
	}
	if _, err := s.Expire(context.Background(), 1, 8); err != nil {
		t.Fatal(err)
	}
	for _, c := range cuts {
		if d := difference(rowsOf(t, c), h.rows(1, c.Watermark().Position, 0)); d != "" {
			t.Fatalf("cut at %d: %s", c.Watermark().Position, d)
		}
		c.Close()
	}
}

func waiting(t *testing.T, a Adapter) {
	s := a.Open(t, t.TempDir())
	defer closed(t, s)
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if err := s.Wait(ctx, 5); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 5 {
		wg.Go(func() {
			p := eventlog.Position(i)
			if err := s.Wait(context.Background(), p); err != nil || s.Watermark().Position < p {
				t.Error(s.Watermark(), err)
			}
		})
	}
	for i := range 5 {
		if err := s.Commit(context.Background(), eventlog.Position(i)); err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
}

// propertyColumns: columns appear with the first value, one a type, until there are too many.
func propertyColumns(t *testing.T, a Adapter) {
	dir := t.TempDir()
	s := a.Open(t, dir)
	give := func(at int, p event.Property) {
		t.Helper()
		e := event.Event{Name: "n", ID: fmt.Sprint(at), Properties: []event.Property{p}}
		e.Derived.Position, e.Derived.Person, e.Derived.Time = uint64(at), 1, 1
		s.Add(1, time.UTC, "native", &e)
		if err := s.Commit(context.Background(), eventlog.Position(at+1)); err != nil {
			t.Fatal(err)
		}
	}
	types := func() map[string][]store.Type {
		c := cut(t, s, 1)
		defer c.Close()
		out := map[string][]store.Type{}
		if c.Schema().PropertyLimit != PropertyLimit {
			t.Errorf("limit %d", c.Schema().PropertyLimit)
		}
		for key, columns := range c.Schema().Properties {
			for _, col := range columns {
				out[key] = append(out[key], col.Type)
			}
			slices.Sort(out[key])
		}
		return out
	}
	give(0, event.Property{Key: "a", Type: event.String, Str: "x"})
	give(1, event.Property{Key: "a", Type: event.Number, Num: 1})
	give(2, event.Property{Key: "a", Type: event.Bool})
	give(3, event.Property{Key: "a", Type: event.String, Str: "2026-01-01T00:00:00.000Z"})
	give(4, event.Property{Key: "a", Type: event.JSON, Str: "[1]"})
	give(5, event.Property{Key: "a", Type: event.Null})
	give(6, event.Property{Key: "", Type: event.Number, Num: 7})
	give(7, event.Property{Key: `quo"ted; --`, Type: event.Number, Num: 8})
	for i := range 5 {
		give(8+i, event.Property{Key: fmt.Sprint("late", i), Type: event.Number, Num: 9})
	}
	want := map[string][]store.Type{
		"a": {store.Text, store.Float, store.Boolean, store.Time}, "": {store.Float}, `quo"ted; --`: {store.Float},
	}
	for range 2 {
		if got := types(); !reflect.DeepEqual(got, want) {
			t.Fatalf("%v, want %v", got, want)
		}
		c := cut(t, s, 1)
		got := rowsOf(t, c)
		c.Close()
		for i := range uint64(5) {
			if v := got[8+i].values; !reflect.DeepEqual(v, map[string]any{fmt.Sprint("late", i): 9.0}) {
				t.Fatalf("past the limit: %v", v)
			}
		}
		if v := got[7].values[`quo"ted; --`]; v != 8.0 {
			t.Fatal(v)
		}
		closed(t, s)
		s = a.Open(t, dir)
	}
	closed(t, s)
}

func deadLetters(t *testing.T, a Adapter) {
	dir := t.TempDir()
	s := a.Open(t, dir)
	letter := func(i int) store.DeadLetter {
		return store.DeadLetter{
			Project: store.ProjectID(1 + i%2), Position: eventlog.Position(i), ReceivedAt: int64(i), Stage: "decode",
			Code: []string{"bad_event_name", store.CodePoison}[i/2%2], Reason: "it's \"so\"", Protocol: "segment", Body: []byte{0, 0xff, byte(i)},
		}
	}
	for i := range 40 {
		s.AddDead(letter(i))
		if err := s.Commit(context.Background(), eventlog.Position(i+1)); err != nil {
			t.Fatal(err)
		}
		if i == 20 {
			a.Settle(t, s)
		}
	}
	for range 2 {
		before, n := eventlog.Position(1000), 39
		for {
			page, err := s.DeadLetters(context.Background(), 2, before, 7)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			for _, d := range page {
				if !reflect.DeepEqual(d, letter(n)) {
					t.Fatalf("%+v, want %+v", d, letter(n))
				}
				n -= 2
			}
			before = page[len(page)-1].Position
		}
		if n != -1 {
			t.Fatalf("the letters end before %d", n)
		}
		closed(t, s)
		s = a.Open(t, dir)
		got, err := s.Poisoned(context.Background(), 30)
		if err != nil || !slices.Equal(got, []eventlog.Position{30, 31, 34, 35, 38, 39}) {
			t.Fatal(got, err)
		}
	}
	expireDeadLetters(t, s)
	closed(t, s)
}

// expireDeadLetters removes the letters received before 31 out of 40 that are on disk, and leaves the rest to be read.
func expireDeadLetters(t *testing.T, s Store) {
	t.Helper()
	for _, want := range []int64{31, 0} {
		if n, err := s.ExpireDeadLetters(context.Background(), 31); n != want || err != nil {
			t.Fatalf("%d letters removed, want %d: %v", n, want, err)
		}
	}
	for project, want := range map[store.ProjectID]int{1: 4, 2: 5} {
		left, err := s.DeadLetters(context.Background(), project, 1000, 100)
		if err != nil || len(left) != want || left[len(left)-1].ReceivedAt < 31 {
			t.Fatalf("project %d has %d letters, want %d: %v", project, len(left), want, err)
		}
	}
}
