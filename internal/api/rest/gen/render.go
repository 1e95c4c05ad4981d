package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strings"

	"github.com/freshet/freshet/internal/api/rest"
	"github.com/freshet/freshet/internal/project"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/store"
)

// document is the part of an OpenAPI document that the page shows.
type document struct {
	Paths      map[string]map[string]operation
	Components struct{ Schemas map[string]schema }
}

type operation struct {
	Summary string
	Key     string `json:"x-required-key"`
}

type schema struct {
	Ref        string `json:"$ref"`
	Type       any
	Format     string
	Enum       []any
	Items      *schema
	Required   []string
	Properties map[string]schema
	// Description may hold line breaks, which a table's cell must not.
	Description string
}

// sections are the types of a question and its answer, in the order in which they are met.
var sections = [...]struct{ title, name, text string }{
	{"Trends", "Trends", "The body of `POST /v1/query` is a question of the kind that its field `kind` names; this one without it."},
	{"Range", "Range", ""},
	{"Series", "Series", ""},
	{"Filter", "Filter", "A group of conditions, or a comparison of one property."},
	{"Breakdown", "Breakdown", ""},
	{"Formula", "Formula", ""},
	{"Property", "PropertyRef", ""},
	{"Selector", "Selector", "Which events are meant."},
	{"Answer to trends", "Answer", ""},
	{"Property read as a number", "Unparsed", ""},
	{"Bucket", "Bucket", ""},
	{"Series of an answer", "AnswerSeries", ""},
	{"Compared values", "CompareSeries", ""},
	{"Range of an answer", "AnswerRange", ""},
	{"Funnel", "Funnel", "See [funnel.md](questions/funnel.md)."},
	{"Step of a funnel", "FunnelStep", ""},
	{"Exclusion of a funnel", "FunnelExclusion", ""},
	{"Answer to a funnel", "FunnelAnswer", ""},
	{"Group of a funnel", "FunnelGroup", ""},
	{"Reached step", "FunnelReached", ""},
	{"Retention", "Retention", "See [retention.md](questions/retention.md)."},
	{"Bracket", "RetentionBracket", "Offsets that are one column."},
	{"Answer to a retention", "RetentionAnswer", ""},
	{"Table of a retention", "RetentionTable", ""},
	{"Cohort of a retention", "RetentionCohort", ""},
	{"Cell of a retention", "RetentionCell", ""},
	{"Average of a retention", "RetentionMean", ""},
	{"Lifecycle", "Lifecycle", "See [lifecycle.md](questions/lifecycle.md)."},
	{"Answer to a lifecycle", "LifecycleAnswer", ""},
	{"Bucket of a lifecycle", "LifecycleBucket", ""},
	{"Stickiness", "Stickiness", "See [stickiness.md](questions/stickiness.md)."},
	{"Answer to a stickiness", "StickinessAnswer", ""},
	{"Window of a stickiness", "StickinessWindow", ""},
	{"Day of a stickiness", "StickinessDay", ""},
	{"Paths", "Paths", "See [paths.md](questions/paths.md)."},
	{"Funnel of paths", "PathsFunnel", ""},
	{"Answer to paths", "PathsAnswer", ""},
	{"Group of paths", "PathGroup", ""},
	{"Step of paths", "PathLayer", ""},
	{"Node of paths", "PathNode", ""},
	{"Link of paths", "PathLink", ""},
	{"Sessions", "Sessions", "See [sessions.md](questions/sessions.md)."},
	{"Measure of sessions", "SessionMeasure", "See [sessions.md](questions/sessions.md)."},
	{"Length of sessions", "SessionLength", ""},
	{"Events of sessions", "SessionCount", ""},
	{"Answer to sessions", "SessionsAnswer", ""},
	{"Group of sessions", "SessionsGroup", ""},
	{"Numbers of sessions", "SessionsNumbers", ""},
	{"Numbers of a measure", "SessionMeasured", ""},
	{"Watermark", "Watermark", ""},
	{"Problem", "Problem", "Every error, as `application/problem+json`."},
}

