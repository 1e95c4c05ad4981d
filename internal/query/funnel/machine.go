package funnel

import (
	"slices"

	"github.com/freshet/freshet/internal/query/history"
)

// Machine finds out how far actors came. It has one user.
type Machine struct {
	*plan
	stop   func() bool
	halted bool
	search search
	pairs  pairs
	// streams are those of the unit at hand; whole is the memory of the one without a value to hold.
	streams []stream
	entries []entry
	best    candidate
	trial   candidate
	result  Result
	place   [MaxSteps]int
	// positions are, with Trace, those of the events, where something is held.
	positions []uint64
	// latest is the latest entry that leads to each step.
	latest [MaxSteps]int64
}

// entry is where a candidate begins.
type entry struct {
	at     int64
	stream int
	place  int
}

// valued is a value that splits an actor, and the events it leaves.
type valued struct {
	code   int32
	events []history.Event
}

// New makes a machine. stop, when it is not nil, is asked now and then; once it says so the rest of an actor is given
// up, and its results are of no use.
func New(c Config, stop func() bool) *Machine {
	m := &Machine{plan: newPlan(c), stop: stop}
	m.search.m = m
	m.result.Times = make([]int64, c.Steps)
	return m
}

func (m *Machine) stopped() bool {
	m.halted = m.halted || m.stop != nil && m.stop()
	return m.halted
}

// Run calls emit for every unit, or attempt, that reached the first step. The result is valid during the call. The
// events may be changed.
func (m *Machine) Run(a *history.Actor, emit func(*Result)) {
	events := m.prepare(a.Events)
	if len(events) == 0 {
		return
	}
	m.result.Actor = a.ID
	if m.Attribution != AllEqual {
		m.split(events, emit)
		return
	}
	for _, v := range m.byValue(events, func(e *history.Event) int32 { return e.Value }, true) {
		m.result.Value = v.code
		m.split(v.events, emit)
	}
}

// prepare cuts off what does not count, and times to seconds.
func (m *Machine) prepare(events []history.Event) []history.Event {
	if m.Second {
		events = m.seconds(events)
	}
	if m.Within && m.Clock != nil {
		events = slices.DeleteFunc(events, func(e history.Event) bool { return m.Clock(e.Time, e.Seq) >= m.To })
	} else if m.Within {
		n, _ := slices.BinarySearchFunc(events, m.To, func(e history.Event, to int64) int {
			if e.Time < to {
				return -1
			}
			return 1
		})
		events = events[:n]
	}
	if m.Hold {
		// Candidates of different streams are compared by their places.
		m.positions = m.positions[:0]
		for i := range events {
			if m.Trace || m.Clock != nil {
				m.positions = append(m.positions, events[i].Seq)
			}
			events[i].Seq = uint64(i)
		}
	}
	return events
}

const second = int64(1e6)

// seconds cuts times down to seconds, and leaves out what repeats an event of the same second.
func (m *Machine) seconds(events []history.Event) []history.Event {
	out, start := events[:0], 0
	for _, e := range events {
		e.Time = floor(e.Time, second)
		if len(out) > 0 && out[len(out)-1].Time != e.Time {
			start = len(out)
		}
		repeats := e.Match&m.steps != 0 && slices.ContainsFunc(out[start:], func(o history.Event) bool {
			return o.Match == e.Match && o.Hold == e.Hold && o.Value == e.Value
		})
		if !repeats {
			out = append(out, e)
		}
	}
	return out
}

func floor(at, unit int64) int64 {
	r := at % unit
	if r < 0 {
		r += unit
	}
	return at - r
}

// byValue splits events by a code. A value's events are its own, and from those without a value what they exclude;
// with none there is also one for the events without a value. For strict order all others stay, but match nothing.
func (m *Machine) byValue(events []history.Event, code func(*history.Event) int32, none bool) []valued {
	var codes []int32
	for i := range events {
		if c := code(&events[i]); events[i].Match&m.steps != 0 && (c != 0 || none) && !slices.Contains(codes, c) {
			codes = append(codes, c)
		}
	}
	out := make([]valued, len(codes))
	for i, c := range codes {
		out[i].code = c
		for _, e := range events {
			switch code(&e) {
			case c:
			case 0:
				e.Match &^= m.steps
			default:
				e.Match = 0
			}
			if e.Match != 0 || m.Order == Strict {
				out[i].events = append(out[i].events, e)
			}
		}
	}
	return out
}

