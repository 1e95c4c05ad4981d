package query

import (
	"strconv"
	"strings"
	"time"
)

// reach is for how long one day makes somebody active: for so many days, or until its week or month is over.
type reach struct {
	days     int
	calendar *calendar
}

// reachOf is the reach of a series of active people.
func reachOf(s *Series, weekStart time.Weekday) reach {
	r := reach{days: map[string]int{AggDAU: 1, AggWAU: 7, AggMAU: 30}[s.Aggregate]}
	if s.Clock == clockCalendar {
		r.calendar = &calendar{interval: map[string]string{AggWAU: "week", AggMAU: "month"}[s.Aggregate], weekStart: weekStart}
	}
	return r
}

// first is the first day that makes people active on another.
func (r reach) first(on date) date {
	if r.calendar != nil {
		return r.calendar.first(on)
	}
	return on.add(1 - r.days)
}

// past is SQL for the first day on which somebody is no longer active who was there on day d, which lies between two days.
func (r reach) past(d string, first, last date) string {
	if r.calendar == nil {
		return d + " + " + strconv.Itoa(r.days)
	}
	var ends []int64
	for at := r.calendar.first(first); at.number() <= last.number(); {
		at = r.calendar.after(at)
		ends = append(ends, at.number())
	}
	var b strings.Builder
	writeNext(&b, d, ends)
	return b.String()
}

// writeNext writes SQL for the first of some ascending numbers that is above x. The last one is.
func writeNext(b *strings.Builder, x string, ends []int64) {
	if len(ends) == 1 {
		b.WriteString(strconv.FormatInt(ends[0], 10))
		return
	}
	half := len(ends) / 2
	b.WriteString("CASE WHEN " + x + " < " + strconv.FormatInt(ends[half-1], 10) + " THEN ")
	writeNext(b, x, ends[:half])
	b.WriteString(" ELSE ")
	writeNext(b, x, ends[half:])
	b.WriteString(" END")
}

// reach is that of the plan's series, and the first day that matters to it.
func (p *plan) reach() (r reach, first date) {
	r = reachOf(p.series, p.scope.WeekStart)
	return r, r.first(dayOf(p.line.buckets.from(), p.line.zone))
}

// active reduces events to who was there on which day, and those to the stretches of days on which somebody counts as
// active: from a day with an event on, for as long as it reaches, or until the next day with one. Each
// stretch adds one person at its first day and takes one away after its last, so that the number of active people of
// a day is the sum of all changes up to it, and nobody is counted twice.
func (p *plan) active(s *statement) {
	b := p.line.buckets
	r, first := p.reach()
	from := first.start(p.line.zone)
	past := r.past("d", first, dayOf(b.to(), p.line.zone))
	day := p.line.day(p.compiler, from, b.to())
	person, groups, matches := p.column("person"), p.selected(), p.matches()
	pieces := p.line.pieces(from, b.to(), p.has("time"))
	s.cte("c", "SELECT DISTINCT "+day+" AS d, "+person+" AS thing"+groups+" FROM "+p.sourceOf(pieces)+" WHERE "+matches)
	stretch := func(keys string) string {
		return "least(" + past + ", coalesce(" + p.dialect.After("d", "PARTITION BY "+keys+" ORDER BY d") + ", " + past + "))"
	}
	if len(p.groups) > 0 && p.ranked {
		p.rankActive(s, stretch("thing"+p.names()))
	} else {
		s.number(p, "NULL")
	}
	// Several groups are one as $other: a person's day counts once.
	s.inline("u", "SELECT DISTINCT k, d, thing FROM m")
	s.cte("w", "SELECT k, d, "+stretch("k, thing")+" AS past FROM u")
	s.add(p, partCells, "k", "d", []string{"count(*)"}, "", "FROM w GROUP BY k, d")
	s.add(p, partCells, "k", "past", []string{"-count(*)"}, "", "FROM w GROUP BY k, past")
}

// rankActive ranks groups by the mean over the buckets: each stretch counts in as many of them as end within it.
func (p *plan) rankActive(s *statement, stretch string) {
	ends := p.line.lastDays()
	counted := countedBuckets(p.line.buckets)
	after := make([]int64, counted)
	for i := range after {
		after[i] = ends[i] + 1
	}
	before := func(day string) string {
		return "CASE WHEN " + day + " < " + strconv.FormatInt(after[0], 10) + " THEN 0 ELSE " + stair(p.dialect, day, after, 1<<62, 0) + " END"
	}
	s.inline("weighed", "SELECT d, thing"+p.names()+", "+before("past")+" - "+before("d")+" AS weight FROM (SELECT *, "+stretch+" AS past FROM c)")
	s.numberBy(p, "weighed", "sum(weight)")
}

// lastDays are the local days on which the buckets end.
func (t *timeline) lastDays() []int64 {
	out := make([]int64, t.buckets.len())
	for i := range out {
		out[i] = dayOf(t.buckets.edges[i+1].Add(-time.Microsecond), t.zone).number()
	}
	return out
}

// countedBuckets is how many of the buckets make up a mean: those that are over, or all if none is.
func countedBuckets(b *buckets) int {
	if b.ended == 0 {
		return b.len()
	}
	return b.ended
}
