//go:build cluster

package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
	"github.com/freshet/freshet/test/clickhousetest"
)

// sealAll seals the rows of all projects, with those of their tiers or beside them in turn.
func (s *Store) sealAll(t testing.TB) {
	t.Helper()
	s.changing.Lock()
	defer s.changing.Unlock()
	for p, table := range s.ready() {
		var from []tier
		if s.seals%2 == 0 {
			from = s.sealed[p].tiers
		}
		if err := s.seal(context.Background(), table, from); err != nil {
			t.Fatal(err)
		}
	}
}

// partitions are how many tiers the server has.
func partitions(t *testing.T, s *Store) (n uint64) {
	t.Helper()
	for _, h := range s.shards {
		found, err := h.client.number(context.Background(), "SELECT count(DISTINCT tier) FROM "+s.tables[1].sealedRows)
		if err != nil {
			t.Fatal(err)
		}
		n = max(n, found)
	}
	return n
}

// buried has a store delete what nothing reads, and holds that so many tiers are left.
func buried(t *testing.T, s *Store, want uint64) {
	t.Helper()
	if err := s.bury(context.Background()); err != nil {
		t.Fatal(err)
	}
	if n := partitions(t, s); n != want {
		t.Errorf("the server has %d tiers, want %d", n, want)
	}
}

