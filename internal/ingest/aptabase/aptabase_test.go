package aptabase_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest/aptabase"
	"github.com/freshet/freshet/internal/ingest/ingesttest"
)

var p aptabase.Protocol

func TestCaptures(t *testing.T) { ingesttest.Captures(t, p) }

func TestEvents(t *testing.T) {
	for _, c := range []struct {
		name, body, dead string
		want             func(e event.Event) bool
	}{
		{"session", `{"eventName":"a","sessionId":179552658937130383,"timestamp":"2026-11-24T13:23:09.197Z"}`, "", func(e event.Event) bool {
			return e.SessionID == "179552658937130383" && e.AnonymousID == e.SessionID && e.OriginalTime == 1795526589197e3 && !e.Links
		}},
		{"device", `{"eventName":"a","sessionId":"s","systemProps":{"osName":"iOS","osVersion":"18","deviceModel":"m","appVersion":"1","appBuildNumber":2,"locale":"en",` +
			`"sdkVersion":"aptabase-swift@0.3.11","engineName":"WebKit","isDebug":true},"props":{"a":1}}`, "", func(e event.Event) bool {
			c := e.Context
			return c.OSName == "iOS" && c.AppBuild == "2" && c.LibraryName == "aptabase-swift" && c.LibraryVersion == "0.3.11" &&
				c.Extra == `{"systemProps":{"engineName":"WebKit"}}` && e.Properties[1].Key == "is_debug"
		}},
		{"user", `{"eventName":"$identify","sessionId":"s","props":{"$user_id":7,"plan":"pro"}}`, "", func(e event.Event) bool {
			return e.Kind == event.Identify && e.UserID == "7" && e.Links && len(e.Traits) == 1 && len(e.Properties) == 0
		}},
		{"odd members", `{"eventName":"a","sessionId":"s","props":[1],"x":2,"timestamp":"soon"}`, "", func(e event.Event) bool {
			return e.Context.Extra == `{"props":[1],"x":2,"timestamp":"soon"}`
		}},
		{"no name", `{"sessionId":"s"}`, "bad_event_name", nil},
		{"no session", `{"eventName":"a"}`, "missing_identity", nil},
		{"no object", `[1]`, "not_object", nil},
		{"twice", `{"eventName":"a","sessionId":"s","props":{"a":1,"a":2}}`, "duplicate_key", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, dead := ingesttest.One(t, p, ingesttest.Call(http.MethodPost, "/api/v0/events", c.body))
			if dead != c.dead || c.want != nil && !c.want(got) {
				t.Fatalf("%q %+v", dead, got)
			}
		})
	}
}

func TestKeyAndAnswers(t *testing.T) {
	for header, want := range map[string]string{"A-SH-fw_abc": "fw_abc", "a-sh-fw_abc": "fw_abc", "fw_abc": "fw_abc", "A-EU-1": "A-EU-1"} {
		r := ingesttest.Call(http.MethodPost, "/api/v0/event", `{}`, "App-Key", header)
		if _, _ = ingesttest.Decode(t, p, r); r.Key != want {
			t.Errorf("%s: %q", header, r.Key)
		}
	}
	for kind, want := range map[event.ErrorKind]int{event.Unauthorized: 401, event.Overloaded: 503, event.Unavailable: 503, event.Timeout: 503} {
		w := httptest.NewRecorder()
		if p.Refuse(w, nil, event.Errorf(kind, "c", "m")); w.Code != want {
			t.Errorf("%v: %d", kind, w.Code)
		}
	}
}

func FuzzAptabase(f *testing.F) {
	f.Add(string(ingesttest.Capture(f, "testdata/web-0.5.0-event.http").Body))
	f.Add(`[{"eventName":"$identify","sessionId":1e400,"props":{"$user_id":{},"is_debug":1},"systemProps":{"isDebug":true,"sdkVersion":"@","x":[1]}}]`)
	f.Fuzz(func(t *testing.T, body string) {
		ingesttest.Rules(t, p, ingesttest.Call(http.MethodPost, "/api/v0/events", body))
	})
}
