// Package retention finds out who came back when: it turns the events of one actor at a time into the cohorts that the
// actor is in and the cells of those that it fills, and adds actors up.
//
// It promises what docs/questions/retention.md says, for events in the actor's own order. It knows nothing of time
// zones, stores or questions: intervals come as their edges, events as numbers.
package retention

import (
	"slices"
	"sort"

	"github.com/freshet/freshet/internal/query/history"
)

// Entry says which start events put an actor into a cohort.
type Entry uint8

// The entries.
const (
	// FirstInRange takes the actor's first start event in the range.
	FirstInRange Entry = iota
	// FirstEver takes the actor's first start event of all, if it lies in the range.
	FirstEver
	// Recurring takes the first start event in every interval of the range.
	Recurring
)

// Config is one question.
type Config struct {
	// Edges cut time, in microseconds: interval i is [Edges[i], Edges[i+1]). The first Cohorts intervals have cohorts;
	// there are at least Cohorts + Deepest() of them, with OrAfter one more.
	Edges   []int64
	Cohorts int
	// From and To bound the start events, From within the first interval.
	From, To int64
	Entry    Entry
	// Rolling counts units of elapsed time from the start event on, instead of intervals of the calendar.
	Rolling bool
	// Unit is that of Rolling, in microseconds.
	Unit int64
	// Floor, if set, is applied to both times of Rolling.
	Floor func(int64) int64
	// Periods is the last offset that has a column, unless there are Brackets.
	Periods int
	// Brackets are columns of several offsets.
	Brackets []Bracket
	// OrAfter counts who came back at an offset or any later one.
	OrAfter bool
	// ZeroReturned asks for a return event at offset 0 as well; otherwise everybody is there.
	ZeroReturned bool
	// Start and Return are the bits of the events that match.
	Start, Return uint64
	// SameValue lets only events of equal value stand for each other: start and return event must agree.
	SameValue bool
	// Lines lead from an event's value to the line that it counts in; nil puts all into line 0.
	Lines []int32
}

// Bracket is a column of the offsets From to To, both included.
type Bracket struct{ From, To int }

// Columns is how many columns a cohort has.
func (c *Config) Columns() int {
	if len(c.Brackets) > 0 {
		return len(c.Brackets)
	}
	return c.Periods + 1
}

// Column is the offsets of a column.
func (c *Config) Column(i int) Bracket {
	if len(c.Brackets) > 0 {
		return c.Brackets[i]
	}
	return Bracket{i, i}
}

// Deepest is the last offset of any column.
func (c *Config) Deepest() int { return c.Column(c.Columns() - 1).To }

// Membership is an actor's place in one cohort.
type Membership struct {
	Line, Cohort int32
	// First and Last are the times of the start event; they differ where several values are one line.
	First, Last int64
	// Cells has a bit for each column in which the actor counts.
	Cells []uint64
}

// In tells whether the actor counts in a column.
func (m *Membership) In(column int) bool { return m.Cells[column>>6]>>(column&63)&1 == 1 }

// Machine walks actors. It is used by one goroutine at a time.
type Machine struct {
	*Config
	out   []Membership
	words []uint64
	own   []history.Event
	seen  []int32
	near  int
}

// New makes a machine.
func New(c *Config) *Machine { return &Machine{Config: c} }

// Walk returns the cohorts of an actor, whose events are in order. They hold until the next call.
func (m *Machine) Walk(events []history.Event) []Membership {
	m.out, m.words = m.out[:0], m.words[:0]
	if !m.SameValue {
		m.walk(events)
		return m.out
	}
	m.seen = m.seen[:0]
	for i := range events {
		if events[i].Match&m.Start != 0 && !slices.Contains(m.seen, events[i].Value) {
			m.seen = append(m.seen, events[i].Value)
			m.own = m.own[:0]
			for j := range events {
				if events[j].Value == events[i].Value {
					m.own = append(m.own, events[j])
				}
			}
			m.walk(m.own)
		}
	}
	m.merge()
	return m.out
}

