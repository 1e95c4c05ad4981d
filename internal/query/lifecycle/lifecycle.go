// Package lifecycle says of one actor at a time whether it is new, returning, resurrecting or dormant in each interval,
// and adds actors up.
//
// It promises what docs/questions/lifecycle.md says, for events in order of time. It knows nothing of time zones, stores
// or questions: intervals come as their edges, events as numbers.
package lifecycle

import (
	"sort"

	"github.com/freshet/freshet/internal/query/history"
)

// Config is one question.
type Config struct {
	// Edges cut time, in microseconds: interval i is [Edges[i], Edges[i+1]). Interval 0 lies before the range, to tell
	// who was active then.
	Edges []int64
	// Active are the bits of events that make an actor active, First those of events that make it known.
	Active, First uint64
	// Lines lead from an actor's value to the line that it counts in; nil puts all into line 0.
	Lines []int32
}

// Intervals is how many intervals there are, with the one before the range.
func (c *Config) Intervals() int { return len(c.Edges) - 1 }

// Status is what an actor is in an interval.
type Status uint8

// The statuses. Absent is also an actor that was away for longer than one interval.
const (
	Absent Status = iota
	New
	Returning
	Resurrecting
	Dormant
	statuses
)

// Machine walks actors. It is used by one goroutine at a time.
type Machine struct {
	*Config
	out  []Status
	line int32
	near int
}

// NewMachine makes a machine.
func NewMachine(c *Config) *Machine { return &Machine{Config: c, out: make([]Status, c.Intervals())} }

// active stands for a status that is still to be told, while the events are read.
const active = statuses

// Walk returns the status of an actor in every interval; that in interval 0 is of no meaning. It holds until the next
// call.
func (m *Machine) Walk(events []history.Event) []Status {
	clear(m.out)
	m.line = -1
	first, known := 0, false
	for i := range events {
		e := &events[i]
		if e.Match&(m.First|m.Active) == 0 {
			continue
		}
		at := m.interval(e.Time)
		if e.Match&m.First != 0 && !known {
			first, known = at, true
		}
		if at >= m.Intervals() {
			break
		}
		if e.Match&m.Active != 0 && at >= 0 {
			m.out[at] = active
			m.enter(e)
		}
	}
	before := false
	for i, s := range m.out {
		now := s == active
		switch {
		case now && known && first == i:
			m.out[i] = New
		case now && before:
			m.out[i] = Returning
		case now:
			m.out[i] = Resurrecting
		case before:
			m.out[i] = Dormant
		}
		before = now
	}
	return m.out
}

// enter puts the actor into the line of an active event, unless an earlier one has done so.
func (m *Machine) enter(e *history.Event) {
	if m.line >= 0 {
		return
	}
	m.line = 0
	if m.Lines != nil {
		m.line = m.Lines[e.Value]
	}
}

// Line is where the actor that was walked last counts: by the value of its first active event from interval 0 on, -1
// without one.
func (m *Machine) Line() int32 { return m.line }

// interval is the number of the interval that a time is in: -1 before all of them, their number after all.
func (m *Machine) interval(at int64) int {
	e, i := m.Edges, m.near
	if e[i] <= at && at < e[i+1] {
		return i
	}
	i = sort.Search(len(e), func(i int) bool { return e[i] > at }) - 1
	if i >= 0 && i < m.Intervals() {
		m.near = i
	}
	return i
}

// Tally adds actors up. Several of them can be made at once and merged.
type Tally struct{ Lines []Line }

// Line counts the actors of one value of the breakdown. An actor is in one line only, so that lines add up.
type Line struct {
	// Actors is how many have a status in any interval.
	Actors int64
	// Counts has for each interval how many actors have each status.
	Counts [][statuses]int64
}

// NewTally makes an empty tally of so many lines.
func NewTally(c *Config, lines int) *Tally {
	t := &Tally{Lines: make([]Line, lines)}
	for i := range t.Lines {
		t.Lines[i].Counts = make([][statuses]int64, c.Intervals())
	}
	return t
}

// Add counts the actor that a machine has walked.
func (t *Tally) Add(line int32, list []Status) {
	if line < 0 {
		return
	}
	l := &t.Lines[line]
	l.Actors++
	for i, s := range list {
		l.Counts[i][s]++
	}
}

// Merge adds another tally of the same question.
func (t *Tally) Merge(o *Tally) {
	for i := range t.Lines {
		t.Lines[i].Merge(&o.Lines[i])
	}
}

// Merge adds another line of the same question.
func (l *Line) Merge(o *Line) {
	l.Actors += o.Actors
	for i := range l.Counts {
		for s, n := range o.Counts[i] {
			l.Counts[i][s] += n
		}
	}
}

// Active is how many are active in an interval.
func (l *Line) Active(interval int) int64 {
	c := &l.Counts[interval]
	return c[New] + c[Returning] + c[Resurrecting]
}
