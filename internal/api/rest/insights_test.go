package rest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/project"
)

// save saves a question and returns its id.
func (w *world) save(key, query, body string) string {
	w.t.Helper()
	var i InsightHead
	w.ask(key, "POST", "/v1/insights"+query, body).json(&i)
	return i.ID
}

func TestInsightsAreSavedAndAsked(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 5)
	created := w.ask("1 admin", "POST", "/v1/insights", `{"name":" Purchases ","description":"a\nb","question": `+buys+`}`)
	var i insightView
	created.json(&i)
	if created.Code != 201 || created.Header().Get("ETag") != `"1"` || i.Name != "Purchases" || i.Kind != "trends" || i.Version != 1 ||
		!regexp.MustCompile(`^[0-9A-Za-z]{10}$`).MatchString(i.ID) || string(i.Question.RawMessage) != buys {
		t.Fatalf("%d %v %s", created.Code, created.Header(), created.Body)
	}
	one := "/v1/insights/" + i.ID
	if got := w.ask("1 read", "GET", one, ""); got.Body.String() != created.Body.String() || got.Header().Get("ETag") != `"1"` {
		t.Errorf("%v %s", got.Header(), got.Body)
	}
	direct, saved := w.ask("1 read", "POST", "/v1/query", buys), w.ask("1 read", "GET", one+"/answer", "")
	if n := total(t, saved); n != 5 || saved.Header().Get("Freshet-Cache") != "hit" || saved.Header().Get("ETag") != direct.Header().Get("ETag") {
		t.Errorf("%v %v", n, saved.Header())
	}
	if got := w.ask("1 read", "GET", one+"/answer", "", "If-None-Match", saved.Header().Get("ETag")); got.Code != http.StatusNotModified {
		t.Error(got.Code, got.Body)
	}
	w.add(1, "buy", 2)
	if n := total(t, w.ask("1 read", "GET", one+"/answer?consistent_with=7&timeout=5s", "")); n != 7 {
		t.Error(n)
	}
	w.save("1 admin", "", `{"name":"Funnel","question":{"kind":"funnel","steps":[{"events":["buy"]},{"events":["buy"]}]}}`)
	list := w.ask("1 read", "GET", "/v1/insights", "")
	var all struct{ Insights []InsightHead }
	list.json(&all)
	if len(all.Insights) != 2 || all.Insights[0].Name != "Funnel" || all.Insights[0].Kind != "funnel" || all.Insights[1].ID != i.ID ||
		strings.Contains(list.Body.String(), `"question"`) {
		t.Errorf("%s", list.Body)
	}
	for _, target := range []string{one, one + "/answer", "/v1/insights/none"} {
		if got := w.ask("2 read", "GET", target, ""); got.problem().Code != "no_such_insight" || got.Code != 404 {
			t.Errorf("%s from another project: %d %s", target, got.Code, got.Body)
		}
	}
}

func TestInsightsChangeByVersion(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 5)
	one := "/v1/insights/" + w.save("1 admin", "", `{"name":"Purchases","question":`+buys+`}`)
	steps := []struct {
		method, body, match string
		status              int
		tag, code           string
	}{
		{"PATCH", `{"name":"A"}`, `"1"`, 200, `"2"`, ""},
		{"PATCH", `{"name":"B"}`, `"1"`, 412, "", "insight_changed"},
		{"PATCH", `{"name":"B"}`, `1`, 412, "", "insight_changed"},
		{"PATCH", `{"name":"B"}`, `"two"`, 412, "", "insight_changed"},
		{"PATCH", `{"name":"A"}`, `"2"`, 200, `"2"`, ""}, // nothing is different
		{"PATCH", `{"description":"why"}`, ``, 200, `"3"`, ""},
		{"PATCH", `{"question":{"kind":"sessions"}}`, `*`, 200, `"4"`, ""},
		{"PATCH", `{"question":{"kind":"horoscope"}}`, ``, 400, "", "unknown_word"},
		{"PATCH", `{"name":""}`, ``, 400, "", "bad_name"},
		{"DELETE", ``, `"3"`, 412, "", "insight_changed"},
		{"DELETE", ``, `"4"`, 204, "", ""},
		{"DELETE", ``, ``, 404, "", "no_such_insight"},
		{"PATCH", `{"name":"C"}`, ``, 404, "", "no_such_insight"},
	}
	for _, s := range steps {
		got := w.ask("1 admin", s.method, one, s.body, "If-Match", s.match)
		if got.Code != s.status || got.Header().Get("ETag") != s.tag {
			t.Fatalf("%+v: %d %q %s", s, got.Code, got.Header().Get("ETag"), got.Body)
		}
		if s.code != "" && got.problem().Code != s.code {
			t.Errorf("%+v: %s", s, got.Body)
		}
	}
	var trail struct{ Entries []auditEntry }
	w.ask("1 admin", "GET", "/v1/audit?limit=5", "").json(&trail)
	var actions []string
	for _, e := range trail.Entries {
		actions = append(actions, e.Action)
	}
	if got := strings.Join(actions, " "); got != "insight.delete insight.update insight.update insight.update insight.create" {
		t.Error(got)
	}
}

func TestWrongInsights(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 1)
	long := strings.Repeat("x", 2001)
	for _, c := range []struct{ body, code, field string }{
		{`{"question":` + buys + `}`, "bad_name", "name"},
		{`{"name":"a\nb","question":` + buys + `}`, "bad_name", "name"},
		{`{"name":"a"}`, "missing_question", "question"},
		{`{"name":"a","question":null}`, "missing_question", "question"},
		{`{"name":"a","question":"buy"}`, "wrong_type", "question"},
		{`{"name":"a","question":{"series":[{"events":["buy"],"agregate":"sum"}]}}`, "unknown_field", "question.series[0].agregate"},
		{`{"name":"a","question":{"kind":"funnel","steps":[]}}`, "bad_steps", "question.steps"},
		{`{"name":"a","title":"b","question":` + buys + `}`, "unknown_field", "title"},
		{`{"name":"a","description":"` + long + `","question":` + buys + `}`, "bad_description", "description"},
		{`{"name":"a","question":` + buys + strings.Repeat(" ", 64<<10) + `}`, "", ""},
		{`{"name":"a","question":{"kind":"trends",` + strings.Repeat(" ", 64<<10) + buys[len(`{"kind":"trends",`):] + `}`, "question_too_large", "question"},
	} {
		got := w.ask("1 admin", "POST", "/v1/insights", c.body)
		if c.code == "" {
			if got.Code != 201 {
				t.Errorf("%d %s", got.Code, got.Body)
			}
			continue
		}
		if p := got.problem(); got.Code != 400 || p.Code != c.code || p.Field != c.field {
			t.Errorf("%.100s: %d %+v", c.body, got.Code, p)
		}
	}
	var all struct{ Insights []json.RawMessage }
	for n := range project.MaxInsights - 1 {
		name := fmt.Sprint(n)
		if _, err := w.projects.CreateInsight(t.Context(), "test", 1, project.InsightChange{Name: &name, Kind: "trends", Question: []byte(buys)}); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.ask("1 admin", "POST", "/v1/insights", `{"name":"a","question":`+buys+`}`); got.Code != 409 || got.problem().Code != "too_many_insights" {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	if w.ask("1 read", "GET", "/v1/insights", "").json(&all); len(all.Insights) != project.MaxInsights {
		t.Error(len(all.Insights))
	}
}
