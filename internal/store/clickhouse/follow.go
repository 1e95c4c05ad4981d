package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/fault"
	"github.com/freshet/freshet/internal/store"
)

const (
	// followEvery is the time between two looks at what the writer has done, unless one is asked for.
	followEvery = 500 * time.Millisecond
	// settleTries is how often a state is read anew that the writer has changed meanwhile.
	settleTries = 5
)

// errUnsettled says that the writer has changed the state each time it was read.
var errUnsettled = errors.New("the store changes while it is read; it is looked at again")

// ErrEmpty is wrapped by the error of following a database that no process has written to yet.
var ErrEmpty = errors.New("no process has opened the database for writing yet")

// mark tells the states of the database apart: another one means that more has changed than that there are new commits.
type mark struct {
	epoch    uint64
	folded   uint64
	foldedAt uint64
	expiries uint64
	sealed   uint64
}

// Follow opens the store of a database that another process writes to, for questions only. What that one commits is seen half a second
// later, or as soon as Look is called: the watermark always is what the database says, and no later than that.
func Follow(ctx context.Context, o Options) (*Store, error) {
	o.defaults()
	if found, err := Look(ctx, o); err != nil {
		return nil, err
	} else if !found.Made {
		return nil, fmt.Errorf("follow store %s on %s: %w", o.Target.Database, o.Target.Address, ErrEmpty)
	}
	s := &Store{
		opts: o, client: newClient(&o), advanced: make(chan struct{}), cuts: map[uint64]struct{}{}, follows: true, look: make(chan struct{}, 1),
		metrics: newMetrics(o.Registerer, nil, nil, nil),
	}
	s.clear()
	err := s.client.learn(ctx)
	if err == nil {
		err = s.follow(ctx)
	}
	if err != nil {
		s.client.close()
		return nil, fmt.Errorf("follow store %s on %s: %w", o.Target.Database, o.Target.Address, err)
	}
	o.Registerer.MustRegister(s.metrics.behind)
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = cancel
	s.done.Go(func() { s.keepFollowing(background) })
	return s, nil
}

// Look has what the writer has done seen at once; it does not wait for it.
func (s *Store) Look() {
	select {
	case s.look <- struct{}{}:
	default:
	}
}

// clear begins with nothing.
func (s *Store) clear() {
	s.epochs, s.watermark, s.tables, s.totals, s.targets = nil, store.Watermark{}, map[store.ProjectID]*table{}, newTotals(), newTargets()
	s.expiries, s.changes, s.commits, s.sealed = nil, newChanges(), 0, map[store.ProjectID]sealed{}
}

func (s *Store) keepFollowing(ctx context.Context) {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-s.look:
		}
		err := s.follow(ctx)
		switch {
		case err == nil:
			s.failing = false
		case ctx.Err() == nil:
			s.metrics.failures.Inc()
			if !s.failing {
				s.opts.Logger.Error("what was stored since cannot be seen; answers are as of the last look", "error", err)
			}
			s.failing = true
		}
	}
}

// follow brings what is known of the database up to date.
func (s *Store) follow(ctx context.Context) error {
	m, position, err := s.mark(ctx)
	switch {
	case err != nil:
		return err
	case m == s.seen && position == s.watermark.Position:
		s.metrics.looked(s.opts.Now())
		return nil
	case m == s.seen:
		err = s.advance(ctx, position)
	default:
		err = s.reload(ctx)
	}
	if err == nil {
		s.metrics.looked(s.opts.Now())
	}
	return err
}

// mark looks at the state of the database, and at the position of the last complete commit as of the epochs that are known.
func (s *Store) mark(ctx context.Context) (m mark, position eventlog.Position, err error) {
	valid := "true"
	if len(s.epochs) > 0 {
		valid = s.valid("position", true)
	}
	sql := "SELECT (SELECT max(epoch) FROM epochs), countIf(folded = 1), maxIf(position, folded = 1), (SELECT count() FROM expiries), (SELECT max(number) FROM sealed), max(position) FROM commits WHERE " + valid
	err = s.rows(ctx, sql, func(v []any) {
		numbers := [6]uint64{}
		for i := range numbers {
			numbers[i], _ = v[i].(uint64)
		}
		m = mark{numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]}
		position = eventlog.Position(numbers[5])
	})
	if err != nil {
		return m, 0, fmt.Errorf("look at the commits: %w", err)
	}
	if m.epoch == 0 {
		return m, 0, ErrEmpty
	}
	return m, position, nil
}

