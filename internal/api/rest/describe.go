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
	words(schemas["Trends"], "interval", query.Intervals())
	words(schemas["Trends"], "kind", []string{"trends"})
	words(schemas["Trends"], "compare", []string{"previous", "year"})
	words(schemas["Series"], "aggregate", query.Aggregates())
	for _, name := range []string{"Filter", "Breakdown"} {
		words(schemas[name], "of", []string{"event", "person"})
		words(schemas[name], "at", []string{"now", "event"})
	}
	words(schemas["Filter"], "op", query.Operators())
	schemas["Trends"].Required = []string{"series"}
	return nil
}

func words(s *huma.Schema, field string, list []string) {
	for _, w := range list {
		s.Properties[field].Enum = append(s.Properties[field].Enum, w)
	}
}
