package query_test

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/query"
)

func agreeRetention(rt *rapid.T, e *query.Engine, o *oracle, now time.Time) {
	q := drawRetention(rt, now)
	r, err := e.ResolveRetention(o.scope, q)
	if event.KindOf(err) == event.Invalid {
		return
	}
	if err != nil {
		rt.Fatalf("resolve %s: %v", asJSON(q), err)
	}
	o.attribute(r.SignedOut)
	a, err := e.Retention(context.Background(), o.scope, r)
	if err != nil {
		rt.Fatalf("answer %s: %v", asJSON(r.Retention), err)
	}
	want := o.retention(r, a, now)
	if got := retentionLines(a.Tables); got != retentionLines(want) {
		rt.Fatalf("%s\nis\n%s\nwant\n%s", asJSON(a.Question), got, retentionLines(want))
	}
	again, err := e.ResolveRetention(o.scope, &a.Question)
	if err != nil || again.Key() != r.Key() {
		rt.Fatalf("the question in the answer is another one: %v\n%s\n%s", err, asJSON(a.Question), asJSON(again.Retention))
	}
}

func (o *oracle) retention(r *query.ResolvedRetention, a *query.RetentionAnswer, now time.Time) []query.RetentionTable {
	zone := zoneNamed(r.Timezone)
	ro := &retentionOracle{
		oracle: o, r: r, now: over(now.Add(-o.lag), r.Timezone), unit: map[string]int64{"hour": 1, "day": 24, "week": 168, "month": 720}[r.Interval] * 3600e6,
		dates: dates{r.Interval, zone, weekday(r.WeekStart)}, grouper: &grouper{o: o, breakdown: r.Breakdown},
	}
	var starts []time.Time
	first, last := ro.dates.number(a.Range.From.UnixMicro()), ro.dates.number(a.Range.To.UnixMicro()-1)
	for i := first; i <= last; i++ {
		starts = append(starts, time.UnixMicro(ro.dates.begin(i)).In(zone))
	}
	trends := &query.Trends{Where: r.Where, Breakdown: r.Breakdown, Timezone: r.Timezone}
	ro.grouper.boundaries = o.boundaries(trends, &query.Series{Events: r.Start.Events, Where: r.Start.Where}, []time.Time{a.Range.From, a.Range.To})
	all := ro.all(a.Range.From.UnixMicro(), a.Range.To.UnixMicro())
	if len(r.Breakdown) == 0 {
		return []query.RetentionTable{ro.table(all, a.Columns, starts, a.Range.To)}
	}
	byGroup := map[string][]membership{}
	for _, m := range all {
		byGroup[m.group.key()] = append(byGroup[m.group.key()], m)
	}
	var keys []string
	people := map[string]int64{}
	for k, list := range byGroup {
		keys = append(keys, k)
		people[k] = ro.table(list, nil, starts, a.Range.To).People
	}
	sort.Slice(keys, func(i, j int) bool {
		if people[keys[i]] != people[keys[j]] {
			return people[keys[i]] > people[keys[j]]
		}
		return strings.Join(byGroup[keys[i]][0].group.tags, "\x00") < strings.Join(byGroup[keys[j]][0].group.tags, "\x00")
	})
	var out []query.RetentionTable
	var rest []membership
	for i, k := range keys {
		if i >= r.BreakdownLimit {
			rest = append(rest, byGroup[k]...)
			continue
		}
		table := ro.table(byGroup[k], a.Columns, starts, a.Range.To)
		table.Breakdown = byGroup[k][0].group.labels
		out = append(out, table)
	}
	if rest != nil {
		table := ro.table(rest, a.Columns, starts, a.Range.To)
		for range r.Breakdown {
			table.Breakdown = append(table.Breakdown, "$other")
		}
		out = append(out, table)
	}
	return out
}

func weekday(name string) time.Weekday {
	for d := range 7 {
		if strings.ToLower(time.Weekday(d).String()) == name {
			return time.Weekday(d)
		}
	}
	panic(name)
}

// retentionLines has what is to be compared of tables.
func retentionLines(tables []query.RetentionTable) string {
	var b strings.Builder
	for _, t := range tables {
		fmt.Fprint(&b, t.Breakdown, " ", t.People, "\n")
		for _, c := range t.Cohorts {
			fmt.Fprint(&b, "  ", c.Start.UnixMicro(), " ", c.Partial, " ", c.Size, ":")
			for _, cell := range c.Cells {
				n := "-"
				if cell.Count != nil {
					n = fmt.Sprint(*cell.Count)
				}
				fmt.Fprint(&b, " ", n, cell.State[:1], rounded(cell.Rate))
			}
			b.WriteString("\n")
		}
		for _, m := range t.Average {
			fmt.Fprint(&b, " ", m.Count, "/", m.Size, "=", rounded(m.Rate))
		}
		b.WriteString("\n")
	}
	return b.String()
}

