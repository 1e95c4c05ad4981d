package umami_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/ingest/ingesttest"
	"github.com/freshet/freshet/internal/ingest/umami"
)

var p umami.Protocol

const token = "umami-0123456789abcdef0123456789abcdef"

func TestCaptures(t *testing.T) { ingesttest.Captures(t, p) }

func TestEvents(t *testing.T) {
	for _, c := range []struct {
		name, body, cache, dead string
		want                    func(e event.Event) bool
	}{
		{"page", `{"type":"event","payload":{"website":"k","url":"/a?utm_medium=m","title":"A","screen":"1x2","hostname":"h"}}`, "", "", func(e event.Event) bool {
			return e.Kind == event.Page && e.Properties[0].Str == "A" && e.Context.PagePath == "/a" && e.Context.CampaignMedium == "m" &&
				e.Context.ScreenHeight == 2 && e.Context.Extra == `{"hostname":"h"}` && strings.HasPrefix(e.AnonymousID, "umami-")
		}},
		{"own name of a page", `{"payload":{"title":"A","data":{"name":"B","n":1}}}`, "", "", func(e event.Event) bool { return len(e.Properties) == 2 && e.Properties[0].Str == "B" }},
		{"user", `{"payload":{"name":"a","id":7,"data":{"n":1},"timestamp":1795526588}}`, "", "", func(e event.Event) bool {
			return e.UserID == "7" && e.AnonymousID == "" && e.OriginalTime == 1795526588e6
		}},
		{"user in a browser", `{"payload":{"name":"a","id":"u"}}`, token, "", func(e event.Event) bool { return e.AnonymousID == token && e.Links }},
		{"somebody's own token", `{"payload":{"name":"a"}}`, "x", "", func(e event.Event) bool { return e.AnonymousID != "x" }},
		{"identify", `{"type":"identify","payload":{"id":"u","data":{"plan":"pro"}}}`, "", "", func(e event.Event) bool {
			return e.Kind == event.Identify && e.AnonymousID != "" && e.Traits[0].Str == "pro"
		}},
		{"performance", `{"type":"performance","payload":{"lcp":1.5,"url":"/"}}`, "", "", func(e event.Event) bool { return e.Name == "$performance" && e.Properties[0].Num == 1.5 }},
		{"data of another sort", `{"payload":{"name":"a","data":[1]}}`, "", "", func(e event.Event) bool { return e.Context.Extra == `{"data":[1]}` }},
		{"no payload", `{"type":"event"}`, "", "not_object", nil},
		{"unknown type", `{"type":"x","payload":{}}`, "", "unknown_type", nil},
		{"twice", `{"payload":{"name":"a","name":"b"}}`, "", "duplicate_key", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, dead := ingesttest.One(t, p, ingesttest.Call(http.MethodPost, "/api/send", c.body, "X-Umami-Cache", c.cache))
			if dead != c.dead || c.want != nil && !c.want(got) {
				t.Fatalf("%q %+v", dead, got)
			}
		})
	}
}

// TestSame: the same view at another moment is another one; an event with a time of its own is the same whenever it comes.
func TestSame(t *testing.T) {
	id := func(body string, later int64) string {
		r := ingesttest.Call(http.MethodPost, "/api/send", body)
		r.ReceivedAt += later
		e, _ := ingesttest.Decode(t, p, r)
		return e[0].ID
	}
	if body := `{"payload":{"url":"/"}}`; id(body, 0) == id(body, 1) {
		t.Error("two views are one")
	}
	if body := `{"payload":{"url":"/","timestamp":1795526588}}`; id(body, 0) != id(body, 1) {
		t.Error("a view with a time is two")
	}
}

func TestAnswer(t *testing.T) {
	var given struct {
		Cache, SessionID, VisitID string
		Processed                 int
	}
	for _, target := range []string{"/api/send", "/api/batch"} {
		for _, cache := range []string{"", token} {
			r := ingesttest.Call(http.MethodPost, target, `{"payload":{"website":"k","name":"a"}}`, "X-Umami-Cache", cache)
			events, _ := ingesttest.Decode(t, p, r)
			w := httptest.NewRecorder()
			p.Answer(w, r, new(ingest.Sink))
			if err := json.Unmarshal(w.Body.Bytes(), &given); err != nil || given.Cache != events[0].AnonymousID || len(given.SessionID) != 36 || r.Key != "k" {
				t.Errorf("%s %q: %s", target, cache, w.Body)
			}
		}
	}
}

func FuzzUmami(f *testing.F) {
	f.Add(string(ingesttest.Capture(f, "testdata/node-0.4.0-event.http").Body))
	f.Add(`[{"type":"performance","payload":{"lcp":1,"data":{"lcp":2}}},{"payload":{"title":"a","data":{"name":[1]}}},1]`)
	f.Fuzz(func(t *testing.T, body string) {
		ingesttest.Rules(t, p, ingesttest.Call(http.MethodPost, "/api/batch", body))
	})
}
