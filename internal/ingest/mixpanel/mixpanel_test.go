package mixpanel_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/ingest/ingesttest"
	"github.com/freshet/freshet/internal/ingest/mixpanel"
)

func TestCaptures(t *testing.T) { ingesttest.Captures(t, mixpanel.Protocol{}) }

// one decodes a request of one event.
func one(t *testing.T, path, body string) (event.Event, string) {
	t.Helper()
	return ingesttest.One(t, mixpanel.Protocol{}, ingesttest.Call(http.MethodPost, path, body))
}

// track decodes an event given by its name and the members of its properties.
func track(t *testing.T, name, members string) (event.Event, string) {
	t.Helper()
	return one(t, "/track", `{"event":"`+name+`","properties":{"token":"k",`+members+`}}`)
}

func TestIdentity(t *testing.T) {
	for _, c := range []struct {
		name, event, members, code      string
		kind                            event.Kind
		user, anonymous, previous, kept string
	}{
		{name: "not identified", event: "e", members: `"distinct_id":"$device:d","$device_id":"d"`, anonymous: "d"},
		{name: "a device alone", event: "e", members: `"distinct_id":"$device:d"`, anonymous: "d"},
		{name: "identified", event: "e", members: `"distinct_id":"u","$device_id":"d","$user_id":"u"`, user: "u", anonymous: "d"},
		{name: "a server", event: "e", members: `"distinct_id":17`, user: "17"},
		{name: "an old phone", event: "e", members: `"distinct_id":"d","$device_id":"d"`, anonymous: "d"},
		{name: "another id", event: "e", members: `"distinct_id":"x","$device_id":"d","$user_id":"u"`, user: "u", anonymous: "d", kept: "x"},
		{name: "another device", event: "e", members: `"distinct_id":"$device:x","$device_id":"d","$user_id":"u"`, user: "u", anonymous: "d", kept: "x"},
		{name: "nobody", event: "e", members: `"distinct_id":""`, code: "missing_identity"},
		{
			name: "identify", event: "$identify", members: `"distinct_id":"u","$anon_distinct_id":"$device:d","$user_id":"u","$device_id":"d"`,
			kind: event.Identify, user: "u", anonymous: "d",
		},
		{
			name: "identify without a device", event: "$identify", members: `"$identified_id":"u","$anon_id":"$device:d"`,
			kind: event.Identify, user: "u", anonymous: "d",
		},
		{
			name: "identify after another user", event: "$identify", members: `"distinct_id":"v","$anon_distinct_id":"u","$device_id":"d","$user_id":"v"`,
			kind: event.Identify, user: "v", anonymous: "d", kept: "u",
		},
		{
			name: "identify of the first years", event: "$identify", members: `"$identified_id":"u","$anon_id":"a"`,
			kind: event.Alias, user: "u", previous: "a",
		},
		{name: "alias", event: "$create_alias", members: `"distinct_id":"a","alias":"u"`, kind: event.Alias, user: "u", previous: "a"},
		{
			name: "alias of a device", event: "$create_alias", members: `"distinct_id":"$device:a","alias":"u"`,
			kind: event.Alias, user: "u", anonymous: "a", previous: "a",
		},
		{
			name: "merge", event: "$merge", members: `"$distinct_ids":["$device:a","u"]`,
			kind: event.Alias, user: "u", anonymous: "a", previous: "a",
		},
		{name: "merge of one", event: "$merge", members: `"$distinct_ids":["u"]`, code: "bad_merge"},
		{name: "merge of devices", event: "$merge", members: `"$distinct_ids":["$device:a","$device:b"]`, code: "bad_merge"},
		{name: "an alias that is a property", event: "e", members: `"distinct_id":"u","alias":"x"`, user: "u", kept: "x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, code := track(t, c.event, c.members)
			if code != c.code || e.Kind != c.kind || e.UserID != c.user || e.AnonymousID != c.anonymous || e.PreviousID != c.previous {
				t.Errorf("%q %s: user %q, anonymous %q, previous %q", code, e.Kind, e.UserID, e.AnonymousID, e.PreviousID)
			}
			if kept := e.Properties; c.kept == "" != (len(kept) == 0) || c.kept != "" && kept[0].Str != c.kept {
				t.Errorf("properties %+v", kept)
			}
			if e.Links != (c.user != "" && c.anonymous != "" && c.kind != event.Alias) {
				t.Errorf("links: %v", e.Links)
			}
		})
	}
}

