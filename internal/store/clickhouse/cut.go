package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"regexp"
	"sync/atomic"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/fault"
	"github.com/freshet/freshet/internal/store"
)

// cut reads the rows before the position of the latest commit when it was made. Nothing behind it is ever written before
// it, and nothing before it is deleted or changed while it is open.
type cut struct {
	store     *Store
	number    uint64
	project   store.ProjectID
	name      string
	watermark store.Watermark
	props     []store.PropertyColumn
	zone      string
	// where is the condition on a row that is not sealed to be in the cut, expired that on any row, too; links is that on rows of identities.
	// linked tells that the project has links or spans, spanned that it has spans, whose kind says how they are attributed.
	where           string
	expired         string
	links           string
	linked, spanned bool
	spans           kind
	// sealed are the rows that are in the cut whatever their position, in the table sealedName; moved tells that links have come since.
	sealed     sealed
	sealedName string
	moved      bool
	// seen is how many of targets.moved it has.
	seen int
	// overflows tells that the project may have rows with an overflow.
	overflows bool
	// people and few are relations of the cut's own.
	people    map[string][]uint64
	few       map[string]few
	histories []*history
	// read and total are rows of the present statement.
	watched     bool
	read, total atomic.Uint64
}

var _ store.Watchable = (*cut)(nil)

// Cut implements store.Reader.
func (s *Store) Cut(_ context.Context, project store.ProjectID) (store.Cut, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latest++
	s.cuts[s.latest] = struct{}{}
	c := &cut{store: s, number: s.latest, project: project, watermark: s.watermark, people: map[string][]uint64{}, few: map[string]few{}, spans: spanOf(store.NextUser)}
	at := s.watermark.Position
	t := s.tables[project]
	if t == nil || !t.ready || at == 0 {
		return c, nil
	}
	c.name, c.props, c.zone = t.name, t.shown, s.totals.zones[project].Name
	c.sealed, c.sealedName = s.sealed[project], t.sealed
	c.where = fmt.Sprintf("seq >= %d AND seq < %d AND %s", c.sealed.position, planted(at), s.valid("seq", false))
	if fault.Planted(fault.EpochIgnored) {
		c.where = fmt.Sprintf("seq >= %d AND seq < %d", c.sealed.position, at)
	}
	for _, e := range s.expiries {
		if e.project == project {
			c.expired += " AND NOT (" + e.rows() + ")"
		}
	}
	c.moved, c.seen = s.targets.latest[project] > c.sealed.linked(), s.targets.moved[project]
	c.links = fmt.Sprintf("project = %d AND written <= %d AND %s", project, at, s.valid("written", true))
	if fault.Planted(fault.LinkLate) {
		c.links += fmt.Sprintf(" AND written < %d", at)
	}
	c.linked, c.spanned = s.targets.linked[project], s.targets.spanned[project]
	c.overflows = s.totals.overflows[project]
	return c, nil
}

// planted is the position up to which a cut has rows: the watermark's, but for a planted bug.
func planted(at eventlog.Position) eventlog.Position {
	switch {
	case fault.Planted(fault.CutLate):
		return at + 1<<20
	case fault.Planted(fault.CutEarly):
		return at - 1
	}
	return at
}

// Attribute implements store.Cut.
func (c *cut) Attribute(a store.Attribution) { c.spans = spanOf(a) }

// Close implements store.Cut.
func (c *cut) Close() {
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	delete(c.store.cuts, c.number)
}

// Watermark implements store.Cut.
func (c *cut) Watermark() store.Watermark { return c.watermark }

// Schema implements store.Cut.
func (c *cut) Schema() *store.Schema {
	s := &store.Schema{Properties: map[string][]store.PropertyColumn{}, PropertyLimit: c.store.opts.PropertyLimit, DayZone: c.zone, NoOverflow: !c.overflows}
	for _, p := range c.props {
		s.Properties[p.Key] = append(s.Properties[p.Key], p)
	}
	return s
}

var peopleName = regexp.MustCompile(`people_[0-9]+`)

// run runs a statement and calls take with every block.
func (c *cut) run(ctx context.Context, sql string, args []any, take func(*batch) error) error {
	sql, err := c.expand(ctx, sql)
	if err != nil {
		return err
	}
	q := ch.Query{Body: sql}
	if c.store.spread() {
		q.Body = listsFirst.Replace(sql)
	}
	if q.Parameters, err = parameters(args); err != nil {
		return err
	}
	sent := map[string]bool{}
	for _, name := range peopleName.FindAllString(sql, -1) {
		if persons := c.people[name]; persons != nil && !sent[name] {
			sent[name] = true
			q.ExternalTables = append(q.ExternalTables, ch.ExternalTable{Name: name, Data: proto.Input{{Name: "person", Data: proto.ColUInt64(persons)}}})
		}
	}
	if c.watched {
		c.read.Store(0)
		c.total.Store(0)
		q.OnProgress = func(_ context.Context, p proto.Progress) error {
			c.read.Add(p.Rows)
			c.total.Add(p.TotalRows)
			return nil
		}
	}
	var b batch
	err = c.store.client.each(ctx, "ask", q, func(r proto.Results) error {
		if err := b.of(r); err != nil {
			return err
		}
		return take(&b)
	})
	return told(err)
}

// errStop ends a statement whose rows are not wanted any more.
var errStop = errors.New("no more rows are wanted")

// Rows implements store.Cut.
func (c *cut) Rows(ctx context.Context, sql string, args ...any) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		var row []any
		err := c.run(ctx, sql, args, func(b *batch) error {
			if row == nil {
				row = make([]any, len(b.Columns))
			}
			for i := range b.Rows {
				for j := range row {
					row[j] = b.value(j, i)
				}
				if !yield(row, nil) {
					return errStop
				}
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStop) {
			yield(nil, err)
		}
	}
}

// Batches implements store.Cut.
func (c *cut) Batches(ctx context.Context, sql string, args ...any) iter.Seq2[*store.Batch, error] {
	return func(yield func(*store.Batch, error) bool) {
		err := c.run(ctx, sql, args, func(b *batch) error {
			if !yield(&b.Batch, nil) {
				return errStop
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStop) {
			yield(nil, err)
		}
	}
}

// Spread implements store.Cut. Rows come over one connection, so there is one worker.
func (c *cut) Spread(ctx context.Context, worker func() func(*store.Batch) error, sql string, args ...any) error {
	var failed error
	take := worker()
	err := c.run(ctx, sql, args, func(b *batch) error {
		failed = take(&b.Batch)
		return failed
	})
	if failed != nil {
		return failed
	}
	return err
}

// Watch implements store.Watchable.
func (c *cut) Watch(context.Context) error {
	c.watched = true
	return nil
}

// Fraction implements store.Watchable.
func (c *cut) Fraction() (float64, bool) {
	total := c.total.Load()
	if total == 0 {
		return 0, false
	}
	return min(float64(c.read.Load())/float64(total), 1), true
}
