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
type Tally struct {
	// Counts has for each interval how many actors have each status.
	Counts [][statuses]int64
}

// NewTally makes an empty tally.
func NewTally(c *Config) *Tally { return &Tally{Counts: make([][statuses]int64, c.Intervals())} }

// Add counts one actor.
func (t *Tally) Add(list []Status) {
	for i, s := range list {
		t.Counts[i][s]++
	}
}

// Merge adds another tally of the same question.
func (t *Tally) Merge(o *Tally) {
	for i := range t.Counts {
		for s, n := range o.Counts[i] {
			t.Counts[i][s] += n
		}
	}
}

// Active is how many are active in an interval.
func (t *Tally) Active(interval int) int64 {
	c := &t.Counts[interval]
	return c[New] + c[Returning] + c[Resurrecting]
}
