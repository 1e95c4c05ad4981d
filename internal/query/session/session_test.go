package session

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/query/history"
)

// oracle joins every event to the earlier ones of its session, by the definition.
func oracle(c *Config, events []history.Event) (out []Session) {
	day := func(at int64) (n int) {
		for _, cut := range c.Cuts {
			if cut <= at {
				n++
			}
		}
		return n
	}
	member := make([]int, len(events))
	for i, e := range events {
		member[i] = i
		for j := range i {
			if events[j].Hold != e.Hold || day(events[j].Time) != day(e.Time) {
				continue
			}
			// The last event without an id before this one decides.
			pause := c.Gap
			if events[j].Match&c.Left != 0 {
				pause = c.Away
			}
			if e.Hold != 0 || e.Time-events[j].Time <= pause {
				member[i] = member[j]
				if e.Hold != 0 {
					break
				}
			} else {
				member[i] = i
			}
		}
	}
	number := -1
	for i := range events {
		if member[i] != i {
			continue
		}
		number++
		s := Session{Begin: events[i].Time, value: events[i].Value, number: number}
		for j, e := range events {
			if member[j] == i {
				s.End = e.Time
				s.Events++
				s.hit = s.hit || e.Match&c.Hit != 0
				if c.Last {
					s.value = e.Value
				}
			}
		}
		if !s.hit || s.Begin < c.Edges[0] || s.Begin >= c.Edges[len(c.Edges)-1] {
			continue
		}
		for s.Interval = 0; c.Edges[s.Interval+1] <= s.Begin; s.Interval++ {
		}
		if c.Lines != nil {
			s.Line = c.Lines[s.value]
		}
		out = append(out, s)
	}
	return out
}

func TestMachineAgreesWithOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := &Config{Gap: rapid.Int64Range(0, 8).Draw(t, "gap"), Away: rapid.Int64Range(0, 8).Draw(t, "away"), Left: 2, Hit: 1, Last: rapid.Bool().Draw(t, "last"), Edges: []int64{10}}
		for range rapid.IntRange(1, 3).Draw(t, "intervals") {
			c.Edges = append(c.Edges, c.Edges[len(c.Edges)-1]+rapid.Int64Range(1, 20).Draw(t, "width"))
		}
		if rapid.Bool().Draw(t, "cuts") {
			c.Cuts = []int64{0, 12, 25, 40}
		}
		if rapid.Bool().Draw(t, "lines") {
			c.Lines = []int32{0, 1, 1}
		}
		m := New(c)
		whole, parts := NewTally(c, 2), []*Tally{NewTally(c, 2), NewTally(c, 2)}
		for k := range 4 {
			var events []history.Event
			for range rapid.IntRange(0, 12).Draw(t, "events") {
				events = append(events, history.Event{
					Time: rapid.Int64Range(0, 60).Draw(t, "time"), Match: rapid.Uint64Range(0, 3).Draw(t, "match"),
					Value: rapid.Int32Range(0, 2).Draw(t, "value"), Hold: rapid.SampledFrom([]int32{0, 0, 0, 1, 2}).Draw(t, "id"),
				})
			}
			slices.SortStableFunc(events, func(a, b history.Event) int { return int(a.Time - b.Time) })
			got := m.Walk(events)
			if want := oracle(c, events); !slices.Equal(got, want) {
				t.Fatalf("%+v\n%+v\n%+v, want\n%+v", *c, events, got, want)
			}
			for at := range events {
				if of := m.Of(at); of >= 0 && !m.Holds(&got[of], at) || of < 0 && slices.ContainsFunc(got, func(s Session) bool { return m.Holds(&s, at) }) {
					t.Fatalf("event %d is said to be of session %d among %+v", at, of, got)
				}
			}
			whole.Add(got)
			parts[k%2].Add(got)
		}
		parts[0].Merge(parts[1])
		for i, line := range whole.Cells {
			for k, cell := range line {
				part := parts[0].Cells[i][k]
				slices.Sort(cell.Durations)
				slices.Sort(part.Durations)
				if cell.Sessions != part.Sessions || !slices.Equal(cell.Durations, part.Durations) || int64(len(cell.Durations)) != cell.Sessions ||
					cell.Bounces > cell.Sessions || cell.Events < cell.Sessions {
					t.Fatalf("%+v, in parts %+v", cell, part)
				}
			}
		}
	})
}
