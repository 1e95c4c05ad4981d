// Package identity says which person an event belongs to. A person is the number of an id (event.IDNumber): of the
// user id when there is one, otherwise of the anonymous id, otherwise of the device id; ids that were linked are one
// person, for all their events, earlier ones included.
//
// Links come from two calls. Identify with a user id and an anonymous id (without one, the device id) says that both
// are one person. Alias says that the previous id, be it a user id or an anonymous one, is the user. Any other event
// that carries a user id and an anonymous id is the user's, and links nothing, unless it is of an SDK that has no call
// to identify and means just that by giving both (event.Event.Links). An Unlink takes one id out again, as if it had never
// been linked; a later link counts.
//
// Two users become one by Alias alone: when an anonymous id that belongs to somebody is linked to another user, that is a
// phone with several users, of an app that keeps the id when somebody signs out (holder.go).
//
// Refused, and counted, are links that would do more harm than good: an alias of an anonymous id that belongs to another; an
// id with itself; and persons of more than MaxIDs ids.
//
// A link makes one number, the root, stand for both. The anonymous side has rows and a new user has none, so it is the
// user's number that yields when neither has links yet.
package identity

import (
	"cmp"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
)

// MaxIDs is the most ids that one person may have.
const MaxIDs = 10_000

// People knows all links. It has one user at a time.
type People struct {
	projects map[uint32]*ids
	// project and ids are those of the last event.
	project uint32
	*ids
	changes store.Identities
	metrics metrics
}

// ids are those of a project.
type ids struct {
	graph graph
	// foreseen are the persons that users will become by what Preview has seen; nil for none.
	foreseen map[uint64]uint64
	// holders are the ids of which more is known than the graph has.
	holders map[uint64]store.Holder
}

// node is an id that has links: a root is its own parent and knows the size of its tree.
type node struct {
	parent uint64
	size   int32
}

// graph has the linked ids of one project; an id without links is not in it.
type graph map[uint64]node

type metrics struct {
	links    prometheus.Counter
	hands    prometheus.Counter
	unlinks  prometheus.Counter
	refused  *prometheus.CounterVec
	belongs  prometheus.Counter
	tooMany  prometheus.Counter
	toItself prometheus.Counter
	bad      prometheus.Counter
}

// New makes a People without links. r may be nil.
func New(r prometheus.Registerer) (*People, error) {
	p := &People{metrics: metrics{
		links: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "freshet_identity_links_total", Help: "Links made between ids of a person.",
		}),
		hands: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "freshet_identity_handovers_total", Help: "Times that what an anonymous id did after its user signed out became the next user's.",
		}),
		unlinks: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "freshet_identity_unlinks_total", Help: "Ids taken out of the person they were linked to.",
		}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "freshet_identity_refused_total", Help: "Links refused, by reason.",
		}, []string{"reason"}),
		bad: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "freshet_identity_bad_ids_total", Help: "Events with an id that stands for nobody.",
		}),
	}}
	m := &p.metrics
	m.belongs = m.refused.WithLabelValues("belongs_to_another")
	m.tooMany = m.refused.WithLabelValues("too_many_ids")
	m.toItself = m.refused.WithLabelValues("self")
	if r != nil {
		for _, c := range []prometheus.Collector{m.links, m.hands, m.unlinks, m.refused, m.bad} {
			if err := r.Register(c); err != nil {
				return nil, err
			}
		}
	}
	p.Load(nil, nil)
	return p, nil
}

// Load forgets everything and begins with the given links, and with what is known of ids beside them.
func (p *People) Load(links []store.Link, holders []store.Holder) {
	p.projects = map[uint32]*ids{}
	inOrder := func(a, b store.Link) int { return cmp.Compare(a.Position, b.Position) }
	if !slices.IsSortedFunc(links, inOrder) {
		links = slices.Clone(links)
		slices.SortStableFunc(links, inOrder)
	}
	for _, l := range links {
		g := p.of(uint32(l.Project)).graph
		if l.From == l.To {
			delete(g, l.From)
		} else {
			g[l.From] = node{parent: l.To}
		}
	}
	for _, i := range p.projects {
		i.graph.plant()
	}
	for _, h := range holders {
		p.of(uint32(h.Project)).holders[h.ID] = h
	}
	p.project, p.ids = 0, p.of(0)
}

func (p *People) of(project uint32) *ids {
	i := p.projects[project]
	if i == nil {
		i = &ids{graph: graph{}, holders: map[uint64]store.Holder{}}
		p.projects[project] = i
	}
	return i
}

// Device fills Derived.Device: the number of the device id, without a usable one that of the anonymous id, then of the
// user id, and 0 when there is none at all.
func (p *People) Device(e *event.Event) {
	d := &e.Derived
	switch {
	case !event.Nobody(e.Context.DeviceID):
		d.Device = event.IDNumber(event.SpaceDevice, e.Context.DeviceID)
	case !event.Nobody(e.AnonymousID):
		d.Device = event.IDNumber(event.SpaceAnonymous, e.AnonymousID)
	case !event.Nobody(e.UserID):
		d.Device = event.IDNumber(event.SpaceUser, e.UserID)
	default:
		d.Device = 0
	}
}