func TestInsertID(t *testing.T) {
	id := func(name, members string) string {
		t.Helper()
		e, code := track(t, name, `"distinct_id":"u",`+members)
		if code != "" {
			t.Fatal(code)
		}
		return e.ID
	}
	const uuid = "5d958f87-542d-4c10-9422-0ed75893dc81"
	if got := id("e", `"$insert_id":"`+uuid+`"`); got != uuid {
		t.Errorf("a random UUID became %s", got)
	}
	a := id("e", `"$insert_id":"order-17","time":1795434225`)
	if a != id("e", `"$insert_id":"order-17","time":1795434225,"more":1`) || !strings.HasPrefix(a, "order-17.") {
		t.Errorf("id %s", a)
	}
	if a == id("f", `"$insert_id":"order-17","time":1795434225`) || a == id("e", `"$insert_id":"order-17","time":1795434226`) {
		t.Error("another event has the same id")
	}
	if a := id("e", `"time":1795434225`); a != id("e", `"time":1795434225`) || !strings.HasPrefix(a, ingest.MadeID) {
		t.Errorf("the id is made of the content: %s", a)
	}
	twice := ingesttest.Call(http.MethodPost, "/track", `[{"event":"e","properties":{"distinct_id":"u"}},{"event":"e","properties":{"distinct_id":"u"}}]`)
	if events, _ := ingesttest.Decode(t, mixpanel.Protocol{}, twice); len(events) != 2 || events[0].ID == events[1].ID {
		t.Error("two events without a time are one")
	}
}

func TestUpdates(t *testing.T) {
	e, code := one(t, "/engage", `{"$token":"k","$distinct_id":"u","$device_id":"d","$time":1795434225123,"$ip":"0","$ignore_time":true,`+
		`"$set":{"a":1},"$set_once":{"a":2},"$add":{"n":1},"$append":{"l":"x"},"$prepend":{"l":"y"},"$union":{"l":["z"]},"$remove":{"l":"w"},"$unset":["b","b","c"]}`)
	if code != "" || e.Kind != event.Identify || e.UserID != "u" || e.AnonymousID != "d" || len(e.Traits) != 9 || e.Context.IP != "" ||
		e.Context.Extra != `{"$ignore_time":true}` || e.OriginalTime != 1795434225_123000 || e.Traits[8].Op != event.Unset {
		t.Errorf("%q %+v", code, e)
	}
	if again, _ := one(t, "/engage", `{"$distinct_id":"u","$delete":""}`); len(again.Traits) != 1 || again.Traits[0].Op != event.Clear {
		t.Errorf("%+v", again)
	}
	g, code := one(t, "/groups", `{"$token":"k","$group_key":"company","$group_id":"acme","$set":{"size":12}}`)
	if code != "" || g.Kind != event.Group || g.GroupID != "acme" || len(g.Properties) != 1 || g.Properties[0].Str != "company" || len(g.Traits) != 1 {
		t.Errorf("%q %+v", code, g)
	}
	for body, want := range map[string]string{
		`{"$token":"k","$set":{"a":1}}`: "missing_identity", `{"$distinct_id":"u","$unset":[""]}`: "bad_key", `7`: "not_object",
		`{"$distinct_id":"u","$set":{"a":1},"$set":{}}`: "duplicate_key",
	} {
		if _, code := one(t, "/engage", "["+body+"]"); code != want {
			t.Errorf("%s: %q, want %q", body, code, want)
		}
	}
}

