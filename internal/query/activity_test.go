package query_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/query"
)

// presence is who did what in which interval, by local dates.
type presence struct {
	*oracle
	dates dates
	// only, if set, are the people that are looked at.
	only map[uint64]bool
}

// people are those for whom something holds.
func (o *presence) people(holds func(person uint64) bool) (n int64) {
	known := map[uint64]bool{}
	for i := range o.events {
		if p := o.person(&o.events[i]); o.only == nil || o.only[p] {
			known[p] = true
		}
	}
	for p := range known {
		if holds(p) {
			n++
		}
	}
	return n
}

// times is how many matching events a person has in some intervals, both included, and within a range.
func (o *presence) times(person uint64, s query.Selector, where *query.Filter, first, last int, from, to time.Time) (n int) {
	for i := range o.events {
		e := &o.events[i]
		at := o.stands(e, o.dates.zone.String())
		if o.person(e) == person && at >= from.UnixMicro() && at < to.UnixMicro() && o.selects(e, s, where) {
			if k := o.dates.number(at); k >= first && k <= last {
				n++
			}
		}
	}
	return n
}

// party are the people of one value of a breakdown.
type party struct {
	group  group
	people map[uint64]bool
}

// parties puts people together by the value of their first event between two moments, those of most people first; counts
// tells who counts. What is over the limit is one party more.
func (o *presence) parties(list []query.Breakdown, limit int, g *grouper, s query.Selector, where *query.Filter, from, to int64, counts func(uint64) bool) (out []party) {
	byKey := map[string]*party{}
	for person, events := range o.histories(o.dates.zone.String(), func(e *event.Event) bool {
		at := o.stands(e, o.dates.zone.String())
		return o.selects(e, s, where) && at >= from && at < to
	}) {
		k := g.of(events[0])
		if !counts(person) {
			continue
		}
		if byKey[k.key()] == nil {
			byKey[k.key()] = &party{k, map[uint64]bool{}}
		}
		byKey[k.key()].people[person] = true
	}
	for _, p := range byKey {
		out = append(out, *p)
	}
	slices.SortFunc(out, func(a, b party) int {
		return cmp.Or(len(b.people)-len(a.people), slices.Compare(a.group.tags, b.group.tags))
	})
	if len(out) <= limit {
		return out
	}
	other := party{people: map[uint64]bool{}}
	for range list {
		other.group.labels = append(other.group.labels, "$other")
	}
	for _, p := range out[limit:] {
		maps.Copy(other.people, p.people)
	}
	return append(out[:limit], other)
}

func drawFrame(t *rapid.T) (zone, interval string, where *query.Filter) {
	if rapid.IntRange(0, 3).Draw(t, "where?") == 0 {
		where = drawFilter(t, 1)
	}
	return rapid.SampledFrom(questionZones).Draw(t, "zone"),
		rapid.SampledFrom([]string{"", "day", "week", "month", "day", "week", "month", "hour"}).Draw(t, "interval"), where
}

func zoneOf(t *rapid.T, name string) *time.Location {
	t.Helper()
	return zoneNamed(name)
}

var (
	longAgo   = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	longAfter = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
)

func drawLifecycle(rt *rapid.T, now time.Time) *query.Lifecycle {
	q := &query.Lifecycle{
		Preset: rapid.SampledFrom(append([]string{""}, query.Presets()...)).Draw(rt, "preset"), Range: drawRange(rt, now),
		Active: drawSelector(rt), NewBy: rapid.SampledFrom([]string{"", "active", "any"}).Draw(rt, "new by"),
		Breakdown: drawBreakdown(rt), BreakdownLimit: rapid.IntRange(0, 3).Draw(rt, "limit"), WeekStart: drawWeekStart(rt),
	}
	q.Timezone, q.Interval, q.Where = drawFrame(rt)
	q.SignedOut = drawSignedOut(rt)
	if q.Interval == "hour" {
		q.Range = drawHours(rt)
	}
	return q
}

// drawWeekStart is mostly left to the project.
func drawWeekStart(t *rapid.T) string {
	return rapid.SampledFrom(append(make([]string, 7), query.Weekdays()...)).Draw(t, "week start")
}

func agreeLifecycle(rt *rapid.T, e *query.Engine, o *oracle, now time.Time) {
	q := drawLifecycle(rt, now)
	a := asked(rt, o.scope, q, e.ResolveLifecycle, e.Lifecycle, func(a *query.LifecycleAnswer) *query.Lifecycle { return &a.Question })
	if a == nil {
		return
	}
	o.attribute(a.Question.SignedOut)
	checkLifecycle(rt, o, a, over(now.Add(-o.lag), a.Question.Timezone))
}