// load makes the API's document. Nothing behind the API is ever called for that.
func load() (*document, error) {
	engine, err := query.New(query.Options{Store: struct{ store.Reader }{}})
	if err != nil {
		return nil, err
	}
	api, err := rest.New(rest.Options{
		Engine: engine, Projects: new(project.Service), Pipeline: struct{ rest.Pipeline }{}, Replayer: struct{ rest.Replayer }{},
		Unlinker: struct{ rest.Unlinker }{}, Operator: struct{ rest.Operator }{},
		Logger: slog.New(slog.DiscardHandler), Version: "reference",
	})
	if err != nil {
		return nil, err
	}
	defer api.Close()
	mux := http.NewServeMux()
	api.Register(mux)
	answer := httptest.NewRecorder()
	mux.ServeHTTP(answer, httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/v1/openapi.json", nil))
	d := &document{}
	if err := json.Unmarshal(answer.Body.Bytes(), d); err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	return d, nil
}

func render() ([]byte, error) {
	d, err := load()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString("# Reference of questions and answers\n\n" +
		"Generated from the API's types by `go generate ./internal/api/...`; do not edit. The whole API is described at `/v1/docs`\n" +
		"and `/v1/openapi.json` of a running server. [querying.md](querying.md) has examples, [semantics.md](semantics.md) the\n" +
		"exact meaning of each number.\n")
	for _, s := range sections {
		if err := d.table(&b, s.title, s.name, s.text); err != nil {
			return nil, err
		}
	}
	b.WriteString("\n## Built-in properties\n\nAnything else is a property that the app gave.\n\n`" +
		strings.Join(query.BuiltIn(), "` `") + "`\n")
	d.routes(&b)
	return b.Bytes(), nil
}

// table writes one type.
func (d *document) table(b *bytes.Buffer, title, name, text string) error {
	s, ok := d.Components.Schemas[name]
	if !ok {
		return fmt.Errorf("the document has no type %s", name)
	}
	fmt.Fprintf(b, "\n## %s\n\n", title)
	if text != "" {
		fmt.Fprintf(b, "%s\n\n", text)
	}
	b.WriteString("| field | type | |\n|---|---|---|\n")
	for _, field := range slices.Sorted(maps.Keys(s.Properties)) {
		p := s.Properties[field]
		label := "`" + field + "`"
		if slices.Contains(s.Required, field) {
			label += " (always)"
		}
		description := strings.NewReplacer("|", `\|`, "\n", " ").Replace(p.Description)
		fmt.Fprintf(b, "| %s | %s | %s%s |\n", label, d.typeOf(p), description, words(p.Enum))
	}
	return nil
}

// typeOf says a type in a word or two, with a link to types that have a section.
func (d *document) typeOf(s schema) string {
	if s.Ref != "" {
		name := path.Base(s.Ref)
		for _, section := range sections {
			if section.name == name {
				return "[" + strings.ToLower(section.title) + "](#" + strings.ReplaceAll(strings.ToLower(section.title), " ", "-") + ")"
			}
		}
		return name
	}
	var names []string
	switch t := s.Type.(type) {
	case string:
		names = []string{t}
	case []any:
		for _, v := range t {
			names = append(names, fmt.Sprint(v))
		}
	default:
		return "any"
	}
	if slices.Contains(names, "array") && s.Items != nil {
		return "list of " + d.typeOf(*s.Items)
	}
	if s.Format == "date-time" {
		return "time"
	}
	return strings.Join(names, " or ")
}

func words(list []any) string {
	if len(list) == 0 {
		return ""
	}
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = "`" + fmt.Sprint(v) + "`"
	}
	return " One of " + strings.Join(out, " ") + "."
}

func (d *document) routes(b *bytes.Buffer) {
	b.WriteString("\n## Routes\n\n| route | key | |\n|---|---|---|\n")
	for _, route := range slices.Sorted(maps.Keys(d.Paths)) {
		for _, method := range slices.Sorted(maps.Keys(d.Paths[route])) {
			op := d.Paths[route][method]
			fmt.Fprintf(b, "| `%s %s` | %s | %s |\n", strings.ToUpper(method), route, op.Key, op.Summary)
		}
	}
}
