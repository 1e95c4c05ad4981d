package amplitude_test

import (
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/ingest/amplitude"
	"github.com/freshet/freshet/internal/ingest/ingesttest"
)

func TestCaptures(t *testing.T) { ingesttest.Captures(t, amplitude.Protocol{}) }

// one decodes a batch of one event, given by its members.
func one(t *testing.T, members string) (event.Event, string) {
	t.Helper()
	return ingesttest.One(t, amplitude.Protocol{}, ingesttest.Call(http.MethodPost, "/2/httpapi", `{"api_key":"k","events":[{`+members+`}]}`))
}

func TestInsertID(t *testing.T) {
	id := func(members string) string {
		t.Helper()
		e, code := one(t, `"event_type":"e",`+members)
		if code != "" {
			t.Fatal(code)
		}
		return e.ID
	}
	const uuid = "1334c4ca-fa5a-4cd9-aedd-df63fc58baec"
	if got := id(`"device_id":"d1","insert_id":"` + uuid + `"`); got != uuid {
		t.Errorf("a random UUID became %s", got)
	}
	a, b := id(`"device_id":"d1","insert_id":"1"`), id(`"device_id":"d2","insert_id":"1"`)
	if a == b || a != id(`"device_id":"d1","insert_id":1,"time":5`) || !strings.HasPrefix(a, "1.") {
		t.Errorf("the id of device 1 is %s, of device 2 %s", a, b)
	}
	if id(`"user_id":"u1","insert_id":"1"`) == id(`"user_id":"u2","insert_id":"1"`) {
		t.Error("without a device the user is not the scope")
	}
	if a := id(`"device_id":"d","time":1795434225123`); a != id(`"device_id":"d","time":1795434225123`) || !strings.HasPrefix(a, ingest.MadeID) {
		t.Errorf("the id is made of the content: %s", a)
	}
	timeless := ingesttest.Call(http.MethodPost, "/batch", `{"events":[{"event_type":"click","user_id":"u"},{"event_type":"click","user_id":"u"}]}`)
	if events, _ := ingesttest.Decode(t, amplitude.Protocol{}, timeless); len(events) != 2 || events[0].ID == events[1].ID {
		t.Error("two clicks without a time are one")
	}
}

