package lifecycle

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/query/history"
)

// oracle is the definition, word by word.
func oracle(c *Config, events []history.Event, interval int) Status {
	active := func(i int) bool {
		return slices.ContainsFunc(events, func(e history.Event) bool {
			return e.Match&c.Active != 0 && c.Edges[i] <= e.Time && e.Time < c.Edges[i+1]
		})
	}
	firstBefore := func(at int64) bool {
		return slices.ContainsFunc(events, func(e history.Event) bool { return e.Match&c.First != 0 && e.Time < at })
	}
	switch {
	case active(interval) && !firstBefore(c.Edges[interval]) && firstBefore(c.Edges[interval+1]):
		return New
	case active(interval) && active(interval-1):
		return Returning
	case active(interval):
		return Resurrecting
	case active(interval - 1):
		return Dormant
	}
	return Absent
}

func draw(t *rapid.T) *Config {
	c := &Config{Edges: []int64{100}, Active: 1, First: rapid.SampledFrom([]uint64{1, 3}).Draw(t, "first")}
	for range rapid.IntRange(2, 6).Draw(t, "intervals") {
		c.Edges = append(c.Edges, c.Edges[len(c.Edges)-1]+rapid.Int64Range(1, 5).Draw(t, "width"))
	}
	if rapid.Bool().Draw(t, "lines?") {
		c.Lines = []int32{1, 0, 1}
	}
	return c
}

// line is that of the first active event that is in an interval.
func line(c *Config, events []history.Event) int32 {
	for _, e := range events {
		if e.Match&c.Active == 0 || e.Time < c.Edges[0] || e.Time >= c.Edges[c.Intervals()] {
			continue
		}
		if c.Lines == nil {
			return 0
		}
		return c.Lines[e.Value]
	}
	return -1
}

func drawEvents(t *rapid.T, c *Config) []history.Event {
	var list []history.Event
	for range rapid.IntRange(0, 8).Draw(t, "events") {
		list = append(list, history.Event{
			Time:  rapid.Int64Range(90, c.Edges[c.Intervals()]+5).Draw(t, "time"),
			Match: rapid.Uint64Range(0, 3).Draw(t, "match"), Value: rapid.Int32Range(0, 2).Draw(t, "value"),
		})
	}
	slices.SortStableFunc(list, func(a, b history.Event) int { return int(a.Time - b.Time) })
	return list
}

func TestMachineAgreesWithOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := draw(t)
		m := NewMachine(c)
		for range 4 {
			events := drawEvents(t, c)
			got := m.Walk(events)
			if want := line(c, events); m.Line() != want {
				t.Fatalf("%+v\n%+v\nline %d, want %d", *c, events, m.Line(), want)
			}
			for i := 1; i < c.Intervals(); i++ {
				if want := oracle(c, events, i); got[i] != want {
					t.Fatalf("%+v\n%+v\ninterval %d: %d, want %d", *c, events, i, got[i], want)
				}
			}
		}
	})
}

func TestIdentities(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := draw(t)
		m, whole, parts := NewMachine(c), NewTally(c, 2), []*Tally{NewTally(c, 2), NewTally(c, 2)}
		for i := range 8 {
			list := m.Walk(drawEvents(t, c))
			whole.Add(m.Line(), list)
			parts[i%2].Add(m.Line(), list)
		}
		parts[0].Merge(parts[1])
		for k, l := range whole.Lines {
			if !slices.Equal(l.Counts, parts[0].Lines[k].Counts) || l.Actors != parts[0].Lines[k].Actors {
				t.Fatal("the parts differ from the whole")
			}
			for i := 2; i < c.Intervals(); i++ {
				n := l.Counts[i]
				if n[Returning]+n[Dormant] != l.Active(i-1) {
					t.Fatalf("%d returning and %d dormant of %d", n[Returning], n[Dormant], l.Active(i-1))
				}
			}
		}
	})
}

func TestLateEventMakesAnOldActor(t *testing.T) {
	c := &Config{Edges: []int64{0, 10, 20, 30}, Active: 1, First: 1}
	m := NewMachine(c)
	now := []history.Event{{Time: 21, Match: 1}}
	if got := m.Walk(now); !slices.Equal(got[1:], []Status{Absent, New}) {
		t.Fatal(got)
	}
	late := append([]history.Event{{Time: -500, Match: 1}}, now...)
	if got := m.Walk(late); !slices.Equal(got[1:], []Status{Absent, Resurrecting}) {
		t.Fatal(got)
	}
}
