package ingest_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/ingest/native"
)

// TestQuota refuses the events of a project that has all that it may have, until the month is over or somebody raises what it may.
func TestQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var until time.Time // when project 2 is no longer full
		h := ingest.New(ingest.Options{
			Log: &slowLog{turn: make(chan struct{}, 1)}, Keys: numberedKeys{}, Limits: ingest.DefaultLimits(), Logger: slog.New(slog.DiscardHandler),
			Tracer: noop.NewTracerProvider().Tracer(""), Metrics: prometheus.NewRegistry(),
			FullUntil: func(project uint32, now time.Time) (time.Time, bool) { return until, project == 2 && now.Before(until) },
		})
		mux := http.NewServeMux()
		h.Register(mux, native.Protocol{})
		send := func(project string, body io.Reader) *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			r := httptest.NewRequest(http.MethodPost, "/v1/events", body)
			r.SetBasicAuth(project, "")
			mux.ServeHTTP(w, r)
			return w
		}
		taken := func(project, when string) {
			t.Helper()
			if w := send(project, strings.NewReader(`{"event":"e","user_id":"u"}`)); w.Code != http.StatusOK {
				t.Errorf("%s: %d %s", when, w.Code, w.Body)
			}
		}
		refused := func(body io.Reader, least, most int) {
			t.Helper()
			w := send("2", body)
			wait, _ := strconv.Atoi(w.Header().Get("Retry-After"))
			if w.Code != http.StatusTooManyRequests || !strings.Contains(w.Body.String(), `"project_quota"`) || !strings.Contains(w.Body.String(), until.Format(time.RFC3339)) {
				t.Errorf("a full project: %d %s", w.Code, w.Body)
			}
			if wait < least || wait > most {
				t.Errorf("it is told to wait for %d s, not %d to %d", wait, least, most)
			}
		}
		one := func() io.Reader { return strings.NewReader(`{"event":"e","user_id":"u"}`) }
		taken("2", "before")
		until = time.Now().Add(72 * time.Hour)
		refused(one(), 3600, 5400) // somebody may raise it
		refused(stuck{t}, 3600, 5400)
		taken("1", "another project")
		until = time.Now().Add(time.Minute)
		refused(stuck{t}, 60, 90)
		<-time.After(time.Minute)
		taken("2", "the next month")
		until = time.Now().Add(time.Hour)
		refused(one(), 3600, 5400)
		until = time.Time{}
		taken("2", "it is raised")
	})
}
