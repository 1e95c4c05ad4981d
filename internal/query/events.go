package query

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
)

// EventFilter picks events. Empty fields let everything pass.
type EventFilter struct {
	Event       string `json:"event,omitempty"`
	UserID      string `json:"user_id,omitempty"`
	AnonymousID string `json:"anonymous_id,omitempty"`
	// Person is the number of a person in decimal digits.
	Person string `json:"person,omitempty"`
	// From is the earliest time, To the first one too late.
	From  *time.Time `json:"from,omitempty"`
	To    *time.Time `json:"to,omitempty"`
	Where *Filter    `json:"where,omitempty"`
}

// EventPage is a page of events, newest first.
type EventPage struct {
	Events []Event `json:"events"`
	// Next is the cursor of the next page; empty after the last.
	Next      string          `json:"next,omitempty"`
	Watermark store.Watermark `json:"watermark"`
}

const (
	defaultEvents = 50
	maxEvents     = 1000
)

// Events returns the events that pass the filter, newest first by time, from the cursor on. limit is 1 to 1000; 0
// means 50. A cursor stays good while events arrive: what came in behind it shows up on the pages to come.
func (e *Engine) Events(ctx context.Context, s Scope, f EventFilter, cursor string, limit int) (*EventPage, error) {
	if limit == 0 {
		limit = defaultEvents
	}
	if err := checkLimit(limit, maxEvents); err != nil {
		return nil, err
	}
	after, err := decodeCursor(cursor, f.hash(s.Project))
	if err != nil {
		return nil, err
	}
	page := &EventPage{}
	err = e.ask(ctx, "events", s, func(ctx context.Context, cut *peopledCut) error {
		page.Watermark = cut.Watermark()
		c, err := e.condition(ctx, cut, s, f)
		if err != nil {
			return err
		}
		found, err := newest(ctx, c, after, limit+1)
		if err != nil {
			return err
		}
		if len(found) > limit {
			found = found[:limit]
			page.Next = found[limit-1].encode(f.hash(s.Project))
		}
		page.Events, err = fetch(ctx, c, found)
		return err
	})
	if err != nil {
		return nil, err
	}
	return page, nil
}

func checkLimit(limit, most int) error {
	if limit >= 1 && limit <= most {
		return nil
	}
	err := event.Errorf(event.Invalid, "bad_limit", "limit is %d, it must be 1 to %d", limit, most)
	err.Field = "limit"
	return err
}

// hash tells filters apart. The bounds in time are left out: they are often relative to now, and a cursor is a place
// in time itself, good within any bounds.
func (f EventFilter) hash(project store.ProjectID) uint64 {
	f.From, f.To = nil, nil
	b, err := json.Marshal(f)
	if err != nil {
		b = fmt.Append(nil, err)
	}
	return xxh3.HashSeed(b, uint64(project))
}

// condition is what a filter asks of a row, but for its bounds in time.
type condition struct {
	*compiler
	// terms are over built-in columns, where is over whatever the compiler makes.
	terms []string
	where string
	// filter is the one that was compiled, with bounds in time made absolute.
	filter EventFilter
}

// condition compiles a filter for a cut. One of a person reads that person's events only.
func (e *Engine) condition(ctx context.Context, cut cohortCut, s Scope, f EventFilter) (*condition, error) {
	if f.Person != "" {
		n, err := ParsePerson(f.Person)
		if err != nil {
			return nil, err
		}
		cut = cut.of(n)
	}
	c := &condition{compiler: newCompiler(cut), filter: f}
	c.column("seq")
	c.column("time")
	for _, t := range []struct{ column, want string }{
		{"event", f.Event}, {"user_id", f.UserID}, {"anonymous_id", f.AnonymousID},
	} {
		if t.want != "" {
			c.terms = append(c.terms, c.column(t.column)+" = "+c.bind(t.want))
		}
	}
	if f.Where != nil {
		checked, err := e.where(ctx, cut, s, f.Where, "where")
		if err != nil {
			return nil, err
		}
		c.filter.Where, c.where = checked, c.compiler.where(checked)
	}
	return c, nil
}

// from is the FROM and WHERE part of a statement over the rows that pass and satisfy more terms.
func (c *condition) from(terms ...string) string {
	q := " FROM " + c.source(strings.Join(append(terms[:len(terms):len(terms)], c.terms...), " AND "))
	if c.where != "" {
		q += " WHERE " + c.where
	}
	return q
}

