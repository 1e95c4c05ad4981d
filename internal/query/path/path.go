// Package path finds what one actor at a time did before and after an event, step by step, and adds paths up.
//
// It promises what docs/questions/paths.md says, for events in the actor's own order. It knows nothing of stores or
// questions: events come as numbers, and a step is the value of its event.
package path

import "github.com/freshet/freshet/internal/query/history"

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
}

// Steps is how many steps every path has, with its anchor.
func (c *Config) Steps() int { return c.Before + 1 + c.After }

// Machine walks actors. It is used by one goroutine at a time.
type Machine struct {
	*Config
	out []int32
}

// New makes a machine.
func New(c *Config) *Machine { return &Machine{Config: c} }

// Walk returns the paths of an actor, whose events are in order: for each of them Steps values, End where there is no
// step. They hold until the next call.
func (m *Machine) Walk(events []history.Event) []int32 {
	m.out = m.out[:0]
	found := false
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

// path adds the path of the anchor at a place.
func (m *Machine) path(events []history.Event, anchor int) {
	start := len(m.out)
	for range m.Steps() {
		m.out = append(m.out, End)
	}
	steps := m.out[start:]
	steps[m.Before] = events[anchor].Value
	m.follow(events, anchor, -1, steps, m.Before)
	m.follow(events, anchor, 1, steps, m.After)
}

// follow fills in the steps to one side of the anchor.
func (m *Machine) follow(events []history.Event, anchor, direction int, steps []int32, n int) {
	at := m.Before
	for i := anchor + direction; n > 0 && i >= 0 && i < len(events); i += direction {
		e := &events[i]
		if m.far(e.Time, events[i-direction].Time, m.Gap) && m.Unit != Actors || m.far(e.Time, events[anchor].Time, m.Window) {
			return
		}
		if e.Match&m.Step == 0 || m.Collapse && e.Value == steps[at] {
			continue
		}
		at += direction
		steps[at] = e.Value
		n--
	}
}

func (m *Machine) far(a, b, most int64) bool { return a-b > most || b-a > most }
