package rest

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestBadInput sends what is wrong in every way and wants the code and the field that say so. The names are those of
// the list of inputs that must be answered well.
func TestBadInput(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 5)
	question := func(more string) string { return `{"kind":"trends","series":[{"events":["buy"]}]` + more + `}` }
	long := strings.Repeat("x", 10_000)
	cases := []struct {
		name, target, body string
		status             int
		code, field        string
	}{
		{"Q01 foreign project", "/v1/query?project=2", question(""), 404, "no_such_project", ""},
		{"Q02 project in the body", "/v1/query", question(`,"project":2`), 400, "unknown_field", "project"},
		{"Q02 nested", "/v1/query", `{"kind":"trends","series":[{"events":["buy"]},{"evnts":[]}]}`, 400, "unknown_field", "series[1].evnts"},
		{"other spelling", "/v1/query", question(`,"Interval":"day"`), 400, "unknown_field", "Interval"},
		{"given twice", "/v1/query", question(`,"kind":"trends"`), 400, "duplicate_field", "kind"},
		{"wrong type", "/v1/query", question(`,"rolling":"7"`), 400, "wrong_type", "rolling"},
		{"no whole number", "/v1/query", question(`,"rolling":1.5`), 400, "wrong_type", "rolling"},
		{"array for object", "/v1/query", question(`,"range":[]`), 400, "wrong_type", "range"},
		{"object for text", "/v1/query", question(`,"interval":{}`), 400, "wrong_type", "interval"},
		{"Q04 not UTF-8", "/v1/query", question(",\"interval\":\"\xff\""), 400, "invalid_utf8", ""},
		{"Q05 unknown aggregate", "/v1/query", `{"kind":"trends","series":[{"events":["buy"],"aggregate":"drop"}]}`, 400, "unknown_word", "series[0].aggregate"},
		{"Q06 too many buckets", "/v1/query", question(`,"interval":"minute","range":{"from":"1926-01-01","to":"2026-01-01"}`), 400, "too_many_buckets", "interval"},
		{"Q07 from after to", "/v1/query", question(`,"range":{"from":"2026-02-01","to":"2026-01-01"}`), 400, "empty_range", "range"},
		{"Q07 long ago", "/v1/query", question(`,"range":{"from":"now-5000y"}`), 400, "bad_time", "range.from"},
		{"Q03 property", "/v1/query", question(`,"where":{"property":"x\"; DROP TABLE events;--","op":"is","value":1}`), 400, "unknown_property", "where.property"},
		{"Q10 long list", "/v1/query", question(`,"where":{"property":"amount","op":"in","value":[` + strings.Repeat("1,", 20_000) + `1]}`), 400, "bad_list", "where.value"},
		{"Q08 bad zone", "/v1/query", question(`,"timezone":"../../etc/passwd"`), 400, "unknown_timezone", "timezone"},
		{"Q08 no such zone", "/v1/query", question(`,"timezone":"Mars/Phobos"`), 400, "unknown_timezone", "timezone"},
		{"no JSON", "/v1/query", `{"kind":`, 400, "malformed_json", ""},
		{"not even nearly", "/v1/query", `<html>`, 400, "malformed_json", ""},
		{"something behind", "/v1/query", question("") + "{}", 400, "malformed_json", ""},
		{"no body", "/v1/query", "", 400, "missing_body", ""},
		{"too deep", "/v1/query", question(`,"where":` + strings.Repeat(`{"and":[`, 40) + strings.Repeat(`]}`, 40)), 400, "too_deep", ""},
		{"too large", "/v1/query", question(`,"timezone":"` + strings.Repeat("x", maxBody) + `"`), 413, "body_too_large", ""},
		{"bad timeout", "/v1/query?timeout=2m", question(""), 400, "bad_timeout", "timeout"},
		{"no timeout", "/v1/query?timeout=soon", question(""), 400, "bad_timeout", "timeout"},
		{"bad position", "/v1/query?consistent_with=-1", question(""), 400, "invalid_parameter", "consistent_with"},
		{"not visible", "/v1/query?consistent_with=999999&timeout=1s", question(""), 504, "not_visible_yet", ""},
		{"bad project", "/v1/query?project=abc", question(""), 400, "invalid_parameter", "project"},
		{"huge project", "/v1/query?project=99999999999", question(""), 400, "invalid_parameter", "project"},
		{"Q13 limit", "/v1/events?limit=-1", "", 400, "invalid_parameter", "limit"},
		{"Q13 limit 0", "/v1/events?limit=0", "", 400, "invalid_parameter", "limit"},
		{"Q13 limit too large", "/v1/events?limit=1000000000", "", 400, "invalid_parameter", "limit"},
		{"Q13 limit in other digits", "/v1/events?limit=1e3", "", 400, "invalid_parameter", "limit"},
		{"Q13 limit no number", "/v1/events?limit=NaN", "", 400, "invalid_parameter", "limit"},
		{"Q14 offset", "/v1/events?offset=100", "", 400, "unknown_parameter", "offset"},
		{"Q15 cursor", "/v1/events?cursor=abcdef", "", 400, "bad_cursor", "cursor"},
		{"Q28 twice", "/v1/events?event=a&event=b", "", 400, "duplicate_parameter", "event"},
		{"Q28 array style", "/v1/events?event[]=a", "", 400, "unknown_parameter", "event[]"},
		{"bad encoding", "/v1/events?event=%zz", "", 400, "malformed_query", ""},
		{"bad time", "/v1/events?from=yesterdayish", "", 400, "bad_time", "from"},
		{"bad range", "/v1/events?from=2026-02-01&to=2026-01-01", "", 400, "bad_range", "from"},
		{"bad filter", `/v1/events?where={"propery":"a"}`, "", 400, "unknown_field", "where.propery"},
		{"filter is no JSON", `/v1/events?where=amount`, "", 400, "malformed_json", "where"},
		{"bad person", "/v1/events?person=me", "", 400, "bad_person", "person"},
		{"Q31 format", "/v1/export?format=../../x", "", 400, "invalid_parameter", "format"},
		{"bad export", "/v1/export?from=never", "", 400, "bad_time", "from"},
		{"long value comes back short", "/v1/events?from=" + long[:60], "", 400, "bad_time", "from"},
		{"long name", "/v1/events?" + long + "=1", "", 400, "unknown_parameter", ""},
		{"long field", "/v1/query", question(`,"` + long + `":1`), 400, "unknown_field", ""},
		{"bad ledger", "/v1/ledger?from=2020-01-01&to=2026-01-01", "", 400, "range_too_long", "from"},
		{"replay both", "/v1/deadletters/replay", `{"positions":[1],"code":"x"}`, 400, "conflicting_fields", "code"},
		{"replay for real with a read key", "/v1/deadletters/replay", `{"dry_run":false}`, 403, "wrong_key_kind", ""},
		{"replay a negative", "/v1/deadletters/replay", `{"positions":[-1]}`, 400, "wrong_type", "positions[0]"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			method := "GET"
			if c.body != "" || strings.Contains(c.target, "/query") {
				method = "POST"
			}
			target := strings.NewReplacer("{", "%7B", "}", "%7D", `"`, "%22", " ", "%20").Replace(c.target)
			got := w.ask("1 read", method, target, c.body)
			p := got.problem()
			if got.Code != c.status || p.Code != c.code || c.field != "" && p.Field != c.field {
				t.Errorf("%d %s", got.Code, got.Body)
			}
			if len(p.Detail) > maxEcho || len(p.Field) > maxEcho {
				t.Errorf("%d bytes of what was sent came back", got.Body.Len())
			}
		})
	}
	if log := w.log.String(); strings.Contains(log, "level=ERROR") {
		t.Error(log)
	}
}

