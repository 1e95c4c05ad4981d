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
	plain := &oracle{events: slices.Clone(o.events), merged: o.merged, scope: o.scope}
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

// seconds are the numbers of some sessions as text.
func seconds(list []*visit) string {
	var durations []float64
	bounces, events, sum := 0, 0, 0.0
	for _, v := range list {
		d := float64(v.end-v.begin) / 1e6
		durations, sum, events = append(durations, d), sum+d, events+v.events
		if v.events == 1 {
			bounces++
		}
	}
	if len(list) == 0 {
		return "0 0"
	}
	n := float64(len(list))
	return fmt.Sprintf("%d %d %.12g %.12g %.12g %.12g %.12g", len(list), bounces, float64(bounces)/n, float64(events)/n, sum/n,
		*quantile(durations, .5), *quantile(durations, .9))
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
	checkSessions(rt, o, a)
	checkTrendOfSessions(rt, e, o, a)
}

func checkSessions(t *rapid.T, o *oracle, a *query.SessionsAnswer) {
	q := &a.Question
	g := &grouper{o: o, breakdown: q.Breakdown}
	trends := &query.Trends{Where: q.Where, Breakdown: q.Breakdown}
	g.boundaries = o.boundaries(trends, &query.Series{Events: q.Holding.Events, Where: q.Holding.Where}, []time.Time{a.Range.From, a.Range.To})
	byGroup, known := map[string][]*visit{}, map[string]group{}
	for _, v := range o.visits(q, zoneOf(t, q.Timezone)) {
		if !v.hit || v.begin < a.Range.From.UnixMicro() || v.begin >= a.Range.To.UnixMicro() {
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
	line := func(labels []any, list []*visit) string {
		out := fmt.Sprint(labels, " ", seconds(list))
		for i := range a.Buckets {
			from, to := a.Buckets[i].Start.UnixMicro(), a.Range.To.UnixMicro()
			if i+1 < len(a.Buckets) {
				to = a.Buckets[i+1].Start.UnixMicro()
			}
			var in []*visit
			for _, v := range list {
				if v.begin >= from && v.begin < to {
					in = append(in, v)
				}
			}
			out += ", " + seconds(in)
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
		s := fmt.Sprint(g.Breakdown, " ", secondsOf(g.Total))
		for _, n := range g.Buckets {
			s += ", " + secondsOf(n)
		}
		got = append(got, s)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("%s\n%s\nwant\n%s", asJSON(q), strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// checkTrendOfSessions: sessions of any event are as many as trends count.
func checkTrendOfSessions(t *rapid.T, e *query.Engine, o *oracle, a *query.SessionsAnswer) {
	q := &a.Question
	gap := query.Sessions{}
	r, err := e.ResolveSessions(o.scope, &gap)
	if err != nil {
		t.Fatal(err)
	}
	if q.By != "client" || q.Background != q.Gap || q.Midnight != "continue" || q.Gap != r.Gap || q.Where != nil || q.Holding.Where != nil || q.Holding.Events != nil || q.Breakdown != nil {
		return
	}
	if q.Interval == "week" && q.WeekStart != r.WeekStart {
		return // a preset has weeks of its own, trends have the project's
	}
	trend, err := e.Resolve(o.scope, &query.Trends{Range: q.Range, Timezone: q.Timezone, Interval: q.Interval, Series: []query.Series{{Aggregate: "sessions"}}})
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
	if q.Interval == "hour" {
		q.Range = drawHours(t)
	}
	if rapid.Bool().Draw(t, "holding?") {
		s := drawSelector(t)
		q.Holding = &s
	}
	if len(q.Breakdown) > 0 {
		q.Attribution = rapid.SampledFrom([]string{"", "first_event", "last_event"}).Draw(t, "attribution")
	}
	return q
}