func TestEvent(t *testing.T) {
	for _, c := range []struct {
		name, members, code string
		ok                  func(event.Event) bool
	}{
		{"numbers as ids", `"event_type":"e","user_id":12345678901234567890,"device_id":7`, "", func(e event.Event) bool {
			return e.UserID == "12345678901234567890" && e.AnonymousID == "7" && e.Context.DeviceID == "7" && e.Links
		}},
		{"a user alone links nothing", `"event_type":"e","user_id":"u","device_id":null`, "", func(e event.Event) bool { return !e.Links }},
		{"out of session", `"event_type":"e","user_id":"u","session_id":-1`, "", func(e event.Event) bool { return e.SessionID == "" }},
		{"in a session", `"event_type":"e","user_id":"u","session_id":1795434225000`, "", func(e event.Event) bool { return e.SessionID == "1795434225000" }},
		{"of a device", `"event_type":"e","device_id":"d","session_id":1795434225000`, "", func(e event.Event) bool { return e.SessionID == "1795434225000.d" }},
		{"out of it on a device", `"event_type":"e","device_id":"d","session_id":-1`, "", func(e event.Event) bool { return e.SessionID == "" }},
		{"a time as text", `"event_type":"e","user_id":"u","time":"2026-01-01T00:00:00Z"`, "", func(e event.Event) bool { return e.OriginalTime == 1767225600_000000 }},
		{"no time", `"event_type":"e","user_id":"u","time":"soon"`, "", func(e event.Event) bool {
			return e.OriginalTime == 0 && has(e.Properties, "$original_timestamp", "soon")
		}},
		{"an old library", `"event_type":"e","user_id":"u","library":{"name":"amplitude-js","version":"8.1"}`, "", func(e event.Event) bool {
			return e.Context.LibraryName == "amplitude-js" && e.Context.LibraryVersion == "8.1"
		}},
		{"a price of its own", `"event_type":"e","user_id":"u","event_properties":{"price":"low"},"price":3,"revenue":6`, "", func(e event.Event) bool {
			return has(e.Properties, "price", "low") && e.Context.Extra == `{"price":3}` && len(e.Properties) == 2
		}},
		{"a screen", `"event_type":"[Amplitude] Screen Viewed","user_id":"u","event_properties":{"[Amplitude] Screen Name":"Cart"}`, "", func(e event.Event) bool {
			return e.Kind == event.Screen && e.Name == event.NameScreen && has(e.Properties, "name", "Cart")
		}},
		{"traits without operations", `"event_type":"e","user_id":"u","user_properties":{"plan":"pro","$email":"a@b"}`, "", func(e event.Event) bool {
			return has(e.Traits, "plan", "pro") && has(e.Traits, "$email", "a@b")
		}},
		{"traits beside operations", `"event_type":"$identify","user_id":"u","user_properties":{"$set":{"plan":"pro"},"plan":"free","x":"y","$add":3}`, "", func(e event.Event) bool {
			return e.Kind == event.Identify && has(e.Traits, "plan", "pro") && has(e.Traits, "x", "y") && len(e.Traits) == 3
		}},
		{"traits that are none", `"event_type":"e","user_id":"u","user_properties":["x"]`, "", func(e event.Event) bool { return len(e.Traits) == 0 && len(e.Properties) == 1 }},
		{"a group without a person", `"event_type":"$groupidentify","groups":{"team":["t1","t2"]},"group_properties":{"$unset":{"a":"-"}}`, "", func(e event.Event) bool {
			return e.Kind == event.Group && e.GroupID == "t1" && has(e.Properties, "$group_type", "team") && e.Traits[0].Op == event.Unset && len(e.Properties) == 2
		}},
		{"groups of a person", `"event_type":"e","user_id":"u","groups":{"team":"t1"},"group_properties":{"a":1}`, "", func(e event.Event) bool {
			return e.GroupID == "t1" && len(e.Properties) == 2 && e.Context.IP == ""
		}},
		{"more groups than one", `"event_type":"e","user_id":"u","groups":{"team":"t1","org":"o"}`, "", func(e event.Event) bool {
			return e.GroupID == "" && len(e.Properties) == 1
		}},
		{"groups that are none", `"event_type":"e","user_id":"u","groups":7`, "", func(e event.Event) bool { return len(e.Properties) == 1 }},
		{"nobody", `"event_type":"e","insert_id":"x"`, "missing_identity", nil},
		{"no type", `"user_id":"u"`, "bad_event_name", nil},
		{"a name twice", `"event_type":"e","user_id":"u","user_id":"v"`, "duplicate_key", nil},
		{"an operation twice", `"event_type":"e","user_id":"u","user_properties":{"$set":{},"$set":{}}`, "duplicate_key", nil},
		{"a NUL", `"event_type":"e\u0000","user_id":"u"`, "nul_byte", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, code := one(t, c.members)
			if code != c.code || c.ok != nil && !c.ok(e) {
				t.Errorf("%q %+v", code, e)
			}
		})
	}
}

func has(ps []event.Property, key, text string) bool {
	for _, p := range ps {
		if p.Key == key && p.Str == text {
			return true
		}
	}
	return false
}