func checkLifecycle(t *rapid.T, o *oracle, a *query.LifecycleAnswer, now time.Time) {
	q := &a.Question
	zone := zoneOf(t, q.Timezone)
	p := &presence{oracle: o, dates: dates{q.Interval, zone, weekday(q.WeekStart)}}
	first, last := p.dates.number(a.Range.From.UnixMicro()), p.dates.number(a.Range.To.UnixMicro()-1)
	if len(a.Buckets) != last-first+1 || p.dates.begin(first) != a.Range.From.UnixMicro() || p.dates.begin(last+1) != a.Range.To.UnixMicro() {
		t.Fatalf("%d buckets from %v to %v", len(a.Buckets), a.Range.From, a.Range.To)
	}
	p.checkLifecycle(t, a, a.Buckets, now)
	var parties []party
	if len(q.Breakdown) > 0 {
		g := o.grouperOf(q.Breakdown, q.Active, q.Where, a.Range)
		parties = p.parties(q.Breakdown, q.BreakdownLimit, g, q.Active, q.Where, p.dates.begin(first-1), a.Range.To.UnixMicro(),
			func(uint64) bool { return true })
	}
	if len(a.Groups) != len(parties) {
		t.Fatalf("%s\n%d groups, want %d", asJSON(q), len(a.Groups), len(parties))
	}
	for i, g := range a.Groups {
		if asJSON(g.Breakdown) != asJSON(parties[i].group.labels) || g.People != int64(len(parties[i].people)) {
			t.Fatalf("%s\ngroup %d is %s, want %s with %d", asJSON(q), i, asJSON(g), asJSON(parties[i].group.labels), len(parties[i].people))
		}
		p.only = parties[i].people
		p.checkLifecycle(t, a, g.Buckets, now)
	}
}

// grouperOf finds the groups of events for a question whose groups of numbers are made of some events of a range.
func (o *oracle) grouperOf(list []query.Breakdown, s query.Selector, where *query.Filter, r query.AnswerRange) *grouper {
	trends := &query.Trends{Where: where, Breakdown: list, Timezone: r.Timezone}
	return &grouper{o, list, o.boundaries(trends, &query.Series{Events: s.Events, Where: s.Where}, []time.Time{r.From, r.To})}
}

// checkLifecycle checks the buckets of everybody, or of a party.
func (o *presence) checkLifecycle(t *rapid.T, a *query.LifecycleAnswer, buckets []query.LifecycleBucket, now time.Time) {
	q, zone := &a.Question, o.dates.zone
	first := o.dates.number(a.Range.From.UnixMicro())
	maker := q.Active
	if q.NewBy == "any" {
		maker = query.Selector{}
	}
	for i, b := range buckets {
		k := first + i
		active := func(person uint64, k int) bool {
			return o.times(person, q.Active, q.Where, k, k, longAgo, longAfter) > 0
		}
		isNew := func(person uint64) bool {
			return o.times(person, maker, q.Where, -1<<40, k-1, longAgo, longAfter) == 0 && o.times(person, maker, q.Where, k, k, longAgo, longAfter) > 0
		}
		dormant := o.people(func(x uint64) bool { return !active(x, k) && active(x, k-1) })
		want := query.LifecycleBucket{
			Start: time.UnixMicro(o.dates.begin(k)).In(zone), Partial: o.dates.begin(k+1) > now.UnixMicro(),
			Active:       o.people(func(x uint64) bool { return active(x, k) }),
			New:          o.people(func(x uint64) bool { return active(x, k) && isNew(x) }),
			Returning:    o.people(func(x uint64) bool { return active(x, k) && !isNew(x) && active(x, k-1) }),
			Resurrecting: o.people(func(x uint64) bool { return active(x, k) && !isNew(x) && !active(x, k-1) }),
		}
		if !want.Partial {
			want.Dormant = &dormant
		}
		if want.Dormant != nil && dormant > 0 {
			pulse := float64(want.New+want.Resurrecting) / float64(dormant)
			want.Pulse = &pulse
		}
		if asJSON(b) != asJSON(want) {
			t.Fatalf("%s\nbucket %d is %s, want %s", asJSON(q), i, asJSON(b), asJSON(want))
		}
		if b.New+b.Returning+b.Resurrecting != b.Active {
			t.Fatalf("%s does not add up", asJSON(b))
		}
		if i > 0 && b.Dormant != nil && b.Returning+*b.Dormant != buckets[i-1].Active {
			t.Fatalf("%s does not follow on %s", asJSON(b), asJSON(buckets[i-1]))
		}
	}
}

func drawStickiness(rt *rapid.T, now time.Time) *query.Stickiness {
	q := &query.Stickiness{
		Preset: rapid.SampledFrom(append([]string{"", ""}, query.Presets()...)).Draw(rt, "preset"),
		Range:  drawRange(rt, now), Active: drawSelector(rt), Times: rapid.IntRange(0, 3).Draw(rt, "times"),
		Breakdown: drawBreakdown(rt), BreakdownLimit: rapid.IntRange(0, 3).Draw(rt, "limit"), WeekStart: drawWeekStart(rt),
		Mode: rapid.SampledFrom([]string{"", "exact", "cumulative"}).Draw(rt, "mode"),
	}
	q.Timezone, q.Interval, q.Where = drawFrame(rt)
	q.SignedOut = drawSignedOut(rt)
	if q.Interval == "hour" {
		q.Range = drawHours(rt)
	}
	switch q.Interval {
	case "day":
		q.Window = rapid.SampledFrom([]string{"", "week", "month"}).Draw(rt, "window")
	case "hour":
		q.Window = rapid.SampledFrom([]string{"", "day"}).Draw(rt, "window")
	}
	return q
}

