package duckdb

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/freshet/freshet/internal/store"
)

// Copying forty columns of every row into a table in memory costs as much as writing them to disk, and most of them are
// on disk before anybody asks for them. So the tables in memory have the columns that questions have asked for lately,
// and a question that needs another one gets a table of its own, made from the parts, while the shared tables are
// widened behind it. Of a project that nobody asks about there is no table at all, until somebody does.

const (
	// wantedFor is how long a column is kept in the tables in memory after a question has asked for it.
	wantedFor = time.Hour
	// mostWanted is the number of columns past which a question is taken for one that reads whole events: it is served,
	// and changes nothing for others.
	mostWanted = 12
)

// basic are the columns that nearly every question needs.
var basic = []string{"seq", "day", "time", "person", "event", store.EventNumber, spanColumn}

// hotTable is one project's table in memory, as cuts see it. It is replaced as a whole, never changed.
type hotTable struct {
	name string
	rows int
	// columns are those that the table has, none when it has no name and does not exist; filled are those that any row has a
	// value for.
	columns, filled columnSet
	// old are the names of narrower tables that cuts may still read.
	old []string
}

// want notes that a question asks for columns and tells whether one of them is new, or the question is the first.
func (t *table) want(columns []string, now time.Time) (more bool) {
	if len(columns) > mostWanted {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	more = len(t.wanted) == 0
	for _, c := range columns {
		if _, ok := t.wanted[c]; !ok && !slices.Contains(basic, c) {
			more = true
		}
		t.wanted[c] = now
	}
	return more
}

// working are the columns that tables in memory are to have; none when nobody asks.
func (t *table) working(now time.Time) columnSet {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make(columnSet, len(t.wanted)+len(basic))
	for c, at := range t.wanted {
		if now.Sub(at) > wantedFor {
			delete(t.wanted, c)
			continue
		}
		out[c] = true
	}
	if len(out) == 0 {
		return nil
	}
	for _, c := range basic {
		out[c] = true
	}
	return out
}

// copies are what copies the open batch into the tables in memory, a statement each. tables become what they are then.
func (s *Store) copies(g *generation, tables map[store.ProjectID]*hotTable) (work []func(context.Context) error) {
	for _, r := range s.batch.order {
		project := r.table.project
		filled := r.filled()
		begins := tables[project] == nil
		h := tables[project].with(filled, r.n)
		tables[project] = h
		if begins {
			h.columns = r.table.working(s.opts.Now())
			if len(h.columns) > 0 {
				h.name = fmt.Sprintf("hot.h%d_%d", g.number, project)
				work = append(work, func(ctx context.Context) error { return s.createHot(ctx, r.table, h) })
			}
		}
		if h.name == "" {
			continue
		}
		narrow := slices.DeleteFunc(filled, func(c column) bool { return !h.columns[c.name] })
		work = append(work, func(ctx context.Context) error {
			if err := into(ctx, s.writer, hotDatabase, h.name, "incoming", narrow, r.n); err != nil {
				return fmt.Errorf("insert %d rows of project %d: %w", r.n, project, err)
			}
			return nil
		})
	}
	return work
}

// with is the table with more rows, nil for one that is not there yet.
func (h *hotTable) with(filled []column, n int) *hotTable {
	out := &hotTable{}
	if h != nil {
		*out = *h
	}
	out.rows += n
	copied := false
	for i := range filled {
		if name := filled[i].name; !out.filled[name] {
			if !copied {
				out.filled, copied = maps.Clone(out.filled), true
			}
			if out.filled == nil {
				out.filled = columnSet{}
			}
			out.filled[name] = true
		}
	}
	return out
}

// names are those of all tables that there are.
func (h *hotTable) names() []string {
	if h.name == "" {
		return h.old
	}
	return append(slices.Clone(h.old), h.name)
}

// lacks tells whether rows have values for one of the columns that the table does not have, or there is
// no table.
func (h *hotTable) lacks(columns []string) bool {
	for _, c := range columns {
		if h.filled[c] && !h.columns[c] {
			return true
		}
	}
	return h.name == ""
}

// createHot makes a table in memory with the columns of h that exist.
func (s *Store) createHot(ctx context.Context, t *table, h *hotTable) error {
	defs := definitions(t.all(), func(name string) bool { return h.columns[name] })
	if _, err := s.writer.ExecContext(ctx, "CREATE TABLE "+h.name+" ("+defs+")"); err != nil {
		return fmt.Errorf("create %s: %w", h.name, err)
	}
	return nil
}

// all are the built-in columns and the property columns known so far.
func (t *table) all() []store.Column {
	out := builtins()
	for _, p := range t.properties() {
		out = append(out, store.Column{Name: p.Column, Type: p.Type})
	}
	return out
}

// widen gives the tables in memory the columns that questions have asked for since they were made. Commits wait for it.
func (s *Store) widen(ctx context.Context) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	for _, n := range s.narrow() {
		h := &hotTable{rows: n.hot.rows, filled: n.hot.filled, old: n.hot.names()}
		h.name = fmt.Sprintf("hot.h%d_%d_%d", n.gen.number, n.part.table.project, len(h.old))
		h.columns = n.columns
		filled := slices.DeleteFunc(n.part.filled(), func(c packed) bool { return !h.columns[c.name] })
		err := s.createHot(ctx, n.part.table, h)
		if err == nil {
			err = insertArrow(ctx, s.writer, hotDatabase, h.name, "incoming", inOrder(filled, n.part.first(h.rows)))
		}
		if err != nil {
			_, _ = s.writer.ExecContext(context.WithoutCancel(ctx), "DROP TABLE IF EXISTS "+h.name)
			return fmt.Errorf("widen the rows in memory of project %d: %w", n.part.table.project, err)
		}
		s.mu.Lock()
		tables := maps.Clone(n.gen.tables)
		tables[n.part.table.project] = h
		n.gen.tables = tables
		s.mu.Unlock()
	}
	return nil
}

