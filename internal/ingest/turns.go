package ingest

import (
	"cmp"
	"math"
	"runtime"
	"slices"
	"time"
)

// Requests that have been let in and read wait here for a turn to be decoded, of which there are as many at a time as
// Options.Decoders. Without that they would wait for each other all the same, in the order of the scheduler and of
// the connections: a client with a hundred connections would have a hundred times as much as one with one.
//
// Whose turn is next is start-time fair queueing by bytes, first of projects by weight, then of a project's sources. Who
// has sent nothing for a while comes next; who sends much waits behind himself.
//
// While a reader of the log is so far behind that more would only make it later (Options.Behind), nobody has a turn but the
// projects that use less than a quarter of what the largest does, and a trickle of the others: paceBytes a second, evenly. So
// clients are acknowledged at the pace at which their events become visible, and those who are not the cause do not wait for
// it. A reader that stands still for a moment, such as for a flush, costs a little of that time each; let on in one go they would
// put it so far behind that it has to read from the disk, where nobody waits for it any more. What a large body takes
// beyond the trickle the next ones wait for, at most paceMost.
const (
	paceMost  = 250 * time.Millisecond
	paceBytes = 8 << 20
	// paceBurst is how much of the trickle may come at once, when nobody has looked for a while.
	paceBurst = 50 * time.Millisecond
	// turnTimeout bounds the wait for a turn: past it the client is told to come again.
	turnTimeout = time.Second
	// largeBytes is from where on a body takes so long that one turn is kept for those which do not.
	largeBytes = 1 << 20
	// paceEvery is how often it is looked whether the reader has gone on.
	paceEvery = 5 * time.Millisecond
	// usedFor is the time after which what a project has used counts for 1/e.
	usedFor = time.Second
)

// turns is guarded by the gate's mutex, as is everything in this file.
type turns struct {
	// slots is how many may have a turn at a time, busy how many do, and waiting how many wait.
	slots, busy, waiting int
	// large is how many of the busy ones are large.
	large int
	line  line
	// arrived are those that wait, and some that do no more, as they came.
	arrived []*turn
	behind  func() bool
	// held is until when the trickle past a reader that is behind was counted, zero when none is; something may pass while
	// credit, in bytes, is above 0. unpaced are the requests that did.
	held    time.Time
	credit  float64
	unpaced int
	// used is what all have, most what the project that has used most by its weight has.
	used, most usage
	// again is set while it will be looked again.
	again bool
}

func newTurns(slots int, behind func() bool) turns {
	if behind == nil {
		behind = func() bool { return false }
	}
	return turns{slots: cmp.Or(slots, runtime.GOMAXPROCS(0)), behind: behind}
}

// turn is a request that waits.
type turn struct {
	bytes int
	since time.Time
	// over is closed when it has its turn.
	over chan struct{}
	// gone tells that it waits no more.
	gone bool
}

// wait returns when it is the request's turn, and how long that took; done must be called then. It is an error when that
// takes longer than turnTimeout.
func (t *ticket) wait(bytes int) (time.Duration, error) {
	g := t.gate
	w := t.queue(bytes)
	t.bytes = float64(bytes)
	select {
	case <-w.over:
		return g.now().Sub(w.since), nil
	default:
	}
	late := time.NewTimer(turnTimeout)
	defer late.Stop()
	select {
	case <-w.over:
	case <-late.C:
		if !t.withdraw(w) {
			return 0, refuse("overloaded", "the server is at the limit of what it can take; send again later")
		}
	}
	return g.now().Sub(w.since), nil
}

func (t *ticket) queue(bytes int) *turn {
	g := t.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	w := &turn{bytes: bytes, since: g.now(), over: make(chan struct{})}
	if len(t.s.queue) == 0 {
		if len(t.p.line.waiting) == 0 {
			g.line.join(t.p)
		}
		t.p.line.join(t.s)
	}
	t.s.queue = append(t.s.queue, w)
	g.arrived = append(g.arrived, w)
	g.waiting++
	g.next()
	return w
}

// withdraw takes back one that will not wait any more, unless it has its turn, which is what it tells.
func (t *ticket) withdraw(w *turn) (has bool) {
	g := t.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	if w.gone {
		return true
	}
	w.gone = true
	g.waiting--
	t.s.queue = slices.DeleteFunc(t.s.queue, func(o *turn) bool { return o == w })
	if len(t.s.queue) == 0 {
		t.p.line.part(t.s)
	}
	if len(t.p.line.waiting) == 0 {
		g.line.part(t.p)
	}
	return false
}

