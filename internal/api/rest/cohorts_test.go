package rest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/project"
)

// cohort makes a cohort of the admin's project, or of the one in the query.
func (w *world) cohort(query, body string) cohortView {
	w.t.Helper()
	var c cohortView
	got := w.ask("1 admin", "POST", "/v1/cohorts"+query, body)
	if got.Code != http.StatusCreated {
		w.t.Fatalf("create a cohort: %d %s", got.Code, got.Body)
	}
	got.json(&c)
	return c
}

// members are the user ids of a cohort's people.
func (w *world) members(id string) []string {
	w.t.Helper()
	var page PeoplePage
	w.ask("1 read", "GET", "/v1/cohorts/"+id+"/people?limit=1000", "").json(&page)
	out := []string{}
	for _, p := range page.People {
		out = append(out, p.UserID)
	}
	slices.Sort(out)
	if page.Total != len(out) {
		w.t.Errorf("%d of %d", len(out), page.Total)
	}
	return out
}

func (w *world) inCohort(id string, want ...string) {
	w.t.Helper()
	if got := w.members(id); !slices.Equal(got, want) {
		w.t.Errorf("cohort %s has %v, want %v", id, got, want)
	}
}

// TestCohortsFilterAndSplit: a cohort may stand in questions of every kind, by its number and by its name.
func TestCohortsFilterAndSplit(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 4)
	w.add(1, "view", 8)
	c := w.cohort("", `{"name":" Buyers ","description":"x","definition":{"did":{"events":["buy"]}}}`)
	if c.Name != "Buyers" || c.Static || c.Frozen != nil || c.Version != 1 || string(c.Definition.RawMessage) != `{"did":{"events":["buy"]}}` {
		t.Fatalf("%+v", c)
	}
	w.inCohort(c.ID, "=u0", "=u1", "=u2", "=u3")
	for _, named := range []string{c.ID, "Buyers"} {
		for op, want := range map[string]float64{"in": 2, "not_in": 6} {
			q := fmt.Sprintf(`{"series":[{"events":["view"],"where":{"cohort":%q,"op":%q}}]}`, named, op)
			if n := total(t, w.ask("1 read", "POST", "/v1/query", q)); n != want {
				t.Errorf("%s: %v views, want %v", q, n, want)
			}
		}
	}
	var a struct {
		Series []struct {
			Breakdown []string
			Total     float64
		}
	}
	w.ask("1 read", "POST", "/v1/query", `{"series":[{"events":["view"]}],"breakdown":[{"cohort":"Buyers"}]}`).json(&a)
	if got := fmt.Sprint(a.Series); got != "[{[not in Buyers] 6} {[in Buyers] 2}]" {
		t.Error(got)
	}
	for kind, rest := range map[string]string{
		"funnel": `"steps":[{"events":["view"]}]`, "retention": `"start":{"events":["view"]}`, "sessions": `"by":"gap"`,
		"lifecycle": `"active":{}`, "stickiness": `"active":{}`, "paths": `"steps":{}`,
	} {
		q := fmt.Sprintf(`{"kind":%q,%s,"where":{"cohort":"Buyers","op":"in"}}`, kind, rest)
		if got := w.ask("1 read", "POST", "/v1/query", q); got.Code != http.StatusOK {
			t.Errorf("%s: %d %s", q, got.Code, got.Body)
		}
	}
	events := w.ask("1 read", "GET", `/v1/events?where={"cohort":"Buyers","op":"not_in"}`, "")
	if n := strings.Count(events.Body.String(), `"event":"view"`); events.Code != http.StatusOK || n != 6 {
		t.Errorf("%d events: %s", n, events.Body)
	}
}

// TestAnswersFollowCohorts: an answer that was kept does not outlive a change of the cohort in it.
func TestAnswersFollowCohorts(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 4)
	w.add(1, "view", 8)
	frozen := w.cohort("", `{"name":"A","static":true,"definition":{"did":{"events":["buy"]}}}`)
	if frozen.Frozen == nil || *frozen.Frozen != 4 || frozen.FrozenAt == nil {
		t.Fatalf("%+v", frozen)
	}
	living := w.cohort("", `{"name":"B","definition":{"did":{"events":["buy"]}}}`)
	viewers := func(id string) (float64, string) {
		got := w.ask("1 read", "POST", "/v1/query",
			fmt.Sprintf(`{"series":[{"events":["view"],"aggregate":"unique","where":{"cohort":%q,"op":"in"}}]}`, id))
		return total(t, got), got.Header().Get("ETag")
	}
	check := func(what string, wantFrozen, wantLiving float64) {
		t.Helper()
		a, _ := viewers(frozen.ID)
		b, _ := viewers(living.ID)
		if a != wantFrozen || b != wantLiving {
			t.Errorf("%s: %v and %v, want %v and %v", what, a, b, wantFrozen, wantLiving)
		}
	}
	check("at first", 2, 2)
	w.add(1, "buy", 4)
	check("after more events", 2, 4)
	_, before := viewers(frozen.ID)
	refreshed := w.ask("1 admin", "POST", "/v1/cohorts/"+frozen.ID+"/refresh", "")
	if refreshed.Code != http.StatusOK || refreshed.Header().Get("ETag") != `"2"` {
		t.Fatalf("%d %s", refreshed.Code, refreshed.Body)
	}
	check("after a refresh", 4, 4)
	if _, after := viewers(frozen.ID); after == before {
		t.Error("another answer has the same ETag")
	}
	for _, id := range []string{frozen.ID, living.ID} {
		got := w.ask("1 admin", "PATCH", "/v1/cohorts/"+id, `{"definition":{"list":{"user_ids":["=u5","=u12"]}}}`)
		if got.Code != http.StatusOK {
			t.Fatalf("%d %s", got.Code, got.Body)
		}
	}
	check("after another definition", 1, 1)
	w.inCohort(living.ID, "=u5")
	if got := w.ask("1 admin", "POST", "/v1/cohorts/"+living.ID+"/refresh", ""); got.problem().Code != "not_static" {
		t.Errorf("%d %s", got.Code, got.Body)
	}
}

