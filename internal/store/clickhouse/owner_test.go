//go:build cluster

package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/store"
	"github.com/freshet/freshet/test/clickhousetest"
)

// TestOwner holds that the database of one log is not opened for another, and that looking at one changes nothing.
func TestOwner(t *testing.T) {
	target, err := ParseURL(clickhousetest.Database(t, t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	mine, other := Options{Target: target, Owner: "mine"}, Options{Target: target, Owner: "other"}
	for range 2 {
		if f, err := Look(ctx, mine); err != nil || f.Position != 0 || f.Version == "" {
			t.Fatalf("nothing looks like %+v, %v", f, err)
		}
	}
	s, err := Open(ctx, mine)
	if err != nil {
		t.Fatal(err)
	}
	addDays(s, 0, 3)
	if err := s.Commit(ctx, 3); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if f, err := Look(ctx, mine); err != nil || f.Position != 3 {
			t.Fatalf("three events look like %+v, %v", f, err)
		}
	}
	if _, err := Look(ctx, other); !errors.Is(err, ErrOwner) {
		t.Fatalf("another's looks like %v", err)
	}
	if _, err := Open(ctx, other); !errors.Is(err, ErrOwner) {
		t.Fatalf("another's opens with %v", err)
	}
	// Nobody has begun an epoch.
	addDays(s, 3, 1)
	if err := s.Commit(ctx, 4); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// addDays adds events to the open batch, from a position on, one a day.
func addDays(s *Store, at uint64, n int) {
	for range n {
		e := event.Event{Name: "e", ID: fmt.Sprint(at)}
		d := &e.Derived
		d.Position, d.Person, d.Time, d.ReceivedAt = at, 1+at%2, int64(at)*86400e6, int64(at)*86400e6
		s.Add(1, time.UTC, "native", &e)
		s.Count(1, int64(at)*86400, store.Counts{Accepted: 1, Stored: 1})
		at++
	}
}

// TestCommitsPassBy holds that rows may be deleted and days cut anew for as long as it takes, and commits do not wait.
func TestCommitsPassBy(t *testing.T) {
	s := openTest(t, t.TempDir())
	defer s.Close()
	s.stop()
	s.done.Wait()
	ctx := context.Background()
	addDays(s, 0, 10)
	if err := s.Commit(ctx, 10); err != nil {
		t.Fatal(err)
	}
	for _, work := range []struct {
		what  string
		begin func() error
	}{
		{"expiry", func() error { _, err := s.Expire(ctx, 1, 3); return err }},
		{"another zone", func() error {
			e := event.Event{Name: "e", ID: "there"}
			at := s.Position()
			e.Derived.Position, e.Derived.Person, e.Derived.Time = uint64(at), 1, 20*86400e6
			s.Add(1, time.FixedZone("Etc/GMT-5", 5*3600), "native", &e)
			s.Count(1, 0, store.Counts{Accepted: 1, Stored: 1})
			return s.Commit(ctx, at+1)
		}},
	} {
		if err := work.begin(); err != nil {
			t.Fatal(work.what, err)
		}
		merges := func(what string) {
			t.Helper()
			if err := s.everywhere(func(h *shard) error { return h.client.exec(ctx, "SYSTEM "+what+" MERGES "+s.tables[1].rows) }); err != nil {
				t.Fatal(err)
			}
		}
		merges("STOP")
		done := make(chan error)
		go func() { done <- s.upkeep(ctx) }()
		for waiting := false; !waiting; {
			for _, h := range s.shards {
				n, err := h.client.number(ctx, "SELECT count() FROM system.mutations WHERE database = currentDatabase() AND table = '"+s.tables[1].rows+"' AND NOT is_done")
				if err != nil {
					t.Fatal(err)
				}
				waiting = waiting || n > 0
			}
		}
		at := s.Position()
		addDays(s, uint64(at), 1)
		if err := s.Commit(ctx, at+1); err != nil {
			t.Fatal(work.what, err)
		}
		select {
		case err := <-done:
			t.Fatalf("%s: it did not wait: %v", work.what, err)
		default:
		}
		merges("START")
		if err := <-done; err != nil {
			t.Fatal(work.what, err)
		}
	}
	c, err := s.Cut(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	// 3 of 14 days have expired. The zone of the latest row is UTC's again, and not all rows are of it.
	for row, err := range c.Rows(ctx, "SELECT count(*) FROM "+c.Events("seq")) {
		if err != nil || row[0] != uint64(10) {
			t.Fatalf("%v events, %v", row[0], err)
		}
	}
	if zone := c.Schema().DayZone; zone != "" {
		t.Fatalf("all days are said to be of %s", zone)
	}
}
