package query_test

import (
	"context"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/query"
)

// maxChains bounds how long the oracle takes for a question.
const maxChains = 100_000

func agreeFunnel(rt *rapid.T, e *query.Engine, o *oracle, now time.Time) {
	q := drawFunnel(rt, now)
	r, err := e.ResolveFunnel(o.scope, q)
	if event.KindOf(err) == event.Invalid {
		return
	}
	if err != nil {
		rt.Fatalf("resolve %s: %v", asJSON(q), err)
	}
	o.attribute(r.SignedOut)
	own, compared := r.Edges()
	f := &funnelOracle{oracle: o, q: &r.Funnel}
	if f.chains(own)+f.chains(compared) > maxChains {
		return
	}
	a, err := e.Funnel(context.Background(), o.scope, r)
	if err != nil {
		rt.Fatalf("answer %s: %v", asJSON(r.Funnel), err)
	}
	last := a.Range.To
	if r.Timezone == "device" {
		last = last.Add(16 * time.Hour) // no clock is so far behind
	}
	if f.asOf = a.AsOf; !f.asOf.Equal(f.known(last)) {
		rt.Fatalf("%s\nis as of %v, want %v", asJSON(a.Question), a.AsOf, f.known(last))
	}
	got, want := funnelLines(a.Groups, &a.Question), f.answer(own, compared)
	if got != want {
		rt.Fatalf("%s\nis\n%s\nwant\n%s", asJSON(a.Question), got, want)
	}
	again, err := e.ResolveFunnel(o.scope, &a.Question)
	if err != nil || again.Key() != r.Key() {
		rt.Fatalf("the question in the answer is another one: %v\n%s\n%s", err, asJSON(a.Question), asJSON(again.Funnel))
	}
}

func drawFunnel(t *rapid.T, now time.Time) *query.Funnel {
	word := func(name string, list []string) string {
		return rapid.SampledFrom(append([]string{"", ""}, list...)).Draw(t, name)
	}
	q := &query.Funnel{
		Preset: word("preset", query.Presets()), Range: drawRange(t, now), Order: word("order", query.FunnelOrders()),
		Within: word("within", []string{"entry", "all_steps"}), Entry: word("entry", query.FunnelEntries()),
		Tie: word("tie", query.FunnelTies()), ExclusionEffect: word("effect", query.FunnelEffects()),
		Unit:   rapid.SampledFrom([]string{"", "", "person", "device", "session", "group", "expression"}).Draw(t, "unit"),
		Window: rapid.SampledFrom([]string{"10min", "1h", "3h", "2d"}).Draw(t, "window"),
		Show:   word("show", query.FunnelViews()), Compare: word("compare", []string{"previous", "year"}),
		Mature: rapid.IntRange(0, 4).Draw(t, "mature?") == 0, WeekStart: drawWeekStart(t),
	}
	q.Timezone, q.Interval, q.Where = drawFrame(t)
	q.SignedOut = drawSignedOut(t)
	if q.Interval == "hour" {
		q.Range = drawHours(t)
	}
	if q.Order == "strict" {
		q.Visible = word("visible", query.FunnelSights())
		q.Ignore = rapid.SampledFrom([][]string{nil, nil, {"view"}, {hostile, "$identify"}}).Draw(t, "ignore")
	}
	for i := range rapid.IntRange(1, 3).Draw(t, "steps") {
		s := query.FunnelStep{Selector: drawFunnelSelector(t)}
		s.Optional = i > 0 && rapid.IntRange(0, 5).Draw(t, "optional?") == 0
		s.Anchored = q.Order == "any" && rapid.IntRange(0, 2).Draw(t, "anchored?") == 0
		if i > 0 && rapid.IntRange(0, 4).Draw(t, "step window?") == 0 {
			s.Window = rapid.SampledFrom([]string{"20min", "1h"}).Draw(t, "step window")
		}
		q.Steps = append(q.Steps, s)
	}
	if rapid.IntRange(0, 2).Draw(t, "exclusion?") == 0 {
		x := query.FunnelExclusion{Selector: drawFunnelSelector(t)}
		x.From = rapid.IntRange(0, 2).Draw(t, "from")
		if rapid.Bool().Draw(t, "to?") {
			x.To = rapid.IntRange(x.From+1, 3).Draw(t, "to")
		}
		q.Exclusions = append(q.Exclusions, x)
	}
	if rapid.IntRange(0, 4).Draw(t, "hold?") == 0 {
		q.Hold = []query.PropertyRef{drawRef(t)}
		q.HoldCounts = word("hold counts", []string{"unit", "value"})
	}
	for range rapid.SampledFrom([]int{1, 1, 2}).Draw(t, "unit by") {
		if q.Unit == "expression" {
			q.UnitBy = append(q.UnitBy, drawRef(t))
		}
	}
	if q.Show == "time_to_convert" && len(q.Steps) > 1 && rapid.Bool().Draw(t, "between?") {
		q.ConvertFrom = rapid.IntRange(1, len(q.Steps)-1).Draw(t, "convert from")
		q.ConvertTo = rapid.IntRange(q.ConvertFrom+1, len(q.Steps)).Draw(t, "convert to")
	}
	if q.Show == "window" {
		q.Windows = []string{"10min", "4h"}
	}
	if q.Breakdown = drawBreakdown(t); len(q.Breakdown) > 0 {
		q.BreakdownLimit = rapid.IntRange(1, 4).Draw(t, "limit")
		if q.Attribution = word("attribution", query.FunnelAttributions()); q.Attribution == "step" {
			q.AttributionStep = rapid.IntRange(1, len(q.Steps)).Draw(t, "attribution step")
		}
	}
	return q
}

func drawFunnelSelector(t *rapid.T) (s query.Selector) {
	s.Events = [][]string{{"buy"}, {"view"}, {"buy", hostile}, {"$identify"}, {"push_received"}, nil}[rapid.IntRange(0, 5).Draw(t, "events")]
	if rapid.IntRange(0, 4).Draw(t, "own where?") == 0 {
		s.Where = drawFilter(t, 1)
	}
	return s
}
