package query_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/query"
)

// visit is a session of the oracle.
type visit struct {
	begin, end int64
	events     int
	first      *event.Event
	last       *event.Event
	all        []*event.Event
	hit        bool
}

// visits puts events together by the ids that oracle.sessions gives them, or by the gap alone, and cuts them at midnight.
func (o *oracle) visits(q *query.Sessions, zone *time.Location) []*visit {
	plain := &oracle{events: slices.Clone(o.events), merged: o.merged, handed: o.handed, last: o.last, scope: o.scope}
	plain.scope.SessionGap, plain.away = time.Duration(micros(q.Gap))*time.Microsecond, micros(q.Background)
	if q.By == "gap" {
		for i := range plain.events {
			plain.events[i].SessionID = ""
		}
	}
	order := make([]int, len(o.events))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := o.events[a].Derived, o.events[b].Derived
		return cmp.Or(cmp.Compare(x.Time, y.Time), cmp.Compare(x.Position, y.Position))
	})
	found, byID := []*visit{}, map[string]*visit{}
	sessions := plain.sessions()
	for _, i := range order {
		id, e := sessions[i].id, &o.events[i]
		if id == "" {
			continue
		}
		if q.Midnight == "cut" {
			id += time.UnixMicro(e.Derived.Time).In(zone).Format(time.DateOnly)
		}
		v := byID[id]
		if v == nil {
			v = &visit{begin: e.Derived.Time, first: e}
			byID[id], found = v, append(found, v)
		}
		v.end, v.last, v.all = e.Derived.Time, e, append(v.all, e)
		v.events++
		v.hit = v.hit || o.selects(e, *q.Holding, q.Where)
	}
	return found
}

// counts tells whether a session is long enough and has events enough, and not too many.
func (v *visit) counts(q *query.Sessions) bool {
	if !v.hit {
		return false
	}
	if d := q.Duration; d != nil && (d.AtLeast != "" && v.end-v.begin < micros(d.AtLeast) || d.AtMost != "" && v.end-v.begin > micros(d.AtMost)) {
		return false
	}
	n := q.EventCount
	return n == nil || (n.AtLeast == nil || int64(v.events) >= *n.AtLeast) && (n.AtMost == nil || int64(v.events) <= *n.AtMost)
}

// measure is what a session has of a measure, and whether it has any.
func (o *oracle) measure(m *query.SessionMeasure, v *visit) (sum float64, some bool) {
	for _, e := range v.all {
		if !o.selects(e, m.Selector, nil) {
			continue
		}
		if m.Property == "" {
			sum, some = sum+1, true
		} else if x := o.property(e, query.PropertyRef{Property: m.Property, As: m.As}); x.kind == 'n' {
			sum, some = sum+x.num, true
		}
	}
	return sum, some
}

// measured are the numbers of all measures as text.
func (o *oracle) measured(q *query.Sessions, list []*visit) (out string) {
	for i := range q.Measures {
		values, total, with := []float64{}, 0.0, 0
		for _, v := range list {
			sum, some := o.measure(&q.Measures[i], v)
			if some {
				with++
			}
			values, total = append(values, sum), total+sum
		}
		if out += fmt.Sprintf(" (%d %.9g", with, total); len(list) > 0 {
			out += fmt.Sprintf(" %.9g %.9g %.9g", total/float64(len(list)), *quantile(values, .5), *quantile(values, .9))
		}
		out += ")"
	}
	return out
}

func measuredOf(n query.SessionsNumbers) (out string) {
	for _, m := range n.Measures {
		if out += fmt.Sprintf(" (%d %.9g", m.Sessions, *m.Total); n.Sessions > 0 {
			out += fmt.Sprintf(" %.9g %.9g %.9g", *m.Average, *m.Median, *m.P90)
		}
		out += ")"
	}
	return out
}

// checkLengths compares a histogram with the sessions that it is of.
func checkLengths(t *rapid.T, q *query.Sessions, g *query.SessionsGroup, list []*visit) {
	if (q.Show == "duration" && len(list) > 0) != (len(g.Histogram) > 0) {
		t.Fatalf("%s of %d sessions", asJSON(g), len(list))
	}
	for i, bin := range g.Histogram {
		n := int64(0)
		for _, v := range list {
			if inBin(g.Histogram, i, v) {
				n++
			}
		}
		if n != bin.Count || i > 0 && bin.FromMS != g.Histogram[i-1].ToMS {
			t.Fatalf("bin %d of %s has %d sessions", i, asJSON(g.Histogram), n)
		}
	}
}

// inBin tells whether a session is in a group of a histogram.
func inBin(bins []query.FunnelBin, i int, v *visit) bool {
	ms := float64(v.end-v.begin) / 1e3
	return ms >= bins[i].FromMS && (ms < bins[i].ToMS || i == len(bins)-1 && ms == bins[i].ToMS)
}

