package session

// Tally adds sessions up. Several of them can be made at once and merged.
type Tally struct {
	// Cells has for each line its intervals.
	Cells [][]Cell
}

// Cell has the sessions of one line and interval.
type Cell struct {
	Sessions, Bounces, Events int64
	// Durations are in microseconds, in no order.
	Durations []int64
	// Measures has those of the configuration; nil of no session.
	Measures []Amounts
}

// NewTally makes an empty tally of so many lines.
func NewTally(c *Config, lines int) *Tally {
	t := &Tally{Cells: make([][]Cell, lines)}
	for i := range t.Cells {
		t.Cells[i] = make([]Cell, len(c.Edges)-1)
	}
	return t
}

// Add counts the sessions of one device.
func (t *Tally) Add(list []Session) {
	for i := range list {
		s := &list[i]
		c := &t.Cells[s.Line][s.Interval]
		c.Sessions++
		c.Events += s.Events
		c.Durations = append(c.Durations, s.End-s.Begin)
		if s.Bounced() {
			c.Bounces++
		}
		c.measure(s.Measures)
	}
}

// Merge adds another tally of the same question, whose lists may become part of this one.
func (t *Tally) Merge(o *Tally) {
	for i := range t.Cells {
		for k := range t.Cells[i] {
			t.Cells[i][k].Merge(&o.Cells[i][k])
		}
	}
}

// Merge adds the sessions of another cell, whose lists may become part of this one.
func (c *Cell) Merge(o *Cell) {
	c.count(o)
	c.Durations = join(c.Durations, o.Durations)
	c.merge(o.Measures)
}

func (c *Cell) count(o *Cell) {
	c.Sessions, c.Bounces, c.Events = c.Sessions+o.Sessions, c.Bounces+o.Bounces, c.Events+o.Events
}

// join puts the shorter of two lists behind the longer one, or has the one that is not empty.
func join[T any](a, b []T) []T {
	if len(a) < len(b) {
		a, b = b, a
	}
	return append(a, b...)
}

// Total adds the cells of a line up, in lists of just the size. They stay as they are; that of a single cell has its lists.
func Total(cells []Cell) Cell {
	if len(cells) == 1 {
		return cells[0]
	}
	var out Cell
	durations, values := 0, []int{}
	for i := range cells {
		durations += len(cells[i].Durations)
		for k := range cells[i].Measures {
			if k == len(values) {
				values = append(values, 0)
			}
			values[k] += len(cells[i].Measures[k].Values)
		}
	}
	out.Durations = make([]int64, 0, durations)
	for _, n := range values {
		out.Measures = append(out.Measures, Amounts{Values: make([]Measure, 0, n)})
	}
	for i := range cells {
		c := &cells[i]
		out.count(c)
		out.Durations = append(out.Durations, c.Durations...)
		for k := range c.Measures {
			a, o := &out.Measures[k], &c.Measures[k]
			a.count(o)
			a.Values = append(a.Values, o.Values...)
		}
	}
	return out
}

// A tally keeps 8 bytes of every session and 16 of every measure that it has, in lists that have up to a quarter of room when they
// are long. Besides there are a total of the same, and the numbers of a measure, to be sorted.
const (
	sessionBytes = 8 + 8/4 + 8
	measureBytes = 16 + 16/4 + 16 + 8
)

// Bytes is about what some sessions take in a tally and what is made of it.
func Bytes(list []Session) int64 {
	n := sessionBytes * int64(len(list))
	for i := range list {
		for _, m := range list[i].Measures {
			n += measureBytes * min(m.Events, 1)
		}
	}
	return n
}
