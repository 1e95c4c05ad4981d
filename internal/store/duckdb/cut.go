package duckdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"math/big"
	"slices"
	"strings"
	"time"

	duck "github.com/duckdb/duckdb-go/v2"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
	"github.com/freshet/freshet/internal/store/flat"
)

// cut reads the rows that were on disk when it was made, out of a transaction that began at that moment, and the rows in
// memory behind them and before the watermark. A flush that ends in between changes nothing: the generations that a cut
// reads are kept until it is closed.
type cut struct {
	store *Store
	conn  *sql.Conn
	// ctx is that of the question, for tables of the cut's own; failed is why one could not be made.
	ctx    context.Context //nolint:containedctx // a cut lives as long as one question
	failed error
	// number tells cuts apart, locals counts the tables of this one.
	number    uint64
	locals    int
	table     *table
	cold      eventlog.Position
	watermark store.Watermark
	gens      []*generation
	// hot are the tables of the project in gens, with the columns they have.
	hot []hotTable
	// ahead are the rows that are shown ahead, withdrawn the positions of those that are hidden.
	ahead     []aheadOf
	withdrawn map[eventlog.Position]bool
	onDisk    bool
	props     []store.PropertyColumn
	// numbers are those of the names of events, nil when not all rows have theirs.
	numbers map[string]uint8
	relinks bool
	// attribution is whose the events of spans are; handedAny and handedOpen tell whether any were handed over, and whether
	// rows do not follow all of that.
	attribution           store.Attribution
	handedAny, handedOpen bool
	// layout is that of the table on disk.
	layout layout
	// overflows tells that some rows may have an overflow.
	overflows bool
	zone      flat.Zone
	// links are those that were not written when the cut was made, for all projects.
	links [][]store.Link
	// begun tells that a project without events has a transaction after all.
	begun bool
	watch watch
}

// Cut implements store.Reader.
func (s *Store) Cut(ctx context.Context, project store.ProjectID) (store.Cut, error) {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return nil, s.told(fmt.Errorf("pin a cut: %w", err))
	}
	s.crew.join()
	c := &cut{store: s, conn: conn, ctx: ctx, number: s.cuts.Add(1)}
	s.pin.RLock()
	defer s.pin.RUnlock()
	s.mu.RLock()
	c.cold, c.watermark, c.table = s.cold, s.watermark, s.tables[project]
	if c.table != nil {
		c.zone = c.table.zone
		for _, g := range s.gens {
			if len(g.links) > 0 {
				c.links = append(c.links, g.links)
			}
			if h := g.tables[project]; h != nil && h.rows > 0 {
				g.readers.Add(1)
				c.gens = append(c.gens, g)
				c.hot = append(c.hot, *h)
				c.zone = c.zone.With(g.parts[project].zone)
			}
		}
		c.onDisk, c.overflows = c.table.diskReady, c.table.overflows
		c.layout = layout{columns: c.table.diskReadyColumns, former: c.table.former}
		c.look(project)
	}
	s.mu.RUnlock()
	if c.table == nil {
		return c, nil
	}
	c.props = c.table.properties()
	if !c.layout.former {
		c.numbers = c.table.numbered()
	}
	c.relinks = s.pending.has(project)
	c.handedAny, c.handedOpen = s.hands.of(project)
	if err := c.begin(ctx); err != nil {
		c.Close()
		return nil, s.told(fmt.Errorf("pin a cut: %w", err))
	}
	return c, nil
}

// begin pins the file and the pending links at one moment: the links are dropped together with the rewritten rows, and
// what retention removes or later links change stays as it was.
func (c *cut) begin(ctx context.Context) error {
	if _, err := c.conn.ExecContext(ctx, "BEGIN"); err != nil {
		return err
	}
	pinned := "hot.relink"
	if c.onDisk {
		pinned += ", " + c.table.cold
	}
	_, err := c.conn.ExecContext(ctx, "SELECT 1 FROM "+pinned+" LIMIT 0")
	return err
}

// Close implements store.Cut.
func (c *cut) Close() {
	for _, g := range c.gens {
		g.readers.Add(-1)
	}
	c.gens = nil
	defer c.store.crew.leave()
	_, _ = c.conn.ExecContext(context.Background(), "ROLLBACK")
	c.unwatch()
	_ = c.conn.Close()
}

// Watermark implements store.Cut.
func (c *cut) Watermark() store.Watermark { return c.watermark }

// Schema implements store.Cut.
func (c *cut) Schema() *store.Schema {
	s := &store.Schema{
		Properties: map[string][]store.PropertyColumn{}, PropertyLimit: c.store.opts.PropertyLimit, DayZone: c.zone.Name, NoOverflow: !c.overflows,
	}
	if c.numbers != nil {
		s.NumberOf = func(name string) (uint8, bool) {
			n, ok := c.numbers[name]
			return n, ok
		}
	}
	for _, p := range c.props {
		s.Properties[p.Key] = append(s.Properties[p.Key], p)
	}
	return s
}

// Events implements store.Cut.
func (c *cut) Events(columns ...string) string { return c.events(picked{}, columns) }

// EventsAt implements store.Cut.
func (c *cut) EventsAt(positions []eventlog.Position, columns ...string) string {
	if len(positions) == 0 {
		return c.nothing(columns)
	}
	return c.events(picked{positions: positions}, columns)
}

