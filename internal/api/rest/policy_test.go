package rest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sort"
	"strings"
	"testing"
)

// policies is who may use what. A route that is not here fails the test, and so does an entry without a route.
var policies = map[string]policy{
	"POST /v1/query":                                   read,
	"POST /v1/query/plan":                              read,
	"POST /v1/people":                                  read,
	"POST /v1/people/export":                           read,
	"POST /v1/people/explain":                          read,
	"GET /v1/checksums":                                admin,
	"GET /v1/insights":                                 read,
	"POST /v1/insights":                                admin,
	"GET /v1/insights/{insight}":                       read,
	"PATCH /v1/insights/{insight}":                     admin,
	"DELETE /v1/insights/{insight}":                    admin,
	"GET /v1/insights/{insight}/answer":                read,
	"GET /v1/cohorts":                                  read,
	"POST /v1/cohorts":                                 admin,
	"POST /v1/cohorts/preview":                         read,
	"GET /v1/cohorts/{cohort}":                         read,
	"PATCH /v1/cohorts/{cohort}":                       admin,
	"DELETE /v1/cohorts/{cohort}":                      admin,
	"POST /v1/cohorts/{cohort}/refresh":                admin,
	"GET /v1/cohorts/{cohort}/people":                  read,
	"GET /v1/dashboards":                               read,
	"POST /v1/dashboards":                              admin,
	"GET /v1/dashboards/{dashboard}":                   read,
	"PATCH /v1/dashboards/{dashboard}":                 admin,
	"DELETE /v1/dashboards/{dashboard}":                admin,
	"POST /v1/dashboards/{dashboard}/link":             admin,
	"DELETE /v1/dashboards/{dashboard}/link":           admin,
	"GET /v1/public/dashboards/{token}":                public,
	"GET /v1/public/dashboards/{token}/answers/{tile}": public,
	"GET /v1/persons":                                  read,
	"POST /v1/persons/unlink":                          admin,
	"GET /v1/persons/{person}":                         read,
	"GET /v1/persons/{person}/events":                  read,
	"GET /v1/persons/{person}/cohorts":                 read,
	"GET /v1/events":                                   read,
	"GET /v1/export":                                   read,
	"GET /v1/schema":                                   read,
	"GET /v1/schema/notes":                             read,
	"PATCH /v1/schema/events/{event}":                  admin,
	"PATCH /v1/schema/properties/{property}":           admin,
	"GET /v1/plan":                                     read,
	"PUT /v1/plan":                                     admin,
	"DELETE /v1/plan":                                  admin,
	"GET /v1/plan/proposal":                            read,
	"GET /v1/plan/violations":                          read,
	"GET /v1/live":                                     read,
	"GET /v1/status":                                   read,
	"GET /v1/operations":                               read,
	"GET /v1/limits":                                   read,
	"GET /v1/ledger":                                   read,
	"GET /v1/ledger/duplicates":                        read,
	"GET /v1/deadletters":                              read,
	"POST /v1/deadletters/replay":                      read,
	"GET /v1/me":                                       read,
	"GET /v1/projects":                                 admin,
	"POST /v1/projects":                                admin,
	"PATCH /v1/projects/{id}":                          admin,
	"GET /v1/projects/{id}/keys":                       admin,
	"POST /v1/projects/{id}/keys":                      admin,
	"DELETE /v1/keys/{id}":                             admin,
	"GET /v1/audit":                                    admin,
}

