package duckdb

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
	"github.com/freshet/freshet/internal/store/flat"
)

const (
	// previewBytes bounds the rows that are shown ahead, as DuckDB gets them; with all columns of an app some 150,000 events.
	previewBytes = 64 << 20
	// stretchBytes is about how many of them are let go of at a time.
	stretchBytes = previewBytes / 8
)

var _ store.Previewer = (*Store)(nil)

// preview are the rows that are shown ahead: those behind the watermark that were not withdrawn. DuckDB has no table of them; each
// cut makes one with the columns that its question is about. There is a preview only while the server catches up, which is
// rare, so it takes nothing otherwise.
type preview struct {
	batch batch
	// first and firstAt are when the first event of the batch was received and its position.
	first   int64
	firstAt eventlog.Position
	// stretches are in the order of the log. Store.mu guards the list, rows the parts in it, which commits append to while cuts read.
	stretches []*stretch
	rows      sync.Mutex
	// withdrawn has the position of the watermark from which a row is hidden, by that of the row; withdrawing those of the
	// open batch. Store.mu guards the first.
	withdrawn   map[eventlog.Position]eventlog.Position
	withdrawing []eventlog.Position
}

// stretch is a stretch of the log.
type stretch struct {
	parts        map[store.ProjectID]*part
	from, to     eventlog.Position
	since, until int64
	bytes        int
}

// aheadOf is what a cut sees of a part: its first n rows.
type aheadOf struct {
	part *part
	n    int
}

// Preview implements store.Previewer.
func (s *Store) Preview(project store.ProjectID, loc *time.Location, protocol string, e *event.Event) {
	v := &s.preview
	b := &v.batch
	if b.projects == nil {
		b.projects = map[store.ProjectID]*rows{}
	}
	if len(b.order) == 0 {
		v.first, v.firstAt = e.Derived.ReceivedAt, eventlog.Position(e.Derived.Position)
	}
	b.add(s, project, loc, protocol, e)
}

// ShowPreview implements store.Previewer.
func (s *Store) ShowPreview(to eventlog.Position) eventlog.Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := &s.preview
	if len(v.batch.order) > 0 {
		v.extend(to)
		for _, r := range v.batch.order {
			s.changed(r.table.project)
		}
	}
	v.batch.reset()
	v.batch.newest = 0
	s.lookBehind()
	return s.showing(to)
}

// extend appends the open batch to the last stretch.
func (v *preview) extend(to eventlog.Position) {
	v.rows.Lock()
	defer v.rows.Unlock()
	n := len(v.stretches)
	if n == 0 || v.stretches[n-1].bytes >= stretchBytes {
		v.stretches = append(slices.Clone(v.stretches), &stretch{
			parts: map[store.ProjectID]*part{}, from: v.firstAt, since: v.first,
		})
		n++
	}
	last := v.stretches[n-1]
	for _, r := range v.batch.order {
		p := last.parts[r.table.project]
		if p == nil {
			p = newPart(r.table)
			last.parts[r.table.project] = p
		}
		last.bytes -= p.bytes
		p.add(r)
		last.bytes += p.bytes
	}
	last.to, last.until = to, max(last.until, v.batch.newest)
}

// showing has the watermark say what is shown ahead, and wakes who waits for news. mu is held.
func (s *Store) showing(to eventlog.Position) eventlog.Position {
	v := &s.preview
	total := 0
	for _, st := range v.stretches {
		total += st.bytes
	}
	for len(v.stretches) > 1 && total > previewBytes {
		total -= v.stretches[0].bytes
		for project := range v.stretches[0].parts {
			s.changed(project)
		}
		v.stretches = v.stretches[1:]
	}
	if len(v.stretches) == 0 {
		s.watermark.Preview = nil
		return to
	}
	first, last := v.stretches[0], v.stretches[len(v.stretches)-1]
	s.watermark.Preview = &store.Preview{
		From: max(first.from, s.watermark.Position), To: last.to,
		Since: time.UnixMicro(first.since).UTC(), Until: time.UnixMicro(last.until).UTC(),
	}
	s.advance(s.watermark.Position)
	return first.from
}

// Withdraw implements store.Previewer.
func (s *Store) Withdraw(at eventlog.Position) {
	s.preview.withdrawing = append(s.preview.withdrawing, at)
}

