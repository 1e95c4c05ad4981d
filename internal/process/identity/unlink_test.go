package identity

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/store"
)

func unlink(e event.Event) event.Event {
	e.Kind = event.Unlink
	return e
}

// history is what a store would have: every link that was made, in order.
type history struct {
	people  *People
	links   []store.Link
	holders map[uint64]store.Holder
	// hands are the persons whose the events of spans have become.
	hands map[uint64]uint64
	at    uint64
}

func newHistory(t interface{ Fatal(...any) }) *history {
	return &history{people: people(t), holders: map[uint64]store.Holder{}, hands: map[uint64]uint64{}}
}

func (h *history) hold(holders []store.Holder) {
	for _, s := range holders {
		h.holders[s.ID] = s
		if s.Forgotten() {
			delete(h.holders, s.ID)
		}
	}
}

// restart begins anew with what a store knows.
func (h *history) restart(t interface{ Fatal(...any) }) {
	again := people(t)
	again.Load(h.links, slices.Collect(maps.Values(h.holders)))
	h.people = again
}

func (h *history) call(e event.Event) bool {
	if e.Kind != event.Unlink {
		h.send(&e)
		return true
	}
	h.at++
	e.Derived.Position = h.at
	u, ok := h.people.Unlink(1, &e)
	if ok {
		h.links = append(h.links, u.Links(h.links)...)
		h.hold(u.Holders)
	}
	return ok
}

func (h *history) send(e *event.Event) {
	h.at++
	e.Derived.Position = h.at
	c := h.people.Assign(1, e)
	h.links = append(h.links, c.Links...)
	h.hold(c.Holders)
	for _, x := range c.Hands {
		h.hands[x.Span] = x.To
	}
}

// leads follows the last link of each person, as a store does.
func (h *history) leads(id uint64) uint64 {
	last := map[uint64]uint64{}
	for _, l := range h.links {
		last[l.From] = l.To
	}
	for to, ok := last[id]; ok && to != id; to, ok = last[id] {
		id = to
	}
	return id
}

func TestUnlink(t *testing.T) {
	h := newHistory(t)
	p := h.people
	if h.call(unlink(user("ann"))) {
		t.Error("an id that nobody knows was unlinked")
	}
	h.call(identify("ann", "phone"))
	h.call(identify("ann", "tablet"))
	h.call(unlink(anonymous("phone")))
	if person(p, anonymous("phone")) != event.IDNumber(event.SpaceAnonymous, "phone") || person(p, anonymous("tablet")) != person(p, user("ann")) {
		t.Error("the phone was the root; it is by itself, and the others are one person")
	}
	h.call(identify("bob", "phone"))
	if person(p, anonymous("phone")) != person(p, user("bob")) || person(p, user("bob")) == person(p, user("ann")) {
		t.Error("the phone does not go to the next who signs in")
	}
	if !h.call(unlink(user("ann"))) || h.call(unlink(user("ann"))) {
		t.Error("a user id is unlinked once")
	}
	if n := count(p.metrics.unlinks); n != 2 {
		t.Errorf("%v unlinks counted", n)
	}
}

// oracle has each id's person by a label, and knows no numbers, roots or trees.
type oracle map[string]int

func (o oracle) linked(id string) bool {
	n := 0
	for _, label := range o {
		if label == o[id] {
			n++
		}
	}
	return n > 1
}

func (o oracle) join(a, b string) {
	from, to := o[a], o[b]
	for k, v := range o {
		if v == from {
			o[k] = to
		}
	}
}

func (o oracle) identify(user, anonymous string) {
	if !o.linked(anonymous) {
		o.join(user, anonymous)
	}
}

func (o oracle) alias(previous, user string) {
	if previous == user {
		return
	}
	o.join("u"+previous, "u"+user)
	if !o.linked("a" + previous) {
		o.join("u"+user, "a"+previous)
	}
}

// TestUnlinkOracle: after any history of calls and unlinks the ids that are one person are those that the rules say, links
// say the same as the graph, and a restart that knows the links only changes no number.
func TestUnlinkOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const ids = 6
		want := oracle{}
		for i := range ids {
			want[fmt.Sprint("u", i)], want[fmt.Sprint("a", i)] = i, ids+i
		}
		names := slices.Sorted(maps.Keys(want))
		fresh := len(want)
		carrying := func(name string) event.Event {
			if name[0] == 'u' {
				return user("i" + name[1:])
			}
			return anonymous("i" + name[1:])
		}
		h := newHistory(t)
		number := func() string { return fmt.Sprint(rapid.IntRange(0, ids-1).Draw(t, "id")) }
		for range rapid.IntRange(0, 30).Draw(t, "calls") {
			switch rapid.IntRange(0, 5).Draw(t, "call") {
			case 0, 1:
				// An id that is somebody's is another matter: see TestSharedOracle.
				if u, a := number(), number(); !want.linked("a" + a) {
					h.call(identify("i"+u, "i"+a))
					want.identify("u"+u, "a"+a)
				}
			case 2:
				from, to := number(), number()
				h.call(alias("i"+from, "i"+to))
				want.alias(from, to)
			case 3, 4:
				name := rapid.SampledFrom(names).Draw(t, "unlinked")
				linked := want.linked(name)
				if h.call(unlink(carrying(name))) != linked && name[0] == 'u' {
					t.Fatalf("%s was linked: %t", name, linked)
				}
				want[name] = fresh
				fresh++
			default:
				h.restart(t)
			}
			h.people.check(t)
			for _, a := range names {
				e := carrying(a)
				if got, leads := person(h.people, e), h.leads(event.OwnNumber(e.UserID, e.AnonymousID, "")); got != leads {
					t.Fatalf("%s is person %d, the links lead to %d", a, got, leads)
				}
				for _, b := range names {
					if same := person(h.people, carrying(a)) == person(h.people, carrying(b)); same != (want[a] == want[b]) {
						t.Fatalf("%s and %s: one person %v", a, b, same)
					}
				}
			}
			again := people(t)
			again.Load(h.links, slices.Collect(maps.Values(h.holders)))
			again.check(t)
			for _, a := range names {
				if person(h.people, carrying(a)) != person(again, carrying(a)) {
					t.Fatalf("%s is another person after a restart", a)
				}
			}
		}
	})
}
