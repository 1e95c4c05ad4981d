package posthog_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/ingest/ingesttest"
	"github.com/freshet/freshet/internal/ingest/posthog"
)

var p posthog.Protocol

func TestGolden(t *testing.T) { ingesttest.Captures(t, p) }

// one decodes an event of a batch.
func one(t *testing.T, members string) (event.Event, string) {
	t.Helper()
	return ingesttest.One(t, p, ingesttest.Call(http.MethodPost, "/batch", `{"api_key":"k","sent_at":"2026-11-30T23:59:00Z","batch":[{`+members+`}]}`))
}

func TestWho(t *testing.T) {
	const anonymous = "01a20dd1-6cec-7b9f-9408-b5add60f2bd6"
	for _, c := range []struct{ name, members, user, anonymous, previous string }{
		{"a backend", `"event":"e","distinct_id":"u"`, "u", "", ""},
		{"a number", `"event":"e","distinct_id":17`, "17", "", ""},
		{"only in the properties", `"event":"e","properties":{"distinct_id":"u"}`, "u", "", ""},
		{"personless", `"event":"e","distinct_id":"d","properties":{"$process_person_profile":false}`, "", "d", ""},
		{"personless, second version", `"event":"e","distinct_id":"d","options":{"process_person_profile":false}`, "", "d", ""},
		{"said to be identified", `"event":"e","distinct_id":"` + anonymous + `","properties":{"$is_identified":true}`, anonymous, "", ""},
		{"said not to be", `"event":"e","distinct_id":"u","properties":{"$is_identified":false}`, "", "u", ""},
		{"named", `"event":"e","distinct_id":"u","properties":{"$user_id":"u","$lib":"web"}`, "u", "", ""},
		{"the device", `"event":"e","distinct_id":"d","properties":{"$device_id":"d"}`, "", "d", ""},
		{"an app's UUID", `"event":"e","distinct_id":"` + strings.ToUpper(anonymous) + `","properties":{"$lib":"posthog-ios"}`, "", strings.ToUpper(anonymous), ""},
		{"an app's user", `"event":"e","distinct_id":"ann","properties":{"$lib":"posthog-android"}`, "ann", "", ""},
		{"identify", `"event":"$identify","distinct_id":"u","properties":{"$anon_distinct_id":"` + anonymous + `"}`, "u", anonymous, ""},
		{"identify again", `"event":"$identify","distinct_id":"u","properties":{"$anon_distinct_id":"u"}`, "u", "", ""},
		{"alias of a backend", `"event":"$create_alias","properties":{"distinct_id":"u","alias":"d"}`, "u", "", "d"},
		{"alias of a page", `"event":"$create_alias","properties":{"distinct_id":"` + anonymous + `","alias":"u","$is_identified":false}`, "u", anonymous, anonymous},
		{"merge", `"event":"$merge_dangerously","distinct_id":"u","properties":{"alias":"v"}`, "u", "", "v"},
		{"a group's id", `"event":"$groupidentify","distinct_id":"$company_acme","properties":{"$group_type":"company","$group_key":"acme"}`, "", "", ""},
	} {
		e, dead := one(t, c.members)
		if dead != "" || e.UserID != c.user || e.AnonymousID != c.anonymous || e.PreviousID != c.previous {
			t.Errorf("%s: user %q, anonymous %q, previous %q, dead %q", c.name, e.UserID, e.AnonymousID, e.PreviousID, dead)
		}
	}
}

