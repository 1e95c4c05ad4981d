//go:build cluster

package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"time"
)

// fault is something that happens to an installation and ends.
type fault struct {
	name string
	// to is what it is done to: two at once are done to different things.
	to    string
	lasts time.Duration
	begin func()
	end   func()
}

// deck deals faults: each kind once before any comes again.
type deck struct {
	site *site
	r    *rand.Rand
	left []func() fault
	// only is a part of the names of those that are dealt.
	only string
}

// draw deals the next, or one in three times the next two at once.
func (d *deck) draw() fault {
	f := d.one()
	if f.to == "" || d.r.IntN(3) > 0 {
		return f
	}
	g := d.one()
	if g.to == "" || g.to == f.to {
		d.left = append(d.left, func() fault { return g })
		return f
	}
	return fault{
		name: f.name + ", and " + g.name, lasts: max(f.lasts, g.lasts),
		begin: func() { f.begin(); g.begin() }, end: func() { g.end(); f.end() },
	}
}

func (d *deck) one() fault {
	for range 10_000 {
		if len(d.left) == 0 {
			d.shuffle()
		}
		f := d.left[0]()
		d.left = d.left[1:]
		if strings.Contains(f.name, d.only) {
			return f
		}
	}
	d.site.t.Fatalf("no fault is called %q", d.only)
	return fault{}
}

func (d *deck) shuffle() {
	s, everyone := d.site, d.site.everyone()
	d.left = []func() fault{d.rolling}
	for _, role := range [][]*member{s.doors, s.writers, s.readers} {
		d.left = append(d.left, func() fault { return d.kill(role[d.r.IntN(2)]) }, func() fault { return d.stop(role[d.r.IntN(2)]) })
	}
	for _, e := range s.engines {
		d.left = append(d.left, func() fault { return d.killEngine(e) }, func() fault { return d.pauseEngine(e) })
	}
	for _, kind := range []func(string, *network) fault{d.reset, d.swallow, d.late, d.soonLate, d.slow} {
		d.left = append(d.left, func() fault { return d.link(kind) })
	}
	for _, how := range []func(*member) fault{d.kill, d.stop, d.cut, d.snap, d.isolate} {
		at := moment(d.r.IntN(2))
		d.left = append(d.left, func() fault { return d.within(d.storing(), at, how) })
	}
	d.left = append(d.left,
		func() fault { return d.within(s.readers[d.r.IntN(2)], underWay, d.cut) },
		func() fault { return d.within(s.readers[d.r.IntN(2)], anytime, d.cut) },
		func() fault { return d.isolate(everyone[d.r.IntN(len(everyone))]) },
	)
	d.r.Shuffle(len(d.left), func(i, j int) { d.left[i], d.left[j] = d.left[j], d.left[i] })
}

// storing is a process that stores events.
func (d *deck) storing() *member {
	if d.site.lanes == 2 {
		return d.site.writers[d.r.IntN(2)]
	}
	return d.site.working()
}

// seconds is a random time within bounds.
func (d *deck) seconds(least, most int) time.Duration {
	return time.Duration(least)*time.Second + time.Duration(d.r.Int64N(int64(most-least)*int64(time.Second)))
}

func (d *deck) kill(m *member) fault {
	return fault{
		name: m.name + " is killed", to: m.name, lasts: d.seconds(0, 5),
		begin: func() { m.trouble(); m.down = true; m.kill() },
		end:   func() { m.down = false; m.run() },
	}
}

func (d *deck) stop(m *member) fault {
	return fault{
		name: m.name + " is stopped for a while", to: m.name, lasts: frozenFor,
		begin: func() { m.trouble(); m.signal(syscall.SIGSTOP) },
		end:   func() { m.signal(syscall.SIGCONT) },
	}
}

func (d *deck) killEngine(e engine) fault {
	return fault{name: e.name + " is killed", to: e.name, lasts: d.seconds(0, 10), begin: func() { d.site.tend(); e.kill() }, end: e.run}
}

func (d *deck) pauseEngine(e engine) fault {
	return fault{name: e.name + " is stopped for a while", to: e.name, lasts: frozenFor, begin: func() { d.site.tend(); e.pause() }, end: e.resume}
}

// link does something to the network between somebody and something, which both of those know.
func (d *deck) link(kind func(name string, n *network) fault) fault {
	everyone := d.site.everyone()
	m := everyone[d.r.IntN(len(everyone))]
	of := []string{"Kafka", "ClickHouse", "PostgreSQL", "Redis"}
	switch m.name[0] { // What it has nothing to say to would be cut off for nothing.
	case 'i':
		of = []string{"Kafka", "PostgreSQL", "Redis"}
	case 'p':
		of = of[:3]
	case 'q':
		of = of[1:]
	}
	engine := of[d.r.IntN(len(of))]
	f := kind(fmt.Sprintf("the network of %s to %s", m.name, engine), m.links[engine])
	f.to = engine
	return f
}