// events is the relation of the events that are picked, or of some more.
func (c *cut) events(pick picked, columns []string) string {
	if len(columns) == 0 {
		columns = []string{"seq"}
	}
	if slices.Contains(columns, "person") && (c.relinks || c.hands()) {
		asked := columns
		if c.hands() && !slices.Contains(columns, spanColumn) {
			columns = append(slices.Clone(columns), spanColumn)
		}
		return c.follow(c.asWritten(pick, columns), asked)
	}
	return c.asWritten(pick, columns)
}

// asWritten is the relation with the persons that rows have.
func (c *cut) asWritten(pick picked, columns []string) string {
	var parts []string
	if c.onDisk && c.cold > 0 {
		// The file was pinned at the position up to which it is complete, so it has no rows behind it.
		part := c.part(c.table.cold, columns, c.layout.value)
		if where := pick.onDisk(); where != "" {
			part += " WHERE " + where
		}
		parts = append(parts, part)
	}
	parts = append(parts, c.inMemory(pick, columns)...)
	if ahead := c.previewed(pick, columns); ahead != "" {
		parts = append(parts, ahead)
	}
	if len(parts) == 0 {
		return c.nothing(columns)
	}
	return "(" + strings.Join(parts, " UNION ALL ") + ")"
}

// nothing is a relation without rows.
func (c *cut) nothing(columns []string) string {
	return "(" + c.part("(SELECT 1 AS seq)", columns, columnSet{}.asNamed) + " WHERE false)"
}

// inMemory selects the columns from the generations, each out of the table that is shared, or, when that one lacks
// a column, out of one that is made for this cut.
func (c *cut) inMemory(pick picked, columns []string) (parts []string) {
	if len(c.hot) == 0 {
		return nil
	}
	if len(pick.positions) == 0 && c.table.want(columns, c.store.opts.Now()) {
		// The next such question need not make tables of its own.
		c.store.wakeUp()
	}
	for i := range c.hot {
		h := &c.hot[i]
		from, has := h.name, h.columns
		if h.lacks(columns) {
			name, err := c.local(c.gens[i], append([]string{"seq"}, columns...), pick)
			if err != nil {
				c.failed = errors.Join(c.failed, err)
			}
			if name == "" {
				continue
			}
			from, has = name, setOf(columns)
		}
		part := c.part(from, columns, has.asNamed) + fmt.Sprintf(" WHERE seq < %d", c.watermark.Position)
		if len(pick.persons) > 0 {
			part += " AND " + pick.ofPersons()
		}
		parts = append(parts, part)
	}
	return parts
}

// part selects the columns from one table, as read has them; those that it has nothing for are null.
func (c *cut) part(from string, columns []string, read func(string) string) string {
	list := make([]string, len(columns))
	for i, name := range columns {
		switch list[i] = read(name); list[i] {
		case name:
		case "":
			list[i] = "NULL::" + columnType(store.Column{Name: name, Type: c.typeOf(name)}) + " AS " + name
		default:
			list[i] += " AS " + name
		}
	}
	return "SELECT " + strings.Join(list, ", ") + " FROM " + from
}

func (c *cut) typeOf(name string) store.Type {
	for _, b := range builtins() {
		if b.Name == name {
			return b.Type
		}
	}
	for _, p := range c.props {
		if p.Column == name {
			return p.Type
		}
	}
	return store.Text
}

// Rows implements store.Cut.
func (c *cut) Rows(ctx context.Context, query string, args ...any) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		if c.failed != nil {
			yield(nil, c.store.told(c.failed))
			return
		}
		rows, err := c.conn.QueryContext(ctx, query, args...)
		if err != nil {
			yield(nil, c.store.told(err))
			return
		}
		defer rows.Close()
		names, err := rows.Columns()
		if err != nil {
			yield(nil, err)
			return
		}
		values, pointers := make([]any, len(names)), make([]any, len(names))
		for i := range values {
			pointers[i] = &values[i]
		}
		for rows.Next() {
			if err := rows.Scan(pointers...); err != nil {
				yield(nil, err)
				return
			}
			for i := range values {
				values[i] = plain(values[i])
			}
			if !yield(values, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(nil, c.store.told(err))
		}
	}
}

// plain brings DuckDB's types down to those that store.Cut promises.
func plain(v any) any {
	switch v := v.(type) {
	case int32:
		return int64(v)
	case int16:
		return int64(v)
	case int8:
		return int64(v)
	case uint32:
		return uint64(v)
	case uint16:
		return uint64(v)
	case uint8:
		return uint64(v)
	case float32:
		return float64(v)
	case *big.Int:
		if v.IsInt64() {
			return v.Int64()
		}
		f, _ := new(big.Float).SetInt(v).Float64()
		return f
	case duck.Decimal:
		return v.Float64()
	case duck.UUID:
		return v.String()
	case []byte:
		// The driver gives a UUID as its bytes when it is not told the type.
		if id := (duck.UUID{}); len(v) == len(id) {
			copy(id[:], v)
			return id.String()
		}
		return string(v)
	case time.Time:
		return v.UTC()
	}
	return v
}