const (
	microsecond = int64(1)
	hour        = 3600 * 1_000_000 * microsecond
	// firstWindow is the first stretch of time that newest looks through, lastWindow the longest before it looks
	// through all the rest.
	firstWindow = hour
	lastWindow  = 1024 * hour
)

// newest finds the newest events, behind after when it is not nil. It goes back in time by windows that grow: row
// groups outside of a window are not read, and most questions end with the first windows.
func newest(ctx context.Context, c *condition, after *place, limit int) ([]place, error) {
	low, high := int64(math.MinInt64), int64(math.MaxInt64)
	if c.filter.From != nil {
		low = c.filter.From.UnixMicro()
	}
	if c.filter.To != nil {
		high = c.filter.To.UnixMicro()
	}
	start := min(high, c.cut.Watermark().Newest().UnixMicro())
	if after != nil {
		start = min(start, after.time)
	}
	var out []place
	for width := firstWindow; high > low; width *= 4 {
		bottom := max(low, start-width)
		if width > lastWindow || c.filter.Person != "" { // one person has few
			bottom = low
		}
		found, err := window(ctx, c, bottom, high, after, limit-len(out))
		if err != nil {
			return nil, err
		}
		if out = append(out, found...); len(out) == limit {
			break
		}
		high, start = bottom, bottom
	}
	return out, nil
}

// window finds the newest events with from <= time < to, behind after.
func window(ctx context.Context, c *condition, from, to int64, after *place, limit int) ([]place, error) {
	var terms []string
	if from > math.MinInt64 {
		terms = append(terms, "time >= "+c.dialect.Moment(from))
	}
	if to < math.MaxInt64 {
		terms = append(terms, "time < "+c.dialect.Moment(to))
	}
	if after != nil {
		t := c.dialect.Moment(after.time)
		terms = append(terms, "time <= "+t, fmt.Sprintf("(time < %s OR seq < %d)", t, after.seq))
	}
	q := "SELECT " + c.dialect.Micros("time") + ", seq" + c.from(terms...) + fmt.Sprintf(" ORDER BY time DESC, seq DESC LIMIT %d", limit)
	return places(ctx, c.cut, q, c.args)
}

// places runs a statement that selects times and seqs.
func places(ctx context.Context, cut store.Cut, q string, args []any) ([]place, error) {
	var out []place
	for row, err := range cut.Rows(ctx, q, args...) {
		if err != nil {
			return nil, fmt.Errorf("find events: %w", err)
		}
		c := cells(row)
		out = append(out, place{c.int(), c.number()})
	}
	return out, nil
}

// fetch reads the events at the places, in their order. A list of positions alone would not keep the store from
// reading every column of every row, so the condition and the bounds that the places have are asked for again.
func fetch(ctx context.Context, c *condition, at []place) ([]Event, error) {
	out := make([]Event, len(at))
	if len(at) == 0 {
		return out, nil
	}
	index := make(map[uint64]int, len(at))
	first, last := at[0], at[0]
	positions := make([]string, len(at))
	c.at = make([]eventlog.Position, len(at))
	for i, p := range at {
		index[p.seq], c.at[i] = i, eventlog.Position(p.seq)
		first = place{min(first.time, p.time), min(first.seq, p.seq)}
		last = place{max(last.time, p.time), max(last.seq, p.seq)}
		positions[i] = strconv.FormatUint(p.seq, 10)
	}
	r := newRowReader(c.cut.Schema(), nil)
	for _, column := range r.columns {
		c.column(column)
	}
	q := "SELECT " + r.list(c.dialect) + c.from(
		"time >= "+c.dialect.Moment(first.time), "time <= "+c.dialect.Moment(last.time),
		fmt.Sprintf("seq >= %d", first.seq), fmt.Sprintf("seq <= %d", last.seq),
		"seq IN ("+strings.Join(positions, ", ")+")")
	for row, err := range c.cut.Rows(ctx, q, c.args...) {
		if err != nil {
			return nil, fmt.Errorf("read events: %w", err)
		}
		seq, _ := row[0].(uint64)
		if i, ok := index[seq]; ok {
			r.read(row, &out[i])
		}
	}
	return out, nil
}
