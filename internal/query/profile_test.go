package query_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/process/identity"
	"github.com/freshet/freshet/internal/query"
)

// TestPersonPagesAgreeWithOracle reads the events of some people of a random history page by page: none is missing, and
// sessions begin and end where the definition says. The profile counts the same, and so does a search for everybody.
func TestPersonPagesAgreeWithOracle(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		askHistory(t, rt, 1, func(e *query.Engine, o *oracle, _ time.Time) {
			persons := map[uint64]bool{}
			for i := range o.events {
				persons[o.person(&o.events[i])] = true
			}
			delete(persons, 0)
			if all := ascending(persons); len(all) > 0 {
				for _, person := range rapid.SliceOfNDistinct(rapid.SampledFrom(all), 1, min(3, len(all)), rapid.ID).Draw(rt, "people") {
					o.checkPages(rt, e, person)
				}
			}
			o.checkSearch(rt, e, persons)
		})
	})
}

// checkPages compares the pages of a person's events and the profile with the person's own history.
func (o *oracle) checkPages(t *rapid.T, e *query.Engine, person uint64) {
	ctx, id := context.Background(), strconv.FormatUint(person, 10)
	want := o.histories("", func(e *event.Event) bool { return o.person(e) == person })[person]
	own := &oracle{scope: o.scope, merged: o.merged, handed: o.handed}
	for _, e := range want {
		own.events = append(own.events, *e)
	}
	var got []query.PersonEvent
	limit := rapid.IntRange(1, 7).Draw(t, "limit")
	for cursor := ""; ; {
		page, err := e.PersonEvents(ctx, o.scope, id, query.EventFilter{}, cursor, limit)
		if err != nil || page.Person != id {
			t.Fatalf("events of %s: %v", id, err)
		}
		got = append(got, page.Events...)
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	slices.Reverse(got)
	if len(got) != len(want) {
		t.Fatalf("%d events of %s, want %d", len(got), id, len(want))
	}
	firsts, lasts, bearing := 0, 0, 0
	for i := range got {
		if uint64(got[i].Position) != want[i].Derived.Position {
			t.Fatalf("event %d of %s is at %d, want %d", i, id, got[i].Position, want[i].Derived.Position)
		}
		if s := got[i].Session; s != nil {
			bearing++
			if s.First && !s.StartedAt.Equal(got[i].Timestamp) || s.Last && !s.EndedAt.Equal(got[i].Timestamp) {
				t.Fatalf("event %d of %s: %s", i, id, asJSON(got[i]))
			}
			firsts, lasts = firsts+truth(s.First), lasts+truth(s.Last)
		}
	}
	visits := own.visits(&query.Sessions{By: "client", Gap: "30min", Midnight: "continue", Holding: &query.Selector{}}, o.scope.Zone)
	events := 0
	for _, v := range visits {
		events += v.events
	}
	p, err := e.Profile(ctx, o.scope, "person:"+id)
	if err != nil || firsts != len(visits) || lasts != len(visits) || bearing != events || p.Sessions != len(visits) || p.Events != int64(len(want)) {
		t.Fatalf("%s has %d and %d ends of sessions of %d events, and %s; want %d sessions of %d events: %v",
			id, firsts, lasts, bearing, asJSON(p), len(visits), events, err)
	}
	counted := int64(0)
	for _, n := range p.Names {
		counted += n.Events
	}
	if counted != p.Events {
		t.Fatalf("%d events by name, %d in all", counted, p.Events)
	}
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}

// checkSearch pages through everybody.
func (o *oracle) checkSearch(t *rapid.T, e *query.Engine, persons map[uint64]bool) {
	var last time.Time
	for cursor := ""; ; {
		page, err := e.Search(context.Background(), o.scope, query.PersonFilter{}, cursor, rapid.IntRange(1, 5).Draw(t, "limit"))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range page.People {
			n, _ := strconv.ParseUint(p.Person, 10, 64)
			if !persons[n] || !last.IsZero() && p.LastSeen.After(last) {
				t.Fatalf("%s comes twice, too late or is nobody", asJSON(p))
			}
			delete(persons, n)
			last = *p.LastSeen
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if len(persons) > 0 {
		t.Fatalf("not found: %v", persons)
	}
}

// knownPeople are three people: ann, who was anonymous on two phones and somebody else's name before, bob, who took over
// one of the phones, and carl. Half of it is on disk.
func knownPeople(t *testing.T) (*query.Engine, query.Scope) {
	t.Helper()
	dir, base := t.TempDir(), time.Date(2026, 5, 1, 10, 0, 0, 0, time.UTC)
	s := openThreads(t, dir, 1)
	people, err := identity.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	text := func(key, value string) event.Property {
		return event.Property{Key: key, Type: event.String, Str: value}
	}
	for i, e := range []event.Event{
		{AnonymousID: "a1"},
		{Kind: event.Identify, UserID: "ann", AnonymousID: "a1", Traits: []event.Property{text("email", "ann@old.com"), text("name", "Ann")}},
		{AnonymousID: "a2"},
		{Kind: event.Identify, UserID: "ann", AnonymousID: "a2", Traits: []event.Property{text("email", "ann@new.com")}},
		{Kind: event.Alias, UserID: "ann", PreviousID: "old-ann"},
		{UserID: "old-ann"},
		{Kind: event.Identify, UserID: "ann", Context: event.Context{DeviceID: "d7"}},
		{UserID: "bob", AnonymousID: "a1", Traits: []event.Property{text("name", `Böb "X"`)}},
		{UserID: "carl"},
	} {
		if i == 4 {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = openThreads(t, dir, 1)
		}
		e.ID, e.Name = fmt.Sprint(i), "open"
		at := base.Add(time.Duration(i) * time.Minute).UnixMicro()
		e.Derived = event.Derived{Position: uint64(i), Time: at, ReceivedAt: at}
		e.Derived.Key, _ = event.KeyOf(e.ID)
		people.Device(&e)
		for _, l := range people.Assign(1, &e).Links {
			s.AddLink(l)
		}
		s.Add(1, time.UTC, "native", &e)
		if err := s.Commit(context.Background(), eventlog.Position(i+1)); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = s.Close() })
	return engine(t, query.Options{Store: s}), query.Scope{Project: 1, Zone: time.UTC, SessionGap: 30 * time.Minute}
}

// TestIdentities: any id of a person leads to the person, also one that no event carries as its own, and an id of somebody
// else's that came with an event does not count.
func TestIdentities(t *testing.T) {
	e, scope := knownPeople(t)
	for _, id := range []string{"ann", "user:ann", "anonymous:a1", "a1", "a2", "old-ann", "d7"} {
		p, err := e.Profile(context.Background(), scope, id)
		if err != nil {
			t.Errorf("%s: %v", id, err)
			continue
		}
		var ids []string
		for _, i := range p.Identities {
			linked := ""
			if i.LinkedAt != nil {
				linked = " at " + i.LinkedAt.Format("15:04")
			}
			ids = append(ids, fmt.Sprint(i.Kind, " ", i.ID, " ", i.Events, linked))
		}
		slices.Sort(ids)
		want := "anonymous a1 2 at 10:01; anonymous a2 2 at 10:03; anonymous old-ann 1 at 10:04; device d7 1 at 10:06; user ann 4 at 10:01; user old-ann 2 at 10:04"
		if got := strings.Join(ids, "; "); got != want || p.IdentitiesTotal != 6 || p.UserID != "ann" {
			t.Errorf("%s: %s, want %s", id, got, want)
		}
	}
	if p, err := e.Profile(context.Background(), scope, "bob"); err != nil || p.IdentitiesTotal != 1 || p.Identities[0].ID != "bob" {
		t.Errorf("bob, on the phone of ann: %s %v", asJSON(p), err)
	}
	for _, id := range []string{"anonymous:ann", "nobody", "7", "", "0"} {
		_, err := e.Profile(context.Background(), scope, id)
		var known *event.Error
		if !errors.As(err, &known) || known.Code != "no_person" {
			t.Errorf("%q: %v", id, err)
		}
	}
}

// TestSearch goes by what ids and present traits begin with.
func TestSearch(t *testing.T) {
	e, scope := knownPeople(t)
	for _, c := range []struct{ query, trait, want string }{
		{"", "", "carl bob ann"},
		{"an", "", "ann"},
		{"A", "", "bob ann"},
		{"OLD-", "", "ann"},
		{"d7", "", "ann"},
		{"user:bob", "", "bob"},
		{"ann@new", "", "ann"},
		{"ann@old", "", ""},
		{"Ann@NEW", "email", "ann"},
		{"ann", "email", "ann"},
		{"carl", "name", ""},
		{"böb \"x", "name", "bob"},
		{"nn", "", ""},
		{"42", "", ""},
	} {
		page, err := e.Search(context.Background(), scope, query.PersonFilter{Query: c.query, Trait: c.trait}, "", 0)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range page.People {
			got = append(got, p.UserID)
		}
		if strings.Join(got, " ") != c.want || page.Next != "" {
			t.Errorf("%q in %q: %v, want %s", c.query, c.trait, got, c.want)
		}
	}
	first, err := e.Search(context.Background(), scope, query.PersonFilter{}, "", 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Search(context.Background(), scope, query.PersonFilter{Query: "a"}, first.Next, 1); event.KindOf(err) != event.Invalid {
		t.Errorf("the cursor of another search: %v", err)
	}
	if _, err := json.Marshal(first); err != nil {
		t.Error(err)
	}
}