// passed notes that everything before a position is committed. mu is held.
func (s *Store) passed(after eventlog.Position) {
	v := &s.preview
	if len(v.stretches) > 0 {
		if v.withdrawn == nil {
			v.withdrawn = map[eventlog.Position]eventlog.Position{}
		}
		for _, at := range v.withdrawing {
			v.withdrawn[at] = after
		}
		for _, st := range v.stretches {
			for project := range st.parts {
				s.changed(project)
			}
		}
	}
	v.withdrawing = v.withdrawing[:0]
}

// lookBehind lets go of what the watermark has passed. mu is held.
func (s *Store) lookBehind() {
	v := &s.preview
	v.stretches = slices.DeleteFunc(slices.Clone(v.stretches), func(st *stretch) bool { return st.to <= s.watermark.Position })
	for at := range v.withdrawn {
		if at < s.watermark.Position {
			delete(v.withdrawn, at)
		}
	}
}

// EndPreview implements store.Previewer.
func (s *Store) EndPreview() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.preview.stretches {
		for project := range st.parts {
			s.changed(project)
		}
	}
	s.preview.stretches, s.preview.withdrawn, s.preview.withdrawing, s.preview.batch = nil, nil, nil, batch{}
	s.watermark.Preview = nil
}

// look notes what the cut sees ahead. Store.mu is held.
func (c *cut) look(project store.ProjectID) {
	v := &c.store.preview
	if len(v.stretches) == 0 {
		return
	}
	v.rows.Lock()
	defer v.rows.Unlock()
	for _, st := range v.stretches {
		if p := st.parts[project]; p != nil && st.to > c.watermark.Position {
			c.ahead = append(c.ahead, aheadOf{p, p.n})
			c.zone = c.zone.With(p.zone)
		}
	}
	for at, from := range v.withdrawn {
		if from <= c.watermark.Position {
			if c.withdrawn == nil {
				c.withdrawn = map[eventlog.Position]bool{}
			}
			c.withdrawn[at] = true
		}
	}
}

// previewed selects the columns from the rows that are shown ahead, out of a table of the cut's own; empty when there are none.
func (c *cut) previewed(pick picked, columns []string) (part string) {
	if len(c.ahead) == 0 {
		return ""
	}
	with := append([]string{"seq"}, columns...)
	name := ""
	for i := range c.ahead {
		filled, rows := c.aheadColumns(&c.ahead[i], with, pick)
		if rows == 0 {
			continue
		}
		var err error
		if name == "" {
			name, err = c.ownTable(with)
		}
		if err == nil {
			err = into(c.ctx, c.conn, fileDatabase, name, "from_"+name, filled, rows)
		}
		if err != nil {
			c.failed = errors.Join(c.failed, fmt.Errorf("show %d rows ahead: %w", rows, err))
			return ""
		}
	}
	if name == "" {
		return ""
	}
	part = c.part(name, columns, setOf(with).asNamed)
	if len(pick.persons) > 0 {
		part += " WHERE " + pick.ofPersons()
	}
	return part
}

// aheadColumns are the columns of the rows that are shown and picked, and how many rows there are.
func (c *cut) aheadColumns(a *aheadOf, names []string, pick picked) ([]column, int) {
	v := &c.store.preview
	v.rows.Lock()
	defer v.rows.Unlock()
	first := a.part.before(c.watermark.Position)
	keys, some := pick.of(a.part, a.n)
	seq := a.part.builtin[flat.Seq].words
	if !some {
		keys = nil
		for i := first; i < a.n; i++ {
			keys = append(keys, key{row: int32(i)})
		}
	}
	keys = slices.DeleteFunc(keys, func(k key) bool {
		return int(k.row) < first || int(k.row) >= a.n || c.withdrawn[eventlog.Position(word(seq, int(k.row)))]
	})
	return gathered(a.part.named(names), keys), len(keys)
}

// ownTable makes a table that is gone with the cut's transaction, with the given columns of the project's.
func (c *cut) ownTable(columns []string) (string, error) {
	c.locals++
	name := fmt.Sprintf("own_%d_%d", c.number, c.locals)
	defs := definitions(c.table.all(), func(name string) bool { return slices.Contains(columns, name) })
	if _, err := c.conn.ExecContext(c.ctx, "CREATE TEMP TABLE "+name+" ("+defs+")"); err != nil {
		return "", fmt.Errorf("create %s: %w", name, err)
	}
	return name, nil
}
