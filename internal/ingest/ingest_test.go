package ingest_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog/disk"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/ingest/native"
	"github.com/freshet/freshet/internal/ingest/segment"
	"github.com/freshet/freshet/internal/store"
)

type oneKey struct{}

func (oneKey) WriteKey(_ context.Context, key string) (store.ProjectID, error) {
	if key == "good" {
		return 7, nil
	}
	return 0, event.Errorf(event.Unauthorized, "unknown_key", "nothing is known of this key")
}

func server(t testing.TB) (*http.ServeMux, *disk.Log) {
	t.Helper()
	mux, _, l := handler(t)
	return mux, l
}

func handler(t testing.TB) (*http.ServeMux, *ingest.Handler, *disk.Log) {
	t.Helper()
	l, err := disk.Open(disk.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	h := ingest.New(ingest.Options{
		Log: l, Keys: oneKey{}, Limits: ingest.DefaultLimits(), Logger: slog.New(slog.DiscardHandler),
		Tracer: noop.NewTracerProvider().Tracer(""), Metrics: prometheus.NewRegistry(), Now: time.Now,
	})
	mux := http.NewServeMux()
	h.Register(mux, segment.Protocol{})
	h.Register(mux, native.Protocol{})
	return mux, h, l
}

func TestAnswers(t *testing.T) {
	const good = `{"type":"track","event":"buy","userId":"u1","messageId":"m1"}`
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte(`{"batch":[` + good + `]}`))
	_ = z.Close()
	var bomb bytes.Buffer
	z.Reset(&bomb)
	_, _ = z.Write([]byte("[" + strings.Repeat(" ", 40<<20) + "]"))
	_ = z.Close()
	for _, c := range []struct {
		name, path, key, body string
		status, events        int
		has                   string
	}{
		{"one", "/v1/track", "good", good, 200, 1, "success"},
		{"trailing slash", "/v1/batch/", "good", `{"batch":[` + good + `]}`, 200, 1, ""},
		{"gzip without a header", "/v1/batch", "good", zipped.String(), 200, 1, ""},
		{"a small body of 40 MB", "/v1/batch", "good", bomb.String(), 413, 0, "body_too_large"},
		{"cut gzip", "/v1/batch", "good", zipped.String()[:zipped.Len()/2], 400, 0, "bad_compression"},
		{"key in the body", "/v1/batch", "", `{"writeKey":"good","batch":[` + good + `]}`, 200, 1, ""},
		{"bad neighbour", "/v1/batch", "good", `{"batch":[` + good + `,{"type":"nonsense"},7]}`, 200, 3, ""},
		{"invalid UTF-8 beside a good event", "/v1/batch", "good", `{"batch":[` + good + `,{"type":"track","event":"` + "\xff" + `","userId":"u"}]}`, 200, 2, ""},
		{"a NUL escape", "/v1/events", "good", `[{"event":"a","user_id":"u","properties":{"x":["\u0000"]}},{"event":"a","user_id":"u"}]`, 200, 2, "nul_byte"},
		{"no NUL but its name", "/v1/events", "good", `[{"event":"a\\u0000","user_id":"u"},{"event":"","user_id":"u"}]`, 200, 2, `"accepted":1`},
		{"no name beside a NUL", "/v1/events", "good", `[{"event":"a\u0000","user_id":"u"},{"event":"","user_id":"u"}]`, 200, 2, "bad_event_name"},
		{"many values", "/v1/events", "good", "[" + strings.Repeat("1,", 1<<20) + "1]", 413, 0, "too_many_values"},
		{"malformed", "/v1/batch", "good", `{"batch":[`, 400, 0, "malformed_json"},
		{"empty", "/v1/batch", "good", ``, 400, 0, "empty_body"},
		{"no key", "/v1/batch", "", `{"batch":[` + good + `]}`, 401, 0, "missing_key"},
		{"unknown key", "/v1/batch", "bad", `{"batch":[` + good + `]}`, 401, 0, "unknown_key"},
		{"native array", "/v1/events", "good", `[{"event":"a","user_id":"u"},{"event":" "}]`, 200, 2, "bad_event_name"},
		{"native lines", "/v1/events", "good", "{\"event\":\"a\",\"user_id\":\"u\"}\n{oops\n", 200, 2, "malformed_json"},
		{"too many", "/v1/events", "good", "[" + strings.Repeat("1,", 10_000) + "1]", 413, 0, "too_many_events"},
	} {
		t.Run(c.name, func(t *testing.T) {
			mux, l := server(t)
			r := httptest.NewRequest(http.MethodPost, c.path, strings.NewReader(c.body))
			if c.key != "" {
				r.SetBasicAuth(c.key, "")
			}
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, r)
			if _, end := l.Bounds(); w.Code != c.status || int(end) != c.events || !strings.Contains(w.Body.String(), c.has) {
				t.Fatalf("status %d, %d events: %s", w.Code, end, w.Body)
			}
		})
	}
}

func TestParseTime(t *testing.T) {
	for in, want := range map[string]string{
		"2026-04-01T12:00:00Z": "2026-04-01T12:00:00Z", "2026-04-01T12:00:00.5+02:00": "2026-04-01T10:00:00.5Z",
		"2026-04-01": "2026-04-01T00:00:00Z", "1775044800": "2026-04-01T12:00:00Z", "1775044800000": "2026-04-01T12:00:00Z",
		"2026-02-30T00:00:00Z": "", "0000-01-01T00:00:00Z": "", "99999-01-01T00:00:00Z": "", "x": "",
	} {
		us, ok := ingest.ParseTime(in)
		if got := time.UnixMicro(us).UTC().Format(time.RFC3339Nano); ok != (want != "") || ok && got != want {
			t.Errorf("%s: %s, %v, want %s", in, got, ok, want)
		}
	}
}

// TestEveryDay reads every day that there is as the standard library has it.
func TestEveryDay(t *testing.T) {
	if testing.Short() {
		t.Skip("nothing goes on beside it")
	}
	var text []byte
	for day := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC); day.Year() <= 9999; day = day.AddDate(0, 0, 1) {
		text = day.AppendFormat(text[:0], time.DateOnly)
		if us, ok := ingest.ParseTime(string(text)); !ok || us != day.UnixMicro() {
			t.Fatalf("%s is %d, %v", text, us, ok)
		}
	}
	for _, never := range []string{"2026-02-29", "1900-02-29", "2026-04-31", "2026-13-01", "2026-00-10", "2026-01-00", "2026-01-32"} {
		if us, ok := ingest.ParseTime(never); ok {
			t.Errorf("%s is %d", never, us)
		}
	}
}