func drawSelector(t *rapid.T) (s query.Selector) {
	if rapid.Bool().Draw(t, "named") {
		s.Events = rapid.SampledFrom([][]string{{"buy"}, {"buy", hostile}, {"never"}, {"$identify", "view"}}).Draw(t, "events")
	}
	if rapid.IntRange(0, 3).Draw(t, "own where?") == 0 {
		s.Where = drawFilter(t, 1)
	}
	return s
}

func drawRange(t *rapid.T, now time.Time) query.Range {
	return rapid.SampledFrom([]query.Range{
		{From: "-7d"},
		{From: "-3d", To: "now"},
		{From: "all"},
		{From: "this_month"},
		{From: "-1w", To: "today"},
		{From: now.Add(-100 * time.Hour).Format(time.RFC3339), To: now.Add(-5*time.Hour - 13*time.Minute).Format(time.RFC3339)},
		{From: now.AddDate(0, 0, -4).Format(time.DateOnly), To: now.AddDate(0, 0, 2).Format(time.DateOnly)},
	}).Draw(t, "range")
}

// drawHours is a range of few hours: the oracle looks at everybody's events in each.
func drawHours(t *rapid.T) query.Range {
	return rapid.SampledFrom([]query.Range{{From: "-24h"}, {From: "-30h", To: "now"}, {From: "today"}, {From: "-1d"}}).Draw(t, "hours")
}

func drawBreakdown(t *rapid.T) (list []query.Breakdown) {
	for range rapid.SampledFrom([]int{0, 0, 1, 1, 2}).Draw(t, "breakdowns") {
		if rapid.IntRange(0, 5).Draw(t, "by cohort?") == 0 {
			list = append(list, query.Breakdown{Cohort: drawKept(t)})
			continue
		}
		b := query.Breakdown{PropertyRef: drawRef(t)}
		if b.Property[0] != '$' {
			switch rapid.IntRange(0, 5).Draw(t, "groups") {
			case 0:
				b.Edges = []float64{0, 2, 12}
			case 1:
				b.Quantiles = rapid.IntRange(2, 4).Draw(t, "quantiles")
			}
		}
		list = append(list, b)
	}
	return list
}

func drawRetention(t *rapid.T, now time.Time) *query.Retention {
	q := &query.Retention{
		Preset:   rapid.SampledFrom(append([]string{"", ""}, query.Presets()...)).Draw(t, "preset"),
		Timezone: rapid.SampledFrom(questionZones).Draw(t, "zone"), SignedOut: drawSignedOut(t),
		Range: drawRange(t, now), Start: drawSelector(t),
		Interval:  rapid.SampledFrom([]string{"", "day", "week", "month", "hour"}).Draw(t, "interval"),
		WeekStart: drawWeekStart(t),
		Cohort:    rapid.SampledFrom(append([]string{""}, query.RetentionCohorts()...)).Draw(t, "cohort"),
		Clock:     rapid.SampledFrom(append([]string{""}, query.RetentionClocks()...)).Draw(t, "clock"),
		Type:      rapid.SampledFrom([]string{"", "on", "on_or_after"}).Draw(t, "type"),
		Zero:      rapid.SampledFrom([]string{"", "all", "returned"}).Draw(t, "zero"),
		Breakdown: drawBreakdown(t), BreakdownLimit: rapid.IntRange(0, 3).Draw(t, "limit"),
	}
	if rapid.Bool().Draw(t, "return?") {
		s := drawSelector(t)
		q.Return = &s
	}
	if rapid.IntRange(0, 3).Draw(t, "where?") == 0 {
		q.Where = drawFilter(t, 1)
	}
	if len(q.Breakdown) > 0 {
		q.Attribution = rapid.SampledFrom([]string{"", "start", "both"}).Draw(t, "attribution")
	}
	if q.Interval == "hour" {
		q.Range = drawHours(t)
	}
	if q.Type == "" && rapid.Bool().Draw(t, "brackets") {
		q.Type = rapid.SampledFrom([]string{"", "brackets"}).Draw(t, "type of brackets")
		q.Brackets = []query.RetentionBracket{{0, 0}, {1, 2}, {4, 6}}
	} else {
		q.Periods = rapid.IntRange(1, 5).Draw(t, "periods")
	}
	return q
}
