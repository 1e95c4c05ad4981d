package rudderstack_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest/ingesttest"
	"github.com/freshet/freshet/internal/ingest/rudderstack"
	"github.com/freshet/freshet/internal/store"
)

var p rudderstack.Protocol

func TestCaptures(t *testing.T) { ingesttest.Captures(t, p) }

func TestEvents(t *testing.T) {
	for _, c := range []struct {
		name, target, body, dead string
		want                     func(e event.Event) bool
	}{
		{"the app's own time", "/v1/track", `{"event":"a","userId":"u","timestamp":"2026-01-02","originalTimestamp":"2026-01-03","channel":"web"}`, "", func(e event.Event) bool {
			return e.OriginalTime == 1767312000e6 && e.Context.Extra == `{"channel":"web"}` && !e.SentFresh
		}},
		{"traits of the context", "/v1/batch", `{"batch":[{"type":"identify","userId":"u","context":{"traits":{"plan":"pro"},"sessionId":7}}]}`, "", func(e event.Event) bool {
			return len(e.Traits) == 1 && e.Traits[0].Str == "pro" && e.SessionID == "7" && e.Context.Extra == ""
		}},
		{"merge", "/v1/merge", `{"mergeProperties":[{"type":"anonymous_id","value":"a"},{"type":"user_id","value":"u"}],"userId":"u"}`, "", func(e event.Event) bool {
			return e.Kind == event.Alias && e.UserID == "u" && e.PreviousID == "a"
		}},
		{"merge of what is no id of ours", "/v1/merge", `{"mergeProperties":[{"type":"email","value":"a"},{"type":"user_id","value":"u"}],"userId":"u"}`, "", func(e event.Event) bool {
			return e.Kind == event.Alias && e.PreviousID == "" && strings.Contains(e.Context.Extra, "email")
		}},
		{"beacon", "/beacon/v1/batch?writeKey=k", `{"batch":[{"type":"track","event":"x","anonymousId":"a"}]}`, "", func(e event.Event) bool { return e.Name == "x" }},
		{"unknown type", "/v1/batch", `{"batch":[{"type":"t","userId":"u"}]}`, "unknown_type", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, dead := ingesttest.One(t, p, ingesttest.Call(http.MethodPost, c.target, c.body))
			if dead != c.dead || c.want != nil && !c.want(got) {
				t.Fatalf("%q %+v", dead, got)
			}
		})
	}
}

func TestPixel(t *testing.T) {
	r := ingesttest.Call(http.MethodGet, "/pixel/v1/track?writeKey=k&anonymousId=a&event=Opened&properties.mail=7&context.locale=en", "")
	got, dead := ingesttest.One(t, p, r)
	if dead != "" || got.Name != "Opened" || got.Properties[0].Str != "7" || got.Context.Locale != "en" {
		t.Fatalf("%q %+v", dead, got)
	}
	if _, _ = ingesttest.Decode(t, p, r); r.Key != "k" {
		t.Errorf("key %q", r.Key)
	}
}

func TestClaims(t *testing.T) {
	rudder := `{"batch":[{"channel":"server","originalTimestamp":"2026-01-01T00:00:00Z","type":"track"}]}`
	for _, c := range []struct {
		target, body, header string
		want                 bool
	}{
		{"/v1/batch", rudder, "", true},
		{"/v1/batch", `{"batch":[{"type":"track","timestamp":"2026-01-01T00:00:00Z","properties":{"channel":"x"}}]}`, "", false},
		{"/v1/batch", "", "", false},
		{"/v1/track", "{}", "AnonymousId", true},
		{"/v1/batch", "{}", "RS-userAgent", true},
		{"/v1/merge", "", "", true},
		{"/beacon/v1/batch", "", "", true},
	} {
		if got := p.Claims(ingesttest.Call(http.MethodPost, c.target, c.body, c.header, "x")); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

type keys map[string]error

func (k keys) WriteKey(_ context.Context, key string) (store.ProjectID, error) {
	err, known := k[key]
	if !known {
		return 0, event.Errorf(event.Unauthorized, "unknown_key", "no such key")
	}
	return 1, err
}

func TestSource(t *testing.T) {
	mux := http.NewServeMux()
	rudderstack.Remote{Keys: keys{"good": nil, "later": event.Errorf(event.Unavailable, "away", "not now")}}.Register(mux)
	for _, c := range []struct {
		method, path, user string
		status             int
	}{
		{"GET", "/sourceConfig/?p=web&v=3", "good", 200},
		{"GET", "/sourceConfig?writeKey=good", "", 200},
		{"GET", "/rudderstack/sourceConfig/", "good", 200},
		{"OPTIONS", "/sourceConfig/", "", 204},
		{"GET", "/sourceConfig/", "nobody", 404},
		{"GET", "/sourceConfig/", "later", 503}, // a phone must not take a passing condition for a wrong key
		{"GET", "/cluster-info", "", 200},
	} {
		r := httptest.NewRequest(c.method, c.path, http.NoBody)
		if c.user != "" {
			r.SetBasicAuth(c.user, "")
		}
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		var doc struct {
			Source struct {
				WriteKey string
				Enabled  bool
			}
			NodeCount int
		}
		if w.Code != c.status || w.Code == 200 && json.Unmarshal(w.Body.Bytes(), &doc) != nil {
			t.Errorf("%s %s: %d %s", c.method, c.path, w.Code, w.Body)
		}
		if w.Code == 200 && doc.NodeCount != 1 && (doc.Source.WriteKey != "good" || !doc.Source.Enabled) {
			t.Errorf("%s: %s", c.path, w.Body)
		}
	}
}

func FuzzRudderStack(f *testing.F) {
	f.Add(string(ingesttest.Capture(f, "testdata/rudder-sdk-node-3.0.13-batch.http").Body), "properties.a=1&event=e&userId=u")
	f.Add(`{"batch":[{"type":"merge","mergeProperties":[{"type":"user_id","value":1},{"type":"user_id","value":"b"}]}]}`, "a.b=1&a=2&a.c=%ff")
	f.Add(`{"context":{"app":{"x":1},"traits":{"a":1}},"batch":[{"type":"identify","userId":"u","context":{"app":{"x":[2]}}}]}`, "properties=1&properties.a=1")
	f.Fuzz(func(t *testing.T, body, query string) {
		ingesttest.Rules(t, p, ingesttest.Call(http.MethodPost, "/v1/batch", body))
		ingesttest.Rules(t, p, ingesttest.Call(http.MethodPost, "/v1/merge", body))
		ingesttest.Rules(t, p, ingesttest.Call(http.MethodGet, "/pixel/v1/track?"+query, ""))
	})
}
