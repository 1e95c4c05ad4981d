package stickiness

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/query/history"
)

func drawEdges(t *rapid.T, least int) []int64 {
	edges := []int64{100}
	for range rapid.IntRange(least, 8).Draw(t, "intervals") {
		edges = append(edges, edges[len(edges)-1]+rapid.Int64Range(1, 5).Draw(t, "width"))
	}
	return edges
}

func drawEvents(t *rapid.T, edges []int64) []history.Event {
	var list []history.Event
	for range rapid.IntRange(0, 15).Draw(t, "events") {
		list = append(list, history.Event{
			Time: rapid.Int64Range(95, edges[len(edges)-1]+5).Draw(t, "time"), Match: rapid.Uint64Range(0, 3).Draw(t, "match"),
			Value: rapid.Int32Range(0, 1).Draw(t, "value"),
		})
	}
	slices.SortStableFunc(list, func(a, b history.Event) int { return int(a.Time - b.Time) })
	return list
}

// times is how often an actor does it in an interval.
func times(edges []int64, events []history.Event, interval int) (n int) {
	for _, e := range events {
		if e.Match&1 != 0 && edges[interval] <= e.Time && e.Time < edges[interval+1] {
			n++
		}
	}
	return n
}

func TestMachineAgreesWithOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := &Config{Edges: drawEdges(t, 1), Times: rapid.IntRange(1, 3).Draw(t, "times"), Active: 1}
		n := len(c.Edges) - 1
		window := make([]int32, n)
		if rapid.Bool().Draw(t, "windows") {
			for i := 1; i < n; i++ {
				window[i] = window[i-1] + rapid.Int32Range(0, 1).Draw(t, "next")
			}
			c.Windows = window
		}
		m, whole, parts := NewMachine(c), NewTally(c, 1), []*Tally{NewTally(c, 1), NewTally(c, 1)}
		windows, _ := c.Windowed()
		want := make([][]int64, windows)
		for w := range want {
			want[w] = make([]int64, n+1)
		}
		uniques, perInterval := int64(0), int64(0)
		for k := range 6 {
			events := drawEvents(t, c.Edges)
			count := make([]int, windows)
			for i := range n {
				if times(c.Edges, events, i) >= c.Times {
					count[window[i]]++
					perInterval++
				}
			}
			all := 0
			for w, n := range count {
				want[w][n]++
				all += n
			}
			if all > 0 {
				uniques++
			}
			list := m.Walk(events)
			whole.Add(m.Line(), list)
			parts[k%2].Add(m.Line(), list)
		}
		parts[0].Merge(parts[1])
		sum, weighted := int64(0), int64(0)
		for w, exact := range whole.Lines[0].Exact {
			if !slices.Equal(exact, parts[0].Lines[0].Exact[w]) {
				t.Fatal("the parts differ from the whole")
			}
			for k, n := range exact {
				if n != want[w][k+1] {
					t.Fatalf("window %d: %v, want %v", w, exact, want[w])
				}
				sum, weighted = sum+n, weighted+int64(k+1)*n
				if more := AtLeast(exact); more[k]-n != append(more[1:], 0)[k] {
					t.Fatalf("%v at least, %v exactly", more, exact)
				}
			}
		}
		if whole.Lines[0].Actors != uniques || parts[0].Lines[0].Actors != uniques {
			t.Fatalf("%d actors, want %d", whole.Lines[0].Actors, uniques)
		}
		if c.Windows == nil && sum != uniques {
			t.Fatalf("%d actors, want %d", sum, uniques)
		}
		if weighted != perInterval {
			t.Fatalf("%d active intervals, want %d", weighted, perInterval)
		}
	})
}

func TestDaysAgreeWithOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := &Days{Span: rapid.IntRange(1, 4).Draw(t, "span"), Active: 1}
		d.Edges, d.Before = drawEdges(t, d.Span), d.Span-1
		n := len(d.Edges) - 1
		want := make([]DayCount, n-d.Span+1)
		m, parts := NewDayMachine(d), []*DayTally{NewDayTally(d, 1), NewDayTally(d, 1)}
		for k := range 6 {
			events := drawEvents(t, d.Edges)
			list := m.Walk(events)
			parts[k%2].Add(m.Line(), list)
			for i := range want {
				day := i + d.Span - 1
				if times(d.Edges, events, day) > 0 {
					want[i].Day++
				}
				for back := range d.Span {
					if times(d.Edges, events, day-back) > 0 {
						want[i].Span++
						break
					}
				}
			}
		}
		parts[0].Merge(parts[1])
		if got := parts[0].Lines[0].Counts(d); !slices.Equal(got, want) {
			t.Fatalf("%+v, want %+v", got, want)
		}
	})
}

// TestLines: an actor counts in the line of its first event that counts, and in one line only.
func TestLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := &Config{Edges: drawEdges(t, 2), Times: rapid.IntRange(1, 3).Draw(t, "times"), Active: 1, Lines: []int32{1, 0}}
		d := &Days{Edges: c.Edges, Before: 1, Span: 2, Active: 1, Lines: c.Lines}
		m, days := NewMachine(c), NewDayMachine(d)
		tally, dayTally := NewTally(c, 2), NewDayTally(d, 2)
		var want, wantDays [2]int64
		for range 5 {
			events := drawEvents(t, c.Edges)
			line := int32(-1)
			for _, e := range events {
				if line < 0 && e.Match&1 != 0 && e.Time >= c.Edges[0] && e.Time < c.Edges[len(c.Edges)-1] {
					line = c.Lines[e.Value]
				}
			}
			list := m.Walk(events)
			tally.Add(m.Line(), list)
			if len(list) > 0 {
				want[line]++
			}
			found := days.Walk(events)
			dayTally.Add(days.Line(), found)
			if len(found) > 0 {
				wantDays[line]++
			}
		}
		for i := range want {
			if got := tally.Lines[i].Actors; got != want[i] {
				t.Fatalf("line %d has %d actors, want %d", i, got, want[i])
			}
			if got := dayTally.Lines[i].Actors; got != wantDays[i] {
				t.Fatalf("line %d has %d actors by day, want %d", i, got, wantDays[i])
			}
		}
	})
}
