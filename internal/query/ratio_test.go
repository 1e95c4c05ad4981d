package query_test

import (
	"context"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/query"
)

// checkDays holds the groups of a ratio to the people of each.
func (o *presence) checkDays(t *rapid.T, a *query.StickinessAnswer) {
	q := &a.Question
	first := o.dates.number(a.Range.From.UnixMicro())
	parties := o.stickyParties(t, a, o.dates.begin(first-q.Days+1), func(uint64) bool { return true })
	for i, p := range parties {
		o.only = p.people
		for k, d := range a.Groups[i].Days {
			within := func(days int) int64 {
				return o.people(func(x uint64) bool {
					return o.times(x, q.Active, q.Where, first+k-days+1, first+k, longAgo, longAfter) > 0
				})
			}
			if d.Day != within(1) || d.Span != within(q.Days) {
				t.Fatalf("%s\nday %d of group %d is %s, want %d of %d", asJSON(q), k, i, asJSON(d), within(1), within(q.Days))
			}
		}
	}
}

func drawRatio(rt *rapid.T, now time.Time) *query.Stickiness {
	q := &query.Stickiness{Mode: "ratio", Range: drawRange(rt, now), Active: drawSelector(rt), Days: rapid.SampledFrom([]int{0, 7, 30}).Draw(rt, "days")}
	q.Breakdown, q.BreakdownLimit = drawBreakdown(rt), rapid.IntRange(0, 3).Draw(rt, "limit")
	q.Timezone, _, q.Where = drawFrame(rt)
	q.SignedOut = drawSignedOut(rt)
	return q
}

// agreeRatio: the days of a ratio are those of the trends.
func agreeRatio(rt *rapid.T, e *query.Engine, o *oracle, now time.Time) {
	q := drawRatio(rt, now)
	r, err := e.ResolveStickiness(o.scope, q)
	if event.KindOf(err) == event.Invalid {
		return
	}
	if err != nil {
		rt.Fatal(err)
	}
	o.attribute(r.SignedOut)
	a, err := e.Stickiness(context.Background(), o.scope, r)
	if err != nil {
		rt.Fatal(err)
	}
	long := map[int]string{7: "wau", 30: "mau"}[r.Days]
	one := query.Series{Events: r.Active.Events, Where: r.Active.Where, Aggregate: "dau"}
	many := one
	many.Aggregate = long
	trends, err := e.Resolve(o.scope, &query.Trends{
		Range: r.Range, Timezone: r.Timezone, SignedOut: r.SignedOut, Where: r.Where, Series: []query.Series{one, many}, Formulas: []query.Formula{{Expression: "A/B"}},
	})
	if err != nil {
		rt.Fatal(err)
	}
	want, err := e.Trends(context.Background(), o.scope, trends)
	if err != nil {
		rt.Fatal(err)
	}
	for i, d := range a.Days {
		one, many := float64(d.Day), float64(d.Span)
		got := []*float64{&one, &many, d.Ratio}
		if !same(got, []*float64{want.Series[0].Values[i], want.Series[1].Values[i], want.Series[2].Values[i]}) {
			rt.Fatalf("%s\nday %d is %s\n%s", asJSON(a.Question), i, asJSON(d), asJSON(want.Series))
		}
	}
	if len(a.Days) != len(want.Buckets) {
		rt.Fatalf("%d days, want %d", len(a.Days), len(want.Buckets))
	}
	p := &presence{oracle: o, dates: dates{"day", zoneOf(rt, r.Timezone), time.Monday}}
	p.checkDays(rt, a)
}