func TestEvents(t *testing.T) {
	has := func(e event.Event, key string) bool {
		for _, p := range append(e.Properties, e.Traits...) {
			if p.Op.String()+" "+p.Key == "set "+key || p.Op.String()+" "+p.Key == key {
				return true
			}
		}
		return false
	}
	const who = `"uuid":"7","distinct_id":"u",`
	for _, c := range []struct {
		name, members, dead string
		want                func(e event.Event) bool
	}{
		{"page", who + `"event":"$pageview","properties":{"$current_url":"https://a.example/x?utm_source=ad&q=1","$pathname":"/y","utm_medium":"m","utm_term":null}`, "", func(e event.Event) bool {
			c := e.Context
			return e.Kind == event.Page && e.Name == "$page" && c.PagePath == "/y" && c.PageSearch == "?utm_source=ad&q=1" && c.CampaignSource == "ad" && c.CampaignMedium == "m" && !has(e, "utm_term")
		}},
		{"screen", who + `"event":"$screen","properties":{"$screen_name":"Cart"}`, "", func(e event.Event) bool {
			return e.Kind == event.Screen && e.Properties[0].Key == "name" && e.Properties[0].Str == "Cart"
		}},
		{"screen with a name", who + `"event":"$screen","properties":{"$screen_name":"Cart","name":"x"}`, "", func(e event.Event) bool {
			return has(e, "name") && has(e, "$screen_name")
		}},
		{"traits", who + `"event":"e","$set":{"a":1},"properties":{"$set":{"a":2,"b":3},"$set_once":{"a":4},"$unset":["c","c","d"]}`, "", func(e event.Event) bool {
			return len(e.Traits) == 5 && e.Traits[0].Num == 1 && has(e, "set_once a") && has(e, "unset d") && e.Kind == event.Track
		}},
		{"unset by object", who + `"event":"$set","properties":{"$unset":{"c":""},"$set":7}`, "", func(e event.Event) bool {
			return e.Kind == event.Identify && has(e, "unset c") && has(e, "$set")
		}},
		{"group", who + `"event":"$groupidentify","properties":{"$group_type":"company","$group_key":"acme","$group_set":{"size":3},"$set":{"x":1}}`, "", func(e event.Event) bool {
			return e.Kind == event.Group && e.GroupID == "acme" && len(e.Traits) == 1 && has(e, "$set") && has(e, "$group_type")
		}},
		{"groups", who + `"event":"e","properties":{"$groups":{"company":"acme"}}`, "", func(e event.Event) bool {
			return e.GroupID == "acme" && has(e, "$groups")
		}},
		{"device", who + `"event":"e","properties":{"$os_name":"iOS","$os":"x","$screen_width":390,"$screen_height":-1,"$screen_density":3.5,"$network_wifi":true,"$network_cellular":false,"$session_id":"s","$app_build":12,"$ip":"1.2.3.4","$lib":"posthog-ios","$lib_version":"3"}`, "", func(e event.Event) bool {
			c := e.Context
			return c.OSName == "iOS" && has(e, "$os") && c.ScreenWidth == 390 && has(e, "$screen_height") && c.ScreenDensity == 3.5 &&
				c.NetworkType == "wifi" && e.SessionID == "s" && c.AppBuild == "12" && c.IP == "1.2.3.4" && c.LibraryName == "posthog-ios"
		}},
		{"the key is taken out", who + `"event":"e","properties":{"token":"k","api_key":"other"}`, "", func(e event.Event) bool {
			return !has(e, "token") && has(e, "api_key")
		}},
		{"unknown members", who + `"event":"e","odd":{"a":1},"options":{"cookieless_mode":true}`, "", func(e event.Event) bool {
			return e.Context.Extra == `{"odd":{"a":1},"options":{"cookieless_mode":true}}`
		}},
		{"time", who + `"event":"e","timestamp":"2026-11-30T23:00:00.123456789+01:00"`, "", func(e event.Event) bool {
			return e.OriginalTime == at("2026-11-30T22:00:00.123456Z") && e.SentAt == at("2026-11-30T23:59:00Z") && !e.SentFresh
		}},
		{"time of old pages", who + `"event":"e","properties":{"$time":1795434225.5}`, "", func(e event.Event) bool { return e.OriginalTime == 1795434225500000 }},
		{"unreadable time", who + `"event":"e","timestamp":"yesterday"`, "", func(e event.Event) bool { return e.OriginalTime == 0 && has(e, "$original_timestamp") }},
		{"offset", who + `"event":"e","offset":5000,"timestamp":"2020-01-01T00:00:00Z"`, "", func(e event.Event) bool {
			return e.OriginalTime == ingesttest.ReceivedAt-5e6 && e.SentAt == 0 && has(e, "$original_timestamp")
		}},
		{"no correction", who + `"event":"e","properties":{"$ignore_sent_at":true}`, "", func(e event.Event) bool { return e.SentAt == 0 }},
		{"a page stamps each try", who + `"event":"e","properties":{"$lib":"web"}`, "", func(e event.Event) bool { return e.SentFresh }},
		{"older id", `"distinct_id":"u","event":"e","properties":{"$insert_id":"i"}`, "", func(e event.Event) bool { return e.ID == "i" }},
		{"empty id", `"uuid":"","distinct_id":"u","event":"e","timestamp":"2026-01-01"`, "", func(e event.Event) bool { return strings.HasPrefix(e.ID, "made-") }},
		{"no time and no id", `"distinct_id":"u","event":"e"`, "", func(e event.Event) bool { return strings.HasPrefix(e.ID, "made-") }},
		{"properties that are none", who + `"event":"e","properties":[1]`, "", func(e event.Event) bool { return e.Context.Extra == `{"properties":[1]}` }},
		{"no name", who + `"event":null`, "bad_event_name", nil},
		{"nobody", `"event":"e"`, "missing_identity", nil},
		{"a name twice", who + `"event":"e","properties":{"a":1,"a":2}`, "duplicate_key", nil},
		{"a NUL", who + `"event":"e","properties":{"a":"\u0000"}`, "nul_byte", nil},
	} {
		e, dead := one(t, c.members)
		if dead != c.dead || dead == "" && !c.want(e) {
			t.Errorf("%s: dead %q, %+v", c.name, dead, e)
		}
	}
}

