// Package path finds what one actor at a time did before and after an event, step by step, and adds paths up.
//
// It promises what docs/questions/paths.md says, for events in the actor's own order. It knows nothing of stores or
// questions: events come as numbers, and a step is the value of its event.
package path

import (
	"slices"

	"github.com/freshet/freshet/internal/query/history"
)

// Unit says how many paths an actor has.
type Unit uint8

// The units.
const (
	// Actors have one path each, at their first anchor in the range.
	Actors Unit = iota
	// Sessions have one path each, at their first anchor in the range. A session ends where nothing follows for longer
	// than the gap.
	Sessions
	// Transitions make a path of every anchor in the range, within its session.
	Transitions
)

// End is the step of a path that has ended: behind its last event, or before its first one.
const End int32 = -1

// Config is one question.
type Config struct {
	Unit Unit
	// Step are the bits of the events that may be steps, Anchor those of the events that paths lead to or from.
	Step, Anchor uint64
	// From and To bound the anchors, in microseconds.
	From, To int64
	// Before and After are how many steps a path has on either side of its anchor.
	Before, After int
	// Window is how far from its anchor an event of a path may be, itself included.
	Window int64
	// Gap is the longest pause within a session; Actors have none.
	Gap int64
	// Collapse makes one step of equal ones that follow each other.
	Collapse bool
	// Nodes, if set, leads the value of an event to its step; several values may have one. Without it a value is a step.
	Nodes []int32
	// Given, if set, has the anchors of each actor in place of those that Anchor and Unit would choose.
	Given map[uint64][]Given
}

// Given is an anchor that was chosen elsewhere.
type Given struct {
	// At is the position of its event. With Between the path ends with the event at Until, which may be close before it, and
	// goes by no window.
	At, Until uint64
	Between   bool
}

// Steps is how many steps every path has, with its anchor.
func (c *Config) Steps() int { return c.Before + 1 + c.After }

// Machine walks actors. It is used by one goroutine at a time.
type Machine struct {
	*Config
	out, anchors []int32
}

// New makes a machine.
func New(c *Config) *Machine { return &Machine{Config: c} }

// Walk returns the paths of an actor, whose events are in order: for each of them Steps values, End where there is no
// step. They hold until the next call.
func (m *Machine) Walk(a *history.Actor) []int32 {
	m.out, m.anchors = m.out[:0], m.anchors[:0]
	if m.Given != nil {
		for _, g := range m.Given[a.ID] {
			m.given(a.Events, g)
		}
		return m.out
	}
	events, found := a.Events, false
	for i := range events {
		e := &events[i]
		if m.Unit == Sessions && i > 0 && e.Time-events[i-1].Time > m.Gap {
			found = false
		}
		if found || e.Match&m.Anchor == 0 || e.Time < m.From || e.Time >= m.To {
			continue
		}
		m.path(events, i)
		found = m.Unit != Transitions
	}
	return m.out
}

// Anchors has the values of the events that the paths of the last walk lead from or to, one for each path.
func (m *Machine) Anchors() []int32 { return m.anchors }

// step is what an event is as a step.
func (m *Machine) step(e *history.Event) int32 {
	if m.Nodes == nil {
		return e.Value
	}
	return m.Nodes[e.Value]
}

// path adds the path of the anchor at a place.
func (m *Machine) path(events []history.Event, anchor int) {
	steps := m.start(&events[anchor])
	m.follow(events, anchor, -1, steps, m.Before)
	m.follow(events, anchor, 1, steps, m.After)
}

// start adds a path that has its anchor only.
func (m *Machine) start(anchor *history.Event) []int32 {
	start := len(m.out)
	for range m.Steps() {
		m.out = append(m.out, End)
	}
	m.out[start+m.Before] = m.step(anchor)
	m.anchors = append(m.anchors, anchor.Value)
	return m.out[start:]
}

// given adds the path of an anchor that was chosen elsewhere.
func (m *Machine) given(events []history.Event, g Given) {
	at := func(seq uint64) int {
		return slices.IndexFunc(events, func(e history.Event) bool { return e.Seq == seq })
	}
	anchor := at(g.At)
	if anchor < 0 {
		return
	}
	if !g.Between {
		m.path(events, anchor)
		return
	}
	last := at(g.Until)
	next, place, steps := min(anchor+1, last), m.Before, m.start(&events[anchor])
	for i := next; i >= 0 && i <= last && place+1 < len(steps); i++ {
		if e := &events[i]; (i == last || e.Match&m.Step != 0) && (!m.Collapse || m.step(e) != steps[place]) {
			place++
			steps[place] = m.step(e)
		}
	}
}

// follow fills in the steps to one side of the anchor.
func (m *Machine) follow(events []history.Event, anchor, direction int, steps []int32, n int) {
	at := m.Before
	for i := anchor + direction; n > 0 && i >= 0 && i < len(events); i += direction {
		e := &events[i]
		if m.far(e.Time, events[i-direction].Time, m.Gap) && m.Unit != Actors || m.far(e.Time, events[anchor].Time, m.Window) {
			return
		}
		if e.Match&m.Step == 0 || m.Collapse && m.step(e) == steps[at] {
			continue
		}
		at += direction
		steps[at] = m.step(e)
		n--
	}
}

func (m *Machine) far(a, b, most int64) bool { return a-b > most || b-a > most }
