package countly_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest/countly"
	"github.com/freshet/freshet/internal/ingest/ingesttest"
)

var p countly.Protocol

func TestCaptures(t *testing.T) { ingesttest.Captures(t, p) }

// query makes a query out of pairs.
func query(pairs ...string) string {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v.Encode()
}

func TestRequests(t *testing.T) {
	const (
		device = "device_id"
		when   = "1795526586745"
	)
	for _, c := range []struct {
		name, query, dead string
		want              func(e event.Event) bool
	}{
		{"chosen id", query(device, "u", "t", "0", "events", `[{"key":"a"}]`), "", func(e event.Event) bool { return e.UserID == "u" && e.AnonymousID == "" }},
		{"made id", query(device, "d", "t", "1", "events", `[{"key":"a"}]`), "", func(e event.Event) bool { return e.UserID == "" && e.AnonymousID == "d" }},
		{"event", query(device, "d", "timestamp", when, "country_code", "SE", "events",
			`[{"key":"a","count":2,"sum":1.5,"dur":3,"segmentation":{"sum":"x","n":1},"timestamp":1795526580000,"cvid":"v","hour":1}]`), "", func(e event.Event) bool {
			ps := map[string]event.Property{}
			for _, p := range e.Properties {
				ps[p.Key] = p
			}
			return e.OriginalTime == 1795526580000e3 && ps["count"].Num == 2 && ps["$sum"].Num == 1.5 && ps["sum"].Str == "x" && ps["cvid"].Str == "v" &&
				len(ps) == 6 && e.Context.Extra == `{"country_code":"SE"}`
		}},
		{"view", query(device, "d", "events", `[{"key":"[CLY]_view","segmentation":{"name":"Cart","visit":1}}]`), "", func(e event.Event) bool { return e.Kind == event.Screen }},
		{"page", query(device, "d", "sdk_name", "javascript_native_web", "events", `[{"key":"[CLY]_view","segmentation":{"name":"/","visit":1}}]`), "", func(e event.Event) bool {
			return e.Kind == event.Page
		}},
		{"end of a view", query(device, "d", "events", `[{"key":"[CLY]_view","dur":3,"segmentation":{"name":"Cart"}}]`), "", func(e event.Event) bool {
			return e.Kind == event.Track && e.Name == "$screen_end"
		}},
		{"session", query(device, "d", "begin_session", "1", "metrics", `{"_os":"iOS","_resolution":"10x20","_density":2,"_app_version":7}`), "", func(e event.Event) bool {
			c := e.Context
			return e.Name == "$session_start" && c.OSName == "iOS" && c.ScreenHeight == 20 && c.AppVersion == "7" && c.Extra == `{"metrics":{"_density":2}}`
		}},
		{"heartbeat", query(device, "d", "session_duration", "60"), "", func(e event.Event) bool { return e.Name == "$session_update" && e.Properties[0].Num == 60 }},
		{"crash", query(device, "d", "crash", `{"_error":"x"}`), "", func(e event.Event) bool { return e.Name == "$crash" && e.Properties[0].Key == "_error" }},
		{"consent in words", query(device, "d", "consent", "yes"), "", func(e event.Event) bool { return e.Name == "$consent" && e.Properties[0].Str == "yes" }},
		{"nothing but a place", query(device, "d", "city", "Malmö"), "", func(e event.Event) bool { return e.Name == "$request" && strings.Contains(e.Context.Extra, "Malmö") }},
		{"operations", query(device, "d", "user_details", `{"name":"","custom":{"name":1,"a":{"$inc":2,"$max":3},"b":{"c":1},"d":null}}`), "", func(e event.Event) bool {
			ops := ""
			for _, p := range e.Traits {
				ops += p.Op.String() + " " + p.Key + ","
			}
			return ops == "unset name,set name,add a,max a,set b,set d,"
		}},
		{"no events", query(device, "d", "events", `{`), "malformed_json", nil},
		{"no key", query(device, "d", "events", `[{"count":1}]`, "city", "x"), "bad_event_name", nil},
		{"no event", query(device, "d", "events", `[1]`), "not_object", nil},
		{"bad text", query(device, "d", "events", `[{"key":"\ud800"}]`), "invalid_unicode", nil},
		{"no device", query("events", `[{"key":"a"}]`), "missing_identity", nil},
		{"no details", query(device, "d", "user_details", `1`), "not_object", nil},
		{"twice", query(device, "d", "user_details", `{"a":1,"a":2}`), "duplicate_key", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, dead := ingesttest.One(t, p, ingesttest.Call(http.MethodGet, "/i?"+c.query, ""))
			if dead != c.dead || c.want != nil && !c.want(got) {
				t.Fatalf("%q %+v", dead, got)
			}
			if form, _ := ingesttest.One(t, p, ingesttest.Call(http.MethodPost, "/i", c.query)); form.ID != got.ID {
				t.Errorf("another event as a form: %+v", form)
			}
		})
	}
}