// split makes the streams of a unit, or several units.
func (m *Machine) split(events []history.Event, emit func(*Result)) {
	m.streams = m.streams[:0]
	if !m.Hold {
		m.streams = append(m.streams, stream{events: events})
		m.unit(emit)
		return
	}
	for _, v := range m.byValue(events, func(e *history.Event) int32 { return e.Hold }, false) {
		m.streams = append(m.streams, stream{events: v.events})
		if m.HoldUnits {
			m.result.Hold = v.code
			m.unit(emit)
			m.streams = m.streams[:0]
		}
	}
	if !m.HoldUnits {
		m.unit(emit)
	}
}

func (m *Machine) unit(emit func(*Result)) {
	if m.simple && m.sweep(&m.streams[0], emit) {
		return
	}
	m.enter()
	if len(m.entries) == 0 {
		return
	}
	for i := range m.streams {
		events := m.streams[i].events
		m.streams[i].conflict = m.conflicting(events) || m.Order == Strict && m.tied(events)
	}
	switch m.Entry {
	case First:
		m.try(&m.streams[m.entries[0].stream], m.entries[0].place, &m.best)
		if !m.best.stops || !m.Drop {
			m.emit(&m.best, &m.streams[m.entries[0].stream], m.open(&m.best), emit)
		}
	case Every:
		m.attempts(emit)
	case Best:
		m.choose(emit)
	}
}

// enter lists the candidates, in order.
func (m *Machine) enter() {
	m.entries = m.entries[:0]
	for s := range m.streams {
		for i := range m.streams[s].events {
			e := &m.streams[s].events[i]
			if at := e.Time + m.shift(e); m.opens(e.Match) && at >= m.From && at < m.To {
				m.entries = append(m.entries, entry{e.Time, s, i})
			}
		}
	}
	if len(m.streams) > 1 {
		slices.SortStableFunc(m.entries, func(a, b entry) int {
			if a.at != b.at {
				return int(min(1, max(-1, a.at-b.at)))
			}
			x, y := m.streams[a.stream].events[a.place], m.streams[b.stream].events[b.place]
			return history.Compare(x, y)
		})
	}
}

// shift is how far the clock is ahead at an event.
func (m *Machine) shift(e *history.Event) int64 {
	if m.Clock == nil {
		return 0
	}
	return m.Clock(e.Time, m.position(e)) - e.Time
}

// conflicting tells whether events that may change places match several steps.
func (m *Machine) conflicting(events []history.Event) bool {
	if len(m.blocks) == 1 {
		return false
	}
	last := -1
	several := false
	for i := range events {
		match := events[i].Match & m.steps
		if match == 0 {
			continue
		}
		now := overlapping(match)
		if last >= 0 && (several || now) && events[i].Time-events[last].Time <= m.Tie {
			return true
		}
		last, several = i, now
	}
	return false
}

// tied tells whether any two events may change places.
func (m *Machine) tied(events []history.Event) bool {
	for i := 1; i < len(events); i++ {
		if events[i].Time-events[i-1].Time <= m.Tie {
			return true
		}
	}
	return false
}

// open tells whether a candidate may still come farther.
func (m *Machine) open(c *candidate) bool { return !c.stops && c.deadline >= m.Now }

// choose finds the best candidate.
func (m *Machine) choose(emit func(*Result)) {
	var chosen *stream
	open, dropped := false, int64(None)
	for _, e := range m.entries {
		full := chosen != nil && len(m.best.used) == len(m.levels)
		if full && e.at > m.best.completed() || m.stopped() {
			break
		}
		s := &m.streams[e.stream]
		m.try(s, e.place, &m.trial)
		open = open || m.open(&m.trial)
		if m.trial.stops && m.Drop && (dropped == None || m.trial.stopped < dropped) {
			dropped = m.trial.stopped
		}
		if chosen == nil || m.trial.better(&m.best) {
			m.best.copyFrom(&m.trial)
			chosen = s
		}
	}
	if chosen == nil || dropped != None && (len(m.best.used) < len(m.levels) || m.best.completed() > dropped) {
		return
	}
	m.emit(&m.best, chosen, open, emit)
}

// attempts goes from one candidate to the next that begins after it has ended.
func (m *Machine) attempts(emit func(*Result)) {
	after := int64(None)
	for _, e := range m.entries {
		if e.at <= after {
			continue
		}
		if m.stopped() {
			return
		}
		s := &m.streams[e.stream]
		m.try(s, e.place, &m.best)
		switch {
		case m.best.stops:
			after = m.best.stopped
		case len(m.best.used) == len(m.levels):
			after = m.best.completed()
		default:
			after = m.best.deadline
		}
		if !m.best.stops || !m.Drop {
			m.emit(&m.best, s, m.open(&m.best), emit)
		}
	}
}
