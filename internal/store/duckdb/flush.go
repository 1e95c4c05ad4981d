package duckdb

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/freshet/freshet/internal/fault"
	"github.com/freshet/freshet/internal/store"
)

// onDisk runs work in one transaction on the file. After the commit, and before any new cut is pinned, then runs.
func (s *Store) onDisk(ctx context.Context, work, then func() error) (err error) {
	defer s.giveBack(context.WithoutCancel(ctx))
	defer func() { s.heed(err) }()
	if _, err := s.flusher.ExecContext(ctx, "BEGIN"); err != nil {
		_, _ = s.flusher.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		return err
	}
	if err := work(); err != nil {
		_, _ = s.flusher.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		return err
	}
	s.pin.Lock()
	defer s.pin.Unlock()
	if _, err := s.flusher.ExecContext(context.WithoutCancel(ctx), "COMMIT"); err != nil {
		_, _ = s.flusher.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		return err
	}
	return then()
}

// giveBack has the allocator return what a transaction freed. It would keep that for a second, while the next one takes as
// much from elsewhere. Setting a limit makes it, also to what it is. Questions keep what they freed in between.
func (s *Store) giveBack(ctx context.Context) {
	if _, err := s.flusher.ExecContext(ctx, limitMemory(s.opts.MemoryLimit)); err != nil {
		s.opts.Logger.Warn("freed memory is kept", "error", err)
	}
}

