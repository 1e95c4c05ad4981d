package funnel

import "math/bits"

// sweep finds the best candidate in one pass, by keeping for each step the latest entry that leads to it: a later one
// leaves at least as much of the window. It is for the plainest rules only, and gives up, false, when events at one
// moment match several steps.
func (m *Machine) sweep(s *stream, emit func(*Result)) bool {
	k, events := m.Steps, s.events
	if m.Optional != 0 {
		return false
	}
	latest := &m.latest
	for i := range k {
		latest[i] = None
	}
	best, completed := -1, int64(None)
	for i := 0; i < len(events) && best < k-1; i++ {
		at, match := events[i].Time, events[i].Match&m.steps
		if i+1 < len(events) && events[i+1].Time == at {
			several := false
			for ; i+1 < len(events) && events[i+1].Time == at; i++ {
				next := events[i+1].Match & m.steps
				several = several || overlapping(match) || overlapping(next)
				match |= next
			}
			if several {
				return false
			}
			best, completed = m.together(at, match, best, completed)
			continue
		}
		for ; match != 0; match &^= 1 << (bits.Len64(match) - 1) {
			j := bits.Len64(match) - 1
			if !m.advance(at, j) {
				continue
			}
			if j > best {
				best, completed = j, at
			}
		}
	}
	if best >= 0 {
		m.found(s, best, completed, emit)
	}
	return true
}

// advance moves the latest entry of the step before on to step j.
func (m *Machine) advance(at int64, j int) bool {
	from := at
	if j == 0 {
		if at < m.From || at >= m.To {
			return false
		}
	} else if from = m.latest[j-1]; from == None || at-from > m.Window {
		return false
	}
	m.latest[j] = from
	return true
}

// together advances by events of one moment, each of which matches one step.
func (m *Machine) together(at int64, match uint64, best int, completed int64) (int, int64) {
	for ; match != 0; match &= match - 1 {
		if j := bits.TrailingZeros64(match); m.advance(at, j) && j > best {
			best, completed = j, at
		}
	}
	return best, completed
}

// found hands out what a sweep has found: the earliest entry from which the last step was reached in time.
func (m *Machine) found(s *stream, best int, completed int64, emit func(*Result)) {
	earliest := max(m.From, completed-m.Window)
	at, last := -1, int64(None)
	for i := range s.events {
		e := &s.events[i]
		if e.Match&1 == 0 || e.Time < m.From || e.Time >= m.To {
			continue
		}
		last = e.Time
		if at < 0 && e.Time >= earliest {
			at = i
		}
	}
	c := &m.best
	c.begin(s.events[at].Time, m.deadline(s.events[at].Time, 0))
	if m.Times || m.Attribution != FirstStep {
		m.walk(s, at, c)
	} else {
		for range best + 1 {
			c.use(at, completed)
		}
	}
	m.emit(c, s, m.deadline(last, 0) >= m.Now, emit)
}
