package identity

import (
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/store"
)

func people(t interface{ Fatal(...any) }) *People {
	p, err := New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func count(c prometheus.Counter) float64 {
	var m dto.Metric
	_ = c.Write(&m)
	return m.GetCounter().GetValue()
}

func identify(user, anonymous string) event.Event {
	return event.Event{Kind: event.Identify, UserID: user, AnonymousID: anonymous}
}

func alias(previous, user string) event.Event {
	return event.Event{Kind: event.Alias, UserID: user, PreviousID: previous}
}

func person(p *People, e event.Event) uint64 {
	p.Assign(1, &e)
	return e.Derived.Person
}

func user(id string) event.Event      { return event.Event{UserID: id} }
func anonymous(id string) event.Event { return event.Event{AnonymousID: id} }

func TestPerson(t *testing.T) {
	p := people(t)
	if person(p, user("x")) == person(p, anonymous("x")) {
		t.Error("user x and anonymous x are one person")
	}
	if got := person(p, event.Event{UserID: "x", AnonymousID: "a"}); got != person(p, user("x")) || got == person(p, anonymous("a")) {
		t.Error("a track call with both ids is not the user's, or has linked them")
	}
	bad := event.Event{UserID: "null", AnonymousID: "a"}
	if p.Assign(1, &bad); bad.Derived.Person != person(p, anonymous("a")) || bad.Derived.Flags != event.FlagBadIdentity {
		t.Errorf("%+v", bad.Derived)
	}
	e := identify("undefined", "a")
	if links := p.Assign(1, &e).Links; len(links) != 0 {
		t.Error("an id of nobody was linked", links)
	}
	e = identify("x", "a")
	e.Derived.Position = 9
	links := p.Assign(1, &e).Links
	want := store.Link{Project: 1, From: event.IDNumber(event.SpaceUser, "x"), To: event.IDNumber(event.SpaceAnonymous, "a"), Position: 9}
	if len(links) != 1 || links[0] != want || e.Derived.Person != want.To {
		t.Errorf("links %v, person %d, want %v", links, e.Derived.Person, want)
	}
	if links := p.Assign(1, &e).Links; len(links) != 0 {
		t.Error("replayed, the call links again")
	}
	e = identify("x", "b")
	if links = p.Assign(1, &e).Links; len(links) != 1 || links[0].From != event.IDNumber(event.SpaceAnonymous, "b") || links[0].To != want.To {
		t.Errorf("second device: %v", links)
	}
	if other := event.IDNumber(event.SpaceUser, "x"); e.Derived.Person == other {
		t.Error("the person changed")
	}
	e = user("x")
	if p.Assign(2, &e); e.Derived.Person != event.IDNumber(event.SpaceUser, "x") {
		t.Error("a link of another project is used")
	}
}

// TestLinks: an SDK without a call to identify links by the events that carry both ids, and the phone is the last one's.
func TestLinks(t *testing.T) {
	p := people(t)
	both := event.Event{Kind: event.Track, UserID: "ann", AnonymousID: "phone", Links: true}
	if got := person(p, both); got != person(p, anonymous("phone")) || got != person(p, user("ann")) {
		t.Error("the ids of the event are not one person")
	}
	both.UserID = "bob"
	if person(p, both) == person(p, user("ann")) {
		t.Error("a shared phone made two users one")
	}
	if n := count(p.metrics.belongs); n != 0 {
		t.Errorf("%v refusals counted", n)
	}
	both.UserID = ""
	if links := p.Assign(1, &both).Links; len(links) != 0 || both.Derived.Person != person(p, user("bob")) {
		t.Errorf("an event of the phone alone: %v", links)
	}
}

func TestDevice(t *testing.T) {
	p := people(t)
	e := event.Event{UserID: "u", AnonymousID: "a", Context: event.Context{DeviceID: "d"}}
	for _, want := range []uint64{
		event.IDNumber(event.SpaceDevice, "d"), event.IDNumber(event.SpaceAnonymous, "a"),
		event.IDNumber(event.SpaceUser, "u"), 0,
	} {
		if p.Device(&e); e.Derived.Device != want {
			t.Errorf("device %d, want %d", e.Derived.Device, want)
		}
		switch {
		case e.Context.DeviceID == "d":
			e.Context.DeviceID = "00000000-0000-0000-0000-000000000000"
		case e.AnonymousID == "a":
			e.AnonymousID = ""
		default:
			e.UserID = "null"
		}
	}
}

func TestSharedPhone(t *testing.T) {
	p := people(t)
	person(p, identify("ann", "phone"))
	bob := person(p, identify("bob", "phone"))
	if bob == person(p, user("ann")) || bob != person(p, user("bob")) || person(p, anonymous("phone")) != bob {
		t.Error("a shared phone made two users one, or is not the last one's")
	}
	if n := count(p.metrics.belongs); n != 0 {
		t.Errorf("%v refusals counted", n)
	}
	person(p, alias("bob", "ann"))
	if person(p, user("bob")) != person(p, user("ann")) {
		t.Error("alias does not join two users")
	}
}

func TestAlias(t *testing.T) {
	p := people(t)
	person(p, alias("a", "b"))
	person(p, alias("b", "a"))
	person(p, alias("a", "a"))
	if person(p, user("a")) != person(p, user("b")) || person(p, anonymous("a")) != person(p, user("b")) {
		t.Error("alias did not link")
	}
	if n := count(p.metrics.toItself); n != 1 {
		t.Errorf("%v self links counted", n)
	}
}

func TestMaxIDs(t *testing.T) {
	p := people(t)
	for i := range MaxIDs + 10 {
		person(p, identify("u", fmt.Sprint("a", i)))
	}
	u, in := person(p, user("u")), 0
	for i := range MaxIDs + 10 {
		if person(p, anonymous(fmt.Sprint("a", i))) == u {
			in++
		}
	}
	if in != MaxIDs-1 || count(p.metrics.tooMany) != 11 {
		t.Errorf("%d anonymous ids, %v refusals", in, count(p.metrics.tooMany))
	}
}

// TestAnyOrder: histories in which no anonymous id is claimed by two users give the same persons whatever order they
// arrive in, however often, and through restarts that know the links only.
func TestAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const ids = 8
		name := func(kind string) string { return fmt.Sprint(kind, rapid.IntRange(0, ids-1).Draw(t, kind)) }
		owner := map[string]string{}
		naive := map[string]int{}
		for i := range ids {
			naive[fmt.Sprint("u", i)], naive[fmt.Sprint("a", i)] = i, ids+i
		}
		join := func(a, b string) {
			from, to := naive[a], naive[b]
			for k, v := range naive {
				if v == from {
					naive[k] = to
				}
			}
		}
		var calls []event.Event
		for range rapid.IntRange(0, 25).Draw(t, "calls") {
			if rapid.Bool().Draw(t, "is alias") {
				a, b := name("u"), name("u")
				calls = append(calls, alias(a, b))
				join(a, b)
				continue
			}
			a := name("a")
			if owner[a] == "" {
				owner[a] = name("u")
			}
			calls = append(calls, identify(owner[a], a))
			join(a, owner[a])
		}
		calls = append(calls, calls[:len(calls)/2]...)
		calls = rapid.Permutation(calls).Draw(t, "order")
		p := people(t)
		var links []store.Link
		for i := range calls {
			calls[i].Derived.Position = uint64(i)
			links = append(links, p.Assign(1, &calls[i]).Links...)
		}
		p.check(t)
		restarted := people(t)
		restarted.Load(links, nil)
		restarted.check(t)
		event := func(id string) event.Event {
			if id[0] == 'u' {
				return user(id)
			}
			return anonymous(id)
		}
		for a := range naive {
			for b := range naive {
				if same := person(p, event(a)) == person(p, event(b)); same != (naive[a] == naive[b]) {
					t.Fatalf("%s and %s: one person %v", a, b, same)
				}
			}
			if person(p, event(a)) != person(restarted, event(a)) {
				t.Fatalf("%s is another person after a restart", a)
			}
		}
	})
}

// check holds the sizes to what they count.
func (p *People) check(t *rapid.T) {
	for _, i := range p.projects {
		g := i.graph
		size := map[uint64]int32{}
		for id := range g {
			size[g.root(id)]++
		}
		for id, n := range size {
			if g[id].size != n {
				t.Fatalf("root %d has %d ids and says %d", id, n, g[id].size)
			}
		}
	}
}

func BenchmarkAssign(b *testing.B) {
	p := people(b)
	for i := range 100_000 {
		person(p, identify(fmt.Sprint("user-", i), fmt.Sprint("a-", i)))
	}
	events := make([]event.Event, 4096)
	for i := range events {
		events[i] = event.Event{UserID: fmt.Sprint("user-", i*20), AnonymousID: "0b54a1ce-5e45-4c4b-9f8b-3cf1d3b0a001"}
	}
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		p.Assign(1, &events[n&4095])
		n++
	}
}
