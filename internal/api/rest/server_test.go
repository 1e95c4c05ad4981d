package rest

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/server"
)

// serve puts the world behind the real server.
func (w *world) serve(t *testing.T) (*server.Server, string) {
	t.Helper()
	s := server.New(server.Options{Logger: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry()})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	must(t, s.Start(t.Context(), l, nil))
	s.SetHandler(w.mux)
	return s, "http://" + l.Addr().String()
}

func (w *world) get(t *testing.T, url, key string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	must(t, err)
	r.Header.Set("Authorization", "Bearer "+w.secret(key))
	resp, err := http.DefaultClient.Do(r)
	must(t, err)
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func TestBehindTheServer(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 3)
	s, url := w.serve(t)
	for _, path := range []string{"/v1/me", "/v1/projects/1", "/v1/nothing", "/v1/openapi.json"} {
		// A request is counted when its handler is done, which the end of the answer tells.
		_, err := io.Copy(io.Discard, w.get(t, url+path, "1 admin").Body)
		must(t, err)
	}
	text, err := io.ReadAll(w.get(t, url+"/metrics", "").Body)
	must(t, err)
	for _, route := range []string{`route="GET /v1/me",status="200"`, `route="GET /v1/",status="404"`, `route="GET /v1/openapi.json",status="200"`} {
		if !strings.Contains(string(text), route) {
			t.Errorf("%s is not counted", route)
		}
	}
	live := w.get(t, url+"/v1/live", "1 read")
	first := make([]byte, 5)
	if _, err := io.ReadFull(live.Body, first); err != nil || string(first) != "event" {
		t.Fatal(string(first), err)
	}
	must(t, s.Drain(context.Background(), nil))
	if _, err := io.ReadAll(live.Body); err != nil {
		t.Errorf("the drain broke the stream: %v", err)
	}
	waitFor(t, func() bool {
		w.api.live.mu.Lock()
		defer w.api.live.mu.Unlock()
		return w.api.live.open == 0
	})
}

// brokenWriter takes so many bytes.
type brokenWriter struct {
	http.ResponseWriter
	left int
}

func (b *brokenWriter) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, errors.New("gone")
	}
	return b.ResponseWriter.Write(p)
}

func TestHalfAnExportIsCutOff(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 500)
	inner := w.mux
	w.mux = http.NewServeMux()
	w.mux.HandleFunc("/", func(rw http.ResponseWriter, r *http.Request) {
		inner.ServeHTTP(&brokenWriter{rw, 100 << 10}, r)
	})
	s, url := w.serve(t)
	resp := w.get(t, url+"/v1/export", "1 read")
	if b, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("%d bytes passed for all", len(b))
	}
	must(t, s.Drain(context.Background(), nil))
}

func TestNewWantsWhatItNeeds(t *testing.T) {
	if _, err := New(Options{Engine: &query.Engine{}}); err == nil {
		t.Error("an API of nothing")
	}
}
