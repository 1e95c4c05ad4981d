package path

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/query/history"
)

const (
	step   = 1
	anchor = 2
)

// session is the number of the session that an event is in.
func session(c *Config, events []history.Event, place int) (n int) {
	for i := 1; i <= place; i++ {
		if events[i].Time-events[i-1].Time > c.Gap {
			n++
		}
	}
	return n
}

// oracle looks for each event whether a path is made of it, and for all that can be steps of it.
func oracle(c *Config, events []history.Event) (out []int32) {
	anchors := func(i int) bool {
		return events[i].Match&anchor != 0 && events[i].Time >= c.From && events[i].Time < c.To
	}
	for i := range events {
		if !anchors(i) {
			continue
		}
		earlier := false
		for j := range i {
			same := c.Unit == Actors || c.Unit == Sessions && session(c, events, i) == session(c, events, j)
			earlier = earlier || anchors(j) && same
		}
		if earlier {
			continue
		}
		side := func(candidates []int) (values []int32) {
			last := events[i].Value
			for _, j := range candidates {
				e := events[j]
				distance := max(e.Time-events[i].Time, events[i].Time-e.Time)
				other := c.Unit != Actors && session(c, events, i) != session(c, events, j)
				if e.Match&step == 0 || distance > c.Window || other || c.Collapse && e.Value == last {
					continue
				}
				last = e.Value
				values = append(values, e.Value)
			}
			return values
		}
		var before, after []int
		for j := range events {
			if j < i {
				before = append([]int{j}, before...)
			} else if j > i {
				after = append(after, j)
			}
		}
		pad := func(list []int32, n int) []int32 {
			for len(list) < n {
				list = append(list, End)
			}
			return list[:n]
		}
		left := pad(side(before), c.Before)
		slices.Reverse(left)
		out = append(append(append(out, left...), events[i].Value), pad(side(after), c.After)...)
	}
	return out
}

func draw(t *rapid.T) *Config {
	c := &Config{
		Unit: Unit(rapid.IntRange(0, 2).Draw(t, "unit")), Step: step, Anchor: anchor,
		From: rapid.Int64Range(0, 20).Draw(t, "from"), Window: rapid.Int64Range(0, 30).Draw(t, "window"),
		Before: rapid.IntRange(0, 3).Draw(t, "before"), After: rapid.IntRange(0, 3).Draw(t, "after"),
		Gap: rapid.Int64Range(0, 6).Draw(t, "gap"), Collapse: rapid.Bool().Draw(t, "collapse"),
	}
	c.To = c.From + rapid.Int64Range(1, 40).Draw(t, "width")
	return c
}

func drawEvents(t *rapid.T) []history.Event {
	var list []history.Event
	for range rapid.IntRange(0, 14).Draw(t, "events") {
		list = append(list, history.Event{
			Time: rapid.Int64Range(0, 60).Draw(t, "time"), Match: rapid.Uint64Range(1, 3).Draw(t, "match"),
			Value: rapid.Int32Range(0, 4).Draw(t, "value"),
		})
	}
	slices.SortStableFunc(list, func(a, b history.Event) int { return int(a.Time - b.Time) })
	return list
}

func TestMachineAgreesWithOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := draw(t)
		m := New(c)
		for range 3 {
			events := drawEvents(t)
			if got, want := m.Walk(&history.Actor{Events: events}), oracle(c, events); !slices.Equal(got, want) {
				t.Fatalf("%+v\n%+v\n%v, want %v", *c, events, got, want)
			}
		}
	})
}

