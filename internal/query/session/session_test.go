package session

import (
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/query/history"
)

// oracle joins every event to the earlier ones of its session, by the definition. Numbers are those of an event and a measure.
func oracle(c *Config, events []history.Event, numbers map[[2]int]float64) (out []Session) {
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
		s := Session{Begin: events[i].Time, at: events[i].Time, value: events[i].Value, number: number}
		if c.Clock != nil {
			s.at = c.Clock(s.Begin, events[i].Seq)
		}
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
		s.Measures = make([]Measure, c.Measures)
		for j, e := range events {
			for k := range s.Measures {
				if member[j] == i && e.Match&Measured(k) != 0 {
					s.Measures[k].Events++
				}
				if x, ok := numbers[[2]int{j, k}]; ok && member[j] == i {
					s.Measures[k].Sum += x
				}
			}
		}
		if !s.hit || s.at < c.Edges[0] || s.at >= c.Edges[len(c.Edges)-1] || s.End-s.Begin < c.Length.Least || s.Events < c.Count.Least ||
			c.Length.Bounded && s.End-s.Begin > c.Length.Most || c.Count.Bounded && s.Events > c.Count.Most {
			continue
		}
		for s.Interval = 0; c.Edges[s.Interval+1] <= s.at; s.Interval++ {
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
		for _, b := range []*Bounds{&c.Length, &c.Count} {
			if rapid.IntRange(0, 2).Draw(t, "bounds") == 0 {
				b.Least, b.Most = rapid.Int64Range(0, 3).Draw(t, "least"), rapid.Int64Range(1, 12).Draw(t, "most")
				b.Bounded = rapid.Bool().Draw(t, "bounded")
			}
		}
		c.Measures = rapid.IntRange(0, 2).Draw(t, "measures")
		if rapid.Bool().Draw(t, "clock?") {
			c.Clock = func(at int64, position uint64) int64 { return at + 5*int64(position) - 10 }
		}
		m := New(c)
		whole, parts := NewTally(c, 2), []*Tally{NewTally(c, 2), NewTally(c, 2)}
		for k := range 4 {
			var events []history.Event
			for range rapid.IntRange(0, 12).Draw(t, "events") {
				events = append(events, history.Event{
					Time: rapid.Int64Range(0, 60).Draw(t, "time"), Seq: rapid.Uint64Range(0, 4).Draw(t, "position"), Match: rapid.Uint64Range(0, 3).Draw(t, "match"),
					Value: rapid.Int32Range(0, 2).Draw(t, "value"), Hold: rapid.SampledFrom([]int32{0, 0, 0, 1, 2}).Draw(t, "id"),
				})
			}
			slices.SortStableFunc(events, func(a, b history.Event) int { return int(a.Time - b.Time) })
			rows, numbers := []history.Event{}, map[[2]int]float64{}
			for i := range events {
				for k := range c.Measures {
					events[i].Match |= rapid.SampledFrom([]uint64{0, Measured(k)}).Draw(t, "measured")
				}
				rows = append(rows, events[i])
				for k := range c.Measures {
					if events[i].Match&Measured(k) != 0 && rapid.Bool().Draw(t, "number?") {
						x := rapid.SampledFrom([]float64{-1.5, 0, 2, 1e300}).Draw(t, "number")
						row := history.Event{Time: events[i].Time, Match: Amount(k)}
						row.Value, row.Hold = Pack(x)
						rows, numbers[[2]int{i, k}] = append(rows, row), x
					}
				}
			}
			got := m.Walk(rows)
			want := oracle(c, events, numbers)
			if !slices.EqualFunc(got, want, func(a, b Session) bool {
				same := slices.Equal(a.Measures, b.Measures)
				a.Measures, b.Measures = nil, nil
				return same && reflect.DeepEqual(a, b)
			}) {
				t.Fatalf("%+v\n%+v\n%+v, want\n%+v", *c, rows, got, want)
			}
			for at := range rows {
				if of := m.Of(at); of >= 0 && !m.Holds(&got[of], at) || of < 0 && slices.ContainsFunc(got, func(s Session) bool { return m.Holds(&s, at) }) {
					t.Fatalf("event %d is said to be of session %d among %+v", at, of, got)
				}
			}
			whole.Add(got)
			parts[k%2].Add(got)
		}
		var totals []Cell
		for _, line := range whole.Cells {
			totals = append(totals, Total(line))
		}
		parts[0].Merge(parts[1])
		for i, line := range parts[0].Cells {
			var sum Cell
			for k := range line {
				sum.Merge(&Cell{
					Sessions: line[k].Sessions, Bounces: line[k].Bounces, Events: line[k].Events,
					Durations: slices.Clone(line[k].Durations), Measures: cloned(line[k].Measures),
				})
			}
			checkSame(t, &totals[i], &sum)
		}
		for i, line := range whole.Cells {
			for k, cell := range line {
				part := parts[0].Cells[i][k]
				checkSame(t, &cell, &part)
				if int64(len(cell.Durations)) != cell.Sessions || cell.Bounces > cell.Sessions || cell.Events < cell.Sessions {
					t.Fatalf("%+v", cell)
				}
			}
		}
	})
}

