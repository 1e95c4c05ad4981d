package duckdb

import (
	"math"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/store"
	"github.com/freshet/freshet/internal/store/flat"
)

// batch is what has been added since the last commit.
type batch struct {
	projects map[store.ProjectID]*rows
	order    []*rows
	dead     []store.DeadLetter
	links    []store.Link
	hands    []store.Handover
	holders  map[idKey]store.Holder
	// unlink is alone in its batch.
	unlink *store.Unlink
	counts map[ledgerKey]store.Counts
	sdks   map[ledgerKey]store.SDKCounts
	newest int64
}

type ledgerKey struct {
	project store.ProjectID
	hour    int64
}

// rows are the open batch's columns of one project.
type rows struct {
	table   *table
	n       int
	builtin []column
	props   []column
	events  flat.Events
	// follows are, in one more than its number, the number plus 1 of the property column that came behind each the last time, in
	// 0 that of the first: events of a kind mostly have their properties in the same order. last is the number of the present
	// event's latest one, -1 when it has none so far.
	follows []int
	last    int
	// loc cut the latest row's day.
	loc *time.Location
}

func newRows(t *table) *rows {
	r := &rows{table: t, builtin: make([]column, columnCount)}
	for i, c := range builtins() {
		r.builtin[i] = column{name: c.Name, typ: c.Type}
	}
	return r
}

func (r *rows) reset() {
	r.n, r.loc = 0, nil
	r.events.Reset()
	for i := range r.builtin {
		r.builtin[i].reset()
	}
	for i := range r.props {
		r.props[i].reset()
	}
}

// Add implements store.Writer.
func (s *Store) Add(project store.ProjectID, loc *time.Location, protocol string, e *event.Event) {
	s.batch.add(s, project, loc, protocol, e)
}

func (b *batch) add(s *Store, project store.ProjectID, loc *time.Location, protocol string, e *event.Event) {
	r := b.rows(s, project)
	i := r.n
	r.n++
	if e.Derived.ReceivedAt > b.newest {
		b.newest = e.Derived.ReceivedAt
	}
	s.persons.add(e.Derived.Person)
	r.loc, r.last = loc, -1
	r.events.Add(r, i, loc, protocol, e)
	if span := e.Derived.Span; span != 0 {
		r.builtin[colSpan].word(i, span)
	}
	r.builtin[colNumber].word(i, uint64(r.table.numberOf(e.Name)))
}

// Word implements flat.Columns.
func (r *rows) Word(column, row int, v uint64) { r.builtin[column].word(row, v) }

// UUID implements flat.Columns.
func (r *rows) UUID(column, row int, v [16]byte) { r.builtin[column].uuid(row, v) }

// Text implements flat.Columns.
func (r *rows) Text(column, row int, s string) { r.builtin[column].text(row, s) }

// Property implements flat.Columns. Of several values of a key and type the first one has the column.
func (r *rows) Property(row int, t store.Type, p *event.Property) bool {
	n := r.columnOf(r.last, p.Key, t)
	if n < 0 || r.prop(n).rows > row {
		return false
	}
	c := r.prop(n)
	r.last = n
	switch t {
	case store.Float:
		c.word(row, math.Float64bits(p.Num))
	case store.Boolean:
		c.boolean(row, p.Num != 0)
	case store.Time:
		us, _ := store.ParseTime(p.Str)
		c.word(row, uint64(us))
	default:
		c.text(row, p.Str)
	}
	return true
}

// columnOf is the table's for a property behind that of the column before, which is -1 for the first.
func (r *rows) columnOf(before int, key string, typ store.Type) int {
	for len(r.follows) <= before+1 {
		r.follows = append(r.follows, 0)
	}
	if n := r.follows[before+1] - 1; n >= 0 && r.table.props[n].Type == typ && r.table.props[n].Key == key {
		return n
	}
	n := r.table.columnOf(key, typ)
	r.follows[before+1] = n + 1
	return n
}

// prop is the n-th property column of the batch; columns appear as the table gets them.
func (r *rows) prop(n int) *column {
	for len(r.props) <= n {
		p := r.table.props[len(r.props)]
		r.props = append(r.props, column{name: p.Column, typ: p.Type})
	}
	return &r.props[n]
}

// AddDead implements store.Writer.
func (s *Store) AddDead(d store.DeadLetter) {
	if d.ReceivedAt > s.batch.newest {
		s.batch.newest = d.ReceivedAt
	}
	d.Body = append([]byte(nil), d.Body...)
	s.batch.dead = append(s.batch.dead, d)
}

// AddLink implements store.Writer.
func (s *Store) AddLink(l store.Link) { s.batch.links = append(s.batch.links, l) }

// Unlink implements store.Writer.
func (s *Store) Unlink(u store.Unlink) { s.batch.unlink = &u }

// Count implements store.Writer.
func (s *Store) Count(project store.ProjectID, hour int64, c store.Counts) {
	k := ledgerKey{project, hour}
	s.batch.counts[k] = s.batch.counts[k].Plus(c)
}

func (b *batch) rows(s *Store, project store.ProjectID) *rows {
	r := b.projects[project]
	if r == nil {
		r = newRows(s.table(project))
		b.projects[project] = r
	}
	if r.n == 0 {
		b.order = append(b.order, r)
	}
	return r
}

func (b *batch) reset() {
	for _, r := range b.order {
		r.reset()
	}
	b.unlink = nil
	b.order, b.dead, b.links, b.hands = b.order[:0], b.dead[:0], b.links[:0], b.hands[:0]
	clear(b.holders)
	clear(b.counts)
	clear(b.sdks)
}
