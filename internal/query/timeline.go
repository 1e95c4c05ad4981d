package query

import (
	"strconv"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/store"
)

// timeline maps events to the buckets of one range. Where it can it does so by the column "day", which the rows on
// disk are sorted by, and leaves the times unread.
type timeline struct {
	buckets *buckets
	zone    *time.Location
	dialect store.Dialect
	// sameZone tells that "day" of every row was cut in the zone of the question.
	sameZone bool
	// clocks, if set, has the events stand where the clocks of their devices stood; zone is that of wallClock then.
	clocks *deviceClocks
	// byDay tells that each bucket is made of whole days, but for the ends of the range.
	byDay bool
}

// lineOver is a timeline without buckets, as newTimeline makes it.
func lineOver(cut store.Cut, zone *time.Location, d *deviceClocks) *timeline {
	days := cut.Schema().DayZone
	return &timeline{dialect: cut.Dialect(), zone: zone, sameZone: days != "" && zone.String() == days, clocks: d}
}

// newTimeline is for the rows of a cut.
func newTimeline(cut store.Cut, r *Resolved, b *buckets) *timeline {
	t := lineOver(cut, r.zone, r.clocks)
	t.buckets = b
	t.byDay = t.sameZone
	for _, e := range b.edges[1:b.len()] {
		t.byDay = t.byDay && dayOf(e, t.zone).start(t.zone).Equal(e)
	}
	return t
}

// pieces are the events in [from, to); no lower bound when from is zero. If the statement reads the times anyway there
// is one piece, otherwise only days that are cut by an end of the range have theirs read.
func (t *timeline) pieces(from, to time.Time, timed bool) []piece {
	last := dayOf(to.Add(-time.Microsecond), t.zone)
	if t.clocks != nil {
		return []piece{t.read(from, to)}
	}
	if !t.sameZone {
		return []piece{t.around(from, to, last)}
	}
	days := bounds{to: last.number(), open: from.IsZero()}
	var lower, upper string
	if !from.IsZero() {
		first := dayOf(from, t.zone)
		days.from = first.number()
		if !first.start(t.zone).Equal(from) {
			lower = "time >= " + t.dialect.Moment(from.UnixMicro())
		}
	}
	if !last.add(1).start(t.zone).Equal(to) {
		upper = "time < " + t.dialect.Moment(to.UnixMicro())
	}
	if timed || lower == "" && upper == "" || !days.open && days.from == days.to {
		return []piece{timePiece(days.sql(), lower, upper)}
	}
	var out []piece
	if lower != "" {
		out = append(out, timePiece(bounds{from: days.from, to: days.from}.sql(), lower))
		days.from++
	}
	if upper != "" {
		out = append(out, timePiece(bounds{from: days.to, to: days.to}.sql(), upper))
		days.to--
	}
	if days.open || days.from <= days.to {
		out = append(out, piece{predicate: days.sql()})
	}
	return out
}

func timePiece(conditions ...string) piece {
	p := piece{columns: []string{"day"}}
	var parts []string
	for i, c := range conditions {
		if c != "" {
			parts = append(parts, c)
			if i > 0 {
				p.columns = []string{"day", "time"}
			}
		}
	}
	p.predicate = strings.Join(parts, " AND ")
	return p
}

// farthest is how many days the local dates of one moment may be apart: there are 26 hours between the farthest zones.
const farthest = 2

// around is the range by its times, with the days of other zones only to skip what is far away.
func (t *timeline) around(from, to time.Time, last date) piece {
	lower := ""
	if !from.IsZero() {
		lower = "time >= " + t.dialect.Moment(from.UnixMicro())
	}
	return timePiece(t.daysAround(from, last).sql(), lower, "time < "+t.dialect.Moment(to.UnixMicro()))
}

// daysAround are the days, in any zone, of all events from a moment to a day.
func (t *timeline) daysAround(from time.Time, last date) bounds {
	days := bounds{to: last.number() + farthest, open: from.IsZero()}
	if !from.IsZero() {
		days.from = dayOf(from, t.zone).number() - farthest
	}
	return days
}

// read is the range by the readings of clocks.
func (t *timeline) read(from, to time.Time) piece {
	p := t.timed(t.clocks.before(from), t.clocks.after(to))
	if !from.IsZero() {
		p.clocked.where = append(p.clocked.where, "clock >= "+t.dialect.Moment(from.UnixMicro()))
	}
	p.clocked.where = append(p.clocked.where, "clock < "+t.dialect.Moment(to.UnixMicro()))
	return p
}

// timed is a range by the times, with readings beside them if there are devices to go by.
func (t *timeline) timed(from, to time.Time) piece {
	last := dayOf(to.Add(-time.Microsecond), t.zone)
	out := t.around(from, to, last)
	if t.clocks == nil {
		return out
	}
	out.clocked = &clocked{home: t.clocks.home, from: from, to: earliest(to, t.clocks.until), days: t.daysAround(from, last).sql()}
	if from.IsZero() {
		out.clocked.from = t.clocks.since
	}
	return out
}

// at is the column of the time by which an event stands on the line.
func (t *timeline) at(c *compiler) string {
	if t.clocks != nil {
		return c.clock()
	}
	return c.column("time")
}

// bounds are days from and to, both included.
type bounds struct {
	from, to int64
	open     bool
}

func (b bounds) sql() string {
	to := strconv.FormatInt(b.to, 10)
	switch {
	case b.open:
		return "day <= " + to
	case b.from == b.to:
		return "day = " + to
	}
	return "day BETWEEN " + strconv.FormatInt(b.from, 10) + " AND " + to
}

// bucket is SQL for the number of the bucket of an event in the range.
func (t *timeline) bucket(c *compiler) string {
	n := t.buckets.len()
	if t.byDay {
		days := make([]int64, n)
		for i, e := range t.buckets.edges[:n] {
			days[i] = dayOf(e, t.zone).number()
		}
		end := dayOf(t.buckets.to().Add(-time.Microsecond), t.zone).number() + 1
		return stair(t.dialect, c.column("day"), days, end, -1)
	}
	return t.bucketOf(t.at(c))
}

// bucketOf is the number of the bucket that a time in the range falls in.
func (t *timeline) bucketOf(at string) string {
	n := t.buckets.len()
	times := make([]int64, n)
	for i, e := range t.buckets.edges[:n] {
		times[i] = e.UnixMicro()
	}
	return stair(t.dialect, t.dialect.Micros(at), times, t.buckets.to().UnixMicro(), -1)
}

// day is SQL for the local day of an event in [from, to), in the zone of the question.
func (t *timeline) day(c *compiler, from, to time.Time) string {
	if t.sameZone {
		return c.column("day")
	}
	first := dayOf(from, t.zone)
	var starts []int64
	for d := first; d.start(t.zone).Before(to); d = d.add(1) {
		starts = append(starts, d.start(t.zone).UnixMicro())
	}
	return stair(t.dialect, t.dialect.Micros(t.at(c)), starts, to.UnixMicro(), first.number()-1)
}