// bodies are good bodies for the routes that take one.
var bodies = map[string]string{
	"POST /v1/query":                         `{"kind":"trends","series":[{"events":["buy"]}]}`,
	"POST /v1/query/plan":                    `{"kind":"trends","series":[{"events":["buy"]}]}`,
	"POST /v1/people":                        `{"question":{"series":[{"events":["buy"]}]},"cell":{}}`,
	"POST /v1/people/explain":                `{"question":{"series":[{"events":["buy"]}]},"cell":{},"person":"7"}`,
	"POST /v1/people/export":                 `{"question":{"series":[{"events":["buy"]}]},"cell":{}}`,
	"POST /v1/insights":                      `{"name":"x","question":{"series":[{"events":["buy"]}]}}`,
	"PATCH /v1/insights/{insight}":           `{"name":"y"}`,
	"POST /v1/cohorts":                       `{"name":"%s","definition":{"did":{}}}`,
	"POST /v1/cohorts/preview":               `{"definition":{"did":{}}}`,
	"PATCH /v1/cohorts/{cohort}":             `{"name":"y"}`,
	"POST /v1/dashboards":                    `{"name":"x"}`,
	"PATCH /v1/dashboards/{dashboard}":       `{"name":"y"}`,
	"PATCH /v1/schema/events/{event}":        `{"owner":"me"}`,
	"PATCH /v1/schema/properties/{property}": `{"owner":"me"}`,
	"PUT /v1/plan":                           `{"events":[{"name":"buy"}]}`,
	"POST /v1/deadletters/replay":            `{"dry_run":true}`,
	"POST /v1/persons/unlink":                `{"kind":"user","id":"=u1"}`,
	"POST /v1/projects":                      `{"name":"%s"}`,
	"PATCH /v1/projects/{id}":                `{"retention_days":30}`,
	"POST /v1/projects/{id}/keys":            `{"kind":"write"}`,
}

type openapi struct {
	OpenAPI    string
	Paths      map[string]map[string]operation
	Components struct {
		Schemas         map[string]struct{ Properties map[string]map[string]any }
		SecuritySchemes map[string]any
	}
}

type operation struct {
	OperationID string
	Summary     string
	Security    []map[string][]string
	Key         policy `json:"x-required-key"`
	Parameters  []struct {
		Name, In, Description string
	}
	RequestBody *struct {
		Content map[string]struct {
			Schema, Example any
		}
	}
	Responses map[string]struct {
		Content map[string]any
	}
}

// routes reads the operations out of the served document.
func (w *world) routes() map[string]operation {
	w.t.Helper()
	var doc openapi
	w.ask("", "GET", "/v1/openapi.json", "").json(&doc)
	out := map[string]operation{}
	for path, item := range doc.Paths {
		for method, op := range item {
			out[strings.ToUpper(method)+" "+path] = op
		}
	}
	return out
}

func TestEveryRouteHasAPolicyAndIsDocumented(t *testing.T) {
	w := newWorld(t)
	routes := w.routes()
	for route, op := range routes {
		if op.Key == "write" {
			continue // ingest serves it
		}
		if need, ok := policies[route]; !ok || op.Key != need {
			t.Errorf("%s needs a key of kind %q, by the policy %q", route, op.Key, need)
		}
		keyed := map[bool]int{true: 1}[op.Key != public]
		if op.Summary == "" || op.OperationID == "" || len(op.Security) != keyed {
			t.Errorf("%s is not documented: %+v", route, op)
		}
		for _, p := range op.Parameters {
			if p.Description == "" {
				t.Errorf("%s: parameter %s is not documented", route, p.Name)
			}
		}
		for _, status := range []string{"400", "401", "403", "404", "500", "503"} {
			if op.Key == public && (status == "401" || status == "403") {
				continue
			}
			if _, ok := op.Responses[status].Content["application/problem+json"]; !ok {
				t.Errorf("%s: no problem for %s", route, status)
			}
		}
		method, path, _ := strings.Cut(route, " ")
		r := httptest.NewRequest(method, strings.ReplaceAll(path, "{id}", "1"), nil)
		if _, pattern := w.mux.Handler(r); pattern != route {
			t.Errorf("%s is served by %q", route, pattern)
		}
		if (bodies[route] != "") != (op.RequestBody != nil) {
			t.Errorf("%s: body %+v", route, op.RequestBody)
		}
	}
	for route := range policies {
		if _, ok := routes[route]; !ok {
			t.Errorf("%s is not in the document", route)
		}
	}
}

