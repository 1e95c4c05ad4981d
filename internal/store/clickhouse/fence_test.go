//go:build cluster

package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
	"github.com/freshet/freshet/test/clickhousetest"
)

// fenced opens the store of a test's database under the number of a term, without its background.
func fenced(t *testing.T, target Target, term uint64, now func() time.Time) *Store {
	t.Helper()
	s, err := Open(context.Background(), Options{Target: target, Epoch: term * 1000, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	s.stop()
	s.done.Wait()
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func commitDays(t *testing.T, s *Store, n int) {
	t.Helper()
	at := s.Position()
	addDays(s, uint64(at), n)
	if err := s.Commit(context.Background(), at+eventlog.Position(n)); err != nil {
		t.Fatal(err)
	}
}

// thaw is what a process does that was stopped behind the look whether it may write: it writes a whole batch and its commit.
func thaw(t *testing.T, s *Store, n int) {
	t.Helper()
	ctx := context.Background()
	at := s.Position()
	addDays(s, uint64(at), n)
	for _, e := range s.batch.order {
		if err := s.writeRows(ctx, s.ownEpoch(), e, s.targets.with(nil)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.writeCommit(ctx, s.ownEpoch(), at+eventlog.Position(n), 0, false, s.batch.change(nil)); err != nil {
		t.Fatal(err)
	}
}

// TestFence has a process lose its place at each moment of a commit, and go on as if nothing had happened.
func TestFence(t *testing.T) {
	ctx := context.Background()
	open := func(t *testing.T) (target Target, url string, a *Store) {
		t.Helper()
		url = clickhousetest.Database(t, t.TempDir())
		target, err := ParseURL(url)
		if err != nil {
			t.Fatal(err)
		}
		a = fenced(t, target, 1, nil)
		commitDays(t, a, 10)
		return target, url, a
	}
	// ended holds that the store is right after all, for who opens it now and for who only reads.
	ended := func(t *testing.T, target Target, a *Store, want eventlog.Position) {
		t.Helper()
		addDays(a, uint64(a.Position()), 1)
		if err := a.Commit(ctx, a.Position()+1); !errors.Is(err, ErrSuperseded) && !errors.Is(err, errBroken) {
			t.Errorf("who has lost its place commits: %v", err)
		}
		f, err := Follow(ctx, Options{Target: target})
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for _, s := range []*Store{f, fenced(t, target, 9, nil)} {
			if s.Position() != want {
				t.Errorf("position %d, want %d", s.Position(), want)
			}
			days(t, s, want)
		}
	}
	t.Run("it writes before the next one has committed", func(t *testing.T) {
		target, _, a := open(t)
		b := fenced(t, target, 2, nil)
		thaw(t, a, 5)
		commitDays(t, b, 3)
		ended(t, target, a, 13)
	})
	t.Run("it writes behind the next one's commit", func(t *testing.T) {
		target, _, a := open(t)
		b := fenced(t, target, 2, nil)
		commitDays(t, b, 3)
		thaw(t, a, 5)
		commitDays(t, b, 4)
		ended(t, target, a, 17)
	})
	t.Run("it commits while the next one begins", func(t *testing.T) {
		target, _, a := open(t)
		asked := 0
		b := fenced(t, target, 2, func() time.Time {
			if asked++; asked == 2 { // when the position was read and the epoch is not there yet
				commitDays(t, a, 5)
			}
			return time.Now()
		})
		if b.Position() != 15 {
			t.Errorf("a commit that was taken for made is left out: the next epoch begins at %d", b.Position())
		}
		commitDays(t, b, 2)
		ended(t, target, a, 17)
	})
	t.Run("it is stopped while it begins", func(t *testing.T) {
		target, _, a := open(t)
		stale := epoch{number: 2000, start: a.Position(), before: 1000}
		commitDays(t, a, 5)
		b := fenced(t, target, 3, nil)
		commitDays(t, b, 2)
		late := &Store{opts: b.opts, client: b.client, epochs: []epoch{stale}}
		if err := late.writeEpoch(ctx, stale, 1000); !errors.Is(err, ErrSuperseded) {
			t.Errorf("an epoch begins that others have passed by: %v", err)
		}
		// Nor does it matter when it gets through.
		if err := b.client.write(ctx, "INSERT INTO epochs (epoch, start, at, before) VALUES (2000, 10, 0, 1000)"); err != nil {
			t.Fatal(err)
		}
		commitDays(t, b, 1)
		ended(t, target, a, 18)
	})
	t.Run("it cleans up", func(t *testing.T) {
		target, _, a := open(t)
		thaw(t, a, 2) // as of before: the next one begins behind it
		b := fenced(t, target, 2, nil)
		commitDays(t, b, 8)
		if n, err := b.Expire(ctx, 1, 3); err != nil || n != 3 {
			t.Fatal(n, err)
		}
		if _, err := a.Expire(ctx, 1, 3); !errors.Is(err, ErrSuperseded) {
			t.Errorf("days expire twice: %v", err)
		}
		gone := []hour{{Project: 1, Counts: store.Counts{Expired: 3}}}
		if err := a.writeExpiry(ctx, &expiry{project: 1, day: 3, position: 12}, gone, false); err != nil {
			t.Fatal(err)
		}
		if err := a.writeExpiry(ctx, &expiry{project: 1, day: 3, position: 20}, nil, true); err != nil {
			t.Fatal(err)
		}
		for _, clean := range []func(context.Context) error{a.sweepEpochs, a.fold} {
			if err := clean(ctx); err != nil {
				t.Fatal(err)
			}
		}
		a.watermark.Position = 16
		if err := a.fold(ctx); err != nil {
			t.Fatal(err)
		}
		loc := time.FixedZone("", 9*3600)
		if err := a.recutTable(ctx, a.tables[1], loc, 20); err != nil {
			t.Fatal(err)
		}
		c := fenced(t, target, 3, nil)
		if c.Position() != 20 {
			t.Errorf("position %d", c.Position())
		}
		if n, err := c.number(ctx, "SELECT count() FROM events_1 WHERE day <> seq"); err != nil || n != 0 {
			t.Errorf("%d rows are of another day, %v", n, err)
		}
		hours, err := c.Ledger(ctx, 1, 0, 1<<40)
		var sum store.Counts
		for _, h := range hours {
			sum = sum.Plus(h.Counts)
		}
		if want := (store.Counts{Accepted: 20, Stored: 20, Expired: 3}); err != nil || sum != want {
			t.Errorf("the ledger says %+v, want %+v, %v", sum, want, err)
		}
	})
	t.Run("it names a column", func(t *testing.T) {
		target, _, a := open(t)
		b := fenced(t, target, 2, nil)
		named := func(s *Store, key string) {
			e := event.Event{Name: "e", ID: key, Properties: []event.Property{{Key: key, Type: event.String, Str: key}}}
			e.Derived.Position = uint64(s.Position())
			s.Add(1, time.UTC, "native", &e)
		}
		named(a, "mine")
		named(b, "theirs")
		if err := a.make(ctx, a.tables[1]); !errors.Is(err, ErrSuperseded) {
			t.Errorf("a column is named by who has lost its place: %v", err)
		}
		if err := b.Commit(ctx, b.Position()+1); err != nil {
			t.Fatal(err)
		}
		if p := fenced(t, target, 3, nil).tables[1].props; len(p) != 1 || p[0].Key != "theirs" {
			t.Errorf("the columns are %+v", p)
		}
	})
	t.Run("it opens the store again", func(t *testing.T) {
		target, _, _ := open(t)
		fenced(t, target, 2, nil)
		if _, err := Open(ctx, Options{Target: target, Epoch: 1000 + EpochsEach}); !errors.Is(err, ErrSuperseded) {
			t.Errorf("an earlier term opens the store: %v", err)
		}
		if f, err := Look(ctx, Options{Target: target}); err != nil || f.Epoch != 2000 {
			t.Errorf("%+v, %v", f, err)
		}
	})
}

// days holds that a store has each of the events that addDays has added up to a position once, and has them in the ledger.
func days(t *testing.T, s *Store, end eventlog.Position) {
	t.Helper()
	ctx := context.Background()
	c, err := s.Cut(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for row, err := range c.Rows(ctx, "SELECT count(*), count(DISTINCT seq), max(seq) FROM "+c.Events("seq")) {
		if err != nil {
			t.Fatal(err)
		}
		if n := uint64(end); row[0] != n || row[1] != n || row[2] != n-1 {
			t.Errorf("up to %d there are %v events, %v different ones, up to %v", end, row[0], row[1], row[2])
		}
	}
	hours, err := s.Ledger(ctx, 1, 0, 1<<40)
	if err != nil || len(hours) != int(end) {
		t.Errorf("the ledger has %d hours, want %d: %v", len(hours), end, err)
	}
	for _, h := range hours {
		if h.Accepted != 1 || h.Stored != 1 {
			t.Errorf("the ledger has %s", fmt.Sprintf("%+v", h))
		}
	}
}
