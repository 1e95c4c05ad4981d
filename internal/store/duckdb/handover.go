package duckdb

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
	"github.com/freshet/freshet/internal/store/flat"
)

// The events of a span are written as those of the user before, with the number of the span in a column of its own, which
// a table gets with the first one. When the span is handed over, questions join with that, until the rows have been
// rewritten. What was handed over stays known, for questions that leave the events with the user before.

// spanColumn is the column of spans, NULL for most rows. It is nothing that questions ask for.
const spanColumn = "span"

// handoverTables are those that a file without spans has too. Columns before and after are persons.
const handoverTables = `
CREATE TABLE IF NOT EXISTS handovers (project UINTEGER NOT NULL, id UBIGINT NOT NULL, span UBIGINT NOT NULL,
	before UBIGINT NOT NULL, after UBIGINT NOT NULL, position UBIGINT NOT NULL, settled BOOLEAN NOT NULL);
CREATE TABLE IF NOT EXISTS holders (project UINTEGER NOT NULL, id UBIGINT NOT NULL, owner UBIGINT NOT NULL,
	span UBIGINT NOT NULL, rival UBIGINT NOT NULL);
`

// The places of the columns in builtins: those of store.Columns, and two more.
const (
	colSpan     = flat.ColumnCount
	colNumber   = colSpan + 1
	columnCount = colNumber + 1
)

// builtins are the built-in columns in memory.
func builtins() []store.Column {
	return append(slices.Clone(store.Columns),
		store.Column{Name: spanColumn, Type: store.Number64}, store.Column{Name: store.EventNumber, Type: store.Number64})
}

// handovers counts those of each project.
type handovers struct {
	mu sync.Mutex
	// all are of every span, open of those whose rows do not all follow.
	all, open map[store.ProjectID]int
}

func newHandovers() *handovers {
	return &handovers{all: map[store.ProjectID]int{}, open: map[store.ProjectID]int{}}
}

func (h *handovers) add(list []store.Handover) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, x := range list {
		h.all[x.Project]++
		h.open[x.Project]++
	}
}

// set replaces the counts by those of the tables.
func (h *handovers) set(all, open map[store.ProjectID]int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all, h.open = all, open
}

func (h *handovers) of(project store.ProjectID) (all, open bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.all[project] > 0, h.open[project] > 0
}

// any tells whether there are any, of any project.
func (h *handovers) any() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.all) > 0
}

func (h *handovers) anyOpen() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.open) > 0
}

// Hand implements store.Writer.
func (s *Store) Hand(h store.Handover) {
	s.persons.add(h.From)
	s.persons.add(h.To)
	s.batch.hands = append(s.batch.hands, h)
}

type idKey struct {
	project store.ProjectID
	id      uint64
}

// Hold implements store.Writer.
func (s *Store) Hold(h store.Holder) { s.batch.holders[idKey{h.Project, h.ID}] = h }

// Holders implements store.Writer.
func (s *Store) Holders(ctx context.Context) (out []store.Holder, err error) {
	rows, err := s.db.QueryContext(ctx, "SELECT project, id, owner, span, rival FROM holders")
	if err != nil {
		return nil, fmt.Errorf("read holders of ids: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var h store.Holder
		if err := rows.Scan(&h.Project, &h.ID, &h.Owner, &h.Span, &h.Rival); err != nil {
			return nil, fmt.Errorf("read holders of ids: %w", err)
		}
		out = append(out, h)
	}
	return out, rows.Err()
}

// handStatement writes numbers only, so nothing needs quoting.
func handStatement(table string, hands []store.Handover) string {
	var b strings.Builder
	b.WriteString("INSERT INTO " + table + " VALUES ")
	for i, h := range hands {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "(%d,%d,%d,%d,%d,%d,false)", h.Project, h.ID, h.Span, h.From, h.To, h.Position)
	}
	return b.String()
}

// writeHolders replaces what is known of ids.
func (s *Store) writeHolders(ctx context.Context, holders []store.Holder) error {
	const some = 1000 // in one statement
	for list := range slices.Chunk(holders, some) {
		ids, rows := make([]string, 0, len(list)), []string(nil)
		for _, h := range list {
			ids = append(ids, fmt.Sprintf("(%d, %d::UBIGINT)", h.Project, h.ID))
			if !h.Forgotten() {
				rows = append(rows, fmt.Sprintf("(%d,%d,%d,%d,%d)", h.Project, h.ID, h.Owner, h.Span, h.Rival))
			}
		}
		q := "DELETE FROM holders WHERE (project, id) IN (" + strings.Join(ids, ",") + ")"
		if len(rows) > 0 {
			q += "; INSERT INTO holders VALUES " + strings.Join(rows, ",")
		}
		if _, err := s.flusher.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("write %d holders of ids: %w", len(list), err)
		}
	}
	return nil
}

// writeHandovers writes what a generation knows of spans.
func (s *Store) writeHandovers(ctx context.Context, g *generation) error {
	if len(g.hands)+len(g.holders) == 0 {
		return nil
	}
	if len(g.hands) > 0 {
		if _, err := s.flusher.ExecContext(ctx, handStatement("handovers", g.hands)); err != nil {
			return fmt.Errorf("write %d handovers: %w", len(g.hands), err)
		}
	}
	holders := make([]store.Holder, 0, len(g.holders))
	for _, h := range g.holders {
		holders = append(holders, h)
	}
	return s.writeHolders(ctx, holders)
}