// TestKeyMatrix tries every route with every kind of key on the own, a foreign and a missing project.
func TestKeyMatrix(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 10) // ten users, the same in both
	w.add(2, "play", 10)
	for _, p := range []string{"1", "2"} {
		w.ask("1 admin", "PUT", "/v1/plan?project="+p, `{"events":[]}`).json(new(planView))
	}
	var routes []string
	operations := w.routes()
	for route, op := range operations {
		if op.Key != "write" {
			routes = append(routes, route)
		}
	}
	sort.Strings(routes)
	// What a part of a path stands for, by project.
	parts := map[string]map[string]string{
		"{insight}": {"99": "none"}, "{cohort}": {"99": "99"}, "{dashboard}": {"99": "none"}, "{person}": {"99": "99"},
		"{event}": {"1": "buy", "2": "a%2Fb", "99": "x"}, "{property}": {"1": "amount", "2": "%24x", "99": "x"},
	}
	for _, p := range []string{"1", "2"} {
		var persons struct{ People []struct{ Person string } }
		w.ask("1 admin", "GET", "/v1/persons?project="+p, "").json(&persons)
		parts["{person}"][p] = persons.People[0].Person
		parts["{insight}"][p] = w.save("1 admin", "?project="+p, `{"name":"x","question":{"series":[{"events":["buy"]}]}}`)
		parts["{cohort}"][p] = w.cohort("?project="+p, `{"name":"x","static":true,"definition":{"did":{}}}`).ID
		parts["{dashboard}"][p] = w.board("?project="+p, `{"name":"x"}`).ID
	}
	for _, ids := range parts {
		ids[""] = ids["1"]
	}
	n := 0
	for _, route := range routes {
		method, path, _ := strings.Cut(route, " ")
		if path == "/v1/live" {
			continue // a stream does not end by itself; TestLiveKeys tries it
		}
		scoped := false
		for _, p := range operations[route].Parameters {
			scoped = scoped || p.Name == "project"
		}
		for _, key := range []string{"", "1 write", "1 read", "1 admin", "fr_00000000000000000000000000000000000000"} {
			for _, project := range []string{"", "1", "2", "99"} {
				if project != "" && !scoped && !strings.Contains(path, "{id}") {
					continue
				}
				n++
				target := path
				for part, ids := range parts {
					target = strings.ReplaceAll(target, part, ids[project])
				}
				if target != path {
					target += map[bool]string{true: "?project=" + project}[project != ""]
				} else if method == "DELETE" && strings.Contains(path, "{id}") {
					target = strings.ReplaceAll(path, "{id}", map[string]string{"": "1", "1": "1", "2": "4", "99": "99"}[project])
				} else if strings.Contains(path, "{id}") {
					target = strings.ReplaceAll(path, "{id}", map[string]string{"": "1"}[project]+project)
				} else if project != "" {
					target += "?project=" + project
				}
				body := bodies[route]
				if strings.Contains(body, "%s") {
					body = fmt.Sprintf(body, fmt.Sprint("new ", n))
				}
				if method == "DELETE" && key == "1 admin" && project != "99" {
					continue // it would take away the keys, insights, cohorts and plans that the test uses
				}
				got := w.ask(key, method, target, body)
				if want := expected(route, key, project); got.Code/100 != want/100 || want >= 300 && got.Code != want {
					t.Errorf("%s %s with %q: %d, want %d: %s", method, target, key, got.Code, want, got.Body)
				}
				if got.Code >= 300 {
					got.problem()
				}
			}
		}
	}
	if n < 150 {
		t.Errorf("only %d combinations", n)
	}
}

func expected(route, key, project string) int {
	need := policies[route]
	switch {
	case need == public:
		return http.StatusNotFound // the link is missing, and no key replaces it
	case key == "" || strings.HasPrefix(key, "fr_"):
		return http.StatusUnauthorized
	case key == "1 write" || key == "1 read" && need == admin:
		return http.StatusForbidden
	case project == "99" || key == "1 read" && project == "2":
		return http.StatusNotFound
	default:
		return http.StatusOK
	}
}

func TestForeignProjectLooksLikeNone(t *testing.T) {
	w := newWorld(t)
	foreign := w.ask("1 read", "GET", "/v1/events?project=2", "")
	if foreign.Code != 404 {
		t.Fatal(foreign.Code)
	}
	for _, id := range []string{"3", "99", "4294967295"} {
		none := w.ask("1 read", "GET", "/v1/events?project="+id, "")
		want := strings.ReplaceAll(foreign.Body.String(), "project 2", "project "+id)
		if none.Code != 404 || none.Body.String() != want || fmt.Sprint(none.Header()) != fmt.Sprint(foreign.Header()) {
			t.Errorf("%d %s", none.Code, none.Body)
		}
	}
}