func (m *Machine) walk(events []history.Event) {
	last := -1
	for i := range events {
		e := &events[i]
		if e.Match&m.Start == 0 {
			continue
		}
		if m.Entry != FirstEver {
			if e.Time < m.From {
				continue
			}
			if e.Time >= m.To {
				return
			}
		} else if e.Time < m.From || e.Time >= m.To {
			return
		}
		cohort := m.interval(e.Time)
		if cohort == last {
			continue
		}
		last = cohort
		m.enter(events[i+1:], e, cohort)
		if m.Entry != Recurring {
			return
		}
	}
}

// enter puts the actor into a cohort; rest are the events after the start event.
func (m *Machine) enter(rest []history.Event, e *history.Event, cohort int) {
	s := Membership{Cohort: int32(cohort), First: e.Time, Last: e.Time, Cells: m.blank()}
	if m.Lines != nil {
		s.Line = m.Lines[e.Value]
	}
	if m.OrAfter {
		m.fill(s.Cells, m.farthest(rest, e.Time, cohort))
	} else {
		if !m.ZeroReturned {
			m.mark(s.Cells, 0)
		}
		m.returns(s.Cells, rest, e.Time, cohort)
	}
	m.out = append(m.out, s)
}

// blank is a set of cells out of the common pool.
func (m *Machine) blank() []uint64 {
	n := (m.Columns() + 63) / 64
	if len(m.words)+n > cap(m.words) {
		// Sets that were given out keep the old pool.
		m.words = make([]uint64, 0, max(64*n, 2*cap(m.words)))
	}
	m.words = m.words[:len(m.words)+n]
	set := m.words[len(m.words)-n:]
	clear(set)
	return set
}

// returns marks the offsets of all return events.
func (m *Machine) returns(cells []uint64, rest []history.Event, start int64, cohort int) {
	deepest := m.Deepest()
	for i := range rest {
		if rest[i].Match&m.Return == 0 {
			continue
		}
		offset := m.offset(rest[i].Time, start, cohort)
		if offset > deepest {
			return
		}
		m.mark(cells, offset)
	}
}

// farthest is the offset of the last return event, -1 without one.
func (m *Machine) farthest(rest []history.Event, start int64, cohort int) int {
	for i := len(rest) - 1; i >= 0; i-- {
		if rest[i].Match&m.Return != 0 {
			return m.offset(rest[i].Time, start, cohort)
		}
	}
	if m.ZeroReturned {
		return -1
	}
	return 0
}

// Offset is that of an event from a start event in a cohort.
func (m *Machine) Offset(at, start int64, cohort int) int { return m.offset(at, start, cohort) }

func (m *Machine) offset(at, start int64, cohort int) int {
	if !m.Rolling {
		return m.interval(at) - cohort
	}
	if m.Floor != nil {
		at, start = m.Floor(at), m.Floor(start)
	}
	return int((at - start) / m.Unit)
}

// mark counts the actor in the column of an offset.
func (m *Machine) mark(cells []uint64, offset int) {
	column := offset
	if len(m.Brackets) > 0 {
		column = sort.Search(len(m.Brackets), func(i int) bool { return m.Brackets[i].To >= offset })
		if column == len(m.Brackets) || m.Brackets[column].From > offset {
			return
		}
	}
	cells[column>>6] |= 1 << (column & 63)
}

// fill counts the actor in every column up to an offset.
func (m *Machine) fill(cells []uint64, offset int) {
	for i := range m.Columns() {
		if m.Column(i).From <= offset {
			cells[i>>6] |= 1 << (i & 63)
		}
	}
}

// interval is the number of the interval that a time is in: -1 before all of them, their number after all.
func (m *Machine) interval(at int64) int {
	e, i := m.Edges, m.near
	if i+1 < len(e) && e[i] <= at && at < e[i+1] {
		return i
	}
	i = sort.Search(len(e), func(i int) bool { return e[i] > at }) - 1
	if i >= 0 {
		m.near = i
	}
	return i
}

// merge makes one membership of those in one cohort of one line.
func (m *Machine) merge() {
	kept := m.out[:0]
next:
	for _, s := range m.out {
		for i := range kept {
			k := &kept[i]
			if k.Line != s.Line || k.Cohort != s.Cohort {
				continue
			}
			k.First, k.Last = min(k.First, s.First), max(k.Last, s.Last)
			for w := range k.Cells {
				k.Cells[w] |= s.Cells[w]
			}
			continue next
		}
		kept = append(kept, s)
	}
	m.out = kept
}
