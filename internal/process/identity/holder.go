package identity

import (
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
)

// An app that keeps its anonymous id when somebody signs out, on a phone that several people use, sends anonymous events
// that may be of the user before or of the one to come. Whoever signs in next gets what the id has done since a user was
// last active with it; he may have been active himself between that and his signing in. All else stays with the user before,
// and so does everything while nobody signs in. So what such an id does from one activity of a user to the next is a span
// with a number, which is given to the user before, and handed over when another one signs in. Before the first user there
// is no span: all of that is the first user's, by a link.
//
// Order is that of the log, which is that of each device.

// signIn links a user and an anonymous id, or, when that belongs to another, makes the user its owner from now on.
func (p *People) signIn(user, id, at uint64) {
	h := p.holders[id]
	if !p.belongs(id, h) {
		p.identify(user, id, at)
		return
	}
	from, to := p.graph.root(owner(id, h)), p.graph.root(user)
	switch {
	case from != to:
		if h.Span != 0 && (h.Rival == 0 || p.graph.root(h.Rival) == to) {
			p.metrics.hands.Inc()
			p.changes.Hands = append(p.changes.Hands, store.Handover{
				Project: store.ProjectID(p.project), ID: id, Span: h.Span, From: from, To: to, Position: eventlog.Position(at),
			})
		}
		p.hold(id, store.Holder{Owner: user})
	case h.Span != 0:
		p.hold(id, store.Holder{Owner: h.Owner})
	}
}

// active notes that a user is active with an id, which ends its span.
func (p *People) active(user, id uint64) {
	h := p.holders[id]
	if h.Span == 0 {
		return
	}
	is := p.graph.root(user)
	switch {
	case is == p.graph.root(owner(id, h)) || h.Rival != 0 && is != p.graph.root(h.Rival):
		h.Span, h.Rival = 0, 0
	case h.Rival == 0:
		h.Rival = user
	default:
		return
	}
	p.hold(id, h)
}

// anonymous is whose an event of an id is that comes without a user, and its span.
func (p *People) anonymous(id, at uint64) (person, span uint64) {
	h := p.holders[id]
	if !p.belongs(id, h) {
		return id, 0
	}
	if h.Span == 0 || h.Rival != 0 {
		// No other span has this number: it is of the one event that begins it.
		h.Span, h.Rival = at+1, 0
		p.hold(id, h)
	}
	return p.graph.root(owner(id, h)), h.Span
}

// belongs tells whether an id has had a user.
func (i *ids) belongs(id uint64, h store.Holder) bool {
	if h.Owner != 0 {
		return true
	}
	_, linked := i.graph[id]
	return linked
}

// owner is the user of an id, or one of the ids of the person that it is linked to: itself.
func owner(id uint64, h store.Holder) uint64 {
	if h.Owner != 0 {
		return h.Owner
	}
	return id
}

// hold replaces what is known of an id.
func (p *People) hold(id uint64, h store.Holder) {
	h.Project, h.ID = store.ProjectID(p.project), id
	p.ids.hold(h)
	p.changes.Holders = append(p.changes.Holders, h)
}

func (i *ids) hold(h store.Holder) {
	if h.Forgotten() {
		delete(i.holders, h.ID)
		return
	}
	i.holders[h.ID] = h
}