// TestForms are the calls that are no batch.
func TestForms(t *testing.T) {
	identification := url.QueryEscape(`[{"user_id":"u","user_properties":{"$set":{"plan":"pro"}}}]`)
	group := url.QueryEscape(`{"group_type":"team","group_value":"t1","group_properties":{"size":3}}`)
	old := url.QueryEscape(`[{"event_type":"e","device_id":"d","time":1795434225123}]`)
	for _, c := range []struct {
		method, target, body string
		kind                 event.Kind
	}{
		{http.MethodPost, "/identify", "api_key=key&identification=" + identification, event.Identify},
		{http.MethodGet, "/identify?api_key=key&identification=" + identification, "", event.Identify},
		{http.MethodPost, "/groupidentify", "api_key=key&identification=" + group, event.Group},
		{http.MethodPost, "/", "client=key&v=2&upload_time=1795434226000&e=" + old, event.Track},
		{http.MethodGet, "/httpapi?api_key=key&event=" + old, "", event.Track},
		{http.MethodPost, "/httpapi", `{"api_key":"key","event":{"event_type":"e","user_id":"u"}}`, event.Track},
	} {
		r := ingesttest.Call(c.method, c.target, c.body)
		ingesttest.Rules(t, amplitude.Protocol{}, r)
		events, dead := ingesttest.Decode(t, amplitude.Protocol{}, r)
		if len(events) != 1 || len(dead) != 0 || events[0].Kind != c.kind || r.Key != "key" {
			t.Errorf("%s %s: key %s, %+v %+v", c.method, c.target, r.Key, events, dead)
			continue
		}
		if c.target == "/" && events[0].SentAt != 1795434226_000000 {
			t.Errorf("sent at %d", events[0].SentAt)
		}
	}
	bad := ingesttest.Call(http.MethodPost, "/identify", `api_key=key&identification=[{"user_properties":{"a":1}},7]`)
	ingesttest.Replayable(t, amplitude.Protocol{}, bad)
}

func TestRefused(t *testing.T) {
	for body, code := range map[string]string{
		`{"events":`: "malformed_json", `[]`: "not_object", `{}`: "no_events", `{"events":7}`: "no_events", `api_key=k`: "no_events",
		`{"events":[` + strings.Repeat("1,", 10_000) + `1]}`: "too_many_events", `e=%7B&client=k`: "malformed_json",
	} {
		_, err := ingest.Decode(amplitude.Protocol{}, ingesttest.Call(http.MethodPost, "/2/httpapi", body))
		if e, ok := err.(*event.Error); !ok || e.Code != code { //nolint:errorlint // as a decoder has to return it
			t.Errorf("%.40s: %v", body, err)
		}
	}
}

func TestClaims(t *testing.T) {
	for _, c := range []struct {
		target, body string
		want         bool
	}{
		{"/batch", `{"api_key":"k","events":[]}`, true},
		{"/batch", `{"api_key":"k","batch":[]}`, false},
		{"/batch", ``, false},
		{"/batch", `[]`, false},
		{"/", `client=k&e=[]`, true},
		{"/", `a=b`, false},
		{"/", `{"specversion":"1.0"}`, false},
		{"/identify", ``, true},
	} {
		if got := (amplitude.Protocol{}).Claims(ingesttest.Call(http.MethodPost, c.target, c.body)); got != c.want {
			t.Errorf("%s %s: %v", c.target, c.body, got)
		}
	}
}

func FuzzAmplitude(f *testing.F) {
	files, err := filepath.Glob("testdata/*.http")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		f.Add(string(ingesttest.Capture(f, file).Body))
	}
	f.Add(`{"events":[{"event_type":"$groupidentify","groups":{"a":[1,2],"b":null},"group_properties":{"$clearAll":"-","$set":{"a":{"b":[]}}},"user_properties":3}]}`)
	f.Add(`api_key=k&identification=eyJ1c2VyX2lkIjoidSJ9&upload_time=1`)
	f.Fuzz(func(t *testing.T, body string) {
		for _, path := range []string{"/2/httpapi", "/identify", "/groupidentify"} {
			ingesttest.Rules(t, amplitude.Protocol{}, ingesttest.Call(http.MethodPost, path, body))
		}
	})
}
