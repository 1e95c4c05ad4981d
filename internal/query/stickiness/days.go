package stickiness

import "github.com/freshet/freshet/internal/query/history"

// Days is a question for who is active on each day, and within the days up to it.
type Days struct {
	// Edges are those of local days, in microseconds. The first Before of them lie before the range.
	Edges  []int64
	Before int
	// Span is how many days, the last one included, an actor counts as active after an event.
	Span int
	// Active are the bits of the events that count.
	Active uint64
	// Lines lead from an actor's value to the line that it counts in; nil puts all into line 0.
	Lines []int32
}

// DayMachine walks actors. It is used by one goroutine at a time.
type DayMachine struct {
	*Days
	out  []int
	line int32
}

// NewDayMachine makes a machine.
func NewDayMachine(d *Days) *DayMachine { return &DayMachine{Days: d} }

// Walk returns the days on which an actor is active, ascending. They hold until the next call.
func (m *DayMachine) Walk(events []history.Event) []int {
	m.out, m.line = m.out[:0], -1
	at := -1
	for i := range events {
		e := &events[i]
		if e.Match&m.Active == 0 || e.Time < m.Edges[0] {
			continue
		}
		if e.Time >= m.Edges[len(m.Edges)-1] {
			break
		}
		if next := find(m.Edges, at, e.Time); next != at {
			if m.line < 0 {
				m.line = lineOf(m.Lines, e)
			}
			at = next
			m.out = append(m.out, at)
		}
	}
	return m.out
}

// Line is where the actor that was walked last counts, by the value of its first event; -1 without one.
func (m *DayMachine) Line() int32 { return m.line }

// DayTally adds actors up. Several of them can be made at once and merged.
type DayTally struct {
	days  *Days
	Lines []DayLine
}

// DayLine counts the actors of one value of the breakdown. An actor is in one line only, so that lines add up.
type DayLine struct {
	// Actors is how many are active on any day.
	Actors int64
	// active has the actors of each day, change how many more there are within the span than on the day before.
	active, change []int64
}

// NewDayTally makes an empty tally of so many lines.
func NewDayTally(d *Days, lines int) *DayTally {
	n := len(d.Edges) - 1
	t := &DayTally{days: d, Lines: make([]DayLine, lines)}
	for i := range t.Lines {
		t.Lines[i] = DayLine{active: make([]int64, n), change: make([]int64, n+1)}
	}
	return t
}

// Add counts the actor that a machine has walked.
func (t *DayTally) Add(line int32, list []int) {
	if line < 0 {
		return
	}
	l := &t.Lines[line]
	l.Actors++
	for i, day := range list {
		l.active[day]++
		until := min(day+t.days.Span, len(l.active))
		if i+1 < len(list) {
			until = min(until, list[i+1])
		}
		l.change[day]++
		l.change[until]--
	}
}

// Merge adds another tally of the same question.
func (t *DayTally) Merge(o *DayTally) {
	for i := range t.Lines {
		t.Lines[i].Merge(&o.Lines[i])
	}
}

// Merge adds another line of the same question.
func (l *DayLine) Merge(o *DayLine) {
	l.Actors += o.Actors
	for i, n := range o.active {
		l.active[i] += n
	}
	for i, n := range o.change {
		l.change[i] += n
	}
}

// DayCount is one day of the range: how many are active on it, and how many within the span that ends with it.
type DayCount struct{ Day, Span int64 }

// Counts has the days of the range.
func (l *DayLine) Counts(d *Days) []DayCount {
	var out []DayCount
	sum := int64(0)
	for i, n := range l.active {
		sum += l.change[i]
		if i >= d.Before {
			out = append(out, DayCount{n, sum})
		}
	}
	return out
}
