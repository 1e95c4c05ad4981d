package mixpanel_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/ingest/mixpanel"
)

func TestRemote(t *testing.T) {
	mux := http.NewServeMux()
	mixpanel.Remote{Door: ingest.New(ingest.Options{
		Logger: slog.New(slog.DiscardHandler), Tracer: noop.NewTracerProvider().Tracer(""), Metrics: prometheus.NewRegistry(), Now: time.Now,
	})}.Register(mux)
	for path, want := range map[string]string{"/decide": "{}", "/mixpanel/settings/": "{}", "/flags/": `{"flags":{}}`} {
		r := httptest.NewRequest(http.MethodGet, path+"?token=k", http.NoBody)
		r.Header.Set("Origin", "https://shop.example")
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		if w.Code != 200 || w.Body.String() != want || w.Header().Get("Access-Control-Allow-Origin") != "https://shop.example" {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}
