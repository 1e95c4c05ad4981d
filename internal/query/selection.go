package query

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/query/history"
	"github.com/freshet/freshet/internal/store"
)

// forever is later than any event.
var forever = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

// selection reads the events that match one of the selectors, mostly one or two, of a behavioural question, as its machine takes
// them: selector i sets bit i.
type selection struct {
	engine    *Engine
	cut       cohortCut
	zone      *time.Location
	clocks    *deviceClocks
	where     *Filter
	selectors []Selector
	// from and to bound the times; from is zero for all there is.
	from, to time.Time
	// ordered asks for the positions too, which order events of equal times.
	ordered bool
	// dimensions make the values of events. If they are not from the question's breakdown, field says where they are
	// from, and maxValues how many there may be.
	dimensions []*dimension
	maxValues  int
	field      string
	// cuts, if any, are ascending moments between which only it matters that somebody did something of a value, and what
	// was first: of events in a row that are alike in this the first one is kept.
	cuts []int64
}

// read gathers the events. Values are codes of the returned table.
func (s *selection) read(ctx context.Context) (*history.Builder, *valueCodes, error) {
	out, table := s.engine.history(len(s.selectors)), s.table()
	c, days := newCompiler(s.cut), s.days()
	sql := s.sql(c, days)
	err := out.Read(ctx, func(ctx context.Context) error {
		ctx, span := s.engine.Tracer.Start(purpose(ctx, "selection"), "sql selection")
		defer span.End()
		return s.cut.Spread(ctx, func() func(*store.Batch) error {
			rows, feed := reader{selection: s, codes: table.side(), thin: thinner{days: days}}, out.Feed()
			return func(b *store.Batch) error {
				columns, err := rows.columns(b)
				if err != nil {
					return err
				}
				return feed.Add(columns)
			}
		}, sql, c.args...)
	})
	if err != nil {
		return nil, nil, err
	}
	return out, table, nil
}

// days are the cuts as days, if the column "day" tells enough: nil if times have to be read.
func (s *selection) days() []int64 {
	if s.cuts == nil || s.ordered || len(s.dimensions) > 0 || !s.line().sameZone {
		return nil
	}
	out := make([]int64, len(s.cuts))
	for i, at := range s.cuts {
		if d, whole := s.wholeDay(time.UnixMicro(at)); whole {
			out[i] = d.number()
		} else {
			return nil
		}
	}
	_, from := s.wholeDay(s.from)
	_, to := s.wholeDay(s.to)
	if !from && !s.from.IsZero() || !to && !s.to.Equal(forever) {
		return nil
	}
	return out
}

// wholeDay is the local day of a moment, and tells whether it begins then.
func (s *selection) wholeDay(at time.Time) (date, bool) {
	d := dayOf(at, s.zone)
	return d, d.start(s.zone).Equal(at)
}

func (s *selection) line() *timeline { return lineOver(s.cut, s.zone, s.clocks) }

// sql selects person, time or day, match if there are several selectors, seq if ordered, and the values.
func (s *selection) sql(c *compiler, days []int64) string {
	line := s.line()
	parts, to := []string{c.column("person") + " AS person"}, s.to
	if days != nil {
		parts = append(parts, c.column("day")+" AS day")
		to = dayOf(s.to, s.zone).start(s.zone)
	} else {
		parts = append(parts, line.at(c)+" AS time")
	}
	matched, wanted := s.matching(c)
	if len(s.selectors) > 1 {
		parts = append(parts, c.dialect.Cast(matched, store.Number64)+" AS matched")
	}
	if s.ordered {
		parts = append(parts, c.column("seq")+" AS seq")
	}
	for i, d := range s.dimensions {
		parts = append(parts, d.sql(c)+" AS g"+strconv.Itoa(i+1))
	}
	source := c.sourceOf(line.pieces(s.from, to, true))
	return "SELECT " + strings.Join(parts, ", ") + " FROM " + source + " WHERE " + wanted
}

// matching is SQL for which of the selectors mean an event, and that one of them does.
func (s *selection) matching(c *compiler) (bits, wanted string) {
	list, conditions := make([]*Selector, len(s.selectors)), make([]string, len(s.selectors))
	for i := range s.selectors {
		list[i] = &s.selectors[i]
	}
	if len(list) > 2 {
		return c.matching(list, s.where)
	}
	if bits, wanted = c.byName(list, s.where); bits != "" {
		return bits, wanted
	}
	for i := range list {
		conditions[i] = c.selects(list[i], s.where)
	}
	if len(list) == 1 {
		return "", conditions[0]
	}
	return pairBits(conditions[0], conditions[1]), anyOf(conditions)
}

// anyOf is true where one of the conditions is.
func anyOf(conditions []string) string {
	for _, c := range conditions {
		if c == "TRUE" {
			return c
		}
	}
	return "(" + strings.Join(conditions, ") OR (") + ")"
}

// pairBits is matchBits of two conditions, of which one holds: the first is only looked at where the second does.
func pairBits(a, b string) string {
	return "CASE WHEN " + b + " THEN CASE WHEN " + a + " THEN 3 ELSE 2 END ELSE 1 END"
}

// matchBits is a number with a bit for each condition that holds.
func (c *compiler) matchBits(conditions []string) string {
	bits := make([]string, len(conditions))
	for i, condition := range conditions {
		bits[i] = "CASE WHEN " + condition + " THEN " + strconv.FormatUint(1<<i, 10) + " ELSE 0 END"
	}
	return c.dialect.Cast(strings.Join(bits, " + "), store.Number64)
}

// reader turns batches of a selection into columns of a history. Its memory is used again.
type reader struct {
	*selection
	codes *sideCodes
	value []int32
	thin  thinner
}

func (r *reader) columns(b *store.Batch) (*history.Columns, error) {
	out := &history.Columns{Actor: b.Columns[0].Uint64, Time: b.Columns[1].Int64}
	next := 2
	if len(r.selectors) > 1 {
		out.Match = b.Columns[next].Uint64
		next++
	}
	if r.ordered {
		out.Seq = b.Columns[next].Uint64
		next++
	}
	if len(r.dimensions) > 0 {
		var err error
		if r.value, err = r.codes.all(r.value[:0], b.Columns[next:], b.Rows); err != nil {
			return nil, err
		}
		out.Value = r.value
	}
	if r.cuts != nil {
		return r.thin.columns(r.cuts, out), nil
	}
	return out, nil
}

// table is an empty table for the values of a selection.
func (s *selection) table() *valueCodes {
	c := newValueCodes()
	if s.maxValues > 0 {
		c.most, c.field = s.maxValues, s.field
	}
	return c
}

// walkAll lets workers go over all actors, each with a tally of its own, and returns the sum of these.
func walkAll[T interface{ Merge(T) }](ctx context.Context, events *history.Builder, worker func() (T, func(*history.Actor))) (sum T, err error) {
	var tallies []T
	err = events.Each(ctx, func() func(*history.Actor) {
		t, walk := worker()
		tallies = append(tallies, t)
		return walk
	})
	if err != nil {
		return sum, err
	}
	for _, t := range tallies[1:] {
		tallies[0].Merge(t)
	}
	return tallies[0], nil
}
