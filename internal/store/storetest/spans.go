package storetest

import (
	"context"
	"fmt"
	"slices"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
)

// span is one that is open: its number, and the one among the people who is the user before.
type span struct {
	number uint64
	owner  int
}

// spanning makes some events of ids that carry no user id those of a span, which somebody else is the user of.
func (h *history) spanning(it *item, id int, pos eventlog.Position) {
	if id%3 == 0 || h.rng.IntN(2) == 0 {
		return
	}
	s, ok := h.open[it.project][id]
	if !ok {
		s = span{uint64(pos) + 1, h.rng.IntN(people)}
		h.open[it.project][id] = s
		it.holders = append(it.holders, store.Holder{Project: it.project, ID: personNumber(id), Owner: personNumber(s.owner), Span: s.number})
	}
	it.e.Derived.Span, it.e.Derived.Person = s.number, personNumber(h.roots[it.project][s.owner])
}

// hand closes the span of an id, and mostly gives it to another person.
func (h *history) hand(it *item, pos eventlog.Position) {
	id, to := h.rng.IntN(people), h.rng.IntN(people)
	s, ok := h.open[it.project][id]
	if !ok || it.e.Derived.Span == s.number {
		return
	}
	delete(h.open[it.project], id)
	known := store.Holder{Project: it.project, ID: personNumber(id)}
	roots := &h.roots[it.project]
	if roots[s.owner] != roots[to] {
		known.Owner = personNumber(to)
		it.hand = &store.Handover{
			Project: it.project, ID: known.ID, Span: s.number,
			From: personNumber(roots[s.owner]), To: personNumber(roots[to]), Position: pos,
		}
	}
	it.holders = append(it.holders, known)
}

// forget goes with an unlink: an id that is by itself has no span any more, and spans whose user it was are the rest's.
func (h *history) forget(project store.ProjectID, id, rest int) []store.Holder {
	open := h.open[project]
	delete(open, id)
	out := []store.Holder{{Project: project, ID: personNumber(id)}}
	for of, s := range open {
		if s.owner == id {
			open[of] = span{s.number, rest}
			out = append(out, store.Holder{Project: project, ID: personNumber(of), Owner: personNumber(rest), Span: s.number})
		}
	}
	return out
}

// persons are those whose events somebody's are, by the number of the id, before a position.
func (h *history) persons(project store.ProjectID, before eventlog.Position) map[uint64]uint64 {
	persons, _ := h.attributed(project, before, store.NextUser)
	return persons
}

// attributed are the persons of ids, and of spans, which are those of nobody's id.
func (h *history) attributed(project store.ProjectID, before eventlog.Position, a store.Attribution) (ids, spans map[uint64]uint64) {
	ids, spans = map[uint64]uint64{}, map[uint64]uint64{}
	of := map[uint64]uint64{}
	for i := range people {
		ids[personNumber(i)] = personNumber(i)
	}
	move := func(from, to uint64) {
		for _, list := range []map[uint64]uint64{ids, spans} {
			for id, person := range list {
				if person == from {
					list[id] = to
				}
			}
		}
	}
	for _, it := range h.items[:before] {
		if it.project != project {
			continue
		}
		if s := it.e.Derived.Span; s != 0 && of[s] == 0 {
			spans[s], of[s] = it.e.Derived.Person, it.own
		}
		for _, l := range it.links {
			move(l.From, l.To)
		}
		if x := it.hand; x != nil && a == store.NextUser {
			spans[x.Span] = x.To
		}
		if u := it.unlink; u != nil {
			ids[u.Person] = 0
			move(u.From, u.Rest)
			ids[u.Person] = u.Person
			for s := range spans {
				if of[s] == u.Person {
					spans[s] = u.Person
				}
			}
		}
	}
	return ids, spans
}

// holders are those that a store has, in order.
func (h *history) holders(before eventlog.Position) []store.Holder {
	var all []store.Holder
	for _, it := range h.items[:before] {
		all = append(all, it.holders...)
		if it.unlink != nil {
			all = append(all, it.unlink.Holders...)
		}
	}
	return store.LatestHolders(all)
}

// held holds what is durable of ids to the position up to which everything is. The background may be at work, so that the one
// moves before the other.
func (h *history) held(s Store) error {
	got, err := s.Holders(context.Background())
	if err != nil {
		return err
	}
	at := s.Position()
	// A store has one of each id.
	if want := h.holders(at); !slices.Equal(store.LatestHolders(got), want) || len(got) != len(want) {
		return fmt.Errorf("at %d holders %v, want %v", at, got, want)
	}
	return nil
}
