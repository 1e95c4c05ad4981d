// Package eventlogtest is the suite that every adapter of the event log passes. It holds the promises of the port, and
// nothing of how an adapter keeps them: crashes and damage are tested beside the adapter.
package eventlogtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
)

// Log is a log with its end.
type Log interface {
	eventlog.Log
	Close() error
}

// Open opens the log of a folder: an empty one at first, the same one again after Close. Its unit of storage should
// be small, a few hundred bytes, so that Trim has something to do.
type Open func(t *testing.T, dir string) Log

// Run runs the suite.
func Run(t *testing.T, open Open) {
	for name, test := range map[string]func(*testing.T, Open){
		"OrderAndDensity": orderAndDensity, "Reopen": reopen, "FromAnyPosition": fromAnyPosition,
		"ConcurrentAppends": concurrentAppends, "NextWaits": nextWaits, "NextGivesUp": nextGivesUp, "Close": closing,
		"Trim": trim, "Refusals": refusals, "LargeRecord": largeRecord,
	} {
		t.Run(name, func(t *testing.T) { test(t, open) })
	}
}

// record is what the i-th record of a test holds: sizes and numbers of events vary.
func record(i int) eventlog.Record {
	payload := fmt.Appendf(nil, "record %d", i)
	for range i % 7 * 10 {
		payload = append(payload, byte(i))
	}
	return eventlog.Record{Payload: payload, Events: 1 + i%3}
}

func add(t *testing.T, l Log, r eventlog.Record) eventlog.Position {
	t.Helper()
	p, err := l.Append(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// fill appends records [from, to) and returns their positions.
func fill(t *testing.T, l Log, from, to int) (at []eventlog.Position) {
	t.Helper()
	for i := from; i < to; i++ {
		at = append(at, add(t, l, record(i)))
	}
	return at
}

// read returns copies of all entries from a position to the end, and holds them to be without gaps.
func read(t *testing.T, l Log, from eventlog.Position) (out []eventlog.Entry) {
	t.Helper()
	s := subscribe(t, l, from)
	for _, end := l.Bounds(); from < end; {
		es, err := s.Next(context.Background(), 4)
		if err != nil || len(es) == 0 || len(es) > 4 {
			t.Fatalf("%d entries at %d: %v", len(es), from, err)
		}
		for _, e := range es {
			if len(out) > 0 && e.First != from {
				t.Fatalf("an entry at %d follows one that ends at %d", e.First, from)
			}
			e.Payload = slices.Clone(e.Payload)
			out, from = append(out, e), e.End()
		}
	}
	return out
}

func subscribe(t *testing.T, l Log, from eventlog.Position) eventlog.Subscription {
	t.Helper()
	s, err := l.Subscribe(from)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// expect holds entries to be the records [from, to).
func expect(t *testing.T, es []eventlog.Entry, from, to int) {
	t.Helper()
	if len(es) != to-from {
		t.Fatalf("%d entries, want %d", len(es), to-from)
	}
	for i, e := range es {
		if want := record(from + i); string(e.Payload) != string(want.Payload) || e.Events != want.Events {
			t.Fatalf("entry %d is %q with %d events", from+i, e.Payload, e.Events)
		}
	}
}

func shut(t *testing.T, l Log) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func orderAndDensity(t *testing.T, open Open) {
	l := open(t, t.TempDir())
	defer shut(t, l)
	if start, end := l.Bounds(); start != 0 || end != 0 {
		t.Fatalf("an empty log holds %d to %d", start, end)
	}
	next := eventlog.Position(0)
	for i := range 100 {
		r := record(i)
		if p := add(t, l, r); p != next {
			t.Fatalf("record %d at %d, want %d", i, p, next)
		}
		clear(r.Payload) // It is the caller's again.
		next += eventlog.Position(r.Events)
		if _, end := l.Bounds(); end != next {
			t.Fatalf("the log ends at %d, want %d", end, next)
		}
	}
	expect(t, read(t, l, 0), 0, 100)
}

func reopen(t *testing.T, open Open) {
	dir := t.TempDir()
	for round := range 4 {
		l := open(t, dir)
		expect(t, read(t, l, 0), 0, 20*round)
		fill(t, l, 20*round, 20*round+20)
		expect(t, read(t, l, 0), 0, 20*round+20)
		shut(t, l)
	}
}

func fromAnyPosition(t *testing.T, open Open) {
	dir := t.TempDir()
	l := open(t, dir)
	at := fill(t, l, 0, 30)
	for range 2 {
		_, end := l.Bounds()
		for from := range end {
			// A position within a record gives the record that holds it.
			holds, within := slices.BinarySearch(at, from)
			if !within {
				holds--
			}
			expect(t, read(t, l, from), holds, 30)
		}
		shut(t, l)
		l = open(t, dir)
	}
	shut(t, l)
}

func concurrentAppends(t *testing.T, open Open) {
	const writers, each = 16, 40
	dir := t.TempDir()
	l := open(t, dir)
	var wg sync.WaitGroup
	var at [writers][each]eventlog.Position
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				r := eventlog.Record{Payload: fmt.Appendf(nil, "%d/%d", w, i), Events: 1 + (w+i)%3}
				p, err := l.Append(context.Background(), r)
				if err != nil {
					t.Error(err)
					return
				}
				at[w][i] = p
			}
		})
	}
	wg.Wait()
	for range 2 {
		found := map[eventlog.Position]string{}
		for _, e := range read(t, l, 0) {
			found[e.First] = string(e.Payload)
		}
		if len(found) != writers*each {
			t.Fatalf("%d records, want %d", len(found), writers*each)
		}
		for w := range writers {
			for i, p := range at[w] {
				if want := fmt.Sprintf("%d/%d", w, i); found[p] != want || i > 0 && p <= at[w][i-1] {
					t.Fatalf("%q at %d, want %q", found[p], p, want)
				}
			}
		}
		shut(t, l)
		l = open(t, dir)
	}
	shut(t, l)
}

