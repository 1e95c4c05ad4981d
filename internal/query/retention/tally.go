package retention

import "math/bits"

// Tally adds actors up. Several of them can be made at once and merged.
type Tally struct {
	config *Config
	Lines  []Line
}

// Line is the table of one value of the breakdown.
type Line struct {
	// Actors is how many are in any cohort.
	Actors  int64
	Cohorts []Cohort
}

// Cohort is one row of a table.
type Cohort struct {
	// Size is how many are in it, Counts how many of them in each column.
	Size   int64
	Counts []int64
	// First and Last are the times of the first and the last start event, if Size is not 0.
	First, Last int64
}

// NewTally makes an empty tally of so many lines.
func NewTally(c *Config, lines int) *Tally {
	t := &Tally{config: c, Lines: make([]Line, lines)}
	for i := range t.Lines {
		t.Lines[i].Cohorts = make([]Cohort, c.Cohorts)
		counts := make([]int64, c.Cohorts*c.Columns())
		for j := range t.Lines[i].Cohorts {
			t.Lines[i].Cohorts[j].Counts = counts[j*c.Columns() : (j+1)*c.Columns()]
		}
	}
	return t
}

// Add counts one actor.
func (t *Tally) Add(list []Membership) {
	for i := range list {
		m := &list[i]
		line := &t.Lines[m.Line]
		if firstOfLine(list[:i], m.Line) {
			line.Actors++
		}
		c := &line.Cohorts[m.Cohort]
		c.include(1, m.First, m.Last)
		for w, word := range m.Cells {
			for ; word != 0; word &= word - 1 {
				c.Counts[w<<6+bits.TrailingZeros64(word)]++
			}
		}
	}
}

func firstOfLine(before []Membership, line int32) bool {
	for i := range before {
		if before[i].Line == line {
			return false
		}
	}
	return true
}

// include adds actors whose start events lie between two times.
func (c *Cohort) include(n, first, last int64) {
	if n == 0 {
		return
	}
	if c.Size == 0 || first < c.First {
		c.First = first
	}
	if c.Size == 0 || last > c.Last {
		c.Last = last
	}
	c.Size += n
}

// Merge adds another tally of the same question.
func (t *Tally) Merge(o *Tally) {
	for i := range t.Lines {
		t.Lines[i].Actors += o.Lines[i].Actors
		for j := range t.Lines[i].Cohorts {
			a, b := &t.Lines[i].Cohorts[j], &o.Lines[i].Cohorts[j]
			a.include(b.Size, b.First, b.Last)
			for k := range a.Counts {
				a.Counts[k] += b.Counts[k]
			}
		}
	}
}

// Ranking counts the actors of each value of the breakdown.
type Ranking []int64

// Add counts one actor, of whom Lines led to the values themselves.
func (r Ranking) Add(list []Membership) {
	for i := range list {
		if firstOfLine(list[:i], list[i].Line) {
			r[list[i].Line]++
		}
	}
}

// State says how far the time of a cell has come.
type State uint8

// The states.
const (
	// Future cells have not begun.
	Future State = iota
	// SoFar cells have begun and not ended.
	SoFar
	// Complete cells have ended for everybody in the cohort. With OrAfter they go on to grow, and the newest of them has nothing of
	// the time after its offset yet: it counts as complete when the next offset has ended, too.
	Complete
)

// State is that of a cell at the given moment.
func (t *Tally) State(line, cohort, column int, now int64) State {
	c, b := t.config, t.config.Column(column)
	if c.OrAfter {
		b.To++
	}
	if !c.Rolling {
		switch {
		case c.Edges[cohort+b.To+1] <= now:
			return Complete
		case c.Edges[cohort+b.From] <= now:
			return SoFar
		}
		return Future
	}
	row := t.Lines[line].Cohorts[cohort]
	first, last := row.First, row.Last
	if row.Size == 0 {
		first, last = c.Edges[cohort], c.Edges[cohort+1]
	}
	over := min(c.Edges[cohort+1], c.To) <= now
	if c.Floor != nil {
		first, last, now = c.Floor(first), c.Floor(last), c.Floor(now)
	}
	switch {
	case over && last+int64(b.To+1)*c.Unit <= now:
		return Complete
	case first+int64(b.From)*c.Unit <= now:
		return SoFar
	}
	return Future
}

// Mean is the average of a column over the complete cells of a line, weighted by the cohorts' sizes.
type Mean struct{ Count, Size int64 }

// Mean adds up a column.
func (t *Tally) Mean(line, column int, now int64) (m Mean) {
	for i := range t.Lines[line].Cohorts {
		if t.State(line, i, column, now) == Complete {
			c := &t.Lines[line].Cohorts[i]
			m.Count, m.Size = m.Count+c.Counts[column], m.Size+c.Size
		}
	}
	return m
}
