package query_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/query"
)

// drawn notes which fields of questions were set, and to which words, by their paths.
type drawn map[string][]string

// kept are types whose fields are drawn, and noted, elsewhere.
var keptTypes = []reflect.Type{
	reflect.TypeFor[query.Filter](), reflect.TypeFor[query.PropertyRef](), reflect.TypeFor[query.Range](), reflect.TypeFor[query.Selector](),
	reflect.TypeFor[query.Funnel](), reflect.TypeFor[query.CohortDefinition](),
}

// walkFields visits the fields of a type, those of what is embedded, listed or pointed at as well.
func walkFields(t reflect.Type, path string, visit func(path string, index []int)) {
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name != "" {
			visit(strings.TrimPrefix(path+"."+name, "."), f.Index)
		}
	}
}

func (d drawn) note(v reflect.Value, path string) {
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	walkFields(v.Type(), path, func(path string, index []int) {
		f := v.FieldByIndex(index)
		if f.IsZero() {
			return
		}
		word := ""
		if f.Kind() == reflect.String {
			word = f.String()
		}
		if !slices.Contains(d[path], word) {
			d[path] = append(d[path], word)
		}
		for f.Kind() == reflect.Pointer {
			f = f.Elem()
		}
		if f.Kind() == reflect.Slice && partOf(f.Type().Elem()) {
			for i := range f.Len() {
				d.note(f.Index(i), path)
			}
		}
		if partOf(f.Type()) {
			d.note(f, path)
		}
	})
}

// partOf tells whether the fields of a type are options of the question.
func partOf(t reflect.Type) bool { return t.Kind() == reflect.Struct && !slices.Contains(keptTypes, t) }

// fieldsOf are all options of a question.
func fieldsOf(t reflect.Type, path string) (out []string) {
	walkFields(t, path, func(path string, index []int) {
		out = append(out, path)
		inner := t.FieldByIndex(index).Type
		for inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Slice {
			inner = inner.Elem()
		}
		if partOf(inner) {
			out = append(out, fieldsOf(inner, path)...)
		}
	})
	return out
}

// TestEveryOptionIsDrawn: what the random questions of the other tests never ask, nobody compares with the oracle.
func TestEveryOptionIsDrawn(t *testing.T) {
	now := time.Date(2026, 6, 15, 12, 0, 0, 0, time.UTC)
	examples := func(draw func(*rapid.T) any) func(int) any {
		g := rapid.Custom(draw)
		return func(i int) any { return g.Example(i) }
	}
	for _, c := range []struct {
		name    string
		example func(int) any
		words   map[string][]string
		// without are fields that have no say in what is counted.
		without []string
	}{
		{"trends", examples(func(t *rapid.T) any { return drawQuestion(t, now) }), map[string][]string{
			"series.aggregate": query.Aggregates(), "signed_out": query.SignedOuts(), "series.clock": query.ActiveClocks(), "compare": {"previous", "year"}, "interval": query.Intervals(),
		}, []string{"kind", "series.id", "series.label", "formulas.id", "formulas.label"}},
		{"funnel", examples(func(t *rapid.T) any { return drawFunnel(t, now) }), map[string][]string{
			"preset": query.Presets(), "signed_out": query.SignedOuts(), "order": query.FunnelOrders(), "visible": query.FunnelSights(), "entry": query.FunnelEntries(), "tie": query.FunnelTies(), "within": {"entry", "all_steps"},
			"exclusion_effect": query.FunnelEffects(), "hold_counts": {"unit", "value"}, "unit": query.FunnelUnits(), "show": query.FunnelViews(),
			"attribution": query.FunnelAttributions(), "interval": query.RetentionIntervals(),
		}, []string{"kind", "steps.label"}},
		{"retention", examples(func(t *rapid.T) any { return drawRetention(t, now) }), map[string][]string{
			"preset": query.Presets(), "signed_out": query.SignedOuts(), "cohort": query.RetentionCohorts(), "clock": query.RetentionClocks(), "type": query.RetentionTypes(),
			"zero": {"all", "returned"}, "attribution": {"start", "both"}, "interval": query.RetentionIntervals(),
		}, []string{"kind"}},
		{"lifecycle", examples(func(t *rapid.T) any { return drawLifecycle(t, now) }), map[string][]string{
			"preset": query.Presets(), "signed_out": query.SignedOuts(), "new_by": query.LifecycleNews(), "interval": query.RetentionIntervals(),
		}, []string{"kind"}},
		{"stickiness", examples(func(t *rapid.T) any {
			return rapid.SampledFrom([]func(*rapid.T, time.Time) *query.Stickiness{drawStickiness, drawRatio}).Draw(t, "form")(t, now)
		}), map[string][]string{
			"preset": query.Presets(), "signed_out": query.SignedOuts(), "mode": query.StickinessModes(), "window": {"day", "week", "month"}, "interval": query.RetentionIntervals(),
		}, []string{"kind"}},
		{"paths", examples(func(t *rapid.T) any { return drawPaths(t, now) }), map[string][]string{
			"preset": query.Presets(), "signed_out": query.SignedOuts(), "unit": query.PathUnits(), "funnel.side": query.PathSides(), "funnel.state": query.FunnelStates(),
		}, []string{"kind"}},
		{"sessions", examples(func(t *rapid.T) any { return drawSessions(t, now) }), map[string][]string{
			"preset": query.Presets(), "signed_out": query.SignedOuts(), "by": query.SessionRules(), "midnight": {"continue", "cut"}, "attribution": query.SessionAttributions(),
			"interval": query.Intervals(), "show": query.SessionViews(),
		}, []string{"kind", "measures.label"}},
		{"cohort", examples(func(t *rapid.T) any { return drawDefinition(t, 1, now) }), nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			seen := drawn{}
			for i := range 300 {
				seen.note(reflect.ValueOf(c.example(i)), "")
			}
			for _, f := range fieldsOf(reflect.TypeOf(c.example(0)).Elem(), "") {
				if len(seen[f]) == 0 && !slices.Contains(c.without, f) {
					t.Errorf("%s is never drawn", f)
				}
			}
			for f, words := range c.words {
				for _, w := range words {
					if !slices.Contains(seen[f], w) {
						t.Errorf("%s is never %s, only %q", f, w, seen[f])
					}
				}
			}
		})
	}
}
