package query

import (
	"slices"
	"time"
)

// buckets are the intervals of one range: bucket i is [edges[i], edges[i+1]). The edges lie within the range.
type buckets struct {
	edges []time.Time
	// starts are where the intervals begin on the calendar.
	starts []time.Time
	// ended is how many of the buckets are over.
	ended int
}

func (b *buckets) from() time.Time { return b.edges[0] }
func (b *buckets) to() time.Time   { return b.edges[len(b.edges)-1] }
func (b *buckets) len() int        { return len(b.edges) - 1 }

// calendar cuts time into intervals of one kind.
type calendar struct {
	interval  string
	zone      *time.Location
	weekStart time.Weekday
}

// floor is where the interval of a moment begins.
func (c *calendar) floor(t time.Time) time.Time {
	switch c.interval {
	case "minute":
		return floorClock(t, c.zone, time.Minute)
	case "hour":
		return floorClock(t, c.zone, time.Hour)
	}
	return c.first(dayOf(t, c.zone)).start(c.zone)
}

// first is the first day of the interval of a day.
func (c *calendar) first(d date) date {
	switch c.interval {
	case "week":
		return d.add(-((int(d.weekday()) - int(c.weekStart) + 7) % 7))
	case "month":
		return date{d.year, d.month, 1}
	}
	return d
}

// next is where the interval after that of a moment begins.
func (c *calendar) next(t time.Time) time.Time {
	switch c.interval {
	case "minute":
		return nextClock(t, c.zone, time.Minute)
	case "hour":
		return nextClock(t, c.zone, time.Hour)
	}
	// A day that a zone left out has no moment; the one after it follows then.
	for d := c.after(c.first(dayOf(t, c.zone))); ; d = c.after(d) {
		if next := d.start(c.zone); next.After(t) {
			return next
		}
	}
}

func (c *calendar) after(d date) date {
	switch c.interval {
	case "week":
		return d.add(7)
	case "month":
		return d.addMonths(1)
	}
	return d.add(1)
}

// cut divides a range; ok is false when that makes more than limit buckets.
func (c *calendar) cut(from, to, now time.Time, limit int) (b buckets, ok bool) {
	start, at := c.floor(from), from
	for at.Before(to) {
		if len(b.starts) == limit {
			return b, false
		}
		next := c.next(at)
		b.edges, b.starts = append(b.edges, at), append(b.starts, start)
		if !next.After(now) {
			b.ended = len(b.starts)
		}
		start, at = next, next
	}
	b.edges = append(b.edges, to)
	return b, true
}

// compareRange is an earlier range with the same number of buckets: every edge is moved back by the same step on the
// calendar. That step is for "year" one year (what 29 February had is then in no bucket), and for "previous"
//
//   - as many days, weeks or months as there are buckets; a day that the earlier month lacks is its last one;
//   - for minutes and hours of a range that begins with a day, as many days as it touches;
//   - for other minutes and hours, as many of them as there are buckets, in elapsed time.
//
// So an unfinished day is compared with the same hours of an earlier day.
func compareRange(c *calendar, b *buckets, how string) *buckets {
	back := func(t time.Time) time.Time { return moveBack(t, c.zone, func(d date) date { return d.yearBefore() }) }
	n := b.len()
	touched := int(dayOf(b.to().Add(-time.Microsecond), c.zone).number()-dayOf(b.from(), c.zone).number()) + 1
	wholeDays := dayOf(b.from(), c.zone).start(c.zone).Equal(b.from())
	days := func(n int) func(time.Time) time.Time {
		return func(t time.Time) time.Time { return moveBack(t, c.zone, func(d date) date { return d.add(-n) }) }
	}
	switch {
	case how == "year":
	case c.interval == "day":
		back = days(n)
	case c.interval == "week":
		back = days(7 * n)
	case c.interval == "month":
		back = func(t time.Time) time.Time {
			return moveBack(t, c.zone, func(d date) date { return d.addMonths(-n) })
		}
	case wholeDays:
		back = days(touched)
	case c.interval == "hour":
		back = func(t time.Time) time.Time { return t.Add(-time.Duration(n) * time.Hour) }
	default:
		back = func(t time.Time) time.Time { return t.Add(-time.Duration(n) * time.Minute) }
	}
	out := &buckets{ended: n}
	for _, e := range b.edges {
		moved := back(e)
		// Local times that clocks skip or repeat may change places.
		if k := len(out.edges); k > 0 && moved.Before(out.edges[k-1]) {
			moved = out.edges[k-1]
		}
		out.edges = append(out.edges, moved)
	}
	out.starts = slices.Clone(out.edges[:n])
	return out
}

func (d date) yearBefore() date {
	t := time.Date(d.year-1, d.month, d.day, 0, 0, 0, 0, time.UTC)
	return date{t.Year(), t.Month(), t.Day()}
}

// moveBack moves a moment to another day and keeps the local time of day.
func moveBack(t time.Time, zone *time.Location, move func(date) date) time.Time {
	local := t.In(zone)
	day := dayOf(local, zone)
	moved := move(day)
	if day.start(zone).Equal(t) {
		return moved.start(zone)
	}
	h, m, s := local.Clock()
	return time.Date(moved.year, moved.month, moved.day, h, m, s, local.Nanosecond(), zone)
}
