package rest

import (
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/query"
)

func TestPlanIsKeptAndChanged(t *testing.T) {
	w := newWorld(t)
	const plan = `{"events":[{"name":"buy","properties":[{"key":"amount","type":"number","required":true,"values":[1,2]}]}]}`
	for _, s := range []struct {
		method, body, match string
		status              int
		tag, code, field    string
	}{
		{"GET", ``, ``, 200, `"0"`, "", ""},
		{"PUT", plan, `"1"`, 412, "", "plan_changed", ""},
		{"PUT", plan, ``, 200, `"1"`, "", ""},
		{"PUT", plan, `"1"`, 200, `"1"`, "", ""}, // nothing is different
		{"PUT", `{"events":[{"name":"buy","properties":[{"key":"amount","type":"euro"}]}]}`, ``, 400, "", "unknown_word", "events[0].properties[0].type"},
		{"PUT", `{"events":[{"name":"buy","colour":"red"}]}`, ``, 400, "", "unknown_field", "events[0].colour"},
		{"PUT", `{}`, ``, 400, "", "missing_events", "events"},
		{"PUT", `{"events":[]}`, `"1"`, 200, `"2"`, "", ""},
		{"DELETE", ``, `"1"`, 412, "", "plan_changed", ""},
		{"DELETE", ``, `"two"`, 412, "", "plan_changed", ""},
		{"DELETE", ``, `"2"`, 204, "", "", ""},
		{"GET", ``, ``, 200, `"3"`, "", ""},
		{"PUT", plan, `"2"`, 412, "", "plan_changed", ""},
		{"PUT", plan, `"3"`, 200, `"4"`, "", ""},
	} {
		var header []string
		if s.match != "" {
			header = []string{"If-Match", s.match}
		}
		got := w.ask("1 admin", s.method, "/v1/plan", s.body, header...)
		if got.Code != s.status || got.Header().Get("ETag") != s.tag {
			t.Fatalf("%+v: %d %q %s", s, got.Code, got.Header().Get("ETag"), got.Body)
		}
		if s.code != "" {
			if p := got.problem(); p.Code != s.code || p.Field != s.field {
				t.Errorf("%+v: %+v", s, p)
			}
		}
	}
	// What is read is what was set, and can be set again.
	if got := w.ask("1 read", "GET", "/v1/plan", ""); !strings.Contains(got.Body.String(), `"plan":`+plan) {
		t.Errorf("%s", got.Body)
	}
	if got := w.ask("2 read", "GET", "/v1/plan", ""); strings.Contains(got.Body.String(), `"plan"`) {
		t.Errorf("%s", got.Body)
	}
	var trail struct{ Entries []auditEntry }
	w.ask("1 admin", "GET", "/v1/audit?limit=2", "").json(&trail)
	if e := trail.Entries[1]; e.Action != "plan.update" || e.Detail != "tracking plan: taken away" {
		t.Errorf("%+v", e)
	}
}

func TestViolationsOfThePlan(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 5)
	if got := w.ask("1 read", "GET", "/v1/plan/violations", ""); got.Code != 404 || got.problem().Code != "no_plan" {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	var proposed query.TrackingPlan
	proposal := w.ask("1 read", "GET", "/v1/plan/proposal", "")
	proposal.json(&proposed)
	if len(proposed.Events) != 1 || len(proposed.Events[0].Properties) != 2 || !proposed.Events[0].Properties[0].Required {
		t.Fatalf("%s", proposal.Body)
	}
	w.ask("1 admin", "PUT", "/v1/plan", proposal.Body.String()).json(new(planView))
	var v query.Violations
	w.ask("1 read", "GET", "/v1/plan/violations", "").json(&v)
	if v.Events != 5 || v.Violating != 0 || v.Violations == nil || len(v.Violations) != 0 {
		t.Errorf("%+v", v)
	}
	// Another plan judges what is there already.
	w.ask("1 admin", "PUT", "/v1/plan", `{"events":[{"name":"buy","properties":[{"key":"amount","type":"number","values":[0,1,2]},{"key":"who","required":true}]}]}`).json(new(planView))
	w.ask("1 read", "GET", "/v1/plan/violations?from=-4h", "").json(&v)
	if v.Events != 4 || v.Violating != 4 || len(v.Violations) != 2 || v.Violations[0].Reason != query.MissingProperty || v.Violations[0].Count != 4 ||
		v.Violations[1].Reason != query.ValueNotAllowed || v.Violations[1].Count != 2 || v.Violations[1].Sample != "buy-4" ||
		!v.Violations[1].LastSeen.Equal(w.now.Add(-time.Hour)) {
		t.Errorf("%+v", v)
	}
	for query, code := range map[string]string{"?from=now&to=-1d": "bad_range", "?from=x": "bad_time"} {
		if got := w.ask("1 read", "GET", "/v1/plan/violations"+query, ""); got.Code != 400 || got.problem().Code != code {
			t.Errorf("%s: %d %s", query, got.Code, got.Body)
		}
	}
}