type narrowTable struct {
	gen     *generation
	part    *part
	hot     *hotTable
	columns columnSet
}

// narrow lists the tables in memory that lack columns in demand; the caller holds writing.
func (s *Store) narrow() (out []narrowTable) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	now := s.opts.Now()
	working := map[store.ProjectID]columnSet{}
	for _, g := range s.gens {
		for project, h := range g.tables {
			want, ok := working[project]
			if !ok {
				want = s.tables[project].working(now)
				working[project] = want
			}
			if len(want) > 0 && h.lacks(slices.Collect(maps.Keys(want))) {
				all := maps.Clone(want)
				maps.Copy(all, h.columns)
				out = append(out, narrowTable{g, g.parts[project], h, all})
			}
		}
	}
	return out
}

// into inserts the first rows of the columns into a table, by way of a view.
func into(ctx context.Context, conn execer, home, table, view string, columns []column, rows int) error {
	fields, arrays := make([]arrow.Field, len(columns)), make([]arrow.Array, len(columns))
	for i := range columns {
		fields[i], arrays[i] = columns[i].field(), columns[i].slice(0, rows)
	}
	return insertArrow(ctx, conn, home, table, view, newRecord(fields, arrays, rows))
}

// local makes a table of the cut's own with the given columns of a generation's rows: those before the watermark that are
// picked. It is gone with the cut's transaction. The name is empty when there is no row.
func (c *cut) local(g *generation, columns []string, pick picked) (string, error) {
	s := c.store
	s.writing.Lock()
	p := g.parts[c.table.project]
	filled := p.named(columns)
	rows := p.before(c.watermark.Position)
	keys, some := pick.of(p, rows)
	if !some {
		keys = p.first(rows)
	}
	for i := range filled {
		filled[i].settle()
	}
	s.writing.Unlock()
	if len(keys) == 0 {
		return "", nil
	}
	name, err := c.ownTable(columns)
	if err != nil {
		return "", err
	}
	// What was filled by now does not change any more, whatever commits append.
	if err := insertArrow(c.ctx, c.conn, fileDatabase, name, "from_"+name, inOrder(filled, keys)); err != nil {
		return "", fmt.Errorf("fill %s with %d rows: %w", name, len(keys), err)
	}
	return name, nil
}
