package identity

import (
	"cmp"
	"slices"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
)

// Unlink takes the id that an event of kind Unlink carries out of its person, and says what is to be done in the store. It is
// false for a user id that is linked to nobody; other ids may have spans that are somebody's, whatever links there are. The
// rest stays one person, also if the id is what has joined it: which calls did is not known any more. So does what anonymous
// ids did while the id was their user. It looks at all ids of the project.
func (p *People) Unlink(project uint32, e *event.Event) (store.Unlink, bool) {
	id := event.OwnNumber(e.UserID, e.AnonymousID, e.Context.DeviceID)
	all := p.of(project)
	if !event.Nobody(e.UserID) && !all.belongs(id, all.holders[id]) {
		return store.Unlink{}, false
	}
	g := all.graph
	root := g.root(id)
	var others []uint64
	for n := range g {
		if n != id && g.root(n) == root {
			others = append(others, n)
		}
	}
	u := store.Unlink{
		Project: store.ProjectID(project), Person: id, From: root, Rest: root, Position: eventlog.Position(e.Derived.Position),
	}
	if id == root && len(others) > 0 {
		// Any would do, if it is the same one whenever the log is read again.
		u.Rest = slices.Min(others)
	}
	delete(g, id)
	for _, n := range others {
		g[n] = node{parent: u.Rest}
	}
	if len(others) > 0 {
		g[u.Rest] = node{parent: u.Rest, size: int32(len(others))}
	}
	if len(others) == 1 {
		delete(g, u.Rest)
	}
	u.Holders = all.unlinked(u)
	p.metrics.unlinks.Inc()
	return u, true
}

// unlinked is what there is to know of ids, where that has changed, after one was taken out of its person.
func (i *ids) unlinked(u store.Unlink) (out []store.Holder) {
	for _, h := range i.holders {
		was := h
		if h.Owner == u.Person {
			h.Owner, h.Rival = u.Rest, 0
		}
		if h.Owner == h.ID {
			h.Owner = 0
		}
		if h.ID == u.Person || !i.belongs(h.ID, h) {
			h = store.Holder{Project: h.Project, ID: h.ID}
		}
		if h != was {
			out = append(out, h)
		}
	}
	for _, h := range out {
		i.hold(h)
	}
	slices.SortFunc(out, func(a, b store.Holder) int { return cmp.Compare(a.ID, b.ID) })
	return out
}
