package query

import (
	"strconv"
	"time"

	"github.com/freshet/freshet/internal/store"
)

// Windows and pauses run by time, also where a question goes by the clocks of devices. Only where an entry of a funnel or the
// beginning of a session stands goes by the clock. So the machines of both are given times, and the positions of the events
// carry how far the clock was ahead:
//
//	position │ shift in half minutes + 2048, 12 bits

const (
	shiftBits = 12
	shiftZero = 1 << (shiftBits - 1)
	shiftUnit = 30 * time.Second
)

// shiftedPosition is SQL for a position that carries the shift.
func (c *compiler) shiftedPosition() string {
	unit := shiftUnit.Microseconds()
	ahead := c.dialect.Micros(c.clock()) + " - " + c.dialect.Micros("time") + " + " + strconv.FormatInt(shiftZero*unit, 10)
	return "(" + c.column("seq") + " * " + strconv.Itoa(1<<shiftBits) + " + " + c.dialect.Cast(c.dialect.Quotient("("+ahead+")", unit), store.Number64) + ")"
}

// position is SQL for the positions of events, which carry the shift if there are clocks to go by.
func (d *deviceClocks) position(c *compiler) string {
	if d == nil {
		return c.column("seq")
	}
	return c.shiftedPosition()
}

// clock is what a machine reads the clock with, nil for a question that has a zone.
func (d *deviceClocks) clock() func(at int64, position uint64) int64 {
	if d == nil {
		return nil
	}
	return func(at int64, position uint64) int64 {
		return at + (int64(position%(1<<shiftBits))-shiftZero)*shiftUnit.Microseconds()
	}
}

// plain is a position as the store has it.
func (d *deviceClocks) plain(position uint64) uint64 {
	if d == nil {
		return position
	}
	return position >> shiftBits
}

// doubled makes room for a row behind that of an event: the two have one shift.
func (d *deviceClocks) doubled(position uint64) (own, behind uint64) {
	if d == nil {
		return 2 * position, 2*position + 1
	}
	own = position>>shiftBits<<(shiftBits+1) | position%(1<<shiftBits)
	return own, own + 1<<shiftBits
}

// zoneOr is the zone for moments that are no readings: the project's, or that of a question that has one.
func (d *deviceClocks) zoneOr(zone *time.Location) *time.Location {
	if d == nil {
		return zone
	}
	return d.home
}

// before and after are the moments between which all events lie whose readings are in a range.
func (d *deviceClocks) before(from time.Time) time.Time {
	if d == nil || from.IsZero() {
		return from
	}
	return from.Add(-widestClock)
}

func (d *deviceClocks) after(to time.Time) time.Time {
	if d == nil {
		return to
	}
	return to.Add(widestClock)
}
