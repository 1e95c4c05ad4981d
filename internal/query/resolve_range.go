package query

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/freshet/freshet/internal/event"
)

// span resolves the range and cuts it.
func (r *resolver) span(ctx context.Context) (b buckets, err error) {
	from, to, err := r.bounds(ctx)
	if err != nil {
		return b, err
	}
	from, to = from.In(r.zone), to.In(r.zone)
	if !from.Before(to) {
		return b, invalid("range", "empty_range", "the range begins at %s, which is not before its end, %s",
			from.Format(time.RFC3339), to.Format(time.RFC3339))
	}
	r.q.Range = r.spelled(from, to)
	b, ok := r.calendar().cut(from, to, r.known, r.engine.MaxBuckets)
	if !ok {
		return b, invalid("interval", "too_many_buckets", "the range has more than %d intervals of a %s; take a longer interval or a shorter range",
			r.engine.MaxBuckets, r.q.Interval)
	}
	return b, nil
}

func (r *resolver) bounds(ctx context.Context) (from, to time.Time, err error) {
	c, q := r.clock(), r.q.Range
	for field, word := range map[string]string{"range.from": q.From, "range.to": q.To} {
		if _, err := time.Parse(time.RFC3339Nano, word); err == nil && isWallClock(r.zone) {
			return from, to, invalid(field, "bad_time", "%s says how far it is from UTC, and each device has a clock of its own; write 2026-04-01T12:00:00", quoteShort(word))
		}
	}
	if q.From == "" {
		q.From = "-30d"
	}
	begin, ok := c.read(q.From)
	if !ok && q.From != "all" {
		return from, to, badRange("range.from", q.From)
	}
	end := span{to: c.now}
	if begin.to.After(begin.from) && begin.to.Before(c.now) {
		end.to = begin.to
	}
	if isWallClock(r.zone) && (q.To == "now" || q.To == "" && end.to.Equal(c.now)) {
		// What the fastest clocks show already is part of today as well.
		q.To = "today"
	}
	if q.To != "" {
		if end, ok = c.read(q.To); !ok {
			return from, to, badRange("range.to", q.To)
		}
	}
	if q.From != "all" {
		return begin.from, end.to, nil
	}
	from, err = r.firstEvent(ctx)
	if isWallClock(r.zone) && !from.IsZero() {
		from = dayOf(from, r.zone).start(r.zone)
	}
	if from.IsZero() || !from.Before(end.to) {
		from = dayOf(end.to.Add(-time.Microsecond), r.zone).start(r.zone)
	}
	return from, end.to, err
}

func badRange(field, v string) *event.Error {
	return invalid(field, "bad_time", "%s is no time; write 2026-04-01, 2026-04-01T12:00:00Z, now, -7d, today, this_month or the like", quoteShort(v))
}

// clock is that by which the words of the range are read: for the clocks of devices, the project's.
func (r *resolver) clock() *clock {
	c := r.check.clock
	if isWallClock(r.zone) {
		c.now, c.zone = reading(c.now, r.scope.Zone), r.zone
	}
	return &c
}

// spelled is a range as an answer repeats it.
func (r *resolver) spelled(from, to time.Time) Range {
	return Range{From: spelledTime(from, r.zone, time.RFC3339Nano), To: spelledTime(to, r.zone, time.RFC3339Nano)}
}

// firstEvent is the time of the project's first event, zero without events; by the clocks of devices the earliest reading.
func (r *resolver) firstEvent(ctx context.Context) (first time.Time, err error) {
	cut, err := r.engine.of(r.scope.Project).Cut(ctx, r.scope.Project)
	if err != nil {
		return first, fmt.Errorf("resolve a range: %w", err)
	}
	defer cut.Close()
	sql := "SELECT min(time) FROM " + cut.Events("time")
	if isWallClock(r.zone) {
		sql = "SELECT min(time), timezone FROM " + cut.Events("time", "timezone") + " GROUP BY timezone ORDER BY 1 LIMIT " + strconv.Itoa(maxDeviceZones)
	}
	for row, err := range r.engine.rows(ctx, cut, "first event", sql, nil) {
		if err != nil {
			return first, err
		}
		at, ok := row[0].(time.Time)
		if len(row) > 1 {
			name, _ := row[1].(string)
			at = readingOf(at, name, r.scope.Zone)
		}
		if ok && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	return first, nil
}
