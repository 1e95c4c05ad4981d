package query_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/query"
)

func drawFilter(t *rapid.T, depth int) *query.Filter {
	if depth > 0 && rapid.IntRange(0, 3).Draw(t, "group?") == 0 {
		var list []*query.Filter
		for range rapid.IntRange(1, 3).Draw(t, "members") {
			list = append(list, drawFilter(t, depth-1))
		}
		if rapid.Bool().Draw(t, "or") {
			return &query.Filter{Or: list}
		}
		return &query.Filter{And: list}
	}
	if rapid.IntRange(0, 11).Draw(t, "cohort?") == 0 {
		return &query.Filter{Cohort: drawKept(t), Op: rapid.SampledFrom([]string{"in", "not_in"}).Draw(t, "in or not")}
	}
	f := &query.Filter{PropertyRef: drawRef(t), Op: rapid.SampledFrom(query.Operators()).Draw(t, "op")}
	text := func() any {
		return rapid.SampledFrom([]any{"pro", "FREE", "1", "", "2026-03-29T01:30:00.000Z", "it's", "DE", "buy", hostile, "r"}).Draw(t, "text")
	}
	number := func() any {
		return rapid.SampledFrom([]any{-3., 0., 1., 2.5, 12., 12345678901234567890.}).Draw(t, "number")
	}
	either := func() any {
		if rapid.Bool().Draw(t, "text?") {
			return text()
		}
		return number()
	}
	scalar := func() any {
		if rapid.IntRange(0, 4).Draw(t, "bool?") == 0 {
			return rapid.Bool().Draw(t, "bool")
		}
		return either()
	}
	switch f.Op {
	case "is_set", "is_not_set":
	case "is", "is_not":
		f.Value = scalar()
	case "contains", "not_contains", "starts_with", "ends_with":
		f.Value = text()
	case "regex":
		f.Value = rapid.SampledFrom([]any{"^p.o$", "(?i)FREE", "[0-9]{2}", `\d+|e`, `\.`}).Draw(t, "regex")
	case "before", "after":
		f.Value = rapid.SampledFrom([]any{"2026-03-29T01:30:00Z", "2026-03-10", "-30d", "now"}).Draw(t, "bound")
	case "in", "not_in":
		var list []any
		for range rapid.SampledFrom([]int{1, 2, 3, 60}).Draw(t, "values") {
			list = append(list, scalar())
		}
		f.Value = list
	case "between":
		if rapid.Bool().Draw(t, "numbers") {
			f.Value = []any{number(), number()}
		} else {
			f.Value = []any{text(), text()}
		}
	default:
		f.Value = either()
	}
	return f
}

func drawRef(t *rapid.T) query.PropertyRef {
	ref := drawPlainRef(t)
	ref.As = drawAs(t)
	return ref
}

func drawAs(t *rapid.T) string { return rapid.SampledFrom([]string{"", "", "number"}).Draw(t, "as") }

func drawPlainRef(t *rapid.T) query.PropertyRef {
	if rapid.IntRange(0, 3).Draw(t, "person?") == 0 {
		return query.PropertyRef{
			Property: rapid.SampledFrom([]string{"plan", "tier"}).Draw(t, "trait"), Of: "person",
			At: rapid.SampledFrom([]string{"", "now", "event"}).Draw(t, "at"),
		}
	}
	return query.PropertyRef{Property: rapid.SampledFrom(append([]string{"$country", "$event", "$app_version", "$kind"}, propertyKeys...)).Draw(t, "property")}
}

