package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// types writes the document's types for the dashboard, which is checked against them.
func types() ([]byte, error) {
	d, err := load()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString("// The types of the API. Generated from its OpenAPI document by `go generate ./internal/api/...`; do not edit.\n")
	for _, name := range slices.Sorted(maps.Keys(d.Components.Schemas)) {
		s := d.Components.Schemas[name]
		fmt.Fprintf(&b, "\nexport type %s = {\n", name)
		for _, field := range slices.Sorted(maps.Keys(s.Properties)) {
			p := s.Properties[field]
			if p.Description != "" {
				fmt.Fprintf(&b, "  /** %s */\n", strings.NewReplacer("\n", " ", "*/", "* /").Replace(p.Description))
			}
			mark := "?"
			if slices.Contains(s.Required, field) {
				mark = ""
			}
			fmt.Fprintf(&b, "  %s%s: %s;\n", field, mark, typeScript(p))
		}
		b.WriteString("};\n")
	}
	return b.Bytes(), nil
}

// typeScript says a type as TypeScript does.
func typeScript(s schema) string {
	if s.Ref != "" {
		return path.Base(s.Ref)
	}
	if len(s.Enum) > 0 {
		words := make([]string, len(s.Enum))
		for i, word := range s.Enum {
			text, _ := json.Marshal(word) // a word of a JSON document can be written as JSON
			words[i] = string(text)
		}
		return strings.Join(words, " | ")
	}
	var names []string
	switch t := s.Type.(type) {
	case string:
		names = []string{s.named(t)}
	case []any:
		for _, name := range t {
			names = append(names, s.named(fmt.Sprint(name)))
		}
	default:
		return "unknown"
	}
	return strings.Join(names, " | ")
}

// named is the TypeScript of one of a schema's types.
func (s schema) named(name string) string {
	switch name {
	case "array":
		if s.Items == nil {
			return "unknown[]"
		}
		if item := typeScript(*s.Items); strings.Contains(item, " | ") {
			return "(" + item + ")[]"
		}
		return typeScript(*s.Items) + "[]"
	case "integer":
		return "number"
	case "object":
		return "Record<string, unknown>"
	}
	return name
}