// advance takes over the commits since the last look.
func (s *Store) advance(ctx context.Context, position eventlog.Position) error {
	// What is added up is not seen before all of it is: the parts are replaced together.
	next := &Store{opts: s.opts, client: s.client, follows: true}
	next.clear()
	next.epochs, next.watermark = s.epochs, store.Watermark{Position: position, Time: s.watermark.Time}
	if err := next.addTotals(ctx, s.watermark.Position+1); err != nil {
		return err
	}
	if next.totaled != position || next.changes.base != (stamp{}) {
		// Commits were folded into one meanwhile.
		return s.reload(ctx)
	}
	if fault.Planted(fault.CountedAgain) {
		s.mu.Lock()
		s.totals.add(next.totals.all())
		s.mu.Unlock()
	}
	if err := next.loadTables(ctx); err != nil {
		return err
	}
	if err := next.loadLinked(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !fault.Planted(fault.CountedAgain) {
		s.totals.add(next.totals.all())
	}
	for p, at := range next.changes.of {
		s.changes.of[p] = at
	}
	s.tables, s.targets = next.tables, next.targets
	s.show(next.watermark)
	return nil
}

// reload reads everything anew.
func (s *Store) reload(ctx context.Context) error {
	if _, err := s.applied(ctx); err != nil {
		return err
	}
	for range settleTries {
		next := &Store{opts: s.opts, client: s.client, follows: true}
		next.clear()
		if err := next.loadEpochs(ctx); err != nil {
			return err
		}
		// What is valid depends on the epochs: marks are compared that are of the same ones.
		m, _, err := next.mark(ctx)
		if err != nil {
			return err
		}
		for _, step := range []func(context.Context) error{next.own, next.loadTotals, next.loadTables, next.loadLinked, next.loadExpiries, next.loadSealed} {
			if err := step(ctx); err != nil {
				return err
			}
		}
		after, _, err := next.mark(ctx)
		if err != nil {
			return err
		}
		if after != m || m.epoch != next.epochs[len(next.epochs)-1].number || next.totaled != next.watermark.Position || next.sealedBehind() {
			continue
		}
		s.mu.Lock()
		s.epochs, s.totals, s.changes, s.expiries = next.epochs, next.totals, next.changes, next.expiries
		s.tables, s.targets, s.sealed, s.seen = next.tables, next.targets, next.sealed, m
		s.show(next.watermark)
		s.mu.Unlock()
		return nil
	}
	return errUnsettled
}

// show makes a watermark known to those who wait for one; the caller holds mu.
func (s *Store) show(w store.Watermark) {
	s.watermark = w
	close(s.advanced)
	s.advanced = make(chan struct{})
}

// showTables lets cuts have the columns that there are already: a property is noted before it has one.
func (s *Store) showTables(ctx context.Context) error {
	made := map[store.ProjectID]int{}
	err := s.rows(ctx, "SELECT toUInt64(substring(table, 8)), count() FROM system.columns WHERE database = currentDatabase() AND match(table, '^events_[0-9]+$')"+
		" AND match(name, '^p[0-9]+$') GROUP BY table", func(v []any) {
		made[store.ProjectID(v[0].(uint64))] = int(v[1].(uint64))
	})
	if err != nil {
		return fmt.Errorf("find columns: %w", err)
	}
	for _, t := range s.tables {
		t.made = min(made[t.project], len(t.props))
		t.show()
	}
	return nil
}

// sealedBehind tells that rows were sealed behind the watermark: it was read before.
func (s *Store) sealedBehind() bool {
	for _, n := range s.sealed {
		if n.position > s.watermark.Position {
			return true
		}
	}
	return false
}

// loadLinked finds the projects that have links or spans, and since when: who everybody is, questions find themselves.
func (s *Store) loadLinked(ctx context.Context) error {
	if len(s.epochs) == 0 {
		return nil
	}
	valid := fmt.Sprintf("written <= %d AND %s", s.watermark.Position, s.valid("written", true))
	sql := "SELECT project, max(written), max(spanned) FROM (SELECT project, written, toUInt8(0) AS spanned FROM relinks WHERE " + valid +
		" UNION ALL SELECT project, written, toUInt8(1) FROM spans WHERE " + valid + ") GROUP BY project"
	err := s.rows(ctx, sql, func(v []any) {
		p := store.ProjectID(v[0].(uint64))
		s.targets.linked[p], s.targets.latest[p] = true, eventlog.Position(v[1].(uint64))
		if v[2].(uint64) == 1 {
			s.targets.spanned[p] = true
		}
	})
	if err != nil {
		return fmt.Errorf("find linked projects: %w", err)
	}
	return nil
}

// lingered tells whether no cut of another process can be of the time before.
func (s *Store) lingered(project store.ProjectID) bool {
	if s.opts.Linger == 0 {
		return true
	}
	now := s.opts.Now()
	since, known := s.mixedSince[project]
	if !known {
		s.mixedSince[project] = now
	}
	return known && now.Sub(since) >= s.opts.Linger
}
