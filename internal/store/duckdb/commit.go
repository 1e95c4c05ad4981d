package duckdb

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/fault"
	"github.com/freshet/freshet/internal/store"
)

// maxBehind is how many flushes' worth of rows may be in memory, those being flushed included; past it commits wait. It
// bounds the memory of the rows, which is most of the server's.
const maxBehind = 2

// flushBytes is how many bytes of rows, as DuckDB gets them, are enough to write them to disk, however few rows they are.
const flushBytes = 128 << 20

// Commit implements store.Writer.
func (s *Store) Commit(ctx context.Context, after eventlog.Position) error {
	if u := s.batch.unlink; u != nil {
		if err := s.unlink(ctx, *u, after); err != nil {
			return fmt.Errorf("unlink person %d of project %d at position %d: %w", u.Person, u.Project, u.Position, err)
		}
		s.batch.reset()
		return nil
	}
	behind, err := s.commit(ctx, after)
	if err != nil {
		return fmt.Errorf("commit up to position %d: %w", after, err)
	}
	if s.flushDue() {
		s.wakeUp()
	}
	if behind {
		s.metrics.stalls.Inc()
		s.flushing.Lock()
		s.flushing.Unlock() //nolint:staticcheck // waits for the running flush
	}
	return nil
}

// wakeUp has upkeep done without waiting for its next round.
func (s *Store) wakeUp() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// commit tells whether so much has gathered that the next one has to wait for a flush.
func (s *Store) commit(ctx context.Context, after eventlog.Position) (behind bool, err error) {
	began := s.opts.Now()
	s.writing.Lock()
	defer s.writing.Unlock()
	g := s.active()
	tables, err := s.insert(ctx, g)
	if err != nil {
		return false, err
	}
	s.publish(g, tables, after)
	s.metrics.commit.Observe(s.opts.Now().Sub(began).Seconds())
	s.batch.reset()
	rows, bytes := s.hot()
	return rows > maxBehind*s.opts.FlushRows || bytes > maxBehind*flushBytes, nil
}

// active is the generation that commits fill.
func (s *Store) active() *generation {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.gens); n > 0 && !s.gens[n-1].sealed {
		return s.gens[n-1]
	}
	s.generations++
	g := &generation{
		number: s.generations, tables: map[store.ProjectID]*hotTable{}, parts: map[store.ProjectID]*part{},
		counts: map[ledgerKey]store.Counts{}, sdks: map[ledgerKey]store.SDKCounts{}, holders: map[idKey]store.Holder{}, oldest: s.opts.Now(),
	}
	s.gens = append(s.gens, g)
	return g
}

// insert brings the open batch into the generation's tables, in one transaction, and returns what they are then.
func (s *Store) insert(ctx context.Context, g *generation) (map[store.ProjectID]*hotTable, error) {
	relinks := s.pending.add(s.batch.links, s.persons)
	s.hands.add(s.batch.hands)
	if len(s.batch.order)+len(relinks)+len(s.batch.hands) == 0 {
		return g.tables, nil
	}
	tables := maps.Clone(g.tables)
	if err := errors.Join(ctx.Err(), fault.Hit(fault.StoreCommit)); err != nil {
		return tables, err
	}
	work := s.copies(g, tables)
	if len(relinks) > 0 {
		work = append(work, func(ctx context.Context) error {
			_, err := s.writer.ExecContext(ctx, relinkStatement(relinks))
			return err
		})
	}
	if hands := s.batch.hands; len(hands) > 0 {
		work = append(work, func(ctx context.Context) error {
			_, err := s.writer.ExecContext(ctx, handStatement("hot.handovers", hands))
			return err
		})
	}
	return tables, s.together(ctx, work)
}

// together does all of the work or nothing of it. A single statement is a transaction by itself, and most commits are one.
func (s *Store) together(ctx context.Context, work []func(context.Context) error) error {
	switch len(work) {
	case 0:
		return nil
	case 1:
		return work[0](ctx)
	}
	_, err := s.writer.ExecContext(ctx, "BEGIN")
	for i := 0; i < len(work) && err == nil; i++ {
		err = work[i](ctx)
	}
	if err == nil {
		_, err = s.writer.ExecContext(ctx, "COMMIT")
	}
	if err != nil {
		_, _ = s.writer.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
	}
	return err
}

// filled returns the columns that have a value in the batch, padded to its length.
func (r *rows) filled() []column {
	var out []column
	for _, set := range [][]column{r.builtin, r.props} {
		for i := range set {
			if set[i].rows > 0 {
				set[i].pad(r.n)
				out = append(out, set[i])
			}
		}
	}
	return out
}

// publish makes the batch part of every cut that begins from now on.
func (s *Store) publish(g *generation, tables map[store.ProjectID]*hotTable, after eventlog.Position) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g.tables = tables
	for _, r := range s.batch.order {
		p := g.parts[r.table.project]
		if p == nil {
			p = s.spares.take(r.table, s.opts.Now())
			g.parts[r.table.project] = p
		}
		g.bytes -= p.bytes
		p.add(r)
		g.bytes += p.bytes
		g.rows += r.n
		s.committed.Add(int64(r.n))
		r.table.loc = r.loc
		s.changed(r.table.project)
	}
	for _, l := range s.batch.links {
		s.changed(l.Project)
	}
	for _, h := range s.batch.hands {
		s.changed(h.Project)
	}
	maps.Copy(g.holders, s.batch.holders)
	for k, c := range s.batch.counts {
		g.counts[k] = g.counts[k].Plus(c)
	}
	for k, c := range s.batch.sdks {
		g.sdks[k] = g.sdks[k].Plus(c)
	}
	g.dead = append(g.dead, s.batch.dead...)
	g.links = append(g.links, s.batch.links...)
	g.hands = append(g.hands, s.batch.hands...)
	g.end = after
	if s.batch.newest > g.newest {
		g.newest = s.batch.newest
	}
	if s.batch.newest > 0 {
		if t := time.UnixMicro(s.batch.newest).UTC(); t.After(s.watermark.Time) {
			s.watermark.Time = t
		}
	}
	s.passed(after)
	s.advance(after)
	s.metrics.hotRows.Set(float64(s.hotRows()))
}

// advance tells whoever waits that everything before a position is visible. s.mu is held.
func (s *Store) advance(after eventlog.Position) {
	s.watermark.Position = after
	close(s.advanced)
	s.advanced = make(chan struct{})
}

// hot is what is in memory only.
func (s *Store) hot() (rows, bytes int) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, g := range s.gens {
		rows, bytes = rows+g.rows, bytes+g.bytes
	}
	return rows, bytes
}

// hotRows is the number of rows in memory only; the caller holds mu.
func (s *Store) hotRows() (n int) {
	for _, g := range s.gens {
		n += g.rows
	}
	return n
}
