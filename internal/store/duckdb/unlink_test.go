package duckdb

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/store"
)

// TestUnlinkFailed: an unlink that cannot be written has changed nothing in the file; a store that is opened anew does it.
func TestUnlinkFailed(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	fill(t, s, 0, 20)
	s.AddLink(store.Link{Project: 1, From: user(1), To: user(2), Position: 19})
	if err := s.Commit(context.Background(), 20); err != nil {
		t.Fatal(err)
	}
	settle(t, s)
	before := everything(t, s, 1)
	unlink := store.Unlink{Project: 1, Person: user(2), From: user(2), Rest: user(1), Position: 20}
	if _, err := s.db.Exec("ALTER TABLE store.meta RENAME TO away"); err != nil {
		t.Fatal(err)
	}
	s.Unlink(unlink)
	if err := s.Commit(context.Background(), 21); err == nil {
		t.Fatal("the position cannot be written, and nobody says so")
	}
	if got := everything(t, s, 1); got != before || s.Position() != 20 || s.Watermark().Position != 20 {
		t.Fatalf("at %d: %s", s.Position(), firstDifference(got, before))
	}
	if _, err := s.db.Exec("ALTER TABLE store.away RENAME TO meta"); err != nil {
		t.Fatal(err)
	}
	s.stop()
	s.done.Wait()
	if err := s.shut(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	version := s.Version(1)
	s.Unlink(unlink)
	if err := s.Commit(context.Background(), 21); err != nil || s.Version(1) == version || s.Position() != 21 {
		t.Fatal(s.Position(), err)
	}
	for range 2 {
		for i := range 3 {
			if n := rowsOfPerson(t, s, user(i)); n != 2 {
				t.Errorf("user %d has %d rows, want 2", i, n)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, dir)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func rowsOfPerson(t *testing.T, s *Store, person uint64) (n int64) {
	t.Helper()
	c, err := s.Cut(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for row, err := range c.Rows(context.Background(), "SELECT count(*) FROM "+c.EventsOf([]uint64{person}, "person")) {
		if err != nil {
			t.Fatal(err)
		}
		n = row[0].(int64)
	}
	return n
}

// TestUnlinkOldRows: rows of format 2 have their device ids in another column.
func TestUnlinkOldRows(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	device := event.IDNumber(event.SpaceDevice, "d\"'1")
	for i := range 4 {
		e := event.Event{Name: "n", ID: fmt.Sprint(i)}
		if i%2 == 0 {
			e.UserID, e.Context.Extra = "u0", `{"a":1}`
		} else {
			e.Context.DeviceID = "d\"'1"
		}
		e.Derived.Position, e.Derived.Person = uint64(i), user(0)
		s.Add(1, time.UTC, "native", &e)
	}
	s.AddLink(store.Link{Project: 1, From: device, To: user(0), Position: 3})
	if err := s.Commit(context.Background(), 4); err != nil {
		t.Fatal(err)
	}
	flushed(t, s)
	q := "UPDATE store.events_1 SET extra = json_object('device_id', device_id), device_id = NULL WHERE device_id IS NOT NULL AND seq = 1"
	if _, err := s.db.Exec(q); err != nil {
		t.Fatal(err)
	}
	s.Unlink(store.Unlink{Project: 1, Person: device, From: user(0), Rest: user(0), Position: 4})
	if err := s.Commit(context.Background(), 5); err != nil {
		t.Fatal(err)
	}
	if a, b := rowsOfPerson(t, s, device), rowsOfPerson(t, s, user(0)); a != 2 || b != 2 {
		t.Errorf("the device has %d rows, the user %d: %s", a, b, strings.TrimSpace(everything(t, s, 1)))
	}
}
