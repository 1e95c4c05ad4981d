package session

import (
	"math"
	"slices"

	"github.com/freshet/freshet/internal/query/history"
)

// A measure counts some of the events of a session, and adds up the numbers that they have. Which events those are is told
// by a bit of theirs. A number is too wide for an event: it stands in a row of its own, right behind the event's, which
// is no event by itself.

// There may be as many measures as bits between these two.
const (
	measuredBits = 8
	amountBits   = 32
	// amounts is the least match of a row that has a number.
	amounts = 1 << amountBits
)

// Measured is the bit of the events that a measure is of.
func Measured(measure int) uint64 { return 1 << (measuredBits + measure) }

// Amount is the match of a row with a number for a measure.
func Amount(measure int) uint64 { return 1 << (amountBits + measure) }

// Pack makes the value and what is held of such a row.
func Pack(x float64) (value, hold int32) {
	bits := math.Float64bits(x)
	return int32(uint32(bits)), int32(uint32(bits >> 32))
}

func unpack(e *history.Event) float64 {
	return math.Float64frombits(uint64(uint32(e.Hold))<<32 | uint64(uint32(e.Value)))
}

// Bounds are the least and the most of something, both included; Most is there only if Bounded says so.
type Bounds struct {
	Least, Most int64
	Bounded     bool
}

func (b *Bounds) hold(n int64) bool { return n >= b.Least && (!b.Bounded || n <= b.Most) }

// Measure is what one session has of a measure.
type Measure struct {
	Events int64
	Sum    float64
}

// amount adds the number of a row to the session of the event before it.
func (m *Machine) amount(e *history.Event) {
	last := len(m.owners) - 1
	if last < 0 {
		return
	}
	at := m.owners[last]
	m.owners = append(m.owners, at)
	for k := range m.Measures {
		if e.Match == Amount(k) {
			m.measures[at*m.Measures+k].Sum += unpack(e)
		}
	}
}

// Amounts adds up a measure of some sessions.
type Amounts struct {
	// Sessions have an event that is measured, Events is how many of these there are.
	Sessions, Events int64
	// Values are the measures of those sessions, in no order.
	Values []Measure
}

func (c *Cell) measure(list []Measure) {
	if c.Measures == nil && len(list) > 0 {
		c.Measures = make([]Amounts, len(list))
	}
	for k, m := range list {
		if m.Events > 0 {
			a := &c.Measures[k]
			a.Sessions, a.Events, a.Values = a.Sessions+1, a.Events+m.Events, append(a.Values, m)
		}
	}
}

func (c *Cell) merge(list []Amounts) {
	if c.Measures == nil && list != nil {
		c.Measures = make([]Amounts, len(list))
	}
	for k := range list {
		a, o := &c.Measures[k], &list[k]
		a.count(o)
		a.Values = join(a.Values, o.Values)
	}
}

func (a *Amounts) count(o *Amounts) {
	a.Sessions, a.Events = a.Sessions+o.Sessions, a.Events+o.Events
}

// Sum adds sorted values up. Sessions come to a tally in the order in which its makers happen to be done, and a sum of floating point
// numbers depends on the order; in that of the values it is the same for each answer.
func Sum(sorted []float64) float64 {
	sum := 0.0
	for _, v := range sorted {
		sum += v
	}
	return sum
}

// Quantile interpolates between the two nearest of some sorted values, among which zeros more stand in their place.
func Quantile(sorted []float64, zeros int, q float64) float64 {
	negative, _ := slices.BinarySearch(sorted, 0)
	value := func(i int) float64 {
		switch {
		case i < negative:
			return sorted[i]
		case i < negative+zeros:
			return 0
		}
		return sorted[i-zeros]
	}
	at := q * float64(len(sorted)+zeros-1)
	low := int(at)
	out := value(low)
	if share := at - float64(low); share > 0 {
		out = out*(1-share) + value(low+1)*share
	}
	return out
}
