package identity

import (
	"cmp"
	"fmt"
	"maps"
	"testing"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
)

func both(user, anonymous string) event.Event {
	return event.Event{UserID: user, AnonymousID: anonymous}
}

// TestSignedOut: whose what a phone does between its users becomes.
func TestSignedOut(t *testing.T) {
	for name, c := range map[string]struct {
		calls []event.Event
		// want is the user of each anonymous event, in order.
		want []string
	}{
		"before the first":       {[]event.Event{anonymous("p"), identify("ann", "p")}, []string{"ann"}},
		"nobody signs in":        {[]event.Event{identify("ann", "p"), anonymous("p")}, []string{"ann"}},
		"the next signs in":      {[]event.Event{identify("ann", "p"), anonymous("p"), anonymous("p"), identify("bob", "p"), anonymous("p")}, []string{"bob", "bob", "bob"}},
		"the same signs in":      {[]event.Event{identify("ann", "p"), anonymous("p"), identify("ann", "p"), identify("bob", "p")}, []string{"ann"}},
		"the user was active":    {[]event.Event{identify("ann", "p"), anonymous("p"), both("ann", "p"), identify("bob", "p")}, []string{"ann"}},
		"another was active":     {[]event.Event{identify("ann", "p"), anonymous("p"), both("eve", "p"), identify("bob", "p")}, []string{"ann"}},
		"the next was active":    {[]event.Event{identify("ann", "p"), anonymous("p"), both("bob", "p"), both("bob", "p"), identify("bob", "p")}, []string{"bob"}},
		"two were active":        {[]event.Event{identify("ann", "p"), anonymous("p"), both("bob", "p"), both("eve", "p"), identify("bob", "p")}, []string{"ann"}},
		"the last part only":     {[]event.Event{identify("ann", "p"), anonymous("p"), both("eve", "p"), anonymous("p"), identify("bob", "p")}, []string{"ann", "bob"}},
		"and back":               {[]event.Event{identify("ann", "p"), anonymous("p"), identify("bob", "p"), anonymous("p"), identify("ann", "p"), anonymous("p")}, []string{"bob", "ann", "ann"}},
		"an alias is a sign-in":  {[]event.Event{identify("ann", "p"), anonymous("p"), {Kind: event.Alias, UserID: "bob", AnonymousID: "p", PreviousID: "p"}}, []string{"bob"}},
		"two users become one":   {[]event.Event{identify("ann", "p"), anonymous("p"), identify("bob", "p"), alias("bob", "cyd")}, []string{"cyd"}},
		"one person is no other": {[]event.Event{identify("ann", "p"), alias("ann", "bob"), anonymous("p"), identify("bob", "p"), identify("eve", "p")}, []string{"ann"}},
		"unlinked":               {[]event.Event{identify("ann", "p"), anonymous("p"), identify("bob", "p"), anonymous("p"), unlink(user("ann")), anonymous("p")}, []string{"bob", "bob", "bob"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHistory(t)
			var sent []event.Event
			for _, e := range c.calls {
				if e.Kind == event.Unlink {
					h.call(e)
					continue
				}
				h.send(&e)
				if e.UserID == "" {
					sent = append(sent, e)
				}
				h.restart(t)
			}
			for i, e := range sent {
				if got, want := h.now(&e), h.leads(event.IDNumber(event.SpaceUser, c.want[i])); got != want {
					t.Errorf("event %d is %d's, want %s, %d", i, got, c.want[i], want)
				}
			}
		})
	}
}

// now is whose an event has become.
func (h *history) now(e *event.Event) uint64 {
	if to, ok := h.hands[e.Derived.Span]; ok {
		return h.leads(to)
	}
	return h.leads(e.Derived.Person)
}

// moment is what an oracle has of one call: the persons behind it, by a label for each id.
type moment struct {
	user, id string
	signsIn  bool
	persons  oracle
}

// whose is the name of an id of the person that the anonymous event at i is of, by looking at all that came after it.
func whose(calls []moment, i int) string {
	id, owner := calls[i].id, ""
	for _, c := range calls[:i] {
		if c.signsIn && c.id == id && (owner == "" || c.persons[owner] != c.persons[c.user]) {
			owner = c.user
		}
	}
	if owner == "" && !calls[i].persons.linked(id) {
		return id
	}
	before := cmp.Or(owner, id)
	rival := ""
	for _, c := range calls[i+1:] {
		switch {
		case c.id != id:
			continue
		case c.user == "":
			if rival != "" {
				return before
			}
		case c.persons[c.user] == c.persons[before]:
			return before
		case rival != "" && c.persons[c.user] != c.persons[rival]:
			return before
		case c.signsIn:
			return c.user
		case rival == "":
			rival = c.user
		}
	}
	return before
}

// TestSharedOracle: whatever users and ids do, and through restarts that know what a store knows, every anonymous event is
// the person's whom one finds by looking at all that its id did before and after.
func TestSharedOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const ids = 4
		labels := oracle{}
		for i := range ids {
			labels[fmt.Sprint("u", i)], labels[fmt.Sprint("a", i)] = i, ids+i
		}
		h := newHistory(t)
		number := func() string { return fmt.Sprint(rapid.IntRange(0, ids-1).Draw(t, "id")) }
		var calls []moment
		sent := map[int]event.Event{}
		for range rapid.IntRange(0, 40).Draw(t, "calls") {
			u, a := number(), fmt.Sprint(rapid.IntRange(0, 1).Draw(t, "phone"))
			switch rapid.IntRange(0, 9).Draw(t, "call") {
			case 0, 1, 2:
				e := anonymous("i" + a)
				h.send(&e)
				sent[len(calls)] = e
				calls = append(calls, moment{id: "a" + a})
			case 3, 4, 5:
				h.call(both("i"+u, "i"+a))
				calls = append(calls, moment{id: "a" + a, user: "u" + u})
			case 6, 7:
				h.call(identify("i"+u, "i"+a))
				labels.identify("u"+u, "a"+a)
				calls = append(calls, moment{id: "a" + a, user: "u" + u, signsIn: true})
			case 8:
				to := number()
				if u == a || labels.linked("a"+u) {
					continue // an alias of an anonymous id is tried above
				}
				h.call(alias("i"+u, "i"+to))
				labels.alias(u, to)
				calls = append(calls, moment{})
			default:
				h.restart(t)
				continue
			}
			calls[len(calls)-1].persons = maps.Clone(labels)
		}
		number64 := func(name string) uint64 {
			if name[0] == 'u' {
				return h.leads(event.IDNumber(event.SpaceUser, "i"+name[1:]))
			}
			return h.leads(event.IDNumber(event.SpaceAnonymous, "i"+name[1:]))
		}
		for i, e := range sent {
			if got, want := h.now(&e), number64(whose(calls, i)); got != want {
				t.Fatalf("the event of call %d, of span %d, is %d's, want %s, %d: %+v", i, e.Derived.Span, got, whose(calls, i), want, calls)
			}
		}
	})
}