// moment is when within has something happen.
type moment int

// The moments.
const (
	// underWay is when rows, or the half of an answer, are on their way.
	underWay moment = iota
	// unanswered is when the rows are there, and what says so is on its way.
	unanswered
	// anytime is while statements take most of the time.
	anytime
)

// lateBy is how much later everything arrives over a network that is late.
const lateBy = 200 * time.Millisecond

// within has something happen to a process in the middle of what it has to say to ClickHouse, over a network that is late; if an answer is to be
// under way, slow as well.
func (d *deck) within(m *member, at moment, how func(*member) fault) fault {
	f, n := how(m), m.links["ClickHouse"]
	begin, end, of, large, pace := f.begin, f.end, "a commit", int64(largeRows), int64(0)
	if slices.Contains(d.site.readers, m) {
		of = "an answer"
		if at == underWay {
			large, pace = 10_000, 20_000
		}
	}
	f.name += " in the middle of " + of
	f.begin = func() {
		n.late.Store(int64(lateBy))
		n.pace.Store(pace)
		d.site.during(3 * time.Second)
		if at != anytime {
			d.until(func() bool { return n.waiting.Load() >= large })
		}
		switch {
		case pace > 0:
			d.site.during(time.Second / 2)
		case at == unanswered:
			d.until(func() bool { return n.waiting.Load() == 0 })
			d.until(func() bool { return n.waiting.Load() > 0 })
		}
		begin()
	}
	f.end = func() {
		n.late.Store(0)
		n.pace.Store(0)
		end()
	}
	return f
}

// until waits for a moment, which may not come.
func (d *deck) until(it func() bool) {
	for end := time.Now().Add(soon); !it() && time.Now().Before(end); {
		d.site.during(time.Millisecond)
	}
}

// largeRows is more bytes than a process has to say in one piece besides rows.
const largeRows = 6 << 10

// isolate cuts a process off from everything. What was on its way arrives when that is over.
func (d *deck) isolate(m *member) fault {
	var thaw []func()
	return fault{
		name: m.name + " is cut off from everything", to: m.name, lasts: d.seconds(15, 30),
		begin: func() {
			m.trouble()
			for _, n := range m.links {
				thaw = append(thaw, n.freeze())
			}
		},
		end: func() {
			for _, f := range thaw {
				f()
			}
		},
	}
}

// cut is reset of what is between a process and ClickHouse.
func (d *deck) cut(m *member) fault {
	f := d.reset("the network of "+m.name+" to ClickHouse", m.links["ClickHouse"])
	f.to = "ClickHouse"
	return f
}

// snap resets the connections of a process to ClickHouse, once, and takes new ones.
func (d *deck) snap(m *member) fault {
	n := m.links["ClickHouse"]
	return fault{
		name: "the connections of " + m.name + " to ClickHouse are reset", to: "ClickHouse",
		begin: func() { n.set(netReset); n.set(netHealthy) }, end: func() {},
	}
}

func (d *deck) reset(name string, n *network) fault {
	return fault{
		name: name + " is cut", lasts: d.seconds(2, 15),
		begin: func() { n.set(netReset) }, end: func() { n.set(netHealthy) },
	}
}

func (d *deck) swallow(name string, n *network) fault {
	var thaw func()
	return fault{
		name: name + " swallows everything", lasts: d.seconds(5, 30),
		begin: func() { thaw = n.freeze() }, end: func() { thaw() },
	}
}

func (d *deck) late(name string, n *network) fault { return d.lateFor(lateBy, name, n) }

// soonLate is late by less than what an answer of Redis is waited for.
func (d *deck) soonLate(name string, n *network) fault { return d.lateFor(lateBy/4, name, n) }

func (d *deck) lateFor(by time.Duration, name string, n *network) fault {
	return fault{
		name: fmt.Sprintf("%s is late by %s", name, by), lasts: d.seconds(10, 20),
		begin: func() { n.late.Store(int64(by)) }, end: func() { n.late.Store(0) },
	}
}

func (d *deck) slow(name string, n *network) fault {
	return fault{
		name: name + " carries 20 kB a second", lasts: d.seconds(5, 20),
		begin: func() { n.pace.Store(20_000) }, end: func() { n.pace.Store(0) },
	}
}

// rolling starts every process anew, one after the other, as an upgrade does.
func (d *deck) rolling() fault {
	return fault{
		name: "everything is started anew, one by one", end: func() {},
		begin: func() {
			for _, m := range d.site.everyone() {
				m.trouble()
				m.stop()
				m.run()
				d.site.well(m.name + " was started anew")
			}
		},
	}
}