// TestCohortsOfCohorts: they follow each other, do not go round in circles, and stay as long as they are needed.
func TestCohortsOfCohorts(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 4)
	w.add(1, "view", 4)
	buyers := w.cohort("", `{"name":"buyers","definition":{"did":{"events":["buy"]}}}`)
	others := w.cohort("", `{"name":"others","definition":{"not":{"cohort":"`+buyers.ID+`"}}}`)
	cell := w.cohort("", `{"name":"cell","definition":{"cell":{"question":{"series":[{"events":["view"],"where":{"cohort":"`+others.ID+
		`","op":"in"}}]},"cell":{}}}}`)
	w.inCohort(others.ID, "=u4", "=u5", "=u6", "=u7")
	w.inCohort(cell.ID, "=u4", "=u5", "=u6", "=u7")
	if !slices.Equal(others.Uses, []string{buyers.ID}) || !slices.Equal(cell.Uses, []string{others.ID}) {
		t.Errorf("%v %v", others.Uses, cell.Uses)
	}
	for _, test := range []struct{ method, target, body, code, field string }{
		{"DELETE", "/v1/cohorts/" + buyers.ID, "", "cohort_in_use", ""},
		{"PATCH", "/v1/cohorts/" + buyers.ID, `{"definition":{"cohort":"` + buyers.ID + `"}}`, "cohort_cycle", "definition.cohort"},
		{"PATCH", "/v1/cohorts/" + buyers.ID, `{"definition":{"cohort":"` + cell.ID + `"}}`, "cohort_cycle", "definition.cohort"},
		{"POST", "/v1/cohorts", `{"name":"x","definition":{"cohort":"99"}}`, "unknown_cohort", "definition.cohort"},
		{"POST", "/v1/cohorts", `{"name":"x","definition":{"cohort":"buyers"}}`, "bad_cohort", "definition.cohort"},
		{"POST", "/v1/cohorts", `{"name":"buyers","definition":{"did":{}}}`, "name_taken", "name"},
		{"POST", "/v1/cohorts", `{"name":"12","definition":{"did":{}}}`, "bad_name", "name"},
		{"POST", "/v1/cohorts", `{"name":"x"}`, "missing_definition", "definition"},
		{"POST", "/v1/query", `{"series":[{"where":{"cohort":"nobody","op":"in"}}]}`, "unknown_cohort", "series[0].where.cohort"},
	} {
		got := w.ask("1 admin", test.method, test.target, test.body)
		if p := got.problem(); p.Code != test.code || p.Field != test.field {
			t.Errorf("%s %s %s: %s", test.method, test.target, test.body, got.Body)
		}
	}
	for _, id := range []string{cell.ID, others.ID, buyers.ID} {
		if got := w.ask("1 admin", "DELETE", "/v1/cohorts/"+id, ""); got.Code/100 != 2 {
			t.Errorf("%d %s", got.Code, got.Body)
		}
	}
	got := w.ask("1 admin", "GET", "/v1/audit", "").Body.String()
	for _, action := range []string{"cohort.create", "cohort.delete"} {
		if n := strings.Count(got, action); n != 3 {
			t.Errorf("%s is %d times in the audit: %s", action, n, got)
		}
	}
}

