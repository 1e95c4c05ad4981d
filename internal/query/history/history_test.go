package history_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/query/history"
)

// gather collects what every worker was shown.
func gather(t tester, b *history.Builder) map[uint64][]history.Event {
	t.Helper()
	var found []map[uint64][]history.Event
	err := b.Each(context.Background(), func() func(*history.Actor) {
		mine := map[uint64][]history.Event{}
		found = append(found, mine)
		return func(a *history.Actor) {
			mine[a.ID] = append(mine[a.ID], slices.Clone(a.Events)...)
			// An actor's events are the visitor's to change.
			clear(a.Events)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	all := map[uint64][]history.Event{}
	for _, m := range found {
		for id := range m {
			if _, twice := all[id]; twice {
				t.Fatalf("actor %d was shown to two workers", id)
			}
		}
		maps.Copy(all, m)
	}
	return all
}

// TestAnyRows: each actor is visited once, with all of its events, in order, whatever order they came in.
func TestAnyRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := history.New(history.Options{Workers: rapid.IntRange(1, 4).Draw(t, "workers")})
		want := map[uint64][]history.Event{}
		seq, values := rapid.Bool().Draw(t, "seq"), rapid.Bool().Draw(t, "values")
		// Few actors with thousands of rows, and many with one.
		people := rapid.SampledFrom([]uint64{1, 3, 100, 1 << 40}).Draw(t, "people")
		step := rapid.SampledFrom([]uint64{1, 1 << 60, 0x9e3779b97f4a7c15}).Draw(t, "step")
		position := uint64(0)
		for range rapid.IntRange(0, 6).Draw(t, "batches") {
			c := &history.Columns{}
			for range rapid.SampledFrom([]int{1, 10, 1000, 2500}).Draw(t, "rows") {
				position++
				r := position * 0xd6e8feb86659fd93
				e := history.Event{Time: int64(r>>20)%50 - 25, Match: r >> 60}
				id := r % people * step
				c.Actor, c.Time, c.Match = append(c.Actor, id), append(c.Time, e.Time), append(c.Match, e.Match)
				if seq {
					e.Seq = position
					c.Seq = append(c.Seq, e.Seq)
				}
				if values {
					e.Value, e.Hold = int32(r>>30)%7, int32(r>>33)%5
					c.Value, c.Hold = append(c.Value, e.Value), append(c.Hold, e.Hold)
				}
				want[id] = append(want[id], e)
			}
			if err := b.Add(c); err != nil {
				t.Fatal(err)
			}
		}
		got := gather(t, b)
		if len(got) != len(want) || b.Rows() != int(position) {
			t.Fatalf("%d actors, want %d; %d rows, want %d", len(got), len(want), b.Rows(), position)
		}
		for id, events := range want {
			slices.SortStableFunc(events, history.Compare)
			if !slices.IsSortedFunc(got[id], history.Compare) {
				t.Fatalf("actor %d is out of order: %v", id, got[id])
			}
			if seq && !slices.Equal(got[id], events) || !sameBag(got[id], events) {
				t.Fatalf("actor %d:\n%v\nwant\n%v", id, got[id], events)
			}
		}
	})
}

// tester is a test, of rapid's or not.
type tester interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

func sameBag(a, b []history.Event) bool {
	count := map[history.Event]int{}
	for _, e := range a {
		count[e]++
	}
	for _, e := range b {
		count[e]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}

func TestMemory(t *testing.T) {
	b := history.New(history.Options{Memory: 1 << 20})
	c := &history.Columns{Actor: make([]uint64, 1000), Time: make([]int64, 1000), Match: make([]uint64, 1000)}
	for n := range 1000 {
		if err := b.Add(c); err != nil {
			var known *event.Error
			if !errors.As(err, &known) || known.Code != "too_many_events" || n < 30 {
				t.Fatalf("after %d thousand rows: %v", n, err)
			}
			return
		}
	}
	t.Fatal("a million rows fit a megabyte")
}

func TestCanceled(t *testing.T) {
	b := history.New(history.Options{Workers: 2})
	c := &history.Columns{}
	for i := range 100_000 {
		c.Actor, c.Time, c.Match = append(c.Actor, uint64(i)), append(c.Time, 0), append(c.Match, 1)
	}
	if err := b.Add(c); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var visited atomic.Int64
	err := b.Each(ctx, func() func(*history.Actor) {
		return func(*history.Actor) {
			if visited.Add(1) == 500 {
				cancel()
			}
		}
	})
	if !errors.Is(err, context.Canceled) || visited.Load() > 3000 {
		t.Fatal(err, visited.Load())
	}
}

// BenchmarkHistory: rows as the store delivers them, by day and then by person.
func BenchmarkHistory(b *testing.B) {
	const days, people = 30, 100_000
	c := &history.Columns{}
	for d := range int64(days) {
		for p := range uint64(people) {
			c.Actor, c.Time, c.Match = append(c.Actor, p*0x9e3779b97f4a7c15), append(c.Time, d), append(c.Match, 1)
		}
	}
	for b.Loop() {
		h := history.New(history.Options{})
		for from := 0; from < len(c.Actor); from += 2048 {
			to := min(from+2048, len(c.Actor))
			part := history.Columns{Actor: c.Actor[from:to], Time: c.Time[from:to], Match: c.Match[from:to]}
			if err := h.Add(&part); err != nil {
				b.Fatal(err)
			}
		}
		var n atomic.Int64
		if err := h.Each(context.Background(), func() func(*history.Actor) { return func(*history.Actor) { n.Add(1) } }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(c.Actor)), "ns/row")
}