func TestKeysOfAllForms(t *testing.T) {
	w := newWorld(t)
	secret := w.keys["1 read"]
	for _, auth := range []string{"Bearer " + secret, "bearer  " + secret, basic(secret, ""), basic(secret, "x")} {
		if got := w.ask("", "GET", "/v1/me", "", "Authorization", auth); got.Code != 200 {
			t.Errorf("%s: %d", auth[:8], got.Code)
		}
	}
	for _, auth := range []string{"", "Bearer", "Bearer " + secret[:40], "Token " + secret, secret, "Bearer " + secret + "x"} {
		got := w.ask("", "GET", "/v1/me", "", "Authorization", auth)
		if got.Code != 401 || got.Header().Get("WWW-Authenticate") == "" || strings.Contains(got.Body.String(), secret[:20]) {
			t.Errorf("%q: %d %s", auth, got.Code, got.Body)
		}
	}
	for _, query := range []string{"?x=" + secret, "?key=1", "?api_key=" + secret, "?access_token=abc", "?user_id=" + w.keys["1 write"]} {
		got := w.ask("1 read", "GET", "/v1/events"+query, "")
		if p := got.problem(); got.Code != 401 || p.Code != "key_in_url" || strings.Contains(got.Body.String(), secret[:20]) {
			t.Errorf("%s: %d %s", query, got.Code, got.Body)
		}
	}
	var keys struct{ Keys []KeyView }
	w.ask("1 admin", "GET", "/v1/projects/1/keys", "").json(&keys)
	for _, k := range keys.Keys {
		if k.Kind == "read" {
			if got := w.ask("1 admin", "DELETE", fmt.Sprint("/v1/keys/", k.ID), ""); got.Code != 204 {
				t.Error(got.Code, got.Body)
			}
		}
	}
	if p := w.ask("1 read", "GET", "/v1/me", "").problem(); p.Code != "revoked_key" {
		t.Error(p)
	}
}

func basic(user, password string) string {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.SetBasicAuth(user, password)
	return r.Header.Get("Authorization")
}

func TestDocument(t *testing.T) {
	w := newWorld(t)
	var doc openapi
	w.ask("", "GET", "/v1/openapi.json", "").json(&doc)
	if doc.OpenAPI != "3.1.0" || doc.Components.SecuritySchemes["key"] == nil {
		t.Error(doc.OpenAPI, doc.Components.SecuritySchemes)
	}
	problem := doc.Components.Schemas["Problem"].Properties
	if problem["code"] == nil || problem["field"] == nil || doc.Components.Schemas["ErrorModel"].Properties != nil {
		t.Error(problem)
	}
	for _, name := range []string{"Trends", "Answer", "Filter", "EventPage", "LedgerAnswer", "LiveMessage", "Project", "Key"} {
		if _, ok := doc.Components.Schemas[name]; !ok {
			t.Errorf("no schema %s", name)
		}
	}
	for name, s := range doc.Components.Schemas {
		for field, p := range s.Properties {
			if p["description"] == nil && p["$ref"] == nil {
				t.Errorf("%s.%s is not described", name, field)
			}
		}
	}
	if len(doc.Components.Schemas["KeyAnswer"].Properties) < 7 {
		t.Errorf("%+v", doc.Components.Schemas["KeyAnswer"])
	}
	raw := w.ask("", "GET", "/v1/openapi.json", "").Body.Bytes()
	var references func(v any)
	references = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok {
				if _, ok := doc.Components.Schemas[strings.TrimPrefix(ref, "#/components/schemas/")]; !ok {
					t.Errorf("%s leads nowhere", ref)
				}
			}
			for _, inner := range v {
				references(inner)
			}
		case []any:
			for _, inner := range v {
				references(inner)
			}
		}
	}
	var all any
	must(t, json.Unmarshal(raw, &all))
	references(all)
	if got := w.ask("", "GET", "/v1/openapi.yaml", ""); got.Code != 200 || !strings.Contains(got.Body.String(), "openapi: 3.1.0") {
		t.Error(got.Code, got.Body.String()[:100])
	}
	page := w.ask("", "GET", "/v1/docs", "")
	csp := page.Header().Get("Content-Security-Policy")
	if page.Code != 200 || strings.Contains(page.Body.String(), "http") || !strings.Contains(csp, "script-src 'self';") {
		t.Errorf("%d %s %s", page.Code, csp, page.Body)
	}
}
