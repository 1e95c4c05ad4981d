package clickhouse

import (
	"slices"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/google/uuid"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
	"github.com/freshet/freshet/internal/store/flat"
)

// open is the open batch: what has been added since the last commit.
type open struct {
	projects map[store.ProjectID]*events
	order    []*events
	dead     []store.DeadLetter
	// identities are links, handovers and openings of spans, as they came; opened are the spans that these open.
	identities []any
	opened     map[who]bool
	holders    map[person]store.Holder
	// unlink is alone in its batch.
	unlink *store.Unlink
	counts map[hourKey]store.Counts
	sdks   map[hourKey]store.SDKCounts
	newest int64
}

type hourKey struct {
	project store.ProjectID
	hour    int64
}

func newOpen() open {
	return open{
		projects: map[store.ProjectID]*events{}, counts: map[hourKey]store.Counts{}, sdks: map[hourKey]store.SDKCounts{},
		opened: map[who]bool{}, holders: map[person]store.Holder{},
	}
}

// events are those of one project in the open batch, by the shard that gets them.
type events struct {
	table *table
	n     int
	of    []*rows
	flat  flat.Events
	loc   *time.Location
}

// rows are the open batch's columns of one project for one shard.
type rows struct {
	table   *table
	n       int
	builtin []column
	props   []column
	members map[int]*memberColumn
	utcDays proto.ColInt32
	// own are the numbers of the ids that say whose events are, spans those of the spans that they are of, or 0; basis see resolve.
	own   proto.ColUInt64
	spans proto.ColUInt64
	basis proto.ColUInt64
	// overflows tells that a row has an overflow.
	overflows bool
}

func newRows(t *table) *rows {
	r := &rows{table: t, builtin: make([]column, len(store.Columns)), members: map[int]*memberColumn{
		flat.Traits: newMemberColumn("traits", store.TraitOps), flat.Extra: newMemberColumn("extra", ""), flat.Overflow: newMemberColumn("overflow", ""),
	}}
	for i, c := range store.Columns {
		r.builtin[i] = column{name: c.Name, typ: c.Type, plain: true}
	}
	return r
}

// Add implements store.Writer.
func (s *Store) Add(project store.ProjectID, loc *time.Location, protocol string, e *event.Event) {
	all := s.batch.projects[project]
	if all == nil {
		all = &events{table: s.table(project), of: make([]*rows, len(s.shards))}
		s.batch.projects[project] = all
	}
	if all.n == 0 {
		s.batch.order = append(s.batch.order, all)
	}
	s.batch.newest = max(s.batch.newest, e.Derived.ReceivedAt)
	all.loc = loc
	all.n++
	to := shardOf(e.Derived.Person, len(s.shards))
	r := all.of[to]
	if r == nil {
		r = newRows(all.table)
		all.of[to] = r
	}
	r.utcDays = append(r.utcDays, floorDay(e.Derived.Time))
	own := event.OwnNumber(e.UserID, e.AnonymousID, e.Context.DeviceID)
	r.own, r.spans = append(r.own, own), append(r.spans, e.Derived.Span)
	if e.Derived.Span != 0 {
		s.openSpan(opening{project, own, e.Derived.Span, e.Derived.Person, eventlog.Position(e.Derived.Position)})
	}
	all.flat.Add(r, r.n, loc, protocol, e)
	r.n++
}

// table returns the project's table and makes it known when it is new.
func (s *Store) table(project store.ProjectID) *table {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables[project]
	if t == nil {
		t = newTable(project, &s.opts)
		s.tables[project] = t
	}
	return t
}

// Word implements flat.Columns.
func (r *rows) Word(column, row int, v uint64) {
	c := &r.builtin[column]
	c.start(row)
	c.words = append(c.words, v)
}

// UUID implements flat.Columns.
func (r *rows) UUID(column, row int, v [16]byte) {
	c := &r.builtin[column]
	c.start(row)
	c.ids = append(c.ids, uuid.UUID(v))
}

// Text implements flat.Columns.
func (r *rows) Text(column, row int, s string) {
	c := &r.builtin[column]
	c.start(row)
	c.text.Append(s)
	r.overflows = r.overflows || column == flat.Overflow
	if m := r.members[column]; m != nil {
		m.set(row, s)
	}
}

// Property implements flat.Columns. Of several values of a key and type the first one has the column.
func (r *rows) Property(row int, t store.Type, p *event.Property) bool {
	n, ok := r.table.index[propertyKey{p.Key, t}]
	if !ok {
		if len(r.table.props) >= r.table.limit {
			return false
		}
		n = r.table.add(string([]byte(p.Key)), t)
	}
	for len(r.props) <= n {
		p := r.table.props[len(r.props)]
		r.props = append(r.props, column{name: p.Column, typ: p.Type})
	}
	c := &r.props[n]
	if c.rows > row {
		return false
	}
	c.set(row, t, p.Num, p.Str)
	return true
}

