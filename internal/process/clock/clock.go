// Package clock gives every event a time one can count on. A device's clock may be wrong by years; what it says of
// itself when it sends (sent) against the server's clock (received) tells by how much.
//
// The offset of a device is received less sent, used only when it is a minute or more and only when its SDK stamps
// sent anew at each try. It is kept and reused while new measurements stay within a minute of it, so that the transit
// time of single requests does not shift a device's events against each other. When the offset does change, an event
// later by the device's clock than all before it never gets an earlier time than they got, from when the clock was
// found wrong until it is found right: what arrives in order stays in order.
//
// Only devices with a wrong clock have state, and a bounded number of them; the one not heard of for longest is
// forgotten, and measured anew when it comes back. After a restart the state is that of the events replayed since: the
// offset of a device may then differ from the one before by its transit time, less than a minute.
package clock

import (
	"math"

	"github.com/freshet/freshet/internal/event"
)

// Microseconds.
const (
	second = int64(1e6)
	day    = 86400 * second
	// noticeable is the least offset that is corrected, and the most by which measurements of one clock differ.
	noticeable = 60 * second
	// earliest is the first instant that passes for the time of an event, 1971-01-01: a clock that lost its
	// battery begins at 1970.
	earliest = 365 * day
	// sane bounds the clocks' readings so that no sum overflows: the end of year 9999.
	sane = 253402300800 * second
	none = math.MinInt64
)

// ways is how many devices share a set; the longest unheard of makes room.
const ways = 8

// device is what is known of a device with a wrong clock.
type device struct {
	id     uint64
	offset int64
	// lastRaw is the greatest reading of the device's clock, lastTime the time that was given to it; none before.
	lastRaw, lastTime int64
	heard             uint64
}

// Clock corrects times. It has one user at a time.
type Clock struct {
	sets  [][ways]device
	mask  uint64
	beat  uint64
	known int
}

// New makes a Clock that remembers about devices devices with a wrong clock, 40 bytes each; 0 means 131,072.
func New(devices int) *Clock {
	if devices <= 0 {
		devices = 1 << 17
	}
	n := 1
	for n*ways < devices {
		n *= 2
	}
	return &Clock{sets: make([][ways]device, n), mask: uint64(n - 1)}
}

// Correct fills Derived.Time and the time flags from the event's own times, Derived.ReceivedAt and Derived.Device.
func (c *Clock) Correct(project uint32, e *event.Event) {
	correct(project, e, c.shift)
}

// Preview is Correct for an event that comes before its turn: nothing is learnt from it.
func (c *Clock) Preview(project uint32, e *event.Event) { correct(project, e, c.guess) }

func correct(project uint32, e *event.Event, shift func(id uint64, raw, measured int64) int64) {
	d := &e.Derived
	raw := e.OriginalTime
	if raw == 0 || raw <= -sane {
		d.Time, d.Flags = d.ReceivedAt, d.Flags|event.FlagNoTime
		return
	}
	if raw > sane {
		d.Time, d.Flags = d.ReceivedAt, d.Flags|event.FlagFuture
		return
	}
	t := raw
	if measured, ok := measure(e); ok && d.Device != 0 {
		t = shift(device64(project, d.Device), raw, measured)
		if t != raw {
			d.Flags |= event.FlagSkewCorrected
		}
	}
	switch {
	case t > d.ReceivedAt+day:
		d.Time, d.Flags = d.ReceivedAt, d.Flags&^event.FlagSkewCorrected|event.FlagFuture
	case t < earliest:
		d.Time, d.Flags = d.ReceivedAt, d.Flags&^event.FlagSkewCorrected|event.FlagNoTime
	default:
		d.Time = t
	}
}

// measure reads the offset of a device's clock off an event. What was sent more than a day before it happened was not
// sent then.
func measure(e *event.Event) (offset int64, ok bool) {
	if !e.SentFresh || e.SentAt == 0 || e.SentAt < -sane || e.SentAt > sane || e.OriginalTime > e.SentAt+day {
		return 0, false
	}
	return e.Derived.ReceivedAt - e.SentAt, true
}

func wrong(offset int64) bool { return offset >= noticeable || offset <= -noticeable }

// shift is the time of an event whose device's clock read raw, given the offset just measured.
func (c *Clock) shift(id uint64, raw, measured int64) int64 {
	s := c.find(id)
	if s == nil {
		if !wrong(measured) {
			return raw
		}
		s = c.admit(id)
		*s = device{id: id, offset: measured, lastRaw: none, lastTime: none}
	} else if wrong(measured - s.offset) {
		if s.offset = measured; !wrong(measured) {
			s.offset = 0
		}
	}
	c.beat++
	s.heard = c.beat
	t := raw + s.offset
	if raw >= s.lastRaw {
		t = max(t, s.lastTime)
		s.lastRaw, s.lastTime = raw, t
	}
	if s.offset == 0 && raw >= s.lastTime {
		s.id = 0 // Its clock is right, and past every time it was given before.
		c.known--
	}
	return t
}

// guess is what shift would say, but for the order of what the device sends.
func (c *Clock) guess(id uint64, raw, measured int64) int64 {
	var offset int64
	if s := c.find(id); s != nil {
		offset = s.offset
	}
	if wrong(measured - offset) {
		if offset = measured; !wrong(measured) {
			offset = 0
		}
	}
	return raw + offset
}

func (c *Clock) find(id uint64) *device {
	if c.known == 0 {
		return nil
	}
	set := &c.sets[id&c.mask]
	for i := range set {
		if set[i].id == id {
			return &set[i]
		}
	}
	return nil
}

// admit returns a place for a new device.
func (c *Clock) admit(id uint64) *device {
	set := &c.sets[id&c.mask]
	oldest := &set[0]
	for i := range set {
		if set[i].id == 0 {
			c.known++
			return &set[i]
		}
		if set[i].heard < oldest.heard {
			oldest = &set[i]
		}
	}
	return oldest
}

// device64 separates the devices of projects; it is never 0.
func device64(project uint32, number uint64) uint64 {
	if n := number ^ uint64(project)*0x9e3779b97f4a7c15; n != 0 {
		return n
	}
	return 1
}
