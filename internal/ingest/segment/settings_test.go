package segment_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest/segment"
	"github.com/freshet/freshet/internal/store"
)

type keys map[string]error

func (k keys) WriteKey(_ context.Context, key string) (store.ProjectID, error) {
	err, known := k[key]
	if !known {
		return 0, event.Errorf(event.Unauthorized, "unknown_key", "no such key")
	}
	return 1, err
}

func TestSettingsDocument(t *testing.T) {
	mux := http.NewServeMux()
	segment.Remote{
		Keys:    keys{"good": nil, "later": event.Errorf(event.Unavailable, "away", "not now")},
		Address: func(*http.Request) (string, string) { return "events.example.com", "https" },
	}.Register(mux)
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/v1/projects/good/settings", 200},
		{"OPTIONS", "/v1/projects/good/settings", 204},
		{"GET", "/v1/projects/nobody/settings", 404},
		{"GET", "/v1/projects/later/settings", 503}, // a phone must not take a passing condition for a wrong key
		{"POST", "/v1/m", 200},
		{"OPTIONS", "/v1/m", 204},
	} {
		r := httptest.NewRequest(c.method, c.path, http.NoBody)
		r.Header.Set("Origin", "https://shop.example")
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		if w.Code != c.status || w.Header().Get("Access-Control-Allow-Origin") != "https://shop.example" {
			t.Errorf("%s %s: %d %v", c.method, c.path, w.Code, w.Header())
		}
		if c.path != "/v1/projects/good/settings" || c.method != "GET" {
			continue
		}
		var doc struct {
			Integrations map[string]struct{ APIKey, APIHost, Protocol string }
			Metrics      struct{ SampleRate *float64 }
		}
		if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
			t.Fatal(err)
		}
		io := doc.Integrations["Segment.io"]
		if io.APIKey != "good" || io.APIHost != "events.example.com/v1" || io.Protocol != "https" ||
			doc.Metrics.SampleRate == nil || *doc.Metrics.SampleRate != 0 {
			t.Errorf("document %s", w.Body)
		}
	}
}