// flush moves the oldest generation to disk: rows, links, dead letters, ledger and position in one transaction.
func (s *Store) flush(ctx context.Context) error {
	s.flushing.Lock()
	defer s.flushing.Unlock()
	g := s.seal()
	if g == nil {
		return nil
	}
	began := s.opts.Now()
	rows, release, err := s.offerRows(ctx, g)
	if err != nil {
		return fmt.Errorf("flush %d rows up to position %d: %w", g.rows, g.end, err)
	}
	defer release()
	if fault.Planted(fault.PositionFirst) {
		_, _ = s.flusher.ExecContext(ctx, "UPDATE meta SET position = ?", uint64(g.end))
	}
	err = s.onDisk(ctx, func() error { return s.writeGeneration(ctx, g, rows) }, func() error {
		if err := fault.Hit(fault.StoreFlushed); err != nil {
			return err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.gens, s.retired = s.gens[1:], append(s.retired, g)
		for project := range g.tables {
			t := s.tables[project]
			t.diskReady, t.diskReadyProps, t.diskReadyColumns = t.onDisk, t.diskProps, t.diskColumns
			t.names.onDiskReady = t.names.onDisk
			t.joined(g.parts[project].zone)
		}
		s.cold = g.end
		for k, c := range g.counts {
			s.ledger.add(k, c)
		}
		s.metrics.hotRows.Set(float64(s.hotRows()))
		return nil
	})
	if err != nil {
		s.rolledBack(g)
		return fmt.Errorf("flush %d rows up to position %d: %w", g.rows, g.end, err)
	}
	s.metrics.flush.Observe(s.opts.Now().Sub(began).Seconds())
	s.metrics.flushedRows.Add(float64(g.rows))
	if err := s.drop(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	return s.checkpoint(context.WithoutCancel(ctx))
}

// reap drops the generations that nobody reads any more.
func (s *Store) reap(ctx context.Context) error {
	s.flushing.Lock()
	defer s.flushing.Unlock()
	return s.drop(ctx)
}

func (s *Store) drop(ctx context.Context) error {
	s.mu.Lock()
	var unread []*generation
	s.retired = slices.DeleteFunc(s.retired, func(g *generation) bool {
		if g.readers.Load() > 0 {
			return false
		}
		unread = append(unread, g)
		return true
	})
	s.mu.Unlock()
	var errs []error
	for _, g := range unread {
		for project, h := range g.tables {
			for _, name := range h.names() {
				if _, err := s.flusher.ExecContext(ctx, "DROP TABLE "+name); err != nil {
					errs = append(errs, fmt.Errorf("drop %s: %w", name, err))
				}
			}
			s.spares.give(g.parts[project], s.opts.FlushRows)
		}
	}
	return errors.Join(errs...)
}

// rolledBack makes the flusher forget tables and columns that a failed transaction had made.
func (s *Store) rolledBack(g *generation) {
	for project := range g.tables {
		t := s.known(project)
		t.onDisk, t.diskProps, t.diskColumns = t.diskReady, t.diskReadyProps, t.diskReadyColumns
		t.names.onDisk = t.names.onDiskReady
	}
}

// checkpoint folds DuckDB's write-ahead log into the file when enough has gathered.
func (s *Store) checkpoint(ctx context.Context) error {
	s.sinceCheckpoint++
	if s.sinceCheckpoint < 8 {
		return nil
	}
	s.sinceCheckpoint = 0
	began := s.opts.Now()
	if _, err := s.flusher.ExecContext(ctx, "CHECKPOINT"); err != nil {
		// A checkpoint that other transactions stand in the way of is tried again later.
		if !s.heed(err) {
			s.opts.Logger.Warn("checkpoint put off", "error", err)
		}
		return nil
	}
	s.metrics.checkpoint.Observe(s.opts.Now().Sub(began).Seconds())
	s.giveBack(ctx)
	return nil
}

// seal closes the oldest generation to commits and returns it, or nil when there is nothing to flush.
func (s *Store) seal() *generation {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.gens) == 0 {
		return nil
	}
	s.gens[0].sealed = true
	return s.gens[0]
}

func (s *Store) writeGeneration(ctx context.Context, g *generation, rows []sorted) error {
	for i := range rows {
		if err := s.prepareDisk(ctx, rows[i].table, rows[i].schema); err != nil {
			return err
		}
		if err := s.writeRows(ctx, &rows[i]); err != nil {
			return err
		}
		t := rows[i].table
		if err := s.writeZone(ctx, t, t.zone.With(g.parts[t.project].zone)); err != nil {
			return err
		}
	}
	if err := errors.Join(s.writeLinks(ctx, g), s.writeHandovers(ctx, g)); err != nil {
		return err
	}
	for i := range g.dead {
		d := &g.dead[i]
		if _, err := s.flusher.ExecContext(ctx, "INSERT INTO dead_letters VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
			uint32(d.Project), uint64(d.Position), d.ReceivedAt, d.Stage, d.Code, d.Reason, d.Protocol, d.Body); err != nil {
			return fmt.Errorf("write dead letter %d: %w", d.Position, err)
		}
	}
	if err := s.writeLedger(ctx, g.counts); err != nil {
		return err
	}
	if err := s.writeDuplicates(ctx, g); err != nil {
		return err
	}
	if _, err := s.flusher.ExecContext(ctx,
		"UPDATE meta SET position = ?, newest = greatest(newest, ?)", uint64(g.end), g.newest); err != nil {
		return fmt.Errorf("write position %d: %w", g.end, err)
	}
	return errors.Join(s.notePosition(g.end), fault.Hit(fault.StoreFlush))
}

// prepareDisk makes sure that the table on disk exists and has every column of some rows and every property column known so far,
// and that the file has the numbers of names.
func (s *Store) prepareDisk(ctx context.Context, t *table, rows *arrow.Schema) error {
	has := columnSet{}
	maps.Copy(has, t.diskColumns)
	if err := s.prepareColumns(ctx, t, rows, has); err != nil {
		return err
	}
	props := t.properties()
	for n := t.diskProps; n < len(props); n++ {
		p := props[n]
		if _, err := s.flusher.ExecContext(ctx, "ALTER TABLE "+t.cold+" ADD COLUMN "+p.Column+" "+sqlType(p.Type)); err != nil {
			return fmt.Errorf("add column %s to %s: %w", p.Column, t.cold, err)
		}
		has[p.Column] = true
		if _, err := s.flusher.ExecContext(ctx, "INSERT INTO properties VALUES (?, ?, ?, ?)",
			uint32(t.project), uint32(n), p.Key, uint8(p.Type)); err != nil {
			return err
		}
	}
	t.onDisk, t.diskProps, t.diskColumns = true, len(props), has
	return s.writeNames(ctx, t)
}

func (s *Store) writeLinks(ctx context.Context, g *generation) error {
	if err := s.insertLinks(ctx, g.links); err != nil {
		return err
	}
	for _, q := range []string{
		"DELETE FROM pending_links",
		fmt.Sprintf("INSERT INTO pending_links SELECT project, person, arg_max(target, seq), max(seq) FROM hot.relink"+
			" WHERE seq < %d GROUP BY project, person", g.end),
	} {
		if _, err := s.flusher.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("write pending links: %w", err)
		}
	}
	return nil
}

func (s *Store) insertLinks(ctx context.Context, links []store.Link) error {
	if len(links) == 0 {
		return nil
	}
	var b strings.Builder
	b.WriteString("INSERT INTO links VALUES ")
	for i, l := range links {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "(%d,%d,%d,%d)", l.Project, l.From, l.To, l.Position)
	}
	if _, err := s.flusher.ExecContext(ctx, b.String()); err != nil {
		return fmt.Errorf("write %d links: %w", len(links), err)
	}
	return nil
}

// known returns a project's table, or nil.
func (s *Store) known(project store.ProjectID) *table {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.tables[project]
}