// TestLayersAddUp: every layer has all paths, every node as many as lead to it and from it.
func TestLayersAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := draw(t)
		m, steps, other := New(c), NewSteps(c, 5), NewSteps(c, 5)
		var actors [][]history.Event
		for i := range 8 {
			actors = append(actors, drawEvents(t))
			[]*Steps{steps, other}[i%2].Add(m.Walk(&history.Actor{Events: actors[i]}))
		}
		steps.Merge(other)
		limit := rapid.IntRange(1, 5).Draw(t, "limit")
		layers := steps.Layers(limit, func(a, b int32) int { return int(a - b) })
		tally, part := NewTally(layers), NewTally(layers)
		for i := range actors {
			[]*Tally{tally, part}[i%2].Add(m.Walk(&history.Actor{Events: actors[i]}))
		}
		tally.Merge(part)
		sum := func(list []int64) (n int64) {
			for _, x := range list {
				n += x
			}
			return n
		}
		for i, nodes := range tally.Nodes {
			if sum(nodes) != steps.Paths || len(layers[i].Values) > limit {
				t.Fatalf("layer %d has %v of %d paths", i, nodes, steps.Paths)
			}
			for place, v := range layers[i].Values {
				if nodes[place] != steps.Counts[i][v] || place > 0 && nodes[place] > nodes[place-1] {
					t.Fatalf("layer %d: %v, counted %v", i, nodes, steps.Counts[i])
				}
			}
			for k, n := range nodes {
				into := int64(0)
				for from := range len(tally.Nodes[max(i-1, 0)]) {
					if i > 0 {
						into += tally.Links[i-1][from][k]
					}
				}
				if i > 0 && into != n || i+1 < len(layers) && sum(tally.Links[i][k]) != n {
					t.Fatalf("layer %d node %d has %d, %d lead to it", i, k, n, into)
				}
			}
		}
	})
}

// TestGivenAnchors: a question that chose its anchors gets the paths of just those, as the oracle finds them one by one.
func TestGivenAnchors(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := draw(t)
		c.Unit, c.From, c.To = Transitions, -1<<62, 1<<62
		events := drawEvents(t)
		if len(events) == 0 {
			return
		}
		for i := range events {
			events[i].Seq = uint64(i + 5)
		}
		place := func(name string) int { return rapid.IntRange(0, len(events)-1).Draw(t, name) }
		between := rapid.Bool().Draw(t, "between")
		if between {
			c.Before = 0
		}
		c.Unit, c.Given = Actors, map[uint64][]Given{}
		var want []int32
		for range rapid.IntRange(0, 3).Draw(t, "anchors") {
			from, to := place("from"), place("to")
			g := Given{At: events[from].Seq}
			one := slices.Clone(events)
			for i := range one {
				one[i].Match &= step
			}
			one[from].Match |= anchor
			config := *c
			if between {
				g.Until, g.Between, config.Window = events[to].Seq, true, 1<<60
				one[to].Match |= step
				one = one[:to+1]
				if to <= from {
					// The steps are turned round by a tie.
					one = []history.Event{{Value: events[from].Value, Match: anchor}, {Value: events[to].Value, Match: step}}
				}
			}
			c.Given[7] = append(c.Given[7], g)
			want = append(want, oracle(&config, one)...)
		}
		if got := New(c).Walk(&history.Actor{ID: 7, Events: events}); !slices.Equal(got, want) {
			t.Fatalf("%+v\n%+v\n%v, want %v", *c, events, got, want)
		}
		if got := New(c).Walk(&history.Actor{ID: 8, Events: events}); len(got) > 0 {
			t.Fatalf("somebody without anchors has %v", got)
		}
	})
}

// TestValuesThatAreOneStep: values with one step are walked as if they were one, and each path still tells the value of its
// anchor.
func TestValuesThatAreOneStep(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := draw(t)
		nodes := []int32{0, 1, 0, 1, 2}
		events := drawEvents(t)
		plain := slices.Clone(events)
		for i := range plain {
			plain[i].Value = nodes[plain[i].Value]
		}
		want := slices.Clone(New(c).Walk(&history.Actor{Events: plain}))
		c.Nodes = nodes
		m := New(c)
		got := m.Walk(&history.Actor{Events: events})
		if !slices.Equal(got, want) {
			t.Fatalf("%+v\n%+v\n%v, want %v", *c, events, got, want)
		}
		if n := len(got) / c.Steps(); len(m.Anchors()) != n {
			t.Fatalf("%d paths have %d anchors", n, len(m.Anchors()))
		}
		for i, value := range m.Anchors() {
			if nodes[value] != got[i*c.Steps()+c.Before] {
				t.Fatalf("path %d of %v has the anchor %d", i, got, value)
			}
		}
		// The anchors of one actor do not reach into the next one's.
		if m.Walk(&history.Actor{}); len(m.Anchors()) > 0 {
			t.Fatalf("nobody has the anchors %v", m.Anchors())
		}
	})
}
