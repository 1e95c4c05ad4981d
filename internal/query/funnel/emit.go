package funnel

import (
	"slices"

	"github.com/freshet/freshet/internal/query/history"
)

// emit hands out a candidate as the unit's result.
func (m *Machine) emit(c *candidate, s *stream, open bool, emit func(*Result)) {
	r := &m.result
	r.Entry, r.Shift, r.Completed, r.Reached, r.State = c.entry, c.shift, c.completed(), len(c.used), Dropped
	switch {
	case len(c.used) == len(m.levels):
		r.State = Converted
	case open:
		r.State = Open
	}
	places := m.places(c, s)
	for i, place := range places {
		r.Times[i] = None
		if place >= 0 {
			r.Times[i] = s.events[place].Time
		}
	}
	if m.Trace {
		m.trace(c, s, places)
	}
	if m.Attribution != AllEqual {
		r.Value = m.attributed(s, places)
	}
	emit(r)
}

// trace notes which events made the result.
func (m *Machine) trace(c *candidate, s *stream, places []int) {
	r := &m.result
	r.Events, r.Stopped = r.Events[:0], c.stops
	for _, place := range places {
		seq := uint64(0)
		if place >= 0 {
			seq = m.position(&s.events[place])
		}
		r.Events = append(r.Events, seq)
	}
	if c.stops {
		r.Stop = m.position(&s.events[c.stopper])
	}
}

// position is that of an event. Where something is held, events carry their places in its stead.
func (m *Machine) position(e *history.Event) uint64 {
	if m.Hold {
		return m.positions[e.Seq]
	}
	return e.Seq
}

// places are the events of each step, -1 for none.
func (m *Machine) places(c *candidate, s *stream) []int {
	places := m.place[:m.Steps]
	for i := range places {
		places[i] = -1
	}
	for n, at := range c.used {
		places[m.levels[n]] = at
	}
	if m.Optional != 0 {
		m.optional(c, s, places)
	}
	return places
}

// optional finds the steps that may be left out: the earliest events that lie between those of their neighbours.
func (m *Machine) optional(c *candidate, s *stream, places []int) {
	done := 0
	before := c.entry
	for i := range m.Steps {
		if places[i] >= 0 {
			before = max(before, c.reached[done])
			done++
			continue
		}
		if m.Optional&(1<<i) == 0 {
			return
		}
		until := c.deadline
		if done < len(c.used) {
			until = min(until, s.events[c.used[done]].Time+m.Tie)
		} else if c.stops {
			until = min(until, c.stopped+m.Tie)
		}
		for at := m.lowest(s, c.used[done-1], before); at < len(s.events) && s.events[at].Time <= until; at++ {
			if s.events[at].Match&(1<<i) != 0 && !slices.Contains(c.used, at) && !slices.Contains(places, at) {
				places[i], before = at, max(before, s.events[at].Time)
				break
			}
		}
	}
}

// attributed is the code of the value that the result counts at.
func (m *Machine) attributed(s *stream, places []int) int32 {
	value := func(step int) int32 {
		if places[step] < 0 {
			return 0
		}
		return s.events[places[step]].Value
	}
	switch m.Attribution {
	case LastStep:
		for i := len(places) - 1; i > 0; i-- {
			if places[i] >= 0 {
				return value(i)
			}
		}
	case AtStep:
		return value(m.ValueStep)
	case FirstDefined:
		for i := range places {
			if v := value(i); v != 0 {
				return v
			}
		}
		return 0
	case FirstStep, AllEqual:
	}
	return value(0)
}