func drawQuestion(t *rapid.T, now time.Time) *query.Trends {
	q := &query.Trends{
		Timezone: rapid.SampledFrom(questionZones).Draw(t, "zone"), SignedOut: drawSignedOut(t),
		Interval: rapid.SampledFrom([]string{"", "hour", "day", "day", "week", "month"}).Draw(t, "interval"),
	}
	q.Range = rapid.SampledFrom([]query.Range{
		{From: "-7d"},
		{From: "-3d", To: "now"},
		{From: "-24h"},
		{From: "all"},
		{From: "this_month"},
		{From: "-1w", To: "today"},
		{From: now.Add(-100 * time.Hour).Format(time.RFC3339), To: now.Add(-5*time.Hour - 13*time.Minute).Format(time.RFC3339)},
		{From: now.AddDate(0, 0, -2).Format(time.DateOnly), To: now.AddDate(0, 0, 2).Format(time.DateOnly)},
	}).Draw(t, "range")
	if rapid.IntRange(0, 9).Draw(t, "minutes?") == 0 {
		q.Interval, q.Range = "minute", drawMinutes(t)
	}
	for range rapid.SampledFrom([]int{1, 1, 2}).Draw(t, "series") {
		s := query.Series{Aggregate: rapid.SampledFrom(query.Aggregates()).Draw(t, "aggregate")}
		if rapid.Bool().Draw(t, "named") {
			s.Events = rapid.SampledFrom([][]string{{"buy"}, {"buy", hostile}, {"never"}, {"$identify", "view"}}).Draw(t, "events")
		}
		if measures(s.Aggregate) {
			s.Property, s.As = rapid.SampledFrom(propertyKeys).Draw(t, "measure"), drawAs(t)
		}
		if s.Aggregate == "wau" || s.Aggregate == "mau" {
			s.Clock = rapid.SampledFrom(query.ActiveClocks()).Draw(t, "clock")
		}
		if rapid.IntRange(0, 2).Draw(t, "own where?") == 0 {
			s.Where = drawFilter(t, 2)
		}
		q.Series = append(q.Series, s)
	}
	if len(q.Series) == 2 && rapid.Bool().Draw(t, "formula") {
		q.Formulas = []query.Formula{{Expression: rapid.SampledFrom([]string{"A/B", "A-B", "A*A", "B+A"}).Draw(t, "expression")}}
	}
	if rapid.IntRange(0, 2).Draw(t, "where?") == 0 {
		q.Where = drawFilter(t, 2)
	}
	for range rapid.SampledFrom([]int{0, 0, 1, 1, 2, 3}).Draw(t, "breakdowns") {
		if rapid.IntRange(0, 7).Draw(t, "by cohort?") == 0 {
			q.Breakdown = append(q.Breakdown, query.Breakdown{Cohort: drawKept(t)})
			q.BreakdownLimit = rapid.IntRange(1, 4).Draw(t, "limit")
			continue
		}
		b := query.Breakdown{PropertyRef: drawRef(t)}
		if b.Property[0] != '$' || b.As != "" {
			switch rapid.IntRange(0, 5).Draw(t, "groups") {
			case 0:
				b.Edges = []float64{0, 2, 12}
			case 1:
				b.Quantiles = rapid.IntRange(2, 4).Draw(t, "quantiles")
			}
		}
		q.Breakdown = append(q.Breakdown, b)
		q.BreakdownLimit = rapid.IntRange(1, 4).Draw(t, "limit")
	}
	q.Compare = rapid.SampledFrom([]string{"", "", "previous", "year"}).Draw(t, "compare")
	q.Cumulative = rapid.IntRange(0, 3).Draw(t, "cumulative?") == 0
	if rapid.IntRange(0, 3).Draw(t, "rolling?") == 0 {
		q.Rolling = rapid.IntRange(2, 4).Draw(t, "rolling")
	}
	return q
}

func agreeTrends(t *rapid.T, e *query.Engine, o *oracle, now time.Time) {
	scope, q := o.scope, drawQuestion(t, now)
	r, err := e.Resolve(scope, q)
	if event.KindOf(err) == event.Invalid {
		return
	}
	if err != nil {
		t.Fatalf("resolve %s: %v", asJSON(q), err)
	}
	o.attribute(r.SignedOut)
	a, err := e.Trends(context.Background(), scope, r)
	if err != nil {
		t.Fatalf("answer %s: %v", asJSON(q), err)
	}
	want := o.answer(r)
	if len(a.Series) != len(want) {
		t.Fatalf("%s:\n%d lines, want %d\n%s\n%s", asJSON(a.Question), len(a.Series), len(want), asJSON(a.Series), describe(want))
	}
	for i := range want {
		got := a.Series[i]
		ok := got.ID == want[i].id && fmt.Sprint(got.Breakdown) == fmt.Sprint(want[i].breakdown) &&
			same(got.Values, want[i].now.values) && same([]*float64{got.Total}, []*float64{want[i].now.total})
		if got.Compare != nil {
			ok = ok && same(got.Compare.Values, want[i].then.values) && same([]*float64{got.Compare.Total}, []*float64{want[i].then.total})
		}
		if !ok {
			t.Fatalf("%s\nline %d is\n%s\nwant\n%s", asJSON(a.Question), i, asJSON(got), describe(want[i:i+1]))
		}
	}
	checkUnparsed(t, o, a.Range, a.Unparsed, castsOf(&a.Question))
	again, err := e.Resolve(scope, &a.Question)
	if err != nil || again.Key() != r.Key() {
		t.Fatalf("the question in the answer is another one: %v\n%s\n%s", err, asJSON(a.Question), asJSON(again))
	}
}

func same(a, b []*float64) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if (a[i] == nil) != (b[i] == nil) {
			return false
		}
		if a[i] != nil && math.Abs(*a[i]-*b[i]) > 1e-9*math.Max(1, math.Abs(*b[i])) {
			return false
		}
	}
	return true
}

func describe(lines []shown) string {
	out := ""
	for _, l := range lines {
		out += asJSON([]any{l.id, l.breakdown, l.now.values, l.now.total, l.then.values, l.then.total}) + "\n"
	}
	return out
}

func asJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func location(t testing.TB, name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func engine(t testing.TB, o query.Options) *query.Engine {
	e, err := newEngine(o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func newEngine(o query.Options) (*query.Engine, error) {
	if o.Cohorts == nil {
		o.Cohorts = keptCohorts{}
	}
	if o.HistoryMemory == 0 {
		// A dozen people fit, so that questions about more of them take several passes.
		o.HistoryMemory = 128 << 10
	}
	if o.Read == nil {
		o.Read = readQuestion
	}
	return query.New(o)
}

// measures tells whether an aggregate needs a property.
func measures(aggregate string) bool {
	switch aggregate {
	case "sum", "avg", "min", "max", "median", "p75", "p90", "p95", "p99", "distinct":
		return true
	}
	return false
}
