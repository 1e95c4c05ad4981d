package funnel

import (
	"slices"

	"github.com/freshet/freshet/internal/query/history"
)

// stream are the events that one candidate may use.
type stream struct {
	events []history.Event
	// conflict tells that the earliest event for a step need not be the right one: an event matches several steps and
	// has another so close that they may change places; or the order is strict and an event that changes places with
	// its neighbour would be passed over for a later one.
	conflict bool
}

// candidate is an entry and what it came to.
type candidate struct {
	entry    int64
	shift    int64
	deadline int64
	// used are the events, as places in the stream, that brought it to each level; reached their times, in so far as
	// earlier events are not later ones: a level is reached when all events up to it have happened.
	used    []int
	reached []int64
	// earliest is when each level could be reached at the earliest, by whatever events.
	earliest []int64
	// stopped is when an exclusion ended it, if stops.
	stopped int64
	stops   bool
	// stopper is the place of that event in the stream.
	stopper int
}

func (c *candidate) copyFrom(o *candidate) {
	c.used, c.reached = append(c.used[:0], o.used...), append(c.reached[:0], o.reached...)
	c.entry, c.shift, c.deadline, c.stopped, c.stops, c.stopper = o.entry, o.shift, o.deadline, o.stopped, o.stops, o.stopper
}

func (c *candidate) completed() int64 { return c.reached[len(c.reached)-1] }

// better is the rule for the best candidate, for two in order of their entries.
func (c *candidate) better(than *candidate) bool {
	if len(c.used) != len(than.used) {
		return len(c.used) > len(than.used)
	}
	return c.completed() < than.completed()
}

// try finds out how far the candidate that begins at a place of the stream comes.
func (m *Machine) try(s *stream, at int, c *candidate) {
	entry, shift := s.events[at].Time, m.shift(&s.events[at])
	c.begin(entry, m.deadline(entry, shift))
	c.shift = shift
	if s.conflict || m.StepWindow != nil {
		m.search.run(s, at, c)
		if m.barred != 0 {
			m.exclude(s, at, c)
			m.search.shorten(c)
		}
		return
	}
	m.walk(s, at, c)
	if m.barred != 0 {
		c.earliest = append(c.earliest[:0], c.reached...)
		m.exclude(s, at, c)
		n := len(c.earliest)
		c.used, c.reached = c.used[:n], c.reached[:n]
	}
}

func (c *candidate) begin(entry, deadline int64) {
	c.entry, c.shift, c.deadline, c.stops = entry, 0, deadline, false
	c.used, c.reached = c.used[:0], c.reached[:0]
}

func (c *candidate) use(place int, at int64) {
	c.used = append(c.used, place)
	if n := len(c.reached); n > 0 {
		at = max(at, c.reached[n-1])
	}
	c.reached = append(c.reached, at)
}

// walk takes for every step the earliest event there is.
func (m *Machine) walk(s *stream, at int, c *candidate) {
	low := at
	for b, block := range m.blocks {
		if b > 0 {
			low = m.lowest(s, low, c.completed())
		}
		var ok bool
		if block&(block-1) == 0 {
			ok = m.one(s, block, at, low, c)
		} else {
			ok = m.several(s, block, at, low, c)
		}
		if !ok {
			return
		}
	}
}

// lowest is the first place whose event may come after one at the given time.
func (m *Machine) lowest(s *stream, from int, at int64) int {
	from = min(from, len(s.events)-1)
	for from > 0 && s.events[from-1].Time >= at-m.Tie {
		from--
	}
	for from < len(s.events) && s.events[from].Time < at-m.Tie {
		from++
	}
	return from
}

// one does a single step.
func (m *Machine) one(s *stream, step uint64, at, low int, c *candidate) bool {
	if len(c.used) == 0 {
		c.use(at, c.entry)
		return true
	}
	for i := low; i < len(s.events); i++ {
		e := &s.events[i]
		if e.Time > c.deadline {
			return false
		}
		if e.Match&step == 0 || slices.Contains(c.used, i) {
			continue
		}
		if m.Order == Strict && m.disturbed(s, c.used, c.used[len(c.used)-1], i) {
			return false
		}
		c.use(i, e.Time)
		return true
	}
	return false
}

// disturbed tells whether a visible event lies between two events, and not so close to either that it could as well
// be beyond it.
func (m *Machine) disturbed(s *stream, used []int, from, to int) bool {
	after, before := s.events[from].Time+m.Tie, s.events[to].Time-m.Tie
	for i := from + 1; i < to && s.events[i].Time < before; i++ {
		if s.events[i].Time > after && !slices.Contains(used, i) {
			return true
		}
	}
	return false
}

// several does the steps of one block in any order: an event counts when with it more steps can be told apart.
func (m *Machine) several(s *stream, block uint64, at, low int, c *candidate) bool {
	first := len(c.used) == 0
	if first {
		for low > 0 && s.events[low-1].Time == c.entry {
			low--
		}
	}
	p := &m.pairs
	p.reset(block)
	if first {
		p.add(at, s.events[at].Match)
		c.use(at, c.entry)
	}
	for i := low; i < len(s.events) && p.free != 0; i++ {
		e := &s.events[i]
		if e.Time > c.deadline {
			return false
		}
		if e.Match&block != 0 && !slices.Contains(c.used, i) && p.add(i, e.Match) {
			c.use(i, e.Time)
		}
	}
	return p.free == 0
}

// exclude ends a candidate at the first excluded event that lies after the step it is excluded from and before the
// one up to which it is: later levels are taken out of earliest.
func (m *Machine) exclude(s *stream, at int, c *candidate) {
	for i := m.lowest(s, at, c.entry); i < len(s.events) && s.events[i].Time <= c.deadline; i++ {
		e := &s.events[i]
		if e.Match&m.barred == 0 || !m.hits(e, c.earliest) {
			continue
		}
		c.stops, c.stopped, c.stopper = true, e.Time, i
		n := 0
		for n < len(c.earliest) && c.earliest[n] <= e.Time+m.Tie {
			n++
		}
		c.earliest = c.earliest[:n]
		return
	}
}

// hits tells whether an event is excluded from where a candidate is at its time.
func (m *Machine) hits(e *history.Event, earliest []int64) bool {
	for _, x := range m.excluded {
		if e.Match&(1<<x.Bit) == 0 || x.From >= len(earliest) || e.Time <= earliest[x.From]+m.Tie {
			continue
		}
		if x.To >= len(earliest) || earliest[x.To] > e.Time+m.Tie {
			return true
		}
	}
	return false
}
