// Package demo makes up the events of a mobile shop: people who come and come back, sign up, use a second device, browse
// and buy, by day more than by night, as the Segment calls their phones would send. The same options give the same
// bytes, event ids included, so sending twice changes nothing. It is fast enough to be the load of a benchmark.
package demo

import (
	"math"
	"time"
)

// Options describe a data set. The zero value of a field takes its default.
type Options struct {
	// Seed picks one of many data sets; default 1.
	Seed uint64
	// Events is how many events there are; 0 is no end, at Rate.
	Events int
	// People is how many persons occur, nearly all of them; default one per 28 events, for endless data 20,000.
	People int
	// Days is how many days before End the data begins; default 30.
	Days int
	// End is the time of the last event; for endless data the time of the first one. Default 2026-01-31.
	End time.Time
	// Rate is the mean number of events a second of endless data; default 20.
	Rate float64
	// Run is mixed into the event ids, so that endless data of the same people can be had again as new events.
	Run uint64
}

// meanSession is the mean number of events of a session, as the weights in session.go make it.
const meanSession = 10.4

// Generator makes the events in the order in which a server would get them: by time, but for the one session in a
// hundred that was offline and is sent hours later. It has one user at a time.
type Generator struct {
	o      Options
	random random
	people people
	// now is the start of the next session, end the last time an event may have; microseconds since 1970.
	now, end float64
	// left is the number of events to begin sessions for, weight the sum of the daily rhythm until end in µs.
	left   float64
	weight float64
	made   int
	active sessions
	ids    uint64
	day    dayText
}

// New begins a data set.
func New(o Options) *Generator {
	if o.Seed == 0 {
		o.Seed = 1
	}
	if o.Days <= 0 {
		o.Days = 30
	}
	if o.End.IsZero() {
		o.End = time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)
	}
	if o.Rate <= 0 {
		o.Rate = 20
	}
	if o.People <= 0 {
		o.People = 20_000
		if o.Events > 0 {
			o.People = max(1, o.Events/28)
		}
	}
	g := &Generator{o: o, random: random{mix(o.Seed, 'r')}, people: newPeople(o.Seed, o.People)}
	end := o.End.UnixMicro()
	g.ids = mix(mix(o.Seed, uint64(o.Events)), mix(uint64(end), o.Run))
	g.now = float64(end)
	if o.Events > 0 {
		g.end = float64(end)
		g.now = g.end - float64(o.Days)*microDay
		g.left = float64(o.Events)
		// The rhythm repeats by the day, with a mean of 1.
		g.weight = float64(o.Days) * microDay
	}
	g.now += g.gap()
	return g
}

const microDay = 24 * 3600 * 1e6

// rhythm is how busy the shop is at a time of day; its mean over a day is 1.
func rhythm(micros float64) float64 {
	x := math.Mod(micros, microDay) / microDay * 2 * math.Pi
	return 1 - 0.55*math.Cos(x-0.6) - 0.25*math.Cos(2*x+0.4)
}

// gap is the time to the next session, in µs.
func (g *Generator) gap() float64 {
	r := rhythm(g.now)
	perMicro := g.o.Rate / meanSession / 1e6 * r
	if g.end > 0 {
		// What is left is spread over what is left of the time, so that the data ends on time.
		weight := max(g.weight, 1e6)
		perMicro = max(g.left, meanSession) / meanSession / weight * r
	}
	d := g.random.exp() / perMicro
	if g.end > 0 {
		g.weight -= d * r
	}
	return d
}

// Done tells that all events were made.
func (g *Generator) Done() bool { return g.o.Events > 0 && g.made >= g.o.Events }

// Made is the number of events made.
func (g *Generator) Made() int { return g.made }

// Due is when the next event is sent.
func (g *Generator) Due() time.Time {
	g.fill()
	return time.UnixMicro(int64(g.active.list[0].due))
}

// fill begins all sessions that come before the next event of those under way.
func (g *Generator) fill() {
	for len(g.active.list) == 0 || g.now <= g.active.list[0].due && (g.end == 0 || g.left > 0) {
		s := g.begin()
		g.left -= float64(s.length)
		g.active.push(s)
		g.now += g.gap()
		if g.end > 0 && g.now > g.end {
			g.now = g.end
		}
	}
}

// Next appends the body of a Segment batch of n events to buf, fewer when the data ends.
func (g *Generator) Next(buf []byte, n int) []byte {
	buf = append(buf, `{"batch":[`...)
	for i := range n {
		if g.Done() {
			break
		}
		if i > 0 {
			buf = append(buf, ',')
		}
		buf = g.event(buf)
	}
	return append(buf, `]}`...)
}

// Until appends the body of a batch of the events due at or before t, at most n; the count is 0 when none is due.
func (g *Generator) Until(buf []byte, t time.Time, n int) ([]byte, int) {
	buf = append(buf, `{"batch":[`...)
	count := 0
	for count < n && !g.Done() && !g.Due().After(t) {
		if count > 0 {
			buf = append(buf, ',')
		}
		buf = g.event(buf)
		count++
	}
	return append(buf, `]}`...), count
}

// event appends the next event as a Segment call.
func (g *Generator) event(buf []byte) []byte {
	g.fill()
	s := &g.active.list[0]
	at := s.time
	if g.end > 0 {
		at = min(at, g.end)
	}
	buf = g.render(buf, s, int64(at)/1000)
	g.made++
	s.position++
	if s.position == s.length {
		g.active.pop()
		return buf
	}
	d := g.random.exp() * 25e6
	s.time += d + 1000
	s.due += d + 1000
	g.active.down()
	return buf
}