func TestBadControl(t *testing.T) {
	w := newWorld(t)
	cases := []struct {
		method, target, body string
		status               int
		code, field          string
	}{
		{"POST", "/v1/projects", `{}`, 400, "bad_name", "name"},
		{"POST", "/v1/projects", `{"name":"Shop"}`, 409, "name_taken", "name"},
		{"POST", "/v1/projects", `{"name":"X","timezone":"Mars/Phobos"}`, 400, "bad_timezone", "timezone"},
		{"POST", "/v1/projects", `{"name":"X","id":7}`, 400, "unknown_field", "id"},
		{"PATCH", "/v1/projects/99", `{"name":"X"}`, 404, "no_such_project", ""},
		{"PATCH", "/v1/projects/x", `{"name":"X"}`, 400, "invalid_parameter", "id"},
		{"PATCH", "/v1/projects/1", `{"retention_days":-1}`, 400, "bad_retention", "retention_days"},
		{"PATCH", "/v1/projects/1", `{"events_per_second":-1}`, 400, "bad_rate", "events_per_second"},
		{"PATCH", "/v1/projects/1", `{"events_per_month":-1}`, 400, "bad_quota", "events_per_month"},
		{"POST", "/v1/projects/1/keys", `{"kind":"root"}`, 400, "bad_key_kind", "kind"},
		{"POST", "/v1/projects/99/keys", `{"kind":"read"}`, 404, "no_such_project", ""},
		{"DELETE", "/v1/keys/99", ``, 404, "no_such_key", ""},
		{"GET", "/v1/audit?limit=5000", ``, 400, "invalid_parameter", "limit"},
	}
	for _, c := range cases {
		got := w.ask("1 admin", c.method, c.target, c.body)
		if p := got.problem(); got.Code != c.status || p.Code != c.code || p.Field != c.field {
			t.Errorf("%s %s %s: %d %s", c.method, c.target, c.body, got.Code, got.Body)
		}
	}
}

