package query

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/query/history"
	"github.com/freshet/freshet/internal/store"
)

// maxCodes bounds how many values a breakdown of a behavioural question may meet.
const maxCodes = 1_000_000

// forever is later than any event.
var forever = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

// selection reads the events that match one of the one or two selectors of a behavioural question, as its machine takes
// them: selector i sets bit i.
type selection struct {
	engine    *Engine
	cut       store.Cut
	zone      *time.Location
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
	out, table := history.New(history.Options{}), s.table()
	c := newCompiler(s.cut)
	sql := s.sql(c)
	ctx, span := s.engine.Tracer.Start(ctx, "sql selection")
	defer span.End()
	rows := reader{selection: s, codes: table}
	for batch, err := range s.cut.Batches(ctx, sql, c.args...) {
		if err != nil {
			return nil, nil, err
		}
		columns, err := rows.columns(batch)
		if err != nil {
			return nil, nil, err
		}
		if err := out.Add(columns); err != nil {
			return nil, nil, err
		}
	}
	return out, table, nil
}

// sql selects person, time, match if there are several selectors, seq if ordered, and the values.
func (s *selection) sql(c *compiler) string {
	parts := []string{c.column("person") + " AS person", c.column("time") + " AS time"}
	matched, wanted := s.matching(c)
	if len(s.selectors) > 1 {
		parts = append(parts, "CAST("+matched+" AS UBIGINT) AS matched")
	}
	if s.ordered {
		parts = append(parts, c.column("seq")+" AS seq")
	}
	for i, d := range s.dimensions {
		parts = append(parts, d.sql(c)+" AS g"+strconv.Itoa(i+1))
	}
	sameZone := c.cut.Schema().DayZone != "" && c.cut.Schema().DayZone == s.zone.String()
	line := &timeline{zone: s.zone, sameZone: sameZone}
	source := c.sourceOf(line.pieces(s.from, s.to, true))
	return "SELECT " + strings.Join(parts, ", ") + " FROM " + source + " WHERE " + wanted
}

// matching is SQL for which of the selectors mean an event, and that one of them does.
func (s *selection) matching(c *compiler) (bits, wanted string) {
	list, conditions := make([]*Selector, len(s.selectors)), make([]string, len(s.selectors))
	for i := range s.selectors {
		list[i] = &s.selectors[i]
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
func matchBits(conditions []string) string {
	bits := make([]string, len(conditions))
	for i, c := range conditions {
		bits[i] = "CASE WHEN " + c + " THEN " + strconv.FormatUint(1<<i, 10) + " ELSE 0 END"
	}
	return "CAST(" + strings.Join(bits, " + ") + " AS UBIGINT)"
}

// reader turns batches of a selection into columns of a history. Its memory is used again.
type reader struct {
	*selection
	codes *valueCodes
	ones  []uint64
	value []int32
	thin  thinner
}

func (r *reader) columns(b *store.Batch) (*history.Columns, error) {
	out := &history.Columns{Actor: b.Columns[0].Uint64, Time: b.Columns[1].Int64}
	next := 2
	if len(r.selectors) > 1 {
		out.Match = b.Columns[next].Uint64
		next++
	} else {
		for len(r.ones) < b.Rows {
			r.ones = append(r.ones, 1)
		}
		out.Match = r.ones[:b.Rows]
	}
	if r.ordered {
		out.Seq = b.Columns[next].Uint64
		next++
	}
	if err := r.values(out, b.Columns[next:], b.Rows); err != nil {
		return nil, err
	}
	if r.cuts != nil {
		return r.thin.columns(r.cuts, out), nil
	}
	return out, nil
}

// values adds the codes of a batch.
func (r *reader) values(out *history.Columns, groups []store.Vector, rows int) error {
	if len(r.dimensions) == 0 {
		return nil
	}
	var err error
	r.value, err = r.codes.all(r.value[:0], groups, rows)
	out.Value = r.value
	return err
}

// valueCodes numbers the combinations of values that events have, from 0 on.
type valueCodes struct {
	byKey map[string]int32
	// groups has the values by code; nil is a missing one.
	groups [][]any
	key    []byte
	most   int
	field  string
}

func newValueCodes() *valueCodes {
	return &valueCodes{byKey: map[string]int32{}, most: maxCodes, field: "breakdown"}
}

// table is an empty table for the values of a selection.
func (s *selection) table() *valueCodes {
	c := newValueCodes()
	if s.maxValues > 0 {
		c.most, c.field = s.maxValues, s.field
	}
	return c
}

// of is the code of a row.
func (c *valueCodes) of(columns []store.Vector, row int) (int32, error) {
	c.key = c.key[:0]
	for i := range columns {
		if columns[i].IsNull(row) {
			c.key = append(c.key, 0)
			continue
		}
		// No stored text has a NUL.
		c.key = append(append(append(c.key, 1), columns[i].Text[row]...), 0)
	}
	if code, ok := c.byKey[string(c.key)]; ok {
		return code, nil
	}
	if len(c.groups) == c.most {
		return 0, &event.Error{
			Kind: event.TooLarge, Code: "too_many_values", Field: c.field,
			Message: "the events have more than " + strconv.Itoa(c.most) + " different values of the property; take another one, or fewer events",
		}
	}
	group := make([]any, len(columns))
	for i := range columns {
		if !columns[i].IsNull(row) {
			group[i] = strings.Clone(columns[i].Text[row])
		}
	}
	code := int32(len(c.groups))
	c.byKey[string(c.key)], c.groups = code, append(c.groups, group)
	return code, nil
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