func at(s string) int64 {
	t, _ := time.Parse(time.RFC3339Nano, s)
	return t.UnixMicro()
}

// TestRetriesAreOne: what changes from try to try does not make another id.
func TestRetriesAreOne(t *testing.T) {
	const event = `"event":"e","distinct_id":"u","timestamp":"2026-01-01T00:00:00Z","properties":{"a":1}`
	first, _ := one(t, event+`,"sent_at":"2026-01-01T00:00:01Z"`)
	again, _ := one(t, event+`,"sent_at":"2026-01-01T00:00:09Z"`)
	other, _ := one(t, strings.Replace(event, `"a":1`, `"a":2`, 1))
	if first.ID != again.ID || first.ID == other.ID {
		t.Errorf("ids %s, %s, %s", first.ID, again.ID, other.ID)
	}
}

// TestEncodings: wherever the data is, it is the same event with the same key.
func TestEncodings(t *testing.T) {
	const plain = `{"event":"größe 💧","distinct_id":"u?>>","properties":{"token":"k"}}`
	std, raw := base64.StdEncoding.EncodeToString([]byte(plain)), base64.RawURLEncoding.EncodeToString([]byte(plain))
	for name, r := range map[string]*ingest.Request{
		"json":              ingesttest.Call("POST", "/e", plain),
		"array":             ingesttest.Call("POST", "/track", "["+plain+"]"),
		"batch":             ingesttest.Call("POST", "/batch", `{"batch":[`+plain+`]}`),
		"form":              ingesttest.Call("POST", "/e?compression=base64", "data="+url.QueryEscape(std)),
		"form, not escaped": ingesttest.Call("POST", "/e", "data="+std),
		"form, plain":       ingesttest.Call("POST", "/engage", "data="+url.QueryEscape(plain)+"&compression="),
		"query":             ingesttest.Call("GET", "/e?data="+url.QueryEscape(raw), ""),
		"lz64":              ingesttest.Call("POST", "/e?compression=lz64", "data="+url.QueryEscape(packed)),
		"lz64 in a form":    ingesttest.Call("POST", "/e", "compression=lz64&data="+packed),
	} {
		e, dead := ingesttest.One(t, p, r)
		if _, err := ingest.Decode(p, r); err != nil || r.Key != "k" || dead != "" || e.Name != "größe 💧" || e.UserID != "u?>>" {
			t.Errorf("%s: key %q, %v, dead %q, %+v", name, r.Key, err, dead, e)
		}
	}
}

func TestRefusedAsWhole(t *testing.T) {
	for _, c := range []struct{ target, body, code string }{
		{"/batch", `{"batch":7}`, "no_batch"},
		{"/batch", `7`, "not_object"},
		{"/batch", `{`, "malformed_json"},
		{"/e", `x=1`, "malformed_json"},
		{"/e", `data=!`, "malformed_json"},
		{"/e?x=1", ``, "empty_body"},
		{"/e?compression=lz64", `data=!`, "bad_compression"},
		{"/batch", `{"batch":[` + strings.Repeat("1,", 10_000) + `1]}`, "too_many_events"},
	} {
		_, err := ingest.Decode(p, ingesttest.Call("POST", c.target, c.body))
		if e, ok := err.(*event.Error); !ok || e.Code != c.code { //nolint:errorlint // Decode returns the error itself
			t.Errorf("%s %.30s: %v", c.target, c.body, err)
		}
	}
}

func TestClaims(t *testing.T) {
	nothing := ingesttest.Call("POST", "/batch", "", "User-Agent", "posthog-node/5.70.0")
	if !p.Claims(nothing) {
		t.Error("not known by its name")
	}
	for _, c := range []struct {
		path, body string
		want       bool
	}{
		{"/batch", `{"api_key":"k","batch":[]}`, true},
		{"/batch", `{"api_key":"k","events":[]}`, false},
		{"/batch", ``, false},
		{"/e", ``, true},
		{"/track", `{"event":"e","api_key":"k","properties":{}}`, true},
		{"/track", `[{"event":"e","properties":{"token":"k","$lib":"web"}}]`, true},
		{"/track", `[{"event":"e","properties":{"token":"k","mp_lib":"web"}}]`, false},
		{"/track", `[]`, false},
		{"/engage", `{"$token":"k","$distinct_id":"u","$set":{}}`, false},
		{"/engage", `{"token":"k","distinct_id":"u","$set":{}}`, true},
		{"/engage", `data=` + base64.RawURLEncoding.EncodeToString([]byte(`{"$token":"k","$distinct_id":"u"}`)), false},
	} {
		if got := p.Claims(ingesttest.Call("POST", c.path, c.body)); got != c.want {
			t.Errorf("%s %s: %v", c.path, c.body, got)
		}
	}
}

