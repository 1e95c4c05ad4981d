package rest

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/freshet/freshet/internal/query"
)

// fields has a line for each field of the types of other rooms, which know nothing of how they are documented here.
//
//go:embed fields.txt
var fields string

// describe completes the schemas: descriptions, the words that a field may have, and that no list is ever null.
func describe(schemas map[string]*huma.Schema) error {
	// huma's own form of an error, which no client ever sees.
	delete(schemas, "ErrorModel")
	delete(schemas, "ErrorDetail")
	for line := range strings.Lines(fields) {
		at, text, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if !ok {
			continue
		}
		name, field, _ := strings.Cut(at, ".")
		s := schemas[name]
		if s == nil || s.Properties[field] == nil {
			return fmt.Errorf("describe the schemas: there is no field %s", at)
		}
		s.Properties[field].Description = text
	}
	for _, s := range schemas {
		for _, p := range s.Properties {
			if p.Type == huma.TypeArray {
				p.Nullable = false
			}
		}
	}
	words(schemas["Trends"], "signed_out", query.SignedOuts())
	words(schemas["Trends"], "interval", query.Intervals())
	words(schemas["Trends"], "kind", []string{"trends"})
	words(schemas["Trends"], "compare", []string{"previous", "year"})
	words(schemas["Series"], "aggregate", query.Aggregates())
	words(schemas["Series"], "clock", query.ActiveClocks())
	kindWords(schemas)
	for _, name := range []string{"Filter", "Breakdown", "PropertyRef", "Unparsed"} {
		words(schemas[name], "of", []string{"event", "person"})
		words(schemas[name], "at", []string{"now", "event"})
		words(schemas[name], "as", query.Casts())
	}
	words(schemas["Series"], "as", query.Casts())
	words(schemas["PlannedProperty"], "type", query.PlannedTypes())
	words(schemas["Violation"], "reason", query.ViolationReasons())
	words(schemas["Filter"], "op", query.Operators())
	words(schemas["Limit"], "unit", LimitUnits())
	words(schemas["Limit"], "scope", LimitScopes())
	words(schemas["OutlineRelation"], "sort", []string{query.RelationEvents, query.RelationPeople})
	schemas["Trends"].Required = []string{"series"}
	describeFunnel(schemas)
	return nil
}

func describeFunnel(schemas map[string]*huma.Schema) {
	f := schemas["Funnel"]
	f.Required = []string{"kind", "steps"}
	for field, list := range map[string][]string{
		"kind": {"funnel"}, "preset": query.Presets(), "signed_out": query.SignedOuts(), "week_start": query.Weekdays(), "order": query.FunnelOrders(), "visible": query.FunnelSights(),
		"within": {"entry", "all_steps"}, "entry": query.FunnelEntries(), "tie": query.FunnelTies(),
		"exclusion_effect": query.FunnelEffects(), "hold_counts": {"unit", "value"}, "unit": query.FunnelUnits(),
		"show": query.FunnelViews(), "interval": query.RetentionIntervals(), "attribution": query.FunnelAttributions(),
		"compare": {"previous", "year"},
	} {
		words(f, field, list)
	}
}

// kindWords has the words of behavioural questions.
func kindWords(schemas map[string]*huma.Schema) {
	for name, kind := range map[string]string{
		"Retention": "retention", "Lifecycle": "lifecycle", "Stickiness": "stickiness", "Paths": "paths", "Sessions": "sessions",
	} {
		s := schemas[name]
		words(s, "kind", []string{kind})
		words(s, "preset", query.Presets())
		words(s, "signed_out", query.SignedOuts())
		if s.Properties["week_start"] != nil {
			words(s, "week_start", query.Weekdays())
			intervals := query.RetentionIntervals()
			if name == "Sessions" {
				intervals = query.Intervals()
			}
			words(s, "interval", intervals)
		}
		s.Required = []string{"kind"}
	}
	words(schemas["Retention"], "cohort", query.RetentionCohorts())
	words(schemas["Retention"], "clock", query.RetentionClocks())
	words(schemas["Retention"], "type", query.RetentionTypes())
	words(schemas["Retention"], "zero", []string{"all", "returned"})
	words(schemas["Retention"], "attribution", []string{"start", "both"})
	words(schemas["Lifecycle"], "new_by", query.LifecycleNews())
	words(schemas["Stickiness"], "mode", query.StickinessModes())
	words(schemas["Stickiness"], "window", []string{"day", "week", "month"})
	words(schemas["Paths"], "unit", query.PathUnits())
	words(schemas["PathsFunnel"], "state", query.FunnelStates())
	words(schemas["PathsFunnel"], "side", query.PathSides())
	words(schemas["Sessions"], "show", query.SessionViews())
	words(schemas["SessionMeasure"], "as", query.Casts())
	words(schemas["Sessions"], "by", query.SessionRules())
	words(schemas["Sessions"], "midnight", []string{"continue", "cut"})
	words(schemas["Sessions"], "attribution", query.SessionAttributions())
}

func words(s *huma.Schema, field string, list []string) {
	for _, w := range list {
		s.Properties[field].Enum = append(s.Properties[field].Enum, w)
	}
}