func agreeStickiness(rt *rapid.T, e *query.Engine, o *oracle, now time.Time) {
	if rapid.IntRange(0, 2).Draw(rt, "ratio?") == 0 {
		agreeRatio(rt, e, o, now)
		return
	}
	q := drawStickiness(rt, now)
	a := asked(rt, o.scope, q, e.ResolveStickiness, e.Stickiness, func(a *query.StickinessAnswer) *query.Stickiness { return &a.Question })
	if a == nil {
		return
	}
	o.attribute(a.Question.SignedOut)
	checkStickiness(rt, o, a, over(now.Add(-o.lag), a.Question.Timezone))
}

func checkStickiness(t *rapid.T, o *oracle, a *query.StickinessAnswer, now time.Time) {
	q := &a.Question
	zone := zoneOf(t, q.Timezone)
	p := &presence{oracle: o, dates: dates{q.Interval, zone, weekday(q.WeekStart)}}
	windows := dates{q.Window, zone, weekday(q.WeekStart)}
	first, last := p.dates.number(a.Range.From.UnixMicro()), p.dates.number(a.Range.To.UnixMicro()-1)
	members := map[int][]int{}
	for k := first; k <= last; k++ {
		w := 0
		if q.Window != "" {
			w = windows.number(max(p.dates.begin(k), a.Range.From.UnixMicro()))
		}
		members[w] = append(members[w], k)
	}
	anywhere := func(x uint64) bool {
		for k := first; k <= last; k++ {
			if p.times(x, q.Active, q.Where, k, k, a.Range.From, a.Range.To) >= q.Times {
				return true
			}
		}
		return false
	}
	partial := func(number int) bool {
		if q.Window == "" {
			return p.dates.begin(last+1) > now.UnixMicro()
		}
		start, end := windows.begin(number), windows.begin(number+1)
		return end > now.UnixMicro() || start < a.Range.From.UnixMicro() || end > a.Range.To.UnixMicro()
	}
	for _, w := range a.Windows {
		number := 0
		if q.Window != "" {
			number = windows.number(w.Start.UnixMicro())
		}
		if w.Partial != partial(number) {
			t.Fatalf("%s\nat %v is %s", asJSON(q), now, asJSON(w))
		}
	}
	p.checkWindows(t, a, a.Windows, members, windows)
	for i, w := range p.stickyParties(t, a, a.Range.From.UnixMicro(), anywhere) {
		p.only = w.people
		p.checkWindows(t, a, a.Groups[i].Windows, members, windows)
	}
}

// stickyParties holds the groups of an answer to those of the people who count, by events from a moment on.
func (o *presence) stickyParties(t *rapid.T, a *query.StickinessAnswer, from int64, counts func(uint64) bool) (out []party) {
	q := &a.Question
	if len(q.Breakdown) > 0 {
		g := o.grouperOf(q.Breakdown, q.Active, q.Where, a.Range)
		out = o.parties(q.Breakdown, q.BreakdownLimit, g, q.Active, q.Where, from, a.Range.To.UnixMicro(), counts)
	}
	if len(a.Groups) != len(out) {
		t.Fatalf("%s\n%d groups, want %d", asJSON(q), len(a.Groups), len(out))
	}
	for i, g := range a.Groups {
		if asJSON(g.Breakdown) != asJSON(out[i].group.labels) || g.People != int64(len(out[i].people)) {
			t.Fatalf("%s\ngroup %d is %s, want %s with %d", asJSON(q), i, asJSON(g), asJSON(out[i].group.labels), len(out[i].people))
		}
	}
	return out
}

// checkWindows checks the windows of everybody, or of a party. Members are the intervals of each window by its number.
func (o *presence) checkWindows(t *rapid.T, a *query.StickinessAnswer, list []query.StickinessWindow, members map[int][]int, windows dates) {
	q := &a.Question
	if len(list) != len(members) {
		t.Fatalf("%d windows, want %d", len(list), len(members))
	}
	for _, w := range list {
		number := 0
		if q.Window != "" {
			number = windows.number(w.Start.UnixMicro())
		}
		active := func(x uint64) (n int) {
			for _, k := range members[number] {
				if o.times(x, q.Active, q.Where, k, k, a.Range.From, a.Range.To) >= q.Times {
					n++
				}
			}
			return n
		}
		want := []int64{}
		for n := 1; n <= len(members[number]); n++ {
			want = append(want, o.people(func(x uint64) bool {
				return active(x) == n || q.Mode == "cumulative" && active(x) > n
			}))
		}
		people := o.people(func(x uint64) bool { return active(x) > 0 })
		if w.Intervals != len(want) || w.People != people || fmt.Sprint(w.Counts) != fmt.Sprint(want) {
			t.Fatalf("%s\nis %s, want %d %v", asJSON(q), asJSON(w), people, want)
		}
	}
}