func nextWaits(t *testing.T, open Open) {
	l := open(t, t.TempDir())
	var wg sync.WaitGroup
	for range 3 {
		s := subscribe(t, l, 0)
		wg.Go(func() {
			for i := 0; i < 20; {
				es, err := s.Next(context.Background(), 2)
				if err != nil || len(es) == 0 || len(es) > 2 {
					t.Errorf("%d entries: %v", len(es), err)
					return
				}
				for _, e := range es {
					if string(e.Payload) != string(record(i).Payload) {
						t.Errorf("entry %d is %q", i, e.Payload)
					}
					i++
				}
			}
			if _, err := s.Next(context.Background(), 2); !errors.Is(err, eventlog.ErrClosed) {
				t.Error(err)
			}
		})
	}
	fill(t, l, 0, 20)
	shut(t, l)
	wg.Wait()
}

func nextGivesUp(t *testing.T, open Open) {
	l := open(t, t.TempDir())
	defer shut(t, l)
	s := subscribe(t, l, 0)
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if _, err := s.Next(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	// It loses nothing by it.
	fill(t, l, 0, 3)
	if es, err := s.Next(context.Background(), 9); err != nil || len(es) == 0 || es[0].First != 0 {
		t.Fatal(es, err)
	}
}

func closing(t *testing.T, open Open) {
	dir := t.TempDir()
	l := open(t, dir)
	s := subscribe(t, l, 0)
	fill(t, l, 0, 5)
	shut(t, l)
	shut(t, l)
	var e *event.Error
	if _, err := l.Append(context.Background(), record(5)); !errors.As(err, &e) || e.Kind != event.Unavailable || e.Code != "closed" {
		t.Fatal("append:", err)
	}
	var es []eventlog.Entry
	for {
		more, err := s.Next(context.Background(), 2)
		if errors.Is(err, eventlog.ErrClosed) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		es = append(es, more...)
	}
	expect(t, es, 0, 5)
	l = open(t, dir)
	expect(t, read(t, l, 0), 0, 5)
	shut(t, l)
}

func trim(t *testing.T, open Open) {
	dir := t.TempDir()
	l := open(t, dir)
	at := fill(t, l, 0, 100)
	last := subscribe(t, l, 0)
	_, end := l.Bounds()
	moved := eventlog.Position(0)
	for i := 0; i <= 100; i += 20 {
		before := end
		if i < 100 {
			before = at[i]
		}
		if err := l.Trim(before); err != nil {
			t.Fatal(err)
		}
		start, now := l.Bounds()
		if start < moved || start > before || now != end {
			t.Fatalf("trimmed before %d: %d to %d, it was %d to %d", before, start, now, moved, end)
		}
		moved = start
		expect(t, read(t, l, before), i, 100)
		if start > 0 {
			if _, err := l.Subscribe(start - 1); event.KindOf(err) != event.Invalid {
				t.Fatal("behind the start:", err)
			}
		}
	}
	if moved == 0 {
		t.Fatal("nothing was given up; is the unit of storage small?")
	}
	if _, err := last.Next(context.Background(), 1); event.KindOf(err) != event.Invalid {
		t.Fatal("a subscription that was overtaken:", err)
	}
	shut(t, l)
	l = open(t, dir)
	defer shut(t, l)
	if start, now := l.Bounds(); start != moved || now != end {
		t.Fatalf("reopened: %d to %d, want %d to %d", start, now, moved, end)
	}
	if p := add(t, l, record(100)); p != end {
		t.Fatalf("appended at %d, want %d", p, end)
	}
	expect(t, read(t, l, end), 100, 101)
}

func refusals(t *testing.T, open Open) {
	l := open(t, t.TempDir())
	defer shut(t, l)
	fill(t, l, 0, 3)
	_, end := l.Bounds()
	if _, err := l.Subscribe(end + 1); event.KindOf(err) != event.Invalid {
		t.Error("subscribe behind the end:", err)
	}
	for _, n := range []int{0, -1} {
		if _, err := l.Append(context.Background(), eventlog.Record{Payload: []byte("x"), Events: n}); event.KindOf(err) != event.Invalid {
			t.Errorf("record of %d events: %v", n, err)
		}
	}
	add(t, l, eventlog.Record{Events: 2}) // An empty payload is a payload.
	es := read(t, l, end)
	if len(es) != 1 || es[0].Events != 2 || len(es[0].Payload) != 0 {
		t.Errorf("%+v", es)
	}
}

func largeRecord(t *testing.T, open Open) {
	dir := t.TempDir()
	l := open(t, dir)
	large := make([]byte, 33<<20)
	for i := range large {
		large[i] = byte(uint32(i) * 2654435761 >> 24)
	}
	add(t, l, eventlog.Record{Payload: large, Events: 10_000})
	fill(t, l, 0, 1)
	shut(t, l)
	l = open(t, dir)
	defer shut(t, l)
	es := read(t, l, 0)
	if len(es) != 2 || string(es[0].Payload) != string(large) || es[0].Events != 10_000 {
		t.Fatalf("%d entries", len(es))
	}
	if _, err := l.Append(context.Background(), eventlog.Record{Payload: make([]byte, 300<<20), Events: 1}); event.KindOf(err) != event.TooLarge {
		t.Fatal("a record of 300 MB:", err)
	}
}
