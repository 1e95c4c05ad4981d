package ingest_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/freshet/freshet/internal/eventlog/disk"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/ingest/native"
)

// TestForwardedFor: an address is believed only from proxies that are trusted, and then the last one that none of them
// added.
func TestForwardedFor(t *testing.T) {
	for _, c := range []struct {
		name, peer, forwarded, want string
	}{
		{"no proxy", "203.0.113.9:1", "", "203.0.113.9"},
		{"a client that pretends", "203.0.113.9:1", "198.51.100.7", "203.0.113.9"},
		{"a trusted proxy", "10.0.0.1:1", "198.51.100.7", "198.51.100.7"},
		{"a client that pretends behind one", "10.0.0.1:1", "192.0.2.1, 198.51.100.7", "198.51.100.7"},
		{"two trusted proxies", "10.0.0.1:1", "198.51.100.7, 10.0.0.2", "198.51.100.7"},
		{"no address", "10.0.0.1:1", "unknown", "10.0.0.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := disk.Open(disk.Options{Dir: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			h := ingest.New(ingest.Options{
				Log: l, Keys: oneKey{}, Limits: ingest.DefaultLimits(), Logger: slog.New(slog.DiscardHandler),
				Tracer: noop.NewTracerProvider().Tracer(""), Metrics: prometheus.NewRegistry(), Now: time.Now,
				Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
			})
			mux := http.NewServeMux()
			h.Register(mux, native.Protocol{})
			r := httptest.NewRequest(http.MethodPost, "/v1/events", strings.NewReader(`{"event":"e","user_id":"u"}`))
			r.SetBasicAuth("good", "")
			if r.RemoteAddr = c.peer; c.forwarded != "" {
				r.Header.Set("X-Forwarded-For", c.forwarded)
			}
			mux.ServeHTTP(httptest.NewRecorder(), r)
			if items := logged(t, l); len(items) != 1 || items[0].Context.IP != c.want {
				t.Fatalf("%+v, want the address %s", items, c.want)
			}
		})
	}
}
