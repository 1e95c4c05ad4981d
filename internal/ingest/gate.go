package ingest

import (
	"math"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/freshet/freshet/internal/event"
)

// The gate decides how many requests are worked on at a time, and whose.
//
// How many is measured: while requests wait longer on average than they should, the number goes down, and while they do
// not, it goes up. A request waits for its turn to be decoded (turns.go) and for its append to the log: for the processor, the
// disk, those before it, and a reader of the log that is held back by the store. So it tells of whatever is short. What it
// should wait is four times what it waits when the machine is quiet, within aimLeast and aimMost. A mean is known late, so
// the number also stops where it is as soon as one request has waited for that long.
//
// Whose: every project that has sent within the last activeFor has a share by its weight, and within a project every
// source (the address of the client) has an equal one. While there is room anybody may take it, but for the last quarter,
// which only those may take who are below their share; they may even go beyond the whole, each up to its share. Nor is a
// project refused that has had less than its part of the bytes of the last second: what it sends may pile up because others
// make it wait. So the one who sends too much is refused first, and those who do not are not refused at all.
const (
	aimLeast  = 80 * time.Millisecond
	aimMost   = 250 * time.Millisecond
	gateEvery = 100 * time.Millisecond
	// gateSamples is how many waits must have been measured before anything is concluded.
	gateSamples = 8
	// leastLimit lets a relay with a few connections wait rather than be refused, when it alone is more than the machine takes.
	leastLimit = 24
	// mostLimit is what a gate begins with and comes back to: a burst, such as what a hand-over held back, is no overload.
	mostLimit = 512
	activeFor = 5 * time.Second
	// mostSources bounds the sources remembered of a project; the rest are one source.
	mostSources = 1 << 14
	// reserved is the part of the whole that is kept for those who are below their share.
	reserved = 0.25
)

// gate is safe for concurrent use.
type gate struct {
	turns

	now func() time.Time
	// weights are those of projects that have one other than 1.
	weights map[uint32]float64

	// mu guards everything below.
	mu       sync.Mutex
	limit    float64
	working  int
	projects map[uint32]*party
	// total is the weight of all projects in the map.
	total float64
	swept time.Time
	// quiet is the least mean of a window; it is forgotten slowly.
	quiet time.Duration
	// began is when the present window did; waits are those in it, by log.
	began time.Time
	waits map[int]waits
}

// waits are how many there were of one log, and how long they took together.
type waits struct {
	took    time.Duration
	samples int
}

// party is a project or a source.
type party struct {
	weight  float64
	working int
	seen    time.Time
	sources map[uint64]*party
	// waits is the party's place among those that wait for a turn; line is of its sources, and queue of its requests when
	// it is one itself.
	waits place
	line  line
	queue []*turn
	used  usage
}

func newGate(now func() time.Time, weights map[uint32]float64, slots int, behind func() bool) *gate {
	g := &gate{now: now, weights: weights, limit: mostLimit, projects: map[uint32]*party{}, waits: map[int]waits{}, began: now(), swept: now()}
	g.turns = newTurns(slots, behind)
	return g
}

// ticket is the right to work on one request.
type ticket struct {
	gate    *gate
	project uint32
	source  uint64
	p, s    *party
	// bytes are those it has had a turn for.
	bytes float64
}

// enter lets a request be worked on, or says why not. leave must be called in the end.
func (g *gate) enter(project uint32, source uint64) (*ticket, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := &ticket{gate: g, project: project, source: source}
	if err := g.admit(t); err != nil {
		return nil, err
	}
	return t, nil
}

// check tells what enter would, and lets nobody in.
func (g *gate) check(project uint32, source uint64) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := &ticket{gate: g, project: project, source: source}
	if err := g.admit(t); err != nil {
		return err
	}
	t.back()
	return nil
}

// crowded tells that not everybody would be let in; it is what a check is worth while.
func (g *gate) crowded() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return float64(g.working) >= g.limit*(1-reserved)
}

// belongs tells whose the request is, when that was not known as it entered.
func (t *ticket) belongs(project uint32) error {
	g := t.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	if project == t.project {
		return nil
	}
	t.back()
	next := &ticket{gate: g, project: project, source: t.source}
	if err := g.admit(next); err != nil {
		// leave takes back what is there no more.
		t.p, t.s = nil, nil
		return err
	}
	next.p.used.add(t.bytes/next.p.weight, g.now())
	*t = *next
	return nil
}

func (t *ticket) leave() {
	t.gate.mu.Lock()
	defer t.gate.mu.Unlock()
	if t.p != nil {
		t.back()
	}
}

// back takes the request out of the counts; mu is held.
func (t *ticket) back() {
	t.gate.working--
	t.p.working--
	t.s.working--
}