// input is the batch as it is sent. Property columns without a value in it are left out.
func (r *rows) input(epoch uint64) proto.Input {
	epochs := make(proto.ColUInt64, r.n)
	for i := range epochs {
		epochs[i] = epoch
	}
	out := proto.Input{{Name: "epoch", Data: epochs}, {Name: "utc_day", Data: r.utcDays}, {Name: "own", Data: r.own}, {Name: "span", Data: r.spans}, {Name: "basis", Data: r.basis}}
	for i := range r.builtin {
		r.builtin[i].pad(r.n)
		out = append(out, r.builtin[i].input())
	}
	for _, m := range r.members {
		m.pad(r.n)
		out = append(out, proto.InputColumn{Name: m.name, Data: m.column})
	}
	for i := range r.props {
		if c := &r.props[i]; c.rows > 0 {
			c.pad(r.n)
			out = append(out, c.input())
		}
	}
	return out
}

// personColumn is the place of the column "person".
var personColumn = slices.IndexFunc(store.Columns, func(c store.Column) bool { return c.Name == "person" })

// resolve has each row say whose it is by the links of its own commit. basis is what that was found by, the own id or the person
// of the event: links that come later are looked up for the own id, and else for that.
func (r *rows) resolve(of func(kind, uint64) (uint64, bool)) {
	r.basis = r.basis[:0]
	persons := r.builtin[personColumn].words
	for i, stored := range persons {
		basis := stored
		if r.spans[i] != 0 {
			if to, ok := of(spanOfNext, r.spans[i]); ok {
				persons[i] = to
			}
		} else if to, ok := of(anID, r.own[i]); ok {
			persons[i], basis = to, r.own[i]
		} else if to, ok := of(anID, stored); ok {
			persons[i] = to
		}
		r.basis = append(r.basis, basis)
	}
}

func (e *events) reset() {
	e.n, e.loc = 0, nil
	e.flat.Reset()
	for _, r := range e.of {
		if r != nil {
			r.reset()
		}
	}
}

// overflow tells that a row has an overflow.
func (e *events) overflow() bool {
	return slices.ContainsFunc(e.of, func(r *rows) bool { return r != nil && r.overflows })
}

func (r *rows) reset() {
	r.overflows = false
	r.n, r.utcDays, r.own, r.spans, r.basis = 0, r.utcDays[:0], r.own[:0], r.spans[:0], r.basis[:0]
	for i := range r.builtin {
		r.builtin[i].reset()
	}
	for i := range r.props {
		r.props[i].reset()
	}
	for _, m := range r.members {
		m.reset()
	}
}

// AddDead implements store.Writer.
func (s *Store) AddDead(d store.DeadLetter) {
	s.batch.newest = max(s.batch.newest, d.ReceivedAt)
	d.Body = append([]byte(nil), d.Body...)
	s.batch.dead = append(s.batch.dead, d)
}

// AddLink implements store.Writer.
func (s *Store) AddLink(l store.Link) { s.batch.identities = append(s.batch.identities, l) }

// Hand implements store.Writer.
func (s *Store) Hand(h store.Handover) { s.batch.identities = append(s.batch.identities, h) }

// Hold implements store.Writer.
func (s *Store) Hold(h store.Holder) { s.batch.holders[person{h.Project, h.ID}] = h }

// openSpan remembers a span that is not known yet.
func (s *Store) openSpan(o opening) {
	span := who{o.project, spanOfNext, o.span}
	if _, known := s.targets.of[span]; !known && !s.batch.opened[span] {
		s.batch.opened[span] = true
		s.batch.identities = append(s.batch.identities, o)
	}
}

// Unlink implements store.Writer.
func (s *Store) Unlink(u store.Unlink) {
	s.batch.unlink = &u
	for _, h := range u.Holders {
		s.Hold(h)
	}
}

// Count implements store.Writer.
func (s *Store) Count(project store.ProjectID, hour int64, c store.Counts) {
	k := hourKey{project, hour}
	s.batch.counts[k] = s.batch.counts[k].Plus(c)
}

// CountDuplicate implements store.Writer.
func (s *Store) CountDuplicate(project store.ProjectID, hour int64, sdk store.SDK) {
	k := hourKey{project, hour}
	s.batch.sdks[k] = s.batch.sdks[k].Add(sdk, 1)
}

func (b *open) reset() {
	for _, r := range b.order {
		r.reset()
	}
	b.unlink = nil
	b.order, b.dead, b.identities = b.order[:0], b.dead[:0], nil
	clear(b.opened)
	clear(b.holders)
	clear(b.counts)
	clear(b.sdks)
}