// TestEncodings are all ways in which the same event is written.
func TestEncodings(t *testing.T) {
	const plain = `{"event":"a?>~ü","properties":{"token":"key","distinct_id":"u","$insert_id":"1","time":1795434225.5}}`
	raw := base64.StdEncoding.EncodeToString([]byte(plain))
	if !strings.ContainsAny(raw, "+/") {
		t.Fatal("the base64 has nothing that a form could spoil")
	}
	for name, r := range map[string]*ingest.Request{
		"get":               ingesttest.Call(http.MethodGet, "/track?ip=0&data="+url.QueryEscape(raw), ""),
		"get url base64":    ingesttest.Call(http.MethodGet, "/track?data="+base64.RawURLEncoding.EncodeToString([]byte(plain)), ""),
		"form raw base64":   ingesttest.Call(http.MethodPost, "/track?ip=0", "data="+raw),
		"form escaped":      ingesttest.Call(http.MethodPost, "/track", "verbose=1&ip=1&data="+url.QueryEscape(raw)),
		"form JSON":         ingesttest.Call(http.MethodPost, "/track", "data="+url.QueryEscape(plain)),
		"JSON":              ingesttest.Call(http.MethodPost, "/track", plain),
		"JSON array":        ingesttest.Call(http.MethodPost, "/import?strict=1", "["+plain+"]"),
		"lines":             ingesttest.Call(http.MethodPost, "/import?strict=1", plain+"\n\n"+plain+"\n"),
		"lines, one broken": ingesttest.Call(http.MethodPost, "/import?strict=1", plain+"\n{oops\n"),
	} {
		ingesttest.Rules(t, mixpanel.Protocol{}, r)
		events, dead := ingesttest.Decode(t, mixpanel.Protocol{}, r)
		if len(events) == 0 || events[0].Name != "a?>~ü" || events[0].OriginalTime != 1795434225_500000 || r.Key != "key" {
			t.Errorf("%s: key %q %+v", name, r.Key, events)
		}
		if strings.Contains(name, "broken") != (len(dead) == 1) {
			t.Errorf("%s: dead %+v", name, dead)
		}
	}
}

func TestKeys(t *testing.T) {
	basic := ingesttest.Call(http.MethodPost, "/import?strict=1&api_key=old", `[{"event":"e","properties":{"distinct_id":"u"}}]`)
	basic.Key = "basic"
	token := ingesttest.Call(http.MethodPost, "/import?strict=1", `[{"event":"e","properties":{"distinct_id":"u","token":"token"}}]`)
	token.Key = "service-account"
	query := ingesttest.Call(http.MethodPost, "/import?api_key=old", `[{"event":"e","properties":{"distinct_id":"u"}}]`)
	for want, r := range map[string]*ingest.Request{"basic": basic, "token": token, "old": query} {
		if ingesttest.Decode(t, mixpanel.Protocol{}, r); r.Key != want {
			t.Errorf("key %q, want %q", r.Key, want)
		}
	}
	mixed := ingesttest.Call(http.MethodPost, "/track", `[{"event":"e","properties":{"distinct_id":"u","token":"a"}},{"event":"e","properties":{"distinct_id":"u","token":"b"}}]`)
	if events, dead := ingesttest.Decode(t, mixpanel.Protocol{}, mixed); mixed.Key != "a" || len(events) != 1 || len(dead) != 1 || dead[0].Code != "other_key" {
		t.Errorf("key %q, %+v %+v", mixed.Key, events, dead)
	}
}

func TestRefused(t *testing.T) {
	for body, code := range map[string]string{
		`{"event":`: "malformed_json", `7`: "not_object", ` `: "empty_body", `data=%21`: "malformed_json", `a=b`: "malformed_json",
		`[` + strings.Repeat("1,", 10_000) + `1]`: "too_many_events", "{}\n" + strings.Repeat("{}\n", 10_000): "too_many_events",
	} {
		_, err := ingest.Decode(mixpanel.Protocol{}, ingesttest.Call(http.MethodPost, "/import", body))
		if e, ok := err.(*event.Error); !ok || e.Code != code { //nolint:errorlint // as a decoder has to return it
			t.Errorf("%.40s: %v", body, err)
		}
	}
}

func FuzzMixpanel(f *testing.F) {
	files, err := filepath.Glob("testdata/*.http")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		r := ingesttest.Capture(f, file)
		f.Add(string(r.Body))
		if data := r.Query.Get("data"); data != "" {
			f.Add("data=" + data)
		}
	}
	f.Add(`[{"event":"$merge","properties":{"$distinct_ids":["$device:a","b"],"time":"x","$original_timestamp":1}},{"$group_id":1,"$unset":[null,"a","a"],"$group_key":{}}]`)
	f.Add("{\"event\":\"e\",\"properties\":{\"distinct_id\":1}}\n{}\n[\n")
	f.Fuzz(func(t *testing.T, body string) {
		for _, path := range []string{"/track?_=1795434225123", "/engage"} {
			ingesttest.Rules(t, mixpanel.Protocol{}, ingesttest.Call(http.MethodPost, path, body))
		}
	})
}
