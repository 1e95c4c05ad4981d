package duckdb

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
)

// TestVacuum imports a day that is over mixed with one that is not, so that compaction of the first leaves row groups
// that are half dead, and counts what is left of them.
func TestVacuum(t *testing.T) {
	if testing.Short() {
		t.Skip("nothing goes on beside it")
	}
	const perFlush, flushes = 80_000, 4
	ctx := context.Background()
	dir := t.TempDir()
	s := open(t, dir)
	defer func() { s.Close() }()
	s.idle()
	now := s.opts.Now().UnixMicro()
	old := now - (10 * 24 * time.Hour).Microseconds()
	n := 0
	for range flushes {
		for range perFlush {
			e := event.Event{Name: "buy", ID: fmt.Sprintf("id-%d", n), UserID: fmt.Sprintf("u%d", n%1000)}
			e.Derived = event.Derived{
				Position: uint64(n), ReceivedAt: now, Time: []int64{old, now}[n%2] + int64(n), Person: event.IDNumber(event.SpaceUser, e.UserID),
			}
			e.Derived.Key, _ = event.KeyOf(e.ID)
			s.Add(1, time.UTC, "native", &e)
			n++
		}
		if err := s.Commit(ctx, eventlog.Position(n)); err != nil {
			t.Fatal(err)
		}
		if err := s.flush(ctx); err != nil {
			t.Fatal(err)
		}
	}
	dead := func() int64 {
		_, dead, err := s.rowsOnDisk(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return dead
	}
	if d := dead(); d != 0 {
		t.Fatalf("%d rows are dead before any was rewritten", d)
	}
	if err := s.compact(ctx); err != nil {
		t.Fatal(err)
	}
	// After a restart there is nothing to fold in that would take the checkpoint to the table.
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	s.idle()
	before := dead()
	if before == 0 {
		t.Fatal("compaction left no dead rows, so there is nothing to test")
	}
	for range 2 * flushes {
		if err := s.compact(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if after := dead(); after > before/2 {
		t.Errorf("%d of %d dead rows are left", after, before)
	}
	if got := one(t, s, "seq", "count(DISTINCT seq)"); got != int64(n) {
		t.Errorf("%v rows of %d", got, n)
	}
	if got := one(t, s, "person", "count(DISTINCT person)"); got != int64(1000) {
		t.Errorf("%v people of 1000", got)
	}
}

// openIdle opens a store and leaves the upkeep to the test.
func openIdle(t fataler, o Options) *Store {
	s, err := Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	s.idle()
	return s
}

// afterAll is a moment at which every day of a test's events is closed.
func afterAll() time.Time { return time.Unix(1e10, 0) }

// idle leaves the upkeep to the test.
func (s *Store) idle() {
	s.stop()
	s.done.Wait()
}
