package identity

import "github.com/freshet/freshet/internal/event"

// mostForeseen bounds what is remembered of sign-ins ahead of their turn, a project.
const mostForeseen = 1 << 18

// Preview fills Derived.Person and Derived.Span of an event ahead of its turn, as far as can be told: by the links that there
// are, and by who has signed in, among the events that Preview was given, as a user without any. Nothing else is changed.
func (p *People) Preview(project uint32, e *event.Event) {
	i := p.of(project)
	d := &e.Derived
	var user, other uint64
	if usable(e.UserID, d) {
		user = event.IDNumber(event.SpaceUser, e.UserID)
	}
	switch {
	case usable(e.AnonymousID, d):
		other = event.IDNumber(event.SpaceAnonymous, e.AnonymousID)
	case usable(e.Context.DeviceID, d):
		other = event.IDNumber(event.SpaceDevice, e.Context.DeviceID)
	}
	if user == 0 {
		h := i.holders[other]
		if d.Person = other; other != 0 && i.belongs(other, h) {
			d.Person = i.graph.root(owner(other, h))
			if h.Rival == 0 {
				d.Span = h.Span
			}
		}
		return
	}
	d.Person = i.graph.root(user)
	if to, ok := i.foreseen[user]; ok {
		d.Person = to
		return
	}
	if _, linked := i.graph[user]; linked || other == 0 || e.Kind != event.Identify && !e.Links {
		return
	}
	if !i.belongs(other, i.holders[other]) && len(i.foreseen) < mostForeseen {
		if i.foreseen == nil {
			i.foreseen = map[uint64]uint64{}
		}
		i.foreseen[user], d.Person = other, other
	}
}

// EndPreview forgets what Preview has seen.
func (p *People) EndPreview() {
	for _, i := range p.projects {
		i.foreseen = nil
	}
}
