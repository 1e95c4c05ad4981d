package query

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
)

// exportChunk is how many events an export holds in memory at once.
const exportChunk = 16384

// Export yields every event that passes the filter and was visible when it began, ordered by time and position. The
// event is overwritten after each call; an error of yield ends the export.
//
// Whoever takes the events may be slow, and a cut that is held keeps the store from writing to disk. So each chunk is
// read under a cut of its own, bounded by the position of the first: that is the same set of events, since events do
// not change. Only persons linked meanwhile show as linked, and days that retention removes meanwhile are missing.
func (e *Engine) Export(ctx context.Context, s Scope, f EventFilter, yield func(*Event) error) error {
	x := export{engine: e, scope: s, filter: f, events: make([]Event, 0, 256)}
	days, err := x.days(ctx)
	if err != nil {
		return err
	}
	for _, d := range days {
		if err := x.day(ctx, d, yield); err != nil {
			return err
		}
	}
	return nil
}

type export struct {
	engine *Engine
	scope  Scope
	filter EventFilter
	// end is the position before which events are exported.
	end    eventlog.Position
	events []Event
	// sets are the people of cohorts on the first cut.
	sets map[string]peopleSet
}

// exportDay is a day of UTC, in days since 1970, and its number of events.
type exportDay struct{ day, events int64 }

// read runs a part of the export on a cut of its own. Once it has begun, an export waits until there is room.
func (x *export) read(ctx context.Context, run func(ctx context.Context, c *condition) error) error {
	for {
		err := x.once(ctx, run)
		var e *event.Error
		if x.end == 0 || !errors.As(err, &e) || e.Kind != event.Overloaded {
			return err
		}
		select {
		case <-time.After(e.Wait):
		case <-ctx.Done():
			return err
		}
	}
}

func (x *export) once(ctx context.Context, run func(ctx context.Context, c *condition) error) error {
	return x.engine.ask(ctx, "export", x.scope, func(ctx context.Context, cut *peopledCut) error {
		if err := cut.adopt(ctx, x.sets); err != nil {
			return err
		}
		c, err := x.engine.condition(ctx, cut, x.scope, x.filter)
		if err != nil {
			return err
		}
		if x.filter.From != nil {
			c.terms = append(c.terms, "time >= "+c.dialect.Moment(x.filter.From.UnixMicro()))
		}
		if x.filter.To != nil {
			c.terms = append(c.terms, "time < "+c.dialect.Moment(x.filter.To.UnixMicro()))
		}
		if x.end == 0 {
			x.end, x.filter = cut.Watermark().Position, c.filter
		}
		c.terms = append(c.terms, fmt.Sprintf("seq < %d", x.end))
		err = run(ctx, c)
		if x.sets == nil {
			x.sets = cut.sets
		}
		return err
	})
}

func (x *export) days(ctx context.Context) (out []exportDay, err error) {
	err = x.read(ctx, func(ctx context.Context, c *condition) error {
		q := "SELECT " + c.dialect.Day("time") + " AS d, count(*)" + c.from() + " GROUP BY d ORDER BY d"
		for row, err := range c.cut.Rows(ctx, q, c.args...) {
			if err != nil {
				return fmt.Errorf("count the days to export: %w", err)
			}
			v := cells(row)
			out = append(out, exportDay{v.int(), v.int()})
		}
		return nil
	})
	return out, err
}

// day exports a day in chunks.
func (x *export) day(ctx context.Context, d exportDay, yield func(*Event) error) error {
	first := place{d.day * 24 * hour, 0}
	last := place{(d.day+1)*24*hour - microsecond, uint64(x.end)}
	var ends []place
	if d.events > exportChunk {
		var err error
		if ends, err = x.ends(ctx, first, last); err != nil {
			return err
		}
	}
	for _, end := range append(ends, last) {
		if err := x.chunk(ctx, first, end); err != nil {
			return err
		}
		for i := range x.events {
			if err := yield(&x.events[i]); err != nil {
				return err
			}
		}
		first = place{end.time, end.seq + 1}
	}
	return nil
}

// ends are the places of the last events of all chunks but the last.
func (x *export) ends(ctx context.Context, first, last place) (out []place, err error) {
	err = x.read(ctx, func(ctx context.Context, c *condition) error {
		q := "SELECT t, seq FROM (SELECT " + c.dialect.Micros("time") + " AS t, seq, row_number() OVER (ORDER BY time, seq) AS n" +
			c.from(c.between(first, last)...) + fmt.Sprintf(") WHERE n %% %d = 0 ORDER BY n", exportChunk)
		out, err = places(ctx, c.cut, q, c.args)
		return err
	})
	return out, err
}

// chunk reads the events from first to last into memory.
func (x *export) chunk(ctx context.Context, first, last place) error {
	return x.read(ctx, func(ctx context.Context, c *condition) error {
		x.events = x.events[:0]
		at, err := places(ctx, c.cut, "SELECT "+c.dialect.Micros("time")+", seq"+c.from(c.between(first, last)...), c.args)
		if err != nil || len(at) == 0 {
			return err
		}
		c.at = make([]eventlog.Position, len(at))
		for i, p := range at {
			c.at[i] = eventlog.Position(p.seq)
		}
		r := newRowReader(c.cut.Schema(), nil)
		for _, column := range r.columns {
			c.column(column)
		}
		q := "SELECT " + r.list(c.dialect) + c.from(c.between(first, last)...) + " ORDER BY time, seq"
		for row, err := range c.cut.Rows(ctx, q, c.args...) {
			if err != nil {
				return fmt.Errorf("export events: %w", err)
			}
			if len(x.events) == cap(x.events) {
				x.events = append(x.events, Event{})
			} else {
				x.events = x.events[:len(x.events)+1]
			}
			r.read(row, &x.events[len(x.events)-1])
		}
		return nil
	})
}

// between are the terms for the places from first to last, both included.
func (c *condition) between(first, last place) []string {
	a, b := c.dialect.Moment(first.time), c.dialect.Moment(last.time)
	return []string{
		"time >= " + a, "time <= " + b,
		fmt.Sprintf("(time > %s OR seq >= %d)", a, first.seq), fmt.Sprintf("(time < %s OR seq <= %d)", b, last.seq),
	}
}
