package rest

import (
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

const about = `Questions about the events of a mobile app, answered on everything that was acknowledged.

**Keys.** Send ` + "`Authorization: Bearer fr_…`" + ` (or the key as Basic user name). A read key asks about its own project;
an admin key about every project, picked by ` + "`project`" + `. A key never belongs into an address. Only what begins with
` + "`/v1/public/`" + ` needs none.

**Freshness.** Every answer names the position of the log up to which it is complete. ` + "`POST /v1/events`" + ` returns
the position after what it took; given as ` + "`consistent_with`" + `, it makes a question wait until that is counted.

**Errors** have one form, problem details (RFC 9457), with a stable ` + "`code`" + ` for programs and the offending
` + "`field`" + `. 429 and 503 carry Retry-After.`

// securityName is the security scheme in the document.
const securityName = "key"

func config(version string) huma.Config {
	registry := huma.NewMapRegistry("#/components/schemas/", schemaName)
	json := huma.DefaultJSONFormat
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info:    &huma.Info{Title: "Freshet", Version: version, Description: about},
			Tags: []*huma.Tag{
				{Name: "questions", Description: "Count, sum and compare."},
				{Name: "people", Description: "Who they are, what they did, and which cohorts they are in."},
				{Name: "dashboards", Description: "Saved questions arranged on a page, for the project or behind a public link."},
				{Name: "events", Description: "The events themselves: taking them in, pages, exports, a live stream."},
				{Name: "operation", Description: "How the server is, and what became of every event."},
				{Name: "control", Description: "Projects and keys; needs an admin key."},
			},
			Components: &huma.Components{
				Schemas: registry,
				SecuritySchemes: map[string]*huma.SecurityScheme{securityName: {
					Type: "http", Scheme: "bearer", Description: "A read key (fr_…) or an admin key (fa_…); to send events, a write key (fw_…).",
				}},
			},
		},
		Formats:       map[string]huma.Format{"application/json": json, "json": json},
		DefaultFormat: "application/json",
		Transformers:  []huma.Transformer{translate},
	}
}

// schemaName names the schema of a type as clients would.
func schemaName(t reflect.Type, hint string) string {
	name := strings.TrimSuffix(huma.DefaultSchemaNamer(t, hint), "View")
	return strings.Replace(name, "AnswerBody", "Answer", 1)
}

// document completes an operation's documentation: key, problems, the body that the handler reads itself.
func document(a *API, op *huma.Operation, need policy) {
	op.Extensions = map[string]any{policyExtension: need}
	if need != public {
		op.Security = []map[string][]string{{securityName: {}}}
		op.Errors = append(op.Errors, http.StatusUnauthorized, http.StatusForbidden)
	}
	if op.Responses == nil {
		op.Responses = map[string]*huma.Response{}
	}
	schema := a.schema(reflect.TypeFor[Problem]())
	for _, status := range append([]int{
		http.StatusBadRequest, http.StatusNotFound, http.StatusInternalServerError, http.StatusServiceUnavailable,
	}, op.Errors...) {
		op.Responses[strconv.Itoa(status)] = &huma.Response{
			Description: http.StatusText(status),
			Content:     map[string]*huma.MediaType{"application/problem+json": {Schema: schema}},
		}
	}
	op.Errors = nil
}

func (a *API) schema(t reflect.Type) *huma.Schema {
	return a.huma.OpenAPI().Components.Schemas.Schema(t, true, "")
}

// takes documents the body that a handler reads with body[T]. huma must not see it, because it would read it first,
// and let pass what decode does not.
func takes[T any](a *API, method, path, description string, example any) {
	item := a.huma.OpenAPI().Paths[path]
	op := map[string]*huma.Operation{http.MethodPost: item.Post, http.MethodPut: item.Put, http.MethodPatch: item.Patch}[method]
	op.RequestBody = &huma.RequestBody{
		Description: description, Required: true,
		Content: map[string]*huma.MediaType{"application/json": {Schema: a.schema(reflect.TypeFor[T]()), Example: example}},
	}
	op.Responses[strconv.Itoa(http.StatusRequestEntityTooLarge)] = op.Responses["400"]
	op.Responses[strconv.Itoa(http.StatusUnsupportedMediaType)] = op.Responses["400"]
}

// answers is the documentation of a route that writes its body itself.
func answers(description string, content map[string]*huma.MediaType) map[string]*huma.Response {
	return map[string]*huma.Response{"200": {Description: description, Content: content}}
}

// registerDocs serves the document and the page that shows it.
func (a *API) registerDocs() error {
	document := a.huma.OpenAPI()
	a.documentIngest()
	a.describePeople(document.Components.Schemas.Map())
	if err := describe(document.Components.Schemas.Map()); err != nil {
		return err
	}
	asJSON, err := document.MarshalJSON()
	if err != nil {
		return fmt.Errorf("write the OpenAPI document: %w", err)
	}
	asYAML, err := document.YAML()
	if err != nil {
		return fmt.Errorf("write the OpenAPI document: %w", err)
	}
	a.mux.HandleFunc("GET /v1/openapi.json", static("application/openapi+json", asJSON, ""))
	a.mux.HandleFunc("GET /v1/openapi.yaml", static("application/openapi+yaml", asYAML, ""))
	a.mux.HandleFunc("GET /v1/docs", static("text/html; charset=utf-8", []byte(docsPage), docsPolicy))
	return nil
}

// docsPage is filled by the script, which comes out of this binary as the rest of the page does.
const docsPage = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Freshet API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/reference/reference.css">
</head>
<body>
<div id="reference" data-url="/v1/openapi.json"></div>
<noscript>The document itself is at <a href="/v1/openapi.yaml">/v1/openapi.yaml</a>.</noscript>
<script src="/reference/reference.js" defer></script>
</body>
</html>
`

// docsPolicy allows no code and no styles but those of this server.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

func static(contentType string, content []byte, policy string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		head := w.Header()
		head.Set("Content-Type", contentType)
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("Cache-Control", "no-cache")
		if policy != "" {
			head.Set("Content-Security-Policy", policy)
		}
		_, _ = w.Write(content)
	}
}
