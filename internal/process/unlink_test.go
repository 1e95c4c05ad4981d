package process_test

import (
	"reflect"
	"testing"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/store"
)

// TestUnlink: an unlink is committed by itself, between what is before it and what is behind; it is no event in the ledger,
// and one of an id that is linked to nobody changes nothing.
func TestUnlink(t *testing.T) {
	w := newWorld(t)
	w.start(t)
	unlink := event.Event{Kind: event.Unlink, Name: event.NameUnlink, AnonymousID: "a"}
	by := named("1")
	by.AnonymousID = "a"
	after := by
	after.ID = "2"
	w.append(t, header, unlink)
	w.append(t, header, identify("u", "a"), by)
	w.append(t, header, unlink)
	w.append(t, header, after)
	w.append(t, header, unlink)
	if err := w.drain(); err != nil {
		t.Fatal(err)
	}
	a, u := event.IDNumber(event.SpaceAnonymous, "a"), event.IDNumber(event.SpaceUser, "u")
	if got := w.store.unlinks; len(got) != 3 || !reflect.DeepEqual(got[1], store.Unlink{Project: 1, Person: a, From: a, Rest: u, Position: 3, Holders: []store.Holder{{Project: 1, ID: a}}}) {
		t.Errorf("unlinks %+v", got)
	}
	rows := w.store.rows
	if len(rows) != 3 || rows[0].person != a || rows[2].person != a || w.store.position != 6 {
		t.Errorf("at %d: %+v", w.store.position, rows)
	}
	var sum store.Counts
	for _, c := range w.store.counts {
		sum = sum.Plus(c)
	}
	if sum != (store.Counts{Accepted: 3, Stored: 3}) {
		t.Errorf("counts %+v", sum)
	}
	// A process that begins anew knows that the id is nobody's.
	w.store.flush()
	w.store.crash()
	w.close(t)
	w.start(t)
	w.append(t, header, identify("v", "a"))
	if err := w.drain(); err != nil {
		t.Fatal(err)
	}
	if n := len(w.store.links); w.store.links[n-1] != (store.Link{Project: 1, From: event.IDNumber(event.SpaceUser, "v"), To: a, Position: 6}) {
		t.Errorf("links %+v", w.store.links)
	}
	w.close(t)
}
