package rest

import (
	"context"
	"net/http"
	"strconv"
	"testing"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/process/identity"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/store"
)

// unlinker does at once what process does behind the log.
type unlinker struct{ w *world }

func (u unlinker) Unlink(ctx context.Context, p store.ProjectID, space event.Space, id string) (eventlog.Position, error) {
	e := event.Event{Kind: event.Unlink, Derived: event.Derived{Position: uint64(u.w.next)}}
	switch space {
	case event.SpaceUser:
		e.UserID = id
	case event.SpaceAnonymous:
		e.AnonymousID = id
	default:
		e.Context.DeviceID = id
	}
	if unlink, ok := u.w.people.Unlink(uint32(p), &e); ok {
		u.w.store.Unlink(unlink)
	}
	u.w.next++
	after := eventlog.Position(u.w.next)
	return after, u.w.store.Commit(ctx, after)
}

type unlinked struct {
	Unlinked     bool
	Person, From string
	Position     uint64
}

// TestUnlink takes an id out of its person: it is told what has become of whom, every answer after it says so, it is in the
// audit, and asking again does nothing.
func TestUnlink(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 3)
	w.add(2, "buy", 3)
	number := func(i int) uint64 { return event.IDNumber(event.SpaceUser, "=u"+strconv.Itoa(i)) }
	var links []store.Link
	for _, from := range []int{1, 2} {
		l := store.Link{Project: 1, From: number(from), To: number(0), Position: eventlog.Position(w.next)}
		links = append(links, l)
		w.store.AddLink(l)
	}
	var err error
	w.people, err = identity.New(nil)
	must(t, err)
	w.people.Load(links, nil)
	w.put(1, "$alias", w.now)
	w.commit(1, 1)
	if w.store.Position() == w.store.Watermark().Position {
		t.Fatal("the links are on disk already")
	}
	persons := func() (n int) {
		var page query.PersonPage
		w.ask("1 read", "GET", "/v1/persons", "").json(&page)
		return len(page.People)
	}
	before := persons()
	for _, id := range []string{"=u1", "=u0"} {
		var got unlinked
		answer := w.ask("1 admin", "POST", "/v1/persons/unlink", `{"kind":"user","id":"`+id+`"}`)
		if answer.Code != http.StatusOK {
			t.Fatalf("%d %s", answer.Code, answer.Body)
		}
		answer.json(&got)
		n := event.IDNumber(event.SpaceUser, id)
		if !got.Unlinked || got.Person != strconv.FormatUint(n, 10) || got.From != strconv.FormatUint(number(0), 10) || got.Position != uint64(w.next) {
			t.Errorf("%s: %+v", id, got)
		}
		if now := persons(); now != before+1 {
			t.Errorf("%s: there are %d people after %d", id, now, before)
		}
		before++
		var p query.Profile
		w.ask("1 read", "GET", "/v1/persons/user:"+id, "").json(&p)
		if p.Person.Person != got.Person || p.IdentitiesTotal != 1 || p.Identities[0].LinkedAt != nil {
			t.Errorf("%s: %+v", id, p)
		}
		var again unlinked
		w.ask("1 admin", "POST", "/v1/persons/unlink", `{"kind":"user","id":"`+id+`"}`).json(&again)
		if again.Unlinked || again.Position != 0 || again.Person != got.Person {
			t.Errorf("%s again: %+v", id, again)
		}
	}
	var audit struct{ Entries []auditEntry }
	w.ask("1 admin", "GET", "/v1/audit?limit=3", "").json(&audit)
	if e := audit.Entries; len(e) != 3 || e[0].Action != "person.unlink" || e[0].Detail != `user id "=u0"` || e[0].Project != 1 || e[2].Action == "person.unlink" {
		t.Errorf("audit: %+v", e)
	}
}

// TestUnlinkRefused: who cannot be unlinked is told why.
func TestUnlinkRefused(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 3)
	for _, x := range []struct {
		key, body string
		status    int
		code      string
	}{
		{"1 read", `{"kind":"user","id":"=u1"}`, http.StatusForbidden, "wrong_key_kind"},
		{"1 admin", `{"kind":"user","id":"stranger"}`, http.StatusNotFound, "no_person"},
		{"1 admin", `{"kind":"device","id":"=u1"}`, http.StatusNotFound, "no_person"},
		{"1 admin", `{"kind":"person","id":"7"}`, http.StatusBadRequest, "bad_kind"},
		{"1 admin", `{"id":"=u1"}`, http.StatusBadRequest, "bad_kind"},
		{"1 admin", `{"kind":"user","id":"null"}`, http.StatusBadRequest, "bad_id"},
		{"1 admin", `{"kind":"user"}`, http.StatusBadRequest, "bad_id"},
	} {
		got := w.ask(x.key, "POST", "/v1/persons/unlink", x.body)
		if p := got.problem(); got.Code != x.status || p.Code != x.code {
			t.Errorf("%s: %d %s", x.body, got.Code, got.Body)
		}
	}
}