// TestOrder: a request that tells everything is told in the order in which it must have happened.
func TestOrder(t *testing.T) {
	r := ingesttest.Call(http.MethodPost, "/i", query("device_id", "u", "t", "0", "begin_session", "1", "old_device_id", "d", "user_details", `{"a":1}`,
		"events", `[{"key":"a"},{"key":"b"}]`, "end_session", "1", "app_key", "k"))
	events, _ := ingesttest.Decode(t, p, r)
	var names []string
	ids := map[string]bool{}
	for _, e := range events {
		names, ids[e.ID] = append(names, e.Name), true
	}
	if got := strings.Join(names, " "); got != "$session_start $alias $identify a b $session_end" || len(ids) != 6 || r.Key != "k" {
		t.Errorf("%s, %d ids, key %q", got, len(ids), r.Key)
	}
	// An SDK that does not say who chose the id goes on with it as an anonymous one, which has to be the user's as well.
	events, _ = ingesttest.Decode(t, p, ingesttest.Call(http.MethodGet, "/i?device_id=u&old_device_id=d", ""))
	if len(events) != 2 || events[0].Kind != event.Identify || events[0].AnonymousID != "u" || events[1].PreviousID != "d" || events[1].UserID != "u" {
		t.Errorf("%+v", events)
	}
}

func TestBulk(t *testing.T) {
	r := ingesttest.Call(http.MethodPost, "/i/bulk", query("app_key", "k", "requests",
		`[{"device_id":"a","timestamp":1795526586745,"events":[{"key":"x"}]},7,{"device_id":"b","events":"[{\"key\":\"y\"}]"}]`))
	events, dead := ingesttest.Decode(t, p, r)
	if len(events) != 2 || events[0].OriginalTime != 1795526586745e3 || events[1].AnonymousID != "b" || len(dead) != 1 || r.Key != "k" {
		t.Errorf("%+v %+v", events, dead)
	}
}

func TestAnswers(t *testing.T) {
	for target, want := range map[string]string{
		"/i": `{"result":"Success"}`, "/i?callback=f.g": `f.g({"result":"Success"})`, "/i?callback=alert(1)": `{"result":"Success"}`,
	} {
		w := httptest.NewRecorder()
		if p.Answer(w, ingesttest.Call(http.MethodGet, target, ""), nil); w.Body.String() != want {
			t.Errorf("%s: %s", target, w.Body)
		}
	}
	for kind, want := range map[event.ErrorKind]int{event.Invalid: 200, event.TooLarge: 200, event.Unauthorized: 401, event.Overloaded: 429, event.Unavailable: 503} {
		w := httptest.NewRecorder()
		p.Refuse(w, ingesttest.Call(http.MethodGet, "/i", ""), event.Errorf(kind, "c", "m"))
		if w.Code != want || w.Body.String() != `{"result":"Refused: c: m"}` || (w.Header().Get("Retry-After") != "") != (want == 429 || want == 503) {
			t.Errorf("%v: %d %s", kind, w.Code, w.Body)
		}
	}
	mux := http.NewServeMux()
	countly.Remote{}.Register(mux)
	for _, path := range []string{"/o/sdk?method=sc", "/countly/o/sdk"} {
		w := httptest.NewRecorder()
		if mux.ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, http.NoBody)); w.Code != 200 || w.Body.String() != "{}" {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

func FuzzCountly(f *testing.F) {
	f.Add(string(ingesttest.Capture(f, "testdata/sdk-nodejs-24.10.4-events-form.http").Body))
	f.Add(query("device_id", "d", "metrics", `{"_os":1}`, "user_details", `{"a":{"b":1},"custom":{"a":{"$inc":1}}}`, "crash", "[1]", "begin_session", "1"))
	f.Add(`{"device_id":7,"events":[{"key":"a","segmentation":{"a":[1]}}],"x":{"y":1}}`)
	f.Add(query("requests", `[{"device_id":"a","old_device_id":"b"},1]`))
	f.Fuzz(func(t *testing.T, body string) {
		ingesttest.Rules(t, p, ingesttest.Call(http.MethodPost, "/i", body))
		ingesttest.Rules(t, p, ingesttest.Call(http.MethodGet, "/i?"+body, ""))
	})
}
