package query

import (
	"fmt"
	"strconv"
	"time"
)

// active reduces events to who was there on which day, and those to the stretches of days on which somebody counts as
// active: from a day with an event on, for as many days as the window has, or until the next day with one. Each
// stretch adds one person at its first day and takes one away after its last, so that the number of active people of
// a day is the sum of all changes up to it, and nobody is counted twice.
func (p *plan) active(s *statement) {
	b := p.line.buckets
	days := activeDays(p.series.Aggregate)
	from := dayOf(b.from(), p.line.zone).add(1 - days).start(p.line.zone)
	day := p.line.day(p.compiler, from, b.to())
	person, groups, matches := p.column("person"), p.selected(), p.matches()
	pieces := p.line.pieces(from, b.to(), p.has("time"))
	s.cte("c", "SELECT DISTINCT "+day+" AS d, "+person+" AS thing"+groups+" FROM "+p.sourceOf(pieces)+" WHERE "+matches)
	stretch := func(keys string) string {
		return fmt.Sprintf("least(d + %d, coalesce(lead(d) OVER (PARTITION BY %s ORDER BY d), d + %d))", days, keys, days)
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
		return "CASE WHEN " + day + " < " + strconv.FormatInt(after[0], 10) + " THEN 0 ELSE " + stair(day, after, 1<<62, 0) + " END"
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