// loadHandovers brings those of the file into memory.
func (s *Store) loadHandovers(ctx context.Context) error {
	if _, err := s.flusher.ExecContext(ctx, "CREATE TABLE hot.handovers AS FROM handovers"); err != nil {
		return err
	}
	if err := s.countHandovers(ctx); err != nil {
		return err
	}
	rows, err := s.flusher.QueryContext(ctx, "SELECT before FROM handovers UNION SELECT after FROM handovers")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var person uint64
		if err := rows.Scan(&person); err != nil {
			return err
		}
		s.persons.add(person)
	}
	return rows.Err()
}

// countHandovers counts those in memory. No commit runs meanwhile, or what it adds is counted by itself.
func (s *Store) countHandovers(ctx context.Context) error {
	rows, err := s.flusher.QueryContext(ctx, "SELECT project, count(*), count(*) FILTER (NOT settled) FROM hot.handovers GROUP BY project")
	if err != nil {
		return err
	}
	defer rows.Close()
	all, open := map[store.ProjectID]int{}, map[store.ProjectID]int{}
	for rows.Next() {
		var project store.ProjectID
		var n, left int
		if err := rows.Scan(&project, &n, &left); err != nil {
			return err
		}
		all[project] = n
		if left > 0 {
			open[project] = left
		}
	}
	s.hands.set(all, open)
	return rows.Err()
}

// handed is a relation of spans of a project that were handed over before a position, and of whose they are by the
// attribution: hand_span, hand_to. By store.NextUser it has those only that rows do not follow.
func handed(project store.ProjectID, before eventlog.Position, a store.Attribution) string {
	whose, where := "after", " AND NOT settled"
	if a == store.LastUser {
		whose, where = "before", ""
	}
	return fmt.Sprintf("(SELECT span AS hand_span, %s AS hand_to FROM hot.handovers WHERE project = %d AND position < %d%s)",
		whose, project, before, where)
}

// rewriteHanded gives the rows of a project on disk to whom their spans were handed over.
func (s *Store) rewriteHanded(ctx context.Context, t *table) error {
	if !t.diskColumns[spanColumn] {
		return nil
	}
	q := fmt.Sprintf("UPDATE %s SET person = h.after FROM (SELECT span AS hand_span, after FROM handovers WHERE project = %d AND NOT settled) h"+
		" WHERE span = hand_span", t.cold, t.project)
	if _, err := s.flusher.ExecContext(ctx, q); err != nil {
		return fmt.Errorf("rewrite persons of spans of project %d: %w", t.project, err)
	}
	return nil
}

// settledHands are the changes of a table of handovers, in memory or on disk, that go with rewritten rows: those before a
// position are settled, and their persons are what links have made of them.
func settledHands(table string, projects []store.ProjectID, before eventlog.Position) (out []string) {
	for _, p := range projects {
		for _, column := range []string{"before", "after"} {
			out = append(out, fmt.Sprintf("UPDATE %s SET %s = link_to FROM %s WHERE project = %d AND %s = link_from",
				table, column, latestLinks(p, before), p, column))
		}
	}
	return append(out, fmt.Sprintf("UPDATE %s SET settled = true WHERE NOT settled AND position < %d", table, before))
}

// handing are the persons by whose numbers rows may be written that are of others by a handover.
func (c *cut) handing(persons []uint64) (out []uint64, err error) {
	links := latestLinks(c.table.project, c.watermark.Position)
	from, to := "before", "after"
	if c.attribution == store.LastUser {
		from, to = to, from
	}
	// Handovers name persons that may have become others since.
	q := fmt.Sprintf("WITH hands AS (SELECT %[1]s AS person, coalesce(link_to, %[2]s) AS is_of FROM hot.handovers LEFT JOIN %[3]s ON link_from = %[2]s"+
		" WHERE project = %[4]d AND position < %[5]d), found AS (SELECT hands.person, coalesce(link_to, hands.person) AS now FROM hands LEFT JOIN %[3]s"+
		" ON link_from = hands.person WHERE is_of IN (SELECT person FROM %[6]s))"+
		" SELECT person FROM found UNION SELECT now FROM found UNION SELECT link_from FROM %[3]s WHERE link_to IN (SELECT now FROM found)",
		from, to, links, c.table.project, c.watermark.Position, c.People(persons))
	for b, err := range c.Batches(c.ctx, q) {
		if err != nil {
			return nil, fmt.Errorf("read handovers: %w", err)
		}
		out = append(out, b.Columns[0].Uint64...)
	}
	return out, nil
}

// Attribute implements store.Cut.
func (c *cut) Attribute(a store.Attribution) { c.attribution = a }

// hands tells whether handovers concern what the cut reads.
func (c *cut) hands() bool {
	if c.attribution == store.LastUser {
		return c.handedAny
	}
	return c.handedOpen
}

// follow brings the column person of a relation with the given columns, and that of spans, up to handovers and links.
func (c *cut) follow(relation string, columns []string) string {
	selecting := func(person string) string {
		list := slices.Clone(columns)
		list[slices.Index(list, "person")] = "coalesce(" + person + ", person) AS person"
		return "(SELECT " + strings.Join(list, ", ") + " FROM "
	}
	if c.hands() {
		relation = selecting("hand_to") + relation + " LEFT JOIN " + handed(c.table.project, c.watermark.Position, c.attribution) + " ON hand_span = " + spanColumn + ")"
	}
	if c.relinks {
		relation = selecting("link_to") + relation + " LEFT JOIN " + latestLinks(c.table.project, c.watermark.Position) + " ON link_from = person)"
	}
	return relation
}
