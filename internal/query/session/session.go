// Package session puts the events of one device at a time together to sessions, and adds sessions up.
//
// It promises what docs/questions/sessions.md says, for events in the device's own order. It knows nothing of time
// zones, stores or questions: which client ids can be trusted, and where days and intervals begin, is told to it.
package session

import (
	"slices"
	"sort"

	"github.com/freshet/freshet/internal/query/history"
)

// Config is one question.
type Config struct {
	// Edges cut time into intervals, in microseconds: a session counts in that in which it begins.
	Edges []int64
	// Clock, if set, tells at which time of Edges an event of a time and position stands.
	Clock func(at int64, position uint64) int64
	// Gap is the longest pause within a session of events without an id; Away the one after events of the bits Left, by
	// which the app went into the background.
	Gap, Away int64
	Left      uint64
	// Cuts are moments at which every session ends; nil for none.
	Cuts []int64
	// Hit are the bits of events of which a session must hold one.
	Hit uint64
	// Last takes the value of a session from its last event in place of its first.
	Last bool
	// Lines lead from a value to the line that it counts in; nil puts all into line 0.
	Lines []int32
	// Length and Count bound the sessions that count, by their time in microseconds and by their events.
	Length, Count Bounds
	// Measures is how many measures are taken of every session, see Measured.
	Measures int
}

// Session is a stretch of use. Times are those of its first and its last event.
type Session struct {
	Line, Interval int32
	Begin, End     int64
	Events         int64
	// Measures are those of the configuration.
	Measures []Measure
	value    int32
	// at is where the session stands among the edges.
	at int64
	// number is its place among all sessions of the device.
	number int
	hit    bool
}

// Bounced tells that the session has one event, and so no length.
func (s *Session) Bounced() bool { return s.Events == 1 }

// Machine walks devices. It is used by one goroutine at a time.
type Machine struct {
	*Config
	out []Session
	// named has the place in out of the newest session of each id.
	named map[int32]int
	// owners has the number of each event's session.
	owners []int
	// measures are those of all sessions, one after the other.
	measures []Measure
}

// New makes a machine.
func New(c *Config) *Machine { return &Machine{Config: c, named: map[int32]int{}} }

// Walk returns the sessions of a device that count, whose events are in order; their Hold is the id of a session, or 0.
// They hold until the next call.
func (m *Machine) Walk(events []history.Event) []Session {
	m.out, m.owners, m.measures = m.out[:0], m.owners[:0], m.measures[:0]
	clear(m.named)
	loose, pause := -1, m.Gap
	for i := range events {
		e := &events[i]
		if e.Match >= amounts {
			m.amount(e)
			continue
		}
		at, ok := m.named[e.Hold]
		if e.Hold == 0 {
			at, ok = loose, loose >= 0 && e.Time-m.out[max(loose, 0)].End <= pause
			if pause = m.Gap; e.Match&m.Left != 0 {
				pause = m.Away
			}
		}
		if !ok || m.cut(m.out[at].Begin, e.Time) {
			at = len(m.out)
			m.out = append(m.out, Session{Begin: e.Time, at: m.at(e), value: e.Value, number: at})
			for range m.Measures {
				m.measures = append(m.measures, Measure{})
			}
			if e.Hold == 0 {
				loose = at
			} else {
				m.named[e.Hold] = at
			}
		}
		m.owners = append(m.owners, at)
		s := &m.out[at]
		s.End = e.Time
		s.Events++
		s.hit = s.hit || e.Match&m.Hit != 0
		if m.Last {
			s.value = e.Value
		}
		for k := range m.Measures {
			if e.Match&Measured(k) != 0 {
				m.measures[at*m.Measures+k].Events++
			}
		}
	}
	m.out = slices.DeleteFunc(m.out, func(s Session) bool {
		return !s.hit || s.at < m.Edges[0] || s.at >= m.Edges[len(m.Edges)-1] || !m.Length.hold(s.End-s.Begin) || !m.Count.hold(s.Events)
	})
	for i := range m.out {
		s := &m.out[i]
		s.Measures = m.measures[s.number*m.Measures : (s.number+1)*m.Measures]
		s.Interval = int32(place(m.Edges, s.at))
		if m.Lines != nil {
			s.Line = m.Lines[s.value]
		}
	}
	return m.out
}

// Holds tells whether a session of the latest walk has the event at a place of that walk's events.
func (m *Machine) Holds(s *Session, event int) bool { return m.owners[event] == s.number }

// Of is the place, among the sessions of the latest walk, of the one that has the event at a place of that walk's events;
// -1 if it does not count.
func (m *Machine) Of(event int) int {
	at, ok := slices.BinarySearchFunc(m.out, m.owners[event], func(s Session, number int) int { return s.number - number })
	if !ok {
		return -1
	}
	return at
}

// at is where an event stands among the edges.
func (m *Machine) at(e *history.Event) int64 {
	if m.Clock == nil {
		return e.Time
	}
	return m.Clock(e.Time, e.Seq)
}

// cut tells whether a session that began at one time ends before another.
func (m *Machine) cut(begin, at int64) bool {
	return m.Cuts != nil && place(m.Cuts, begin) != place(m.Cuts, at)
}

// place is how many of the edges but the first lie at or before a time.
func place(edges []int64, at int64) int {
	return sort.Search(len(edges), func(i int) bool { return edges[i] > at }) - 1
}

// Ranking counts the sessions of each value of the breakdown.
type Ranking []int64

// Add counts the sessions of one device, of which Lines led to the values themselves.
func (r Ranking) Add(list []Session) {
	for i := range list {
		r[list[i].Line]++
	}
}