// seconds are the numbers of some sessions as text.
func seconds(list []*visit) string {
	var durations []float64
	bounces, events, sum := 0, 0, int64(0)
	for _, v := range list {
		// Whole microseconds add up to the same in any order.
		us := v.end - v.begin
		durations, sum, events = append(durations, float64(us)), sum+us, events+v.events
		if v.events == 1 {
			bounces++
		}
	}
	if len(list) == 0 {
		return "0 0"
	}
	n := float64(len(list))
	return fmt.Sprintf("%d %d %.12g %.12g %.12g %.12g %.12g", len(list), bounces, float64(bounces)/n, float64(events)/n, float64(sum)/n/1e6,
		*quantile(durations, .5)/1e6, *quantile(durations, .9)/1e6)
}

func secondsOf(n query.SessionsNumbers) string {
	if n.Sessions == 0 {
		return fmt.Sprint(n.Sessions, " ", n.Bounces)
	}
	return fmt.Sprintf("%d %d %.12g %.12g %.12g %.12g %.12g", n.Sessions, n.Bounces, *n.BounceRate, *n.EventsPerSession, *n.AverageSeconds,
		*n.MedianSeconds, *n.P90Seconds)
}

func agreeSessions(rt *rapid.T, e *query.Engine, o *oracle, now time.Time) {
	a := asked(rt, o.scope, drawSessions(rt, now), e.ResolveSessions, e.Sessions, func(a *query.SessionsAnswer) *query.Sessions { return &a.Question })
	if a == nil {
		return
	}
	o.attribute(a.Question.SignedOut)
	checkSessions(rt, o, a)
	checkTrendOfSessions(rt, e, o, a)
}