func TestBodiesOfOtherKinds(t *testing.T) {
	w := newWorld(t)
	for _, header := range [][2]string{{"Content-Type", "text/plain"}, {"Content-Type", "a/b; =;"}, {"Content-Encoding", "gzip"}} {
		got := w.ask("1 read", "POST", "/v1/query", "{}", header[0], header[1])
		if got.problem(); got.Code != 415 {
			t.Errorf("%v: %d", header, got.Code)
		}
	}
	if got := w.ask("1 read", "POST", "/v1/query", bodies["POST /v1/query"], "Content-Type", "application/json; charset=utf-8"); got.Code != 200 {
		t.Error(got.Code, got.Body)
	}
}

// TestUnmatched is Q29 and Q30: paths that are none, and methods that a path does not take.
func TestUnmatched(t *testing.T) {
	w := newWorld(t)
	w.mux.HandleFunc("POST /v1/events", func(http.ResponseWriter, *http.Request) {})
	w.mux.HandleFunc("GET /", func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, "page") })
	for _, c := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/v1/nothing", 404, ""},
		{"GET", "/v1/", 404, ""},
		{"GET", "/v1/events/", 404, ""},
		{"GET", "/v1/events%2f", 404, ""},
		{"GET", "/v1/projects/1", 405, "PATCH"},
		{"GET", "/v1/query", 405, "POST"},
		{"DELETE", "/v1/events", 405, "GET, POST"},
		{"TRACE", "/v1/events", 405, "GET, POST"},
		{"PUT", "/v1/projects/1/keys", 405, "GET, POST"},
		{"HEAD", "/v1/live", 405, "GET"},
	} {
		got := w.ask("1 admin", c.method, c.path, "")
		if got.problem(); got.Code != c.status || got.Header().Get("Allow") != c.allow {
			t.Errorf("%s %s: %d, Allow %q", c.method, c.path, got.Code, got.Header().Get("Allow"))
		}
	}
	if got := w.ask("1 read", "POST", "/v1/events", "", "X-HTTP-Method-Override", "GET"); got.Code != 200 || got.Body.Len() > 0 {
		t.Error("the override was heeded", got.Code, got.Body)
	}
	if got := w.ask("", "GET", "/elsewhere", ""); got.Body.String() != "page" {
		t.Error(got.Body)
	}
}

// TestProblemsToTheLetter holds the bytes that clients parse.
func TestProblemsToTheLetter(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct{ key, method, target, body, want string }{
		{"", "GET", "/v1/me", "", `{"type":"about:blank","title":"Unauthorized","status":401,"code":"missing_key","detail":"no key: send a read or admin key as Authorization: Bearer"}`},
		{"1 write", "GET", "/v1/me", "", `{"type":"about:blank","title":"Forbidden","status":403,"code":"wrong_key_kind","detail":"a write key may not do this, it needs a read or admin key"}`},
		{"1 read", "GET", "/v1/events?limit=0", "", `{"type":"about:blank","title":"Bad Request","status":400,"code":"invalid_parameter","detail":"expected number >= 1","field":"limit"}`},
		{"1 read", "POST", "/v1/query", `{"series":[{"agregate":"sum"}]}`, `{"type":"about:blank","title":"Bad Request","status":400,"code":"unknown_field","detail":"there is no field \"agregate\" here","field":"series[0].agregate"}`},
		{"1 read", "GET", "/v1/projects", "", `{"type":"about:blank","title":"Forbidden","status":403,"code":"wrong_key_kind","detail":"a read key may not do this, it needs an admin key"}`},
		{"", "GET", "/v1/nothing", "", `{"type":"about:blank","title":"Not Found","status":404,"code":"unknown_route","detail":"there is no such path; /v1/docs lists them"}`},
	} {
		got := w.ask(c.key, c.method, c.target, c.body)
		if strings.TrimSuffix(got.Body.String(), "\n") != c.want {
			t.Errorf("%s %s\n got %s\nwant %s", c.method, c.target, got.Body, c.want)
		}
	}
}