// done ends a turn.
func (t *ticket) done() {
	t.gate.mu.Lock()
	defer t.gate.mu.Unlock()
	t.gate.busy--
	if t.bytes > largeBytes {
		t.gate.large--
	}
	t.gate.next()
}

// next gives turns to those who wait, while there are any.
func (g *gate) next() {
	now := g.now()
	for g.busy < g.slots && g.waiting > 0 {
		passes, fits := g.mayPass(now), g.mayFit()
		p := g.line.first(func(p *party) bool {
			return (passes == nil || passes(p)) && (fits == nil || p.line.first(fits) != nil)
		})
		if p == nil {
			if passes != nil {
				g.lookAgain()
			}
			return
		}
		s := p.line.first(fits)
		w := s.queue[0]
		s.queue = s.queue[1:]
		p.line.served(s, w.bytes, len(s.queue) > 0)
		g.line.served(p, w.bytes, len(p.line.waiting) > 0)
		if passes == nil && !g.held.IsZero() {
			g.credit = max(g.credit-float64(w.bytes), -paceBytes*paceMost.Seconds())
			g.unpaced++
		}
		g.used.add(float64(w.bytes), now)
		if used := p.used.add(float64(w.bytes)/p.weight, now); used > g.most.add(0, now) {
			g.most = p.used
		}
		g.busy++
		g.waiting--
		if w.bytes > largeBytes {
			g.large++
		}
		w.gone = true
		close(w.over)
	}
}

// mayFit is which sources may have a turn at the moment; nil for all.
func (g *gate) mayFit() func(*party) bool {
	if g.slots < 2 || g.large < g.slots-1 {
		return nil
	}
	return func(s *party) bool { return s.queue[0].bytes <= largeBytes }
}

// mayPass is who may have a turn at the moment; nil for everybody.
func (g *gate) mayPass(now time.Time) func(*party) bool {
	if !g.behind() {
		g.held, g.credit = time.Time{}, 0
		return nil
	}
	if !g.held.IsZero() {
		g.credit = min(g.credit+paceBytes*now.Sub(g.held).Seconds(), paceBytes*paceBurst.Seconds())
	}
	if g.held = now; g.credit > 0 {
		return nil
	}
	most := g.most.add(0, now)
	return func(p *party) bool { return p.used.add(0, now) < most/4 }
}

// lookAgain has next called a little later.
func (g *gate) lookAgain() {
	if g.again {
		return
	}
	g.again = true
	time.AfterFunc(paceEvery, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.again = false
		g.next()
	})
}

// oldest is how long the one that waits for longest has.
func (g *gate) oldest(now time.Time) time.Duration {
	for len(g.arrived) > 0 && g.arrived[0].gone {
		g.arrived = g.arrived[1:]
	}
	if len(g.arrived) == 0 {
		g.arrived = nil
		return 0
	}
	return now.Sub(g.arrived[0].since)
}

// place is where a party is in a line: it is served before those with a later start. finish is where it stands when it has
// been.
type place struct{ start, finish float64 }

// line is parties that wait. at is the start of the one served last.
type line struct {
	at      float64
	waiting []*party
}

// join adds a party that did not wait. One that comes back at once stands where it would, had it stayed.
func (l *line) join(p *party) {
	p.waits.start = max(l.at, p.waits.finish)
	l.waiting = append(l.waiting, p)
}

func (l *line) part(p *party) {
	if i := slices.Index(l.waiting, p); i >= 0 {
		last := len(l.waiting) - 1
		l.waiting[i] = l.waiting[last]
		l.waiting[last] = nil
		l.waiting = l.waiting[:last]
	}
}

// first is the one to be served next of those that may be, nil when there is none.
func (l *line) first(may func(*party) bool) (first *party) {
	for _, p := range l.waiting {
		if (first == nil || p.waits.start < first.waits.start) && (may == nil || may(p)) {
			first = p
		}
	}
	return first
}

// served moves a party behind what it has had; one that stays waits for more.
func (l *line) served(p *party, bytes int, stays bool) {
	l.at = p.waits.start
	p.waits.finish = p.waits.start + float64(max(bytes, 1))/p.weight
	p.waits.start = p.waits.finish
	if !stays {
		l.part(p)
	}
}

// usage is a number that fades.
type usage struct {
	v  float64
	at time.Time
}

// add adds to it, and returns what it is.
func (u *usage) add(v float64, now time.Time) float64 {
	if d := now.Sub(u.at); d > 0 {
		u.v *= math.Exp(-float64(d) / float64(usedFor))
		u.at = now
	}
	u.v += v
	return u.v
}