func checkSessions(t *rapid.T, o *oracle, a *query.SessionsAnswer) {
	q := &a.Question
	g := &grouper{o: o, breakdown: q.Breakdown}
	trends := &query.Trends{Where: q.Where, Breakdown: q.Breakdown, Timezone: q.Timezone}
	g.boundaries = o.boundaries(trends, &query.Series{Events: q.Holding.Events, Where: q.Holding.Where}, []time.Time{a.Range.From, a.Range.To})
	byGroup, known := map[string][]*visit{}, map[string]group{}
	for _, v := range o.visits(q, zoneOf(t, q.Timezone)) {
		if at := o.stands(v.first, q.Timezone); !v.counts(q) || at < a.Range.From.UnixMicro() || at >= a.Range.To.UnixMicro() {
			continue
		}
		k := g.of(v.first)
		if q.Attribution == "last_event" {
			k = g.of(v.last)
		}
		byGroup[k.key()] = append(byGroup[k.key()], v)
		known[k.key()] = k
	}
	var keys []string
	for k := range byGroup {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(x, y string) int {
		return cmp.Or(len(byGroup[y])-len(byGroup[x]), strings.Compare(strings.Join(known[x].tags, "\x00"), strings.Join(known[y].tags, "\x00")))
	})
	var lists [][]*visit
	line := func(labels []any, list []*visit) string {
		out := fmt.Sprint(labels, " ", seconds(list), o.measured(q, list))
		lists = append(lists, list)
		for i := range a.Buckets {
			from, to := a.Buckets[i].Start.UnixMicro(), a.Range.To.UnixMicro()
			if i+1 < len(a.Buckets) {
				to = a.Buckets[i+1].Start.UnixMicro()
			}
			var in []*visit
			for _, v := range list {
				if at := o.stands(v.first, q.Timezone); at >= from && at < to {
					in = append(in, v)
				}
			}
			out += ", " + seconds(in) + o.measured(q, in)
		}
		return out
	}
	var want, got []string
	var rest []*visit
	if len(q.Breakdown) == 0 {
		want = append(want, line(nil, byGroup["[]"]))
	} else {
		for i, k := range keys {
			if i >= q.BreakdownLimit {
				rest = append(rest, byGroup[k]...)
			} else {
				want = append(want, line(known[k].labels, byGroup[k]))
			}
		}
	}
	if rest != nil {
		other := make([]any, len(q.Breakdown))
		for i := range other {
			other[i] = "$other"
		}
		want = append(want, line(other, rest))
	}
	for _, g := range a.Groups {
		s := fmt.Sprint(g.Breakdown, " ", secondsOf(g.Total), measuredOf(g.Total))
		for _, n := range g.Buckets {
			s += ", " + secondsOf(n) + measuredOf(n)
		}
		got = append(got, s)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("%s\n%s\nwant\n%s", asJSON(q), strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for i := range a.Groups {
		checkLengths(t, q, &a.Groups[i], lists[i])
	}
	checkUnparsed(t, o, a.Range, a.Unparsed, castsOfSessions(q))
}

// castsOfSessions are the properties that a question reads as numbers.
func castsOfSessions(q *query.Sessions) []query.PropertyRef {
	t := &query.Trends{Where: q.Where, Breakdown: q.Breakdown, Series: []query.Series{{Where: q.Holding.Where}}}
	for _, m := range q.Measures {
		t.Series = append(t.Series, query.Series{Where: m.Where, Property: m.Property, As: m.As})
	}
	return castsOf(t)
}

// checkTrendOfSessions: sessions of any event are as many as trends count.
func checkTrendOfSessions(t *rapid.T, e *query.Engine, o *oracle, a *query.SessionsAnswer) {
	q := &a.Question
	gap := query.Sessions{}
	r, err := e.ResolveSessions(o.scope, &gap)
	if err != nil {
		t.Fatal(err)
	}
	if q.By != "client" || q.Background != q.Gap || q.Midnight != "continue" || q.Gap != r.Gap || q.Where != nil || q.Holding.Where != nil || q.Holding.Events != nil || q.Breakdown != nil || q.Duration != nil || q.EventCount != nil {
		return
	}
	if q.Interval == "week" && q.WeekStart != r.WeekStart {
		return // a preset has weeks of its own, trends have the project's
	}
	trend, err := e.Resolve(o.scope, &query.Trends{Range: q.Range, Timezone: q.Timezone, SignedOut: q.SignedOut, Interval: q.Interval, Series: []query.Series{{Aggregate: "sessions"}}})
	if err != nil {
		t.Fatal(err)
	}
	want, err := e.Trends(context.Background(), o.scope, trend)
	if err != nil {
		t.Fatal(err)
	}
	for i, n := range a.Groups[0].Buckets {
		if n.Sessions != int64(*want.Series[0].Values[i]) {
			t.Fatalf("%s\nbucket %d has %d sessions, by trends %v", asJSON(q), i, n.Sessions, *want.Series[0].Values[i])
		}
	}
}

func drawSessions(t *rapid.T, now time.Time) *query.Sessions {
	q := &query.Sessions{
		Preset: rapid.SampledFrom(append([]string{"", ""}, query.Presets()...)).Draw(t, "preset"), Range: drawRange(t, now),
		By: rapid.SampledFrom([]string{"", "client", "gap"}).Draw(t, "by"), Gap: rapid.SampledFrom([]string{"", "", "10min", "2h"}).Draw(t, "gap"),
		Background: rapid.SampledFrom([]string{"", "", "5min", "20min", "3h"}).Draw(t, "background"),
		Midnight:   rapid.SampledFrom([]string{"", "continue", "cut"}).Draw(t, "midnight"), Breakdown: drawBreakdown(t),
		BreakdownLimit: rapid.IntRange(0, 3).Draw(t, "limit"), WeekStart: drawWeekStart(t),
	}
	q.Timezone, q.Interval, q.Where = drawFrame(t)
	q.SignedOut = drawSignedOut(t)
	if rapid.IntRange(0, 7).Draw(t, "minutes?") == 0 {
		q.Interval, q.Range = "minute", drawMinutes(t)
	}
	if q.Interval == "hour" {
		q.Range = drawHours(t)
	}
	drawWhichSessions(t, q)
	for range rapid.SampledFrom([]int{0, 0, 1, 2}).Draw(t, "measures") {
		m := query.SessionMeasure{Selector: drawSelector(t)}
		if rapid.Bool().Draw(t, "of a property") {
			m.Property, m.As = rapid.SampledFrom(propertyKeys).Draw(t, "measure"), drawAs(t)
		}
		q.Measures = append(q.Measures, m)
	}
	q.Show = rapid.SampledFrom([]string{"", "trend", "duration"}).Draw(t, "show")
	if rapid.Bool().Draw(t, "holding?") {
		s := drawSelector(t)
		q.Holding = &s
	}
	if len(q.Breakdown) > 0 {
		q.Attribution = rapid.SampledFrom([]string{"", "first_event", "last_event"}).Draw(t, "attribution")
	}
	return q
}

// drawWhichSessions bounds them by their length and by their events.
func drawWhichSessions(t *rapid.T, q *query.Sessions) {
	if rapid.IntRange(0, 3).Draw(t, "by length?") == 0 {
		q.Duration = &query.SessionLength{
			AtLeast: rapid.SampledFrom([]string{"", "10min", "20min"}).Draw(t, "least length"), AtMost: rapid.SampledFrom([]string{"", "20min", "1h"}).Draw(t, "most length"),
		}
	}
	if rapid.IntRange(0, 3).Draw(t, "by events?") == 0 {
		least, most := rapid.Int64Range(1, 3).Draw(t, "least"), rapid.Int64Range(2, 4).Draw(t, "most")
		q.EventCount = rapid.SampledFrom([]*query.SessionCount{{}, {AtLeast: &least}, {AtMost: &most}, {AtLeast: &least, AtMost: &most}}).Draw(t, "events")
	}
}

// drawMinutes is a range of few minutes, around which most events are.
func drawMinutes(t *rapid.T) query.Range {
	return rapid.SampledFrom([]query.Range{{From: "-90min"}, {From: "-3h", To: "now"}, {From: "-200min", To: "-20min"}}).Draw(t, "minutes")
}