// TestSealed has processes seal rows that have lost their place, or find others there than they have written.
func TestSealed(t *testing.T) {
	ctx := context.Background()
	open := func(t *testing.T) (Target, *Store) {
		t.Helper()
		target, err := ParseURL(clickhousetest.Database(t, t.TempDir()))
		if err != nil {
			t.Fatal(err)
		}
		a := fenced(t, target, 1, nil)
		commitDays(t, a, 10)
		return target, a
	}
	// right holds that whoever reads finds every event once: a store, who follows, and who opens it now.
	right := func(t *testing.T, target Target, s *Store, term uint64, want eventlog.Position) *Store {
		t.Helper()
		days(t, s, want)
		f, err := Follow(ctx, Options{Target: target})
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		days(t, f, want)
		next := fenced(t, target, term, nil)
		days(t, next, want)
		return next
	}
	t.Run("rows go to tiers", func(t *testing.T) {
		target, a := open(t)
		a.sealAll(t)
		commitDays(t, a, 5)
		if err := a.bury(ctx); err != nil {
			t.Fatal(err)
		}
		if n, err := a.number(ctx, "SELECT count() FROM events_1"); err != nil || n != 5 {
			t.Errorf("%d rows are in no tier, %v", n, err)
		}
		days(t, a, 15)
		before, err := a.Cut(ctx, 1)
		if err != nil {
			t.Fatal(err)
		}
		a.sealAll(t) // beside
		commitDays(t, a, 5)
		a.sealAll(t) // all into one
		if n := len(a.sealed[1].tiers); n != 1 {
			t.Errorf("there are %d tiers", n)
		}
		if err := a.bury(ctx); err != nil {
			t.Fatal(err)
		}
		for row, err := range before.Rows(ctx, "SELECT count(*), count(DISTINCT seq) FROM "+before.Events("seq")) {
			if err != nil || row[0] != uint64(15) || row[1] != uint64(15) {
				t.Errorf("a cut that was made before has %v, %v", row, err)
			}
		}
		before.Close()
		buried(t, a, 1)
		right(t, target, a, 2, 20)
	})
	t.Run("the tier has other rows", func(t *testing.T) {
		target, a := open(t)
		err := a.shards[0].client.exec(ctx, fmt.Sprintf("INSERT INTO %s (tier, seq) VALUES (%d, 3)", a.tables[1].sealedRows, a.ownEpoch()*numbersEach+a.seals+1))
		if err != nil {
			t.Fatal(err)
		}
		if err := a.seal(ctx, a.tables[1], nil); err == nil {
			t.Error("a tier is taken that has a row too many")
		}
		days(t, a, 10)
		a.sealAll(t)
		buried(t, a, 1)
		right(t, target, a, 2, 10)
	})
	t.Run("by who has lost its place", func(t *testing.T) {
		target, a := open(t)
		b := fenced(t, target, 2, nil)
		commitDays(t, b, 3)
		if err := a.seal(ctx, a.tables[1], nil); err == nil {
			t.Error("rows are sealed")
		}
		if err := a.writeSealed(ctx, map[store.ProjectID]sealed{1: {number: a.nextSeal(), position: 10}}); !errors.Is(err, ErrSuperseded) {
			t.Errorf("others are told which rows are sealed: %v", err)
		}
		left := fmt.Sprintf("INSERT INTO %s (tier, seq) VALUES (%d, 3)", a.tables[1].sealedRows, a.nextSeal())
		if err := a.shards[0].client.exec(ctx, left); err != nil {
			t.Fatal(err)
		}
		c := right(t, target, b, 3, 13)
		if n := partitions(t, c); n != 1 {
			t.Errorf("the server has %d tiers", n)
		}
		buried(t, c, 0) // what was left behind
		right(t, target, c, 4, 13)
	})
	t.Run("and says so late", func(t *testing.T) {
		target, a := open(t)
		b := fenced(t, target, 2, nil)
		// A tier that lacks everything: who reads it is wrong.
		err := a.client.exec(ctx, fmt.Sprintf(`INSERT INTO sealed (epoch, project, number, position, tiers) VALUES (%d, 1, %d, 10, '[{"number":7,"rows":10,"linked":10}]')`,
			a.ownEpoch(), a.nextSeal()))
		if err != nil {
			t.Fatal(err)
		}
		commitDays(t, b, 3)
		c := right(t, target, b, 3, 13)
		c.sealAll(t)
		if err := c.fold(ctx); err != nil {
			t.Fatal(err)
		}
		if n, err := c.number(ctx, "SELECT count() FROM sealed"); err != nil || n != 1 {
			t.Errorf("%d rows say what is sealed, %v", n, err)
		}
		right(t, target, c, 4, 13)
	})
	t.Run("while another process reads", func(t *testing.T) {
		target, a := open(t)
		now := time.Now()
		a.opts.Linger, a.opts.Now = time.Minute, func() time.Time { return now }
		f, err := Follow(ctx, Options{Target: target})
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		f.stop()
		f.done.Wait()
		for range 3 {
			a.sealAll(t)
			commitDays(t, a, 1)
			if err := a.bury(ctx); err != nil {
				t.Fatal(err)
			}
		}
		days(t, f, 10)
		now = now.Add(time.Minute)
		if err := a.bury(ctx); err != nil {
			t.Fatal(err)
		}
		if n := len(a.retired); n != 0 {
			t.Errorf("%d times something is kept for who may read it", n)
		}
		if err := f.follow(ctx); err != nil {
			t.Fatal(err)
		}
		days(t, f, 13)
		right(t, target, a, 2, 13)
	})
	t.Run("in spare time", func(t *testing.T) {
		target, a := open(t)
		now := time.Now()
		a.opts.Now = func() time.Time { return now }
		spare := func() {
			t.Helper()
			now = now.Add(spareShare * spareEach)
			if err := a.sealDue(ctx); err != nil {
				t.Fatal(err)
			}
			if n := a.countUnsealed(); n != 0 {
				t.Errorf("%v rows are in no tier", n)
			}
			c, err := a.Cut(ctx, 1)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if c, ok := c.(*cut); !ok || c.looksUp() {
				t.Error("links are looked up")
			}
		}
		spare()
		at := a.Position()
		a.AddLink(store.Link{Project: 1, From: 1, To: 2, Position: at})
		if err := a.Commit(ctx, at+1); err != nil {
			t.Fatal(err)
		}
		if n := a.countLinks(); n != 1 {
			t.Errorf("%v links have come", n)
		}
		spare()
		if n := a.countLinks(); n != 0 {
			t.Errorf("%v links are looked up", n)
		}
		right(t, target, a, 2, 10)
	})
	t.Run("by a newer version", func(t *testing.T) {
		target, a := open(t)
		if err := a.client.exec(ctx, "INSERT INTO migrations (version) VALUES (1000)"); err != nil {
			t.Fatal(err)
		}
		if f, err := Follow(ctx, Options{Target: target}); err == nil {
			_ = f.Close()
			t.Error("a database is read that is not understood")
		}
	})
	t.Run("when it is time", func(t *testing.T) {
		now := time.Now()
		s := &Store{opts: Options{SealRows: 800, Now: func() time.Time { return now }}, sealed: map[store.ProjectID]sealed{}, unsealed: unsealed{}}
		ready := map[store.ProjectID]*table{1: nil, 2: nil, 4: nil} // nothing is known yet of what the last one has
		is := func(want string) {
			t.Helper()
			from, ok := s.due(1)
			got := fmt.Sprint(ok)
			for i := range from {
				got += fmt.Sprint(" ", from[i].Number)
			}
			if got != want {
				t.Errorf("%s, want %s", got, want)
			}
		}
		is("false")
		s.unsealed.add(1, 99, now)
		is("false")
		s.unsealed.add(1, 1, now)
		is("false")
		now = now.Add(sealAfter)
		is("true")
		now = now.Add(-time.Second)
		is("false")
		s.unsealed.add(1, 700, now)
		is("true")
		s.sealed[1] = sealed{tiers: []tier{{Number: 1, Rows: 2000}, {Number: 2, Rows: 1000}, {Number: 3, Rows: 500}}}
		is("true 3 2 1")
		s.sealed[1].tiers[1].Rows = 1301
		is("true 3")
		s.unsealed[1].rows = 700
		is("false")
		s.sealed[1].tiers[0].before = -staleFewest
		is("true 3 1")
		s.sealed[1].tiers[0].Rows = 1 << 30
		is("false")
		s.unsealed[1].rows = sealMost
		is("true 3 2")
		s.rested, s.rowTime = now, time.Millisecond
		spare := func(want string) {
			t.Helper()
			p, from, ok := s.spare(ready)
			got := fmt.Sprint(ok)
			if ok {
				got += fmt.Sprint(" ", p)
			}
			for i := range from {
				got += fmt.Sprint(" ", from[i].Number)
			}
			if got != want {
				t.Errorf("in spare time %s, want %s", got, want)
			}
		}
		s.sealed[1] = sealed{tiers: []tier{{Number: 1, Rows: 30_000}, {Number: 2, Rows: 20_000}}}
		s.unsealed[1] = &fresh{}
		s.unsealed[2], s.unsealed[3] = &fresh{tried: now}, &fresh{rows: 1}
		now = now.Add(spareShare * 50 * time.Second)
		spare("false") // nothing to gain
		s.sealed[1].tiers[0].before = -1
		spare("true 1 1")
		s.sealed[1].tiers[1].before = -1
		spare("true 1 2 1")
		s.unsealed[1].rows = 1
		now = now.Add(-time.Second)
		if _, _, ok := s.spare(ready); ok {
			t.Error("sealing takes more than its part of the time")
		}
		now = now.Add(2 * time.Second)
		spare("true 1 2 1")
		s.sealed[1].tiers[0].Rows = int64(spareMost / s.rowTime)
		if _, _, ok := s.spare(ready); ok {
			t.Error("everything else waits for longer than it may")
		}
		s.sealed[1].tiers[0].Rows = 30_000
		s.unsealed[2].rows = 5
		spare("true 1 2 1")
		s.unsealed[1].tried = now.Add(-time.Second)
		spare("true 2")
		s.unsealed[2].tried = now.Add(1 - spareEach)
		spare("false") // not again so soon
		s.unsealed[1], s.unsealed[2] = &fresh{rows: sealMost}, &fresh{}
		for _, pause := range []time.Duration{sealPause, 2 * sealPause} {
			s.putOff(1)
			now = now.Add(pause - 1)
			if _, ok := s.due(1); ok {
				t.Error("rows that could not be sealed are tried again at once")
			}
			now = now.Add(1)
			if _, ok := s.due(1); !ok {
				t.Error("rows that could not be sealed are never tried again")
			}
		}
	})
}
