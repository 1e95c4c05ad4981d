package ga4_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest/ga4"
	"github.com/freshet/freshet/internal/ingest/ingesttest"
)

var p ga4.Protocol

func TestEvents(t *testing.T) {
	for _, c := range []struct {
		name, body, dead string
		want             func(e event.Event) bool
	}{
		{"event", `{"client_id":"c.1","timestamp_micros":"1795526588000001","consent":{"ad_user_data":"GRANTED"},"ip_override":"192.0.2.1",` +
			`"device":{"category":"mobile","operating_system":"iOS","screen_resolution":"1x2","browser":"Safari"},` +
			`"events":[{"name":"purchase","params":{"session_id":123,"engagement_time_msec":100,"value":42.5,"items":[{"item_id":"a"}]}}]}`, "", func(e event.Event) bool {
			c := e.Context
			return e.Name == "purchase" && e.AnonymousID == "c.1" && e.OriginalTime == 1795526588000001 && e.SessionID == "123" && len(e.Properties) == 3 &&
				c.IP == "192.0.2.1" && c.DeviceType == "mobile" && c.OSName == "iOS" && c.ScreenWidth == 1 &&
				c.Extra == `{"consent":{"ad_user_data":"GRANTED"},"device":{"browser":"Safari"},"measurement_id":"G-1"}`
		}},
		{"user", `{"app_instance_id":"i","user_id":7,"user_properties":{"plan":{"value":"pro"},"n":1},"events":[{"name":"login"}]}`, "", func(e event.Event) bool {
			return e.UserID == "7" && e.AnonymousID == "i" && e.Links && e.Traits[0].Str == "pro" && e.Traits[1].Num == 1
		}},
		{"page", `{"client_id":"c","events":[{"name":"page_view","params":{"page_location":"https://a.example/x?utm_source=s","page_title":"X"}}]}`, "", func(e event.Event) bool {
			return e.Kind == event.Page && e.Context.PagePath == "/x" && e.Context.CampaignSource == "s" && e.Properties[0].Str == "X"
		}},
		{"screen", `{"client_id":"c","events":[{"name":"screen_view","params":{"screen_name":"S","firebase_screen":"F"}}]}`, "", func(e event.Event) bool {
			return e.Kind == event.Screen && e.Properties[0].Key == "name" && e.Properties[1].Key == "firebase_screen"
		}},
		{"own time", `{"client_id":"c","timestamp_micros":1,"events":[{"name":"a","timestamp_micros":1795526588000001}]}`, "", func(e event.Event) bool { return e.OriginalTime == 1795526588000001 }},
		{"no name", `{"client_id":"c","events":[{"params":{}}]}`, "bad_event_name", nil},
		{"nobody", `{"events":[{"name":"a"}]}`, "missing_identity", nil},
		{"no object", `{"client_id":"c","events":[1]}`, "not_object", nil},
		{"bad text", `{"client_id":"c","events":[{"name":"a","params":{"a":"\udc00"}}]}`, "invalid_unicode", nil},
		{"bad text for all", `{"client_id":"c","user_id":{"x":[1,1]},"user_properties":{"a":1,"a":2},"events":[{"name":"a"}]}`, "duplicate_key", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := ingesttest.Call(http.MethodPost, "/mp/collect?measurement_id=G-1&api_secret=k", c.body)
			got, dead := ingesttest.One(t, p, r)
			if dead != c.dead || c.want != nil && !c.want(got) || r.Key != "k" {
				t.Fatalf("%q %+v", dead, got)
			}
		})
	}
}

func TestDebug(t *testing.T) {
	for body, want := range map[string]string{
		`{"client_id":"c","events":[{"name":"a"}]}`: `{"validationMessages":[]}`,
		`{"events":[{"name":"a"},{}]}`:              `events[1].name`,
	} {
		r := ingesttest.Call(http.MethodPost, "/debug/mp/collect", body)
		if events, dead := ingesttest.Decode(t, p, r); len(events)+len(dead) != 0 {
			t.Errorf("kept: %+v %+v", events, dead)
		}
		w := httptest.NewRecorder()
		if p.Answer(w, r, nil); w.Code != 200 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
	w := httptest.NewRecorder()
	if p.Answer(w, ingesttest.Call(http.MethodPost, "/mp/collect", "{}"), nil); w.Code != http.StatusNoContent {
		t.Errorf("status %d", w.Code)
	}
}

func FuzzGA4(f *testing.F) {
	f.Add(`{"client_id":"c","user_properties":{"a":{"value":[1]}},"device":{"x":1},"events":[{"name":"screen_view","params":{"screen_name":1,"name":2}},{"name":"a","x":{}}]}`)
	f.Add(`{"app_instance_id":1,"client_id":2,"user_id":"u","events":[{"name":"page_view","params":{"page_title":"a","page_location":"?utm_term=%00"}}]}`)
	f.Fuzz(func(t *testing.T, body string) {
		ingesttest.Rules(t, p, ingesttest.Call(http.MethodPost, "/mp/collect?firebase_app_id=f", body))
	})
}
