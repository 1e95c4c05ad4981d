package history_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
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
	var pool history.Pool
	rapid.Check(t, func(t *rapid.T) {
		// Memory that was used before has other rows in it.
		b := history.New(history.Options{Workers: rapid.IntRange(1, 4).Draw(t, "workers"), Pool: &pool})
		defer b.Free()
		want := map[uint64][]history.Event{}
		seq, values := rapid.Bool().Draw(t, "seq"), rapid.Bool().Draw(t, "values")
		// Few actors with thousands of rows, and many with one.
		people := rapid.SampledFrom([]uint64{1, 3, 100, 1 << 40}).Draw(t, "people")
		step := rapid.SampledFrom([]uint64{1, 1 << 60, 0x9e3779b97f4a7c15}).Draw(t, "step")
		feeds := []*history.Feed{b.Feed(), b.Feed(), b.Feed()}
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
			if err := rapid.SampledFrom(feeds).Draw(t, "feed").Add(c); err != nil {
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

// TestActors: the guess at their number is close for numbers that are hashes, and is never more than the rows.
func TestActors(t *testing.T) {
	b := history.New(history.Options{})
	c := &history.Columns{}
	for i := range uint64(200_000) {
		c.Actor, c.Time = append(c.Actor, i/2*0x9e3779b97f4a7c15), append(c.Time, int64(i))
	}
	if err := b.Feed().Add(c); err != nil {
		t.Fatal(err)
	}
	if n := b.Actors(); n < 100_000 || n > 125_000 {
		t.Fatalf("about %d actors, there are 100000", n)
	}
	few := history.New(history.Options{})
	if err := few.Feed().Add(&history.Columns{Actor: []uint64{1, 2}, Time: []int64{1, 1}}); err != nil {
		t.Fatal(err)
	}
	if n := few.Actors(); n != 2 {
		t.Fatalf("about %d actors, there are 2", n)
	}
}

// TestPasses: rows that do not fit the memory are read again for the next actors, each of whom is visited once, with all
// events, however often all are visited.
func TestPasses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		people := rapid.SampledFrom([]uint64{1, 50, 5000}).Draw(t, "people")
		feeds := rapid.IntRange(1, 3).Draw(t, "feeds")
		// Less than the rows take, and more than those of a few of fifty people.
		memory := int64(768 << 10)
		selectors := rapid.SampledFrom([]int{0, 3}).Draw(t, "selectors")
		b := history.New(history.Options{Workers: 2, Memory: memory, Selectors: selectors})
		defer b.Free()
		const rows = 60_000
		batch := func(from int, want map[uint64][]history.Event) *history.Columns {
			c := &history.Columns{}
			for i := range 2000 {
				r := uint64(from+i) * 0xd6e8feb86659fd93
				id := r % people * 0x9e3779b97f4a7c15
				c.Actor, c.Time, c.Match = append(c.Actor, id), append(c.Time, int64(from+i)), append(c.Match, r>>61)
				c.Value = append(c.Value, int32(i))
				if want != nil {
					want[id] = append(want[id], history.Event{Time: int64(from + i), Match: r >> 61, Value: int32(i)})
				}
			}
			return c
		}
		want, times := map[uint64][]history.Event{}, 0
		for from := 0; from < rows; from += 2000 {
			batch(from, want)
		}
		err := b.Read(t.Context(), func(context.Context) error {
			times++
			var wg sync.WaitGroup
			failed := make([]error, feeds)
			for n := range feeds {
				f := b.Feed()
				wg.Go(func() {
					for from := 2000 * n; from < rows && failed[n] == nil; from += 2000 * feeds {
						failed[n] = f.Add(batch(from, nil))
					}
				})
			}
			wg.Wait()
			return errors.Join(failed...)
		})
		if people == 1 {
			var known *event.Error
			if !errors.As(err, &known) || known.Code != "too_many_events" {
				t.Fatalf("one actor's rows take more than the memory: %v", err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if n := b.Actors(); n < int(people)/2 || n > int(people)*2+256 {
			t.Fatalf("about %d actors, there are %d", n, people)
		}
		for range 2 {
			got := gather(t, b)
			if len(got) != len(want) {
				t.Fatalf("%d actors, want %d", len(got), len(want))
			}
			for id, events := range want {
				if !slices.Equal(got[id], events) {
					t.Fatalf("actor %d has %d events, want %d", id, len(got[id]), len(events))
				}
			}
		}
		if times < 4 {
			t.Fatalf("the rows were read %d times", times)
		}
	})
}

// TestMemory: rows that cannot be read again are refused when they do not fit.
func TestMemory(t *testing.T) {
	b := history.New(history.Options{Memory: 1 << 22}).Feed()
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
	t.Fatal("a million rows fit four megabytes")
}

func TestCanceled(t *testing.T) {
	b := history.New(history.Options{Workers: 2})
	c := &history.Columns{}
	for i := range 100_000 {
		c.Actor, c.Time, c.Match = append(c.Actor, uint64(i)), append(c.Time, 0), append(c.Match, 1)
	}
	if err := b.Feed().Add(c); err != nil {
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
		f := h.Feed()
		for from := 0; from < len(c.Actor); from += 2048 {
			to := min(from+2048, len(c.Actor))
			part := history.Columns{Actor: c.Actor[from:to], Time: c.Time[from:to], Match: c.Match[from:to]}
			if err := f.Add(&part); err != nil {
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