// admit counts a request in, or says why not; mu is held.
func (g *gate) admit(t *ticket) error {
	now := g.now()
	g.sweep(now)
	if g.oldest(now) > g.aim() {
		g.limit = min(g.limit, max(float64(g.working), leastLimit))
	}
	p := g.party(t.project, now)
	s := p.source(t.source, now)
	share := g.limit * p.weight / g.total
	each := share / float64(len(p.sources))
	if g.working < mostLimit && p.used.add(0, now)*g.total < g.used.add(0, now) {
		t.begin(p, s)
		return nil
	}
	switch {
	// A source that has just come finds its project filled up by another: it does not wait until that one has learnt.
	case float64(s.working) < max(each, 1) && float64(p.working) < share*(1+reserved) && float64(g.working) < 2*g.limit:
	case fits(g.working, g.limit, p.working, share, len(g.projects)):
	case float64(p.working) >= share && len(g.projects) > 1:
		return refuse("project_over_share", "this project sends more than its share of what the server can take; send again later")
	default:
		return refuse("overloaded", "the server is at the limit of what it can take; send again later")
	}
	if full := float64(g.working) >= g.limit*(1-reserved); full && !fits(p.working, share, s.working, each, len(p.sources)) {
		return refuse("source_over_share", "this address sends more than its share of what the server can take; send again later")
	}
	t.begin(p, s)
	return nil
}

// begin counts the request in; mu is held.
func (t *ticket) begin(p, s *party) {
	t.gate.working++
	p.working++
	s.working++
	t.p, t.s = p, s
}

// fits tells whether one more of a party may work, where all of the parties together have working of limit.
func fits(working int, limit float64, own int, share float64, parties int) bool {
	switch {
	case float64(own) < max(share, 1):
		return float64(working) < 2*max(limit, 1)
	case parties == 1:
		return float64(working) < limit
	default:
		return float64(working) < limit*(1-reserved)
	}
}

func refuse(code, message string) error {
	return &event.Error{Kind: event.Overloaded, Code: code, Message: message}
}

func (g *gate) party(project uint32, now time.Time) *party {
	p := g.projects[project]
	if p == nil {
		p = &party{weight: 1, sources: map[uint64]*party{}}
		if w, ok := g.weights[project]; ok {
			p.weight = w
		}
		g.projects[project] = p
		g.total += p.weight
	}
	p.seen = now
	return p
}

func (p *party) source(id uint64, now time.Time) *party {
	s := p.sources[id]
	if s == nil {
		if len(p.sources) >= mostSources {
			id = 0
		}
		if s = p.sources[id]; s == nil {
			s = &party{weight: 1}
			p.sources[id] = s
		}
	}
	s.seen = now
	return s
}

// sweep forgets who has not sent for a while.
func (g *gate) sweep(now time.Time) {
	if now.Sub(g.swept) < activeFor/2 {
		return
	}
	g.swept = now
	for id, p := range g.projects {
		for source, s := range p.sources {
			if s.working == 0 && now.Sub(s.seen) > activeFor {
				delete(p.sources, source)
			}
		}
		if p.working == 0 && now.Sub(p.seen) > activeFor {
			delete(g.projects, id)
			g.total -= p.weight
		}
	}
}

// aim is what a request should wait at most, on average.
func (g *gate) aim() time.Duration { return min(max(4*g.quiet, aimLeast), aimMost) }

// waited tells how long a request waited for its turn and its append to a log, and draws the conclusion of a window that is over. Of
// several logs the one counts that was waited for least: what is short for all shows there, too, and one that is slow by itself is bounded by
// the shares of its projects.
func (g *gate) waited(log int, took time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	w := g.waits[log]
	g.waits[log] = waits{w.took + took, w.samples + 1}
	samples, mean := 0, time.Duration(math.MaxInt64)
	for _, w := range g.waits {
		samples += w.samples
		mean = min(mean, w.took/time.Duration(w.samples))
	}
	now := g.now()
	if now.Sub(g.began) < gateEvery || samples < gateSamples {
		return
	}
	if g.quiet += g.quiet / 1000; g.quiet == 0 || mean < g.quiet {
		g.quiet = mean
	}
	if aim := g.aim(); mean > aim {
		// The longer it takes the faster down: what was let in has to be worked off first.
		g.limit *= max(0.7, float64(aim)/float64(mean))
	} else {
		g.limit = g.limit*1.1 + 1
	}
	g.limit = min(max(g.limit, leastLimit), mostLimit)
	g.began = now
	clear(g.waits)
}

// show adds the gate's metrics.
func (g *gate) show(r prometheus.Registerer) {
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "freshet_ingest_" + name, Help: help}, func() float64 {
			g.mu.Lock()
			defer g.mu.Unlock()
			return value()
		})
	}
	r.MustRegister(
		gauge("admission_limit", "Requests that may be worked on at a time, as measured.", func() float64 { return g.limit }),
		gauge("admitted_requests", "Requests being worked on.", func() float64 { return float64(g.working) }),
		gauge("waiting_requests", "Requests that have been read and wait for their turn to be decoded.", func() float64 { return float64(g.waiting) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "freshet_ingest_unpaced_total",
			Help: "Requests that were let on while the rest of the path was behind, as a trickle.",
		}, func() float64 {
			g.mu.Lock()
			defer g.mu.Unlock()
			return float64(g.unpaced)
		}),
		gauge("active_projects", "Projects that have sent within the last seconds and share the admission limit.", func() float64 { return float64(len(g.projects)) }),
	)
}
