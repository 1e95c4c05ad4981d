package rest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/query"
)

// TestPersons finds people by what their ids and traits begin with, pages through them, and looks one of them up.
func TestPersons(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 5)
	w.add(1, "view", 9)
	var page query.PersonPage
	seen := []string{}
	for cursor := ""; ; cursor = "&cursor=" + page.Next {
		page = query.PersonPage{}
		got := w.ask("1 read", "GET", "/v1/persons?limit=4"+cursor, "")
		if got.Code != http.StatusOK {
			t.Fatalf("%d %s", got.Code, got.Body)
		}
		got.json(&page)
		for _, p := range page.People {
			seen = append(seen, p.UserID)
		}
		if page.Next == "" {
			break
		}
	}
	if len(seen) != 10 || len(slices.Compact(slices.Sorted(slices.Values(seen)))) != 10 {
		t.Fatalf("paged through %v", seen)
	}
	w.ask("1 read", "GET", "/v1/persons?q="+url.QueryEscape("=U3"), "").json(&page)
	if len(page.People) != 1 || page.People[0].UserID != "=u3" || page.People[0].Events != 2 {
		t.Fatalf("%+v", page)
	}
	number := page.People[0].Person
	for _, id := range []string{number, "person:" + number, "=u3", "user:=u3"} {
		var p query.Profile
		w.ask("1 read", "GET", "/v1/persons/"+url.PathEscape(id), "").json(&p)
		if p.Person.Person != number || p.Events != 2 || p.NamesTotal != 2 || p.Sessions == 0 ||
			!slices.ContainsFunc(p.Identities, func(i query.Identity) bool { return i.Kind == "user" && i.ID == "=u3" && i.LinkedAt == nil }) {
			t.Errorf("%s: %+v", id, p)
		}
	}
	var events query.PersonEvents
	w.ask("1 read", "GET", "/v1/persons/"+number+"/events?event=view", "").json(&events)
	if len(events.Events) != 1 || events.Person != number || events.Events[0].UserID != "=u3" || events.Events[0].Session == nil {
		t.Errorf("%+v", events)
	}
}

// TestPersonsThatAreNot: whoever asks for nobody, or wrongly, is told so.
func TestPersonsThatAreNot(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 1)
	for target, want := range map[string]string{
		"/v1/persons/nobody":                    "404 no_person",
		"/v1/persons/0":                         "404 no_person",
		"/v1/persons/nobody/events":             "404 no_person",
		"/v1/persons/nobody/cohorts":            "404 no_person",
		"/v1/persons/person:x":                  "400 bad_person",
		"/v1/persons?trait=email":               "400 misplaced_trait",
		"/v1/persons?cursor=x":                  "400 bad_cursor",
		"/v1/persons/=u0/events?cursor=x":       "400 bad_cursor",
		"/v1/persons/=u0/events?from=yesterday": "400 bad_time",
	} {
		got := w.ask("1 read", "GET", target, "")
		if had := fmt.Sprint(got.Code, " ", got.problem().Code); had != want {
			t.Errorf("%s: %s, want %s", target, had, want)
		}
	}
	var page query.PersonPage
	w.ask("1 read", "GET", "/v1/persons?q=zzz", "").json(&page)
	if page.People == nil || len(page.People) != 0 {
		t.Errorf("%+v", page)
	}
}

// TestCohortsOfPerson: they are those that list the person themselves, and what cannot be evaluated is told apart.
func TestCohortsOfPerson(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 4)
	w.add(1, "view", 8)
	buyers := w.cohort("", `{"name":"buyers","definition":{"did":{"events":["buy"]}}}`)
	w.cohort("", `{"name":"others","definition":{"not":{"cohort":"`+buyers.ID+`"}}}`)
	w.cohort("", `{"name":"frozen","static":true,"definition":{"did":{"events":["buy"]}}}`)
	w.cohort("", `{"name":"listed","definition":{"list":{"user_ids":["=u1","=u6"]}}}`)
	w.cohort("", `{"name":"in order","definition":{"sequence":{"steps":[{"events":["buy"]},{"events":["view"]}]}}}`)
	w.cohort("", `{"name":"viewers of theirs","definition":{"did":{"events":["view"],"where":{"cohort":"`+buyers.ID+`","op":"in"}}}}`)
	w.cohort("", `{"name":"cell","definition":{"cell":{"question":{"series":[{"events":["view"]}],"breakdown":[{"property":"$country"}]},"cell":{"breakdown":["$none"]}}}}`)
	var list struct{ Cohorts []CohortHead }
	w.ask("1 read", "GET", "/v1/cohorts", "").json(&list)
	if len(list.Cohorts) != 7 {
		t.Fatalf("%d cohorts", len(list.Cohorts))
	}
	for _, user := range []string{"=u1", "=u5", "=u6"} {
		var want []string
		for _, c := range list.Cohorts {
			if slices.Contains(w.members(c.ID), user) {
				want = append(want, c.Name)
			}
		}
		var got struct {
			Cohorts []MemberCohort
			Unknown []UnknownCohort
		}
		w.ask("1 read", "GET", "/v1/persons/"+user+"/cohorts", "").json(&got)
		names := make([]string, len(got.Cohorts))
		for i, c := range got.Cohorts {
			names[i] = c.Name
		}
		if len(want) < 2 || !slices.Equal(names, want) || len(got.Unknown) != 0 {
			t.Errorf("%s is in %s, want %s; unknown: %v", user, strings.Join(names, ", "), strings.Join(want, ", "), got.Unknown)
		}
	}
}