// checkSame: two cells have the same sessions.
func checkSame(t *rapid.T, a, b *Cell) {
	sorted := func(list []int64) []int64 { return slices.Sorted(slices.Values(list)) }
	if a.Sessions != b.Sessions || a.Bounces != b.Bounces || a.Events != b.Events || !slices.Equal(sorted(a.Durations), sorted(b.Durations)) || len(a.Measures) != len(b.Measures) {
		t.Fatalf("%+v, and %+v", a, b)
	}
	for m := range a.Measures {
		x, y := &a.Measures[m], &b.Measures[m]
		events := func(list []Measure) (n int64) {
			for _, v := range list {
				n += v.Events
			}
			return n
		}
		if x.Sessions != y.Sessions || x.Events != y.Events || int64(len(x.Values)) != x.Sessions || len(y.Values) != len(x.Values) || x.Sessions > a.Sessions ||
			events(x.Values) != x.Events || events(y.Values) != y.Events {
			t.Fatalf("%+v, and %+v", x, y)
		}
	}
}

func cloned(list []Amounts) []Amounts {
	out := slices.Clone(list)
	for i := range out {
		out[i].Values = slices.Clone(out[i].Values)
	}
	return out
}

// TestBytesAreWhatIsKept: what a question charges for sessions covers the lists that it makes of them, in however many tallies.
func TestBytesAreWhatIsKept(t *testing.T) {
	const minute = 60
	c := &Config{Edges: []int64{0, minute, 2 * minute, 3 * minute}, Measures: 2}
	for _, workers := range []int{1, 2, 5} {
		tallies, charged := make([]*Tally, workers), int64(0)
		for i := range tallies {
			tallies[i] = NewTally(c, 2)
		}
		for i := range 60_000 {
			s := Session{Line: int32(i & 1), Interval: int32(i % 3), End: int64(i), Events: 1, Measures: []Measure{{Events: 1}, {Events: int64(i % 5 / 4)}}}
			charged += Bytes([]Session{s})
			tallies[i%workers].Add([]Session{s})
		}
		for _, o := range tallies[1:] {
			tallies[0].Merge(o)
		}
		taken := 0
		for _, line := range tallies[0].Cells {
			total := Total(line)
			for _, cell := range append(slices.Clone(line), total) {
				taken += 8 * cap(cell.Durations)
				for _, m := range cell.Measures {
					taken += 16 * cap(m.Values)
				}
			}
			if cap(total.Durations) != len(total.Durations) {
				t.Errorf("%d workers: a total of %d has room for %d", workers, len(total.Durations), cap(total.Durations))
			}
			for _, m := range total.Measures {
				taken += 8 * len(m.Values)
			}
		}
		if int64(taken) > charged || charged > int64(taken)*3/2 {
			t.Errorf("%d workers: %d bytes are taken, %d were charged", workers, taken, charged)
		}
	}
}

// TestQuantileAmongZeros: zeros that are not in the list count all the same.
func TestQuantileAmongZeros(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.SampledFrom([]float64{-2, -1, 0, 0.5, 3}), 0, 6).Draw(t, "values")
		zeros := rapid.IntRange(0, 4).Draw(t, "zeros")
		if len(values)+zeros == 0 {
			return
		}
		all := append(slices.Clone(values), make([]float64, zeros)...)
		slices.Sort(values)
		slices.Sort(all)
		q := rapid.Float64Range(0, 1).Draw(t, "q")
		if got, want := Quantile(values, zeros, q), Quantile(all, 0, q); got != want {
			t.Fatalf("%v, want %v", got, want)
		}
	})
}
