package duckdb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	duck "github.com/duckdb/duckdb-go/v2"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
)

// maxBehind is how many flushes' worth of rows may gather in memory while a flush is running; past it commits wait.
const maxBehind = 4

// Commit implements store.Writer.
func (s *Store) Commit(ctx context.Context, after eventlog.Position) error {
	behind, err := s.commit(ctx, after)
	if err != nil {
		return fmt.Errorf("commit up to position %d: %w", after, err)
	}
	if s.flushDue() {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
	if behind > maxBehind*s.opts.FlushRows {
		s.metrics.stalls.Inc()
		s.flushing.Lock()
		s.flushing.Unlock() //nolint:staticcheck // waits for the running flush
	}
	return nil
}

// commit returns how many rows the generation has that it went to.
func (s *Store) commit(ctx context.Context, after eventlog.Position) (int, error) {
	began := s.opts.Now()
	s.writing.Lock()
	defer s.writing.Unlock()
	g := s.active()
	tables, err := s.insert(ctx, g)
	if err != nil {
		return 0, err
	}
	s.publish(g, tables, after)
	s.metrics.commit.Observe(s.opts.Now().Sub(began).Seconds())
	s.batch.reset()
	return g.rows, nil
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
		number: s.generations, tables: map[store.ProjectID]*hotTable{},
		counts: map[ledgerKey]store.Counts{}, oldest: s.opts.Now(),
	}
	s.gens = append(s.gens, g)
	return g
}

// insert brings the open batch into the generation's tables, in one transaction, and returns what they are then.
func (s *Store) insert(ctx context.Context, g *generation) (map[store.ProjectID]*hotTable, error) {
	relinks := s.pending.add(s.batch.links, s.persons)
	if len(s.batch.order) == 0 && len(relinks) == 0 {
		return g.tables, nil
	}
	tables := maps.Clone(g.tables)
	_, err := s.writer.ExecContext(ctx, "BEGIN")
	if err == nil {
		err = s.insertRows(ctx, g.number, tables)
	}
	if err == nil && len(relinks) > 0 {
		_, err = s.writer.ExecContext(ctx, relinkStatement(relinks))
	}
	if err == nil {
		_, err = s.writer.ExecContext(ctx, "COMMIT")
	}
	if err != nil {
		_, _ = s.writer.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
	}
	return tables, err
}

func (s *Store) insertRows(ctx context.Context, generation int, tables map[store.ProjectID]*hotTable) error {
	for _, r := range s.batch.order {
		columns, project := r.filled(), r.table.project
		h, err := s.prepareHot(ctx, tables[project], fmt.Sprintf("hot.h%d_%d", generation, project), columns)
		if err != nil {
			return err
		}
		tables[project] = h
		if err := insertArrow(ctx, s.writer, h.name, columns, r.n); err != nil {
			return fmt.Errorf("insert %d rows of project %d: %w", r.n, project, err)
		}
	}
	return nil
}

// filled returns the columns that have a value in the batch, padded to its length.
func (r *rows) filled() []*column {
	var out []*column
	for _, set := range [][]column{r.builtin, r.props} {
		for i := range set {
			if set[i].rows > 0 {
				set[i].pad(r.n)
				out = append(out, &set[i])
			}
		}
	}
	return out
}

// prepareHot makes sure that a table in memory exists and has the columns. The table given, nil for none, is what cuts
// see: it is never changed, what is returned takes its place with the commit.
func (s *Store) prepareHot(ctx context.Context, h *hotTable, name string, columns []*column) (*hotTable, error) {
	if h == nil {
		h = &hotTable{name: name, columns: map[string]bool{}}
		defs := make([]string, len(columns))
		for i, c := range columns {
			defs[i] = c.name + " " + sqlType(c.typ)
			h.columns[c.name] = true
		}
		if _, err := s.writer.ExecContext(ctx, "CREATE TABLE "+name+" ("+strings.Join(defs, ", ")+")"); err != nil {
			return nil, fmt.Errorf("create %s: %w", name, err)
		}
		return h, nil
	}
	h = &hotTable{name: h.name, columns: h.columns, rows: h.rows}
	copied := false
	for _, c := range columns {
		if h.columns[c.name] {
			continue
		}
		if _, err := s.writer.ExecContext(ctx, "ALTER TABLE "+name+" ADD COLUMN "+c.name+" "+sqlType(c.typ)); err != nil {
			return nil, fmt.Errorf("add column %s to %s: %w", c.name, name, err)
		}
		if !copied {
			h.columns, copied = maps.Clone(h.columns), true
		}
		h.columns[c.name] = true
	}
	return h, nil
}

func insertArrow(ctx context.Context, conn *sql.Conn, table string, columns []*column, n int) error {
	names := make([]string, len(columns))
	fields := make([]arrow.Field, len(columns))
	arrays := make([]arrow.Array, len(columns))
	for i, c := range columns {
		names[i], fields[i], arrays[i] = c.name, c.field(), c.array()
	}
	schema := arrow.NewSchema(fields, nil)
	record := array.NewRecordBatch(schema, arrays, int64(n))
	defer record.Release()
	reader, err := array.NewRecordReader(schema, []arrow.RecordBatch{record})
	if err != nil {
		return err
	}
	defer reader.Release()
	return conn.Raw(func(raw any) error {
		a, err := duck.NewArrowFromConn(raw.(driver.Conn))
		if err != nil {
			return err
		}
		release, err := a.RegisterView(reader, "incoming")
		if err != nil {
			return err
		}
		defer release()
		list := strings.Join(names, ", ")
		_, err = raw.(driver.ExecerContext).ExecContext(ctx, "INSERT INTO "+table+" ("+list+") SELECT "+list+" FROM incoming", nil)
		return err
	})
}

// publish makes the batch part of every cut that begins from now on.
func (s *Store) publish(g *generation, tables map[store.ProjectID]*hotTable, after eventlog.Position) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g.tables = tables
	for _, r := range s.batch.order {
		h := g.tables[r.table.project]
		h.rows += r.n
		g.rows += r.n
		s.changed(r.table.project)
	}
	for _, l := range s.batch.links {
		s.changed(l.Project)
	}
	for k, c := range s.batch.counts {
		g.counts[k] = g.counts[k].Plus(c)
	}
	g.dead = append(g.dead, s.batch.dead...)
	g.links = append(g.links, s.batch.links...)
	g.end = after
	if s.batch.newest > g.newest {
		g.newest = s.batch.newest
	}
	s.watermark.Position = after
	if s.batch.newest > 0 {
		if t := time.UnixMicro(s.batch.newest).UTC(); t.After(s.watermark.Time) {
			s.watermark.Time = t
		}
	}
	close(s.advanced)
	s.advanced = make(chan struct{})
	s.metrics.hotRows.Set(float64(s.hotRows()))
}

func (s *Store) hotRows() (n int) {
	for _, g := range s.gens {
		n += g.rows
	}
	return n
}