// Assign fills Derived.Person, Derived.Span and FlagBadIdentity, and returns what the event changes, which is valid until
// the next call. Derived.Position is set already. A person of 0 is nobody: no id can be used.
func (p *People) Assign(project uint32, e *event.Event) *store.Identities {
	if project != p.project {
		p.project, p.ids = project, p.of(project)
	}
	c := &p.changes
	c.Links, c.Hands, c.Holders = c.Links[:0], c.Hands[:0], c.Holders[:0]
	d := &e.Derived
	user, other := usable(e.UserID, d), usable(e.AnonymousID, d)
	device := usable(e.Context.DeviceID, d)
	previous := e.Kind == event.Alias && usable(e.PreviousID, d)
	if d.Flags&event.FlagBadIdentity != 0 {
		p.metrics.bad.Inc()
	}
	var userNumber, otherNumber uint64
	if user {
		userNumber = event.IDNumber(event.SpaceUser, e.UserID)
	}
	linking := (e.Kind == event.Identify || e.Links) && user
	if !user || linking || len(p.holders) > 0 {
		switch {
		case other:
			otherNumber = event.IDNumber(event.SpaceAnonymous, e.AnonymousID)
		case device:
			otherNumber = event.IDNumber(event.SpaceDevice, e.Context.DeviceID)
		}
	}
	switch {
	case linking && otherNumber != 0:
		p.signIn(userNumber, otherNumber, d.Position)
	case previous && user:
		p.alias(e, userNumber, d.Position)
	case user && otherNumber != 0:
		p.active(userNumber, otherNumber)
	}
	if user {
		d.Person = p.graph.root(userNumber)
	} else if otherNumber != 0 {
		d.Person, d.Span = p.anonymous(otherNumber, d.Position)
	}
	return c
}

// usable tells whether an id names somebody, and flags one that was given and does not.
func usable(id string, d *event.Derived) bool {
	if id == "" {
		return false
	}
	if event.Nobody(id) {
		d.Flags |= event.FlagBadIdentity
		return false
	}
	return true
}

// identify links a user and an anonymous id, unless that belongs to another. Since every link involves a user, an
// anonymous id that has any belongs to one.
func (p *People) identify(user, anonymous uint64, at uint64) bool {
	_, uLinked := p.graph[user]
	_, aLinked := p.graph[anonymous]
	switch {
	case !aLinked && !uLinked:
		p.link(user, anonymous, at)
	case !aLinked:
		p.link(anonymous, p.graph.root(user), at)
	default:
		return uLinked && p.graph.root(user) == p.graph.root(anonymous)
	}
	return true
}

// alias makes the previous id the user's. SDKs give a user id as well as an anonymous one there, so both are linked,
// unless it is the anonymous id that the event itself carries.
func (p *People) alias(e *event.Event, user uint64, at uint64) {
	if e.PreviousID == e.UserID {
		p.metrics.toItself.Inc()
		return
	}
	anonymous := event.IDNumber(event.SpaceAnonymous, e.PreviousID)
	if e.PreviousID != e.AnonymousID {
		previous := p.graph.root(event.IDNumber(event.SpaceUser, e.PreviousID))
		if u := p.graph.root(user); previous != u {
			if _, linked := p.graph[user]; linked {
				p.link(previous, u, at)
			} else {
				p.link(u, previous, at)
			}
		}
		if _, linked := p.graph[anonymous]; linked {
			return // It is somebody's already; the user id was meant.
		}
	}
	if e.PreviousID == e.AnonymousID {
		p.signIn(user, anonymous, at)
	} else if !p.identify(user, anonymous, at) {
		p.metrics.belongs.Inc()
	}
}

// link makes the root from yield to the root to.
func (p *People) link(from, to uint64, at uint64) {
	if max(1, p.graph[from].size)+max(1, p.graph[to].size) > MaxIDs {
		p.metrics.tooMany.Inc()
		return
	}
	p.graph.join(from, to)
	p.metrics.links.Inc()
	p.changes.Links = append(p.changes.Links, store.Link{
		Project: store.ProjectID(p.project), From: from, To: to, Position: eventlog.Position(at),
	})
}

func (g graph) join(from, to uint64) {
	size := max(1, g[from].size) + max(1, g[to].size)
	g[from] = node{parent: to}
	g[to] = node{parent: to, size: size}
}

// plant makes roots of the ids that others lead to and that lead nowhere, and counts what hangs on them.
func (g graph) plant() {
	var roots []uint64
	for _, n := range g {
		if _, ok := g[n.parent]; !ok {
			roots = append(roots, n.parent)
		}
	}
	for _, id := range roots {
		g[id] = node{parent: id}
	}
	for id := range g {
		root := g.root(id)
		g[root] = node{parent: root, size: g[root].size + 1}
	}
}

// root is the number that stands for an id, and shortens the way to it.
func (g graph) root(id uint64) uint64 {
	n, ok := g[id]
	if !ok || n.parent == id {
		return id
	}
	up := g[n.parent]
	if up.parent == n.parent {
		return n.parent
	}
	root := n.parent
	for up.parent != root {
		root = up.parent
		up = g[root]
	}
	for id != root {
		n = g[id]
		g[id] = node{parent: root}
		id = n.parent
	}
	return root
}
