package posthog_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/ingest/posthog"
)

// TestDocuments: what SDKs ask for at start is there for pages of other origins, with and without a slash, and behind the
// protocol's name.
func TestDocuments(t *testing.T) {
	door := ingest.New(ingest.Options{
		Limits: ingest.DefaultLimits(), Logger: slog.New(slog.DiscardHandler), Tracer: noop.NewTracerProvider().Tracer(""),
		Metrics: prometheus.NewRegistry(), Now: time.Now,
	})
	mux := http.NewServeMux()
	door.Register(mux, p)
	posthog.Remote{Door: door}.Register(mux)
	for _, c := range []struct {
		method, path string
		status       int
		member       string
	}{
		{"POST", "/flags/?v=2", 200, "flags"},
		{"POST", "/flags", 200, "featureFlags"},
		{"POST", "/decide/?v=3", 200, "featureFlagPayloads"},
		{"POST", "/decide/?v=4", 200, "flags"},
		{"POST", "/decide", 200, "featureFlags"},
		{"POST", "/posthog/flags/?v=2", 200, "flags"},
		{"GET", "/array/phc_key/config", 200, "supportedCompression"},
		{"GET", "/posthog/array/phc_key/config?ip=0", 200, "token"},
		{"GET", "/api/surveys/?token=phc_key", 200, "surveys"},
		{"GET", "/flags/definitions?token=phc_key", 404, ""},
		{"POST", "/s/?compression=gzip-js", 200, "status"},
		{"POST", "/i/v1/logs", 200, "status"},
		{"OPTIONS", "/flags/", 204, ""},
		{"OPTIONS", "/array/phc_key/config", 204, ""},
		{"OPTIONS", "/e/", 204, ""},
	} {
		r := httptest.NewRequest(c.method, c.path, strings.NewReader("{}"))
		r.Header.Set("Origin", "https://shop.example")
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		if w.Code != c.status || w.Header().Get("Access-Control-Allow-Origin") != "https://shop.example" {
			t.Errorf("%s %s: %d %v", c.method, c.path, w.Code, w.Header())
		}
		if c.member == "" {
			continue
		}
		var doc map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil || doc[c.member] == nil {
			t.Errorf("%s %s: %v %s", c.method, c.path, err, w.Body)
		}
	}
}

// TestConfigScript: a key cannot end the script that it stands in.
func TestConfigScript(t *testing.T) {
	mux := http.NewServeMux()
	posthog.Remote{Door: ingest.New(ingest.Options{Metrics: prometheus.NewRegistry()})}.Register(mux)
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/array/%3C%2Fscript%3E%22];x/config.js", http.NoBody))
	if text := w.Body.String(); w.Code != 200 || strings.Contains(text, "</script>") ||
		!strings.Contains(text, `["\u003c/script\u003e\"];x"]={config:{`) || !strings.Contains(w.Header().Get("Content-Type"), "javascript") {
		t.Errorf("%d %s", w.Code, text)
	}
}