// TestBadDefinitions: what is wrong with a definition is said at its place.
func TestBadDefinitions(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 4)
	deep := strings.Repeat(`{"not":`, 8) + `{"did":{}}` + strings.Repeat("}", 8)
	wide := `{"or":[` + strings.Repeat(`{"did":{}},`, 99) + `{"did":{}}]}`
	for definition, want := range map[string]string{
		`{}`:                                 "ambiguous_cohort definition",
		`{"did":{},"list":{}}`:               "ambiguous_cohort definition",
		`{"and":[]}`:                         "empty_group definition.and",
		`{"or":[null]}`:                      "missing_cohort definition.or[0]",
		deep:                                 "cohort_too_deep definition" + strings.Repeat(".not", 8),
		wide:                                 "cohort_too_large definition.or[99]",
		`{"did":{"evnts":["a"]}}`:            "unknown_field definition.did.evnts",
		`{"did":{"at_least":-1}}`:            "bad_count definition.did.at_least",
		`{"did":{"at_least":3,"at_most":2}}`: "bad_count definition.did.at_least",
		`{"did":{"exactly":3,"at_most":4}}`:  "ambiguous_count definition.did.exactly",
		`{"did":{"first_time":true,"at_most":4}}`:                       "ambiguous_count definition.did.at_most",
		`{"did":{"range":{"from":"soon"}}}`:                             "bad_time definition.did.range.from",
		`{"did":{"range":{"from":"2026-04-02","to":"2026-04-01"}}}`:     "empty_range definition.did.range",
		`{"did":{"where":{"property":"nowhere","op":"is_set"}}}`:        "unknown_property definition.did.where.property",
		`{"sequence":{"steps":[]}}`:                                     "bad_steps definition.sequence.steps",
		`{"sequence":{"steps":[{}],"window":"never"}}`:                  "bad_duration definition.sequence.window",
		`{"property":{"property":"amount","of":"event","op":"is_set"}}`: "not_of_people definition.property",
		`{"list":{}}`:                            "bad_list definition.list",
		`{"list":{"persons":["x"]}}`:             "bad_person definition.list.persons[0]",
		`{"cell":{}}`:                            "missing_field definition.cell.question",
		`{"cell":{"question":{"kind":"magic"}}}`: "unknown_word definition.cell.question.kind",
		`{"cell":{"question":{"series":[{}]},"cell":{"bucket":"1999-01-01T00:00:00Z"}}}`: "unknown_cell definition.cell.cell.bucket",
	} {
		got := w.ask("1 read", "POST", "/v1/cohorts/preview", `{"definition":`+definition+`}`)
		if p := got.problem(); p.Code+" "+p.Field != want {
			t.Errorf("%.80s: %s %s, want %s: %s", definition, p.Code, p.Field, want, p.Detail)
		}
	}
	var preview struct{ People int }
	w.ask("1 read", "POST", "/v1/cohorts/preview", `{"definition":{"not":{"did":{"events":["nothing"]}}}}`).json(&preview)
	if preview.People != 4 {
		t.Error(preview)
	}
}

// TestCohortLimits: each limit is an error that says so.
func TestCohortLimits(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 1)
	for i := range project.MaxCohorts {
		w.cohort("", fmt.Sprintf(`{"name":"c%d","definition":{"list":{"user_ids":["u"]}}}`, i))
	}
	got := w.ask("1 admin", "POST", "/v1/cohorts", `{"name":"x","definition":{"list":{"user_ids":["u"]}}}`)
	if p := got.problem(); got.Code != http.StatusConflict || p.Code != "too_many_cohorts" {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	var all struct{ Cohorts []CohortHead }
	w.ask("1 read", "GET", "/v1/cohorts", "").json(&all)
	if len(all.Cohorts) != project.MaxCohorts {
		t.Error(len(all.Cohorts))
	}
	many := make([]string, 50_001)
	for i := range many {
		many[i] = fmt.Sprintf(`"%d"`, i)
	}
	got = w.ask("1 read", "POST", "/v1/cohorts/preview", `{"definition":{"list":{"persons":[`+strings.Join(many, ",")+`]}}}`)
	if p := got.problem(); p.Code != "bad_list" {
		t.Errorf("%d %s", got.Code, got.Body)
	}
}

// TestCohortPages: the people of a cohort come in pages, and a cursor is good for its cohort only.
func TestCohortPages(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 10)
	one := w.cohort("", `{"name":"a","definition":{"did":{}}}`)
	other := w.cohort("", `{"name":"b","definition":{"did":{}}}`)
	var seen []string
	cursor := ""
	for {
		var page PeoplePage
		w.ask("1 read", "GET", "/v1/cohorts/"+one.ID+"/people?limit=3&cursor="+cursor, "").json(&page)
		for _, p := range page.People {
			seen = append(seen, p.UserID)
		}
		if page.Next == "" {
			break
		}
		cursor = page.Next
	}
	slices.Sort(seen)
	if len(seen) != 10 || len(slices.Compact(seen)) != 10 {
		t.Error(seen)
	}
	if got := w.ask("1 read", "GET", "/v1/cohorts/"+other.ID+"/people?cursor="+cursor, ""); got.problem().Code != "bad_cursor" {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	stale := w.ask("1 admin", "PATCH", "/v1/cohorts/"+one.ID, `{"name":"c"}`, "If-Match", `"7"`)
	if stale.Code != http.StatusPreconditionFailed || stale.problem().Code != "cohort_changed" {
		t.Errorf("%d %s", stale.Code, stale.Body)
	}
}