// TestSecondVersion: each event is answered by its id, and the headers speak for all.
func TestSecondVersion(t *testing.T) {
	r := ingesttest.Call("POST", "/i/v1/analytics/events", `{"created_at":"x","batch":[
		{"uuid":"a","event":"e","distinct_id":"u","session_id":"s","window_id":"w","timestamp":"2026-01-01T00:00:00Z"},
		{"uuid":"b\"","event":"","distinct_id":"u"},{"event":"no id","distinct_id":"u"},7]}`,
		"PostHog-Sdk-Info", "posthog-x/1.2", "PostHog-Request-Timestamp", "2026-01-01T00:00:05Z")
	events, dead := ingesttest.Decode(t, p, r)
	e := events[0]
	if len(events) != 2 || len(dead) != 2 || e.SentAt != at("2026-01-01T00:00:05Z") || !e.SentFresh || e.SessionID != "s" ||
		e.Context.LibraryName != "posthog-x" || e.Context.LibraryVersion != "1.2" || e.Properties[0].Str != "w" {
		t.Fatalf("%+v %+v", events, dead)
	}
	w := httptest.NewRecorder()
	p.Answer(w, r, &ingest.Sink{Results: []ingest.Result{{}, {Code: "bad_event_name", Reason: "the event has no name"}, {}, {Code: "not_object"}}})
	var answer struct {
		Results map[string]struct{ Result, Details string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	if a, b := answer.Results["a"], answer.Results[`b"`]; len(answer.Results) != 2 || a.Result != "ok" || b.Result != "drop" || !strings.HasPrefix(b.Details, "bad_event_name") {
		t.Errorf("answer %s", w.Body)
	}
}

func TestAnswers(t *testing.T) {
	w := httptest.NewRecorder()
	p.Answer(w, ingesttest.Call("POST", "/e?beacon=1", "{}"), &ingest.Sink{})
	if w.Code != 204 || w.Body.Len() != 0 {
		t.Errorf("beacon: %d %s", w.Code, w.Body)
	}
	for kind, status := range map[event.ErrorKind]int{event.Overloaded: 503, event.Unavailable: 503, event.Unauthorized: 401, event.Invalid: 400, event.TooLarge: 413} {
		w := httptest.NewRecorder()
		p.Refuse(w, ingesttest.Call("POST", "/e", ""), event.Errorf(kind, "a_code", "a message"))
		if w.Code != status || w.Body.String() != "a_code: a message\n" || (w.Header().Get("Retry-After") != "") != (status == 503) {
			t.Errorf("%d: %d %s %v", kind, w.Code, w.Body, w.Header())
		}
	}
}

func FuzzPostHog(f *testing.F) {
	f.Add("/batch", []byte(`{"api_key":"k","batch":[{"event":"$identify","distinct_id":1,"$set":{"a":null},"properties":{"$set_once":{"a":1},"$unset":["a",2],"$anon_distinct_id":"x"}}]}`))
	f.Add("/e?compression=lz64", []byte("data="+packed))
	f.Add("/e?compression=base64", []byte("data=eyJldmVudCI6ImEifQ=="))
	f.Add("/i/v1/analytics/events", []byte(`{"batch":[{"uuid":"a","event":"e","distinct_id":"u","options":{"process_person_profile":false}}]}`))
	f.Fuzz(func(t *testing.T, target string, body []byte) {
		if !strings.HasPrefix(target, "/") || strings.ContainsAny(target, " \x00") {
			return
		}
		r := ingesttest.Call(http.MethodPost, target, string(body))
		p.Claims(r)
		ingesttest.Rules(t, p, ingesttest.Call(http.MethodPost, target, string(body)))
	})
}

// packed is what lz-string 1.5.0 makes of the event of TestEncodings.
const packed = "N4IgpgbmB2AuIC4QHMBOA3g+2ABIXg3BynZABoQATASwGdYLoBjWAfQrMRAFcB+APh5JAAHVAHtBYVLTBVEoWCIDWMdgpABfNUA="
