package server

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
)

// buffer is a log that several goroutines write.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func start(t *testing.T, o Options) (*Server, string, *buffer) {
	t.Helper()
	log := &buffer{}
	o.Logger = slog.New(LogHandler(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	o.Registry = prometheus.NewRegistry()
	s := New(o)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context(), l, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Drain(ctx, nil); err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
		goleak.VerifyNone(t)
	})
	return s, "http://" + l.Addr().String(), log
}

func get(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

func TestAnswersBeforeItIsReady(t *testing.T) {
	s, url, _ := start(t, Options{})
	resp, body := get(t, url+"/v1/batch")
	var p struct {
		Status int
		Code   string
	}
	if err := json.Unmarshal([]byte(body), &p); err != nil || resp.StatusCode != http.StatusServiceUnavailable || p.Status != http.StatusServiceUnavailable || p.Code != "starting" {
		t.Errorf("%d %s %v", resp.StatusCode, body, err)
	}
	if after := resp.Header.Get("Retry-After"); len(after) != 2 || after < "60" || after > "90" {
		t.Errorf("Retry-After %q", after)
	}
	if resp, _ := get(t, url+"/healthz"); resp.StatusCode != http.StatusOK {
		t.Error("unhealthy", resp.StatusCode)
	}
	if resp, _ := get(t, url+"/readyz"); resp.StatusCode != http.StatusServiceUnavailable {
		t.Error("ready too soon", resp.StatusCode)
	}
	s.SetHandler(http.NotFoundHandler())
	if resp, _ := get(t, url+"/readyz"); resp.StatusCode != http.StatusOK {
		t.Error("not ready", resp.StatusCode)
	}
}

func TestStandsBy(t *testing.T) {
	s, url, _ := start(t, Options{Hold: time.Minute})
	s.StandBy("another one works")
	for path, want := range map[string]int{"/x": 503, "/readyz": 503, "/readyz?standby=ok": 200, "/healthz": 200} {
		resp, body := get(t, url+path)
		if resp.StatusCode != want || want == 503 && (!strings.Contains(body, `"code":"standby"`) || !strings.Contains(body, "another one works")) {
			t.Errorf("%s: %d %s", path, resp.StatusCode, body)
		}
	}
	s.StandBy("")
	if resp, body := get(t, url+"/readyz?standby=ok"); resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, `"code":"starting"`) {
		t.Errorf("who takes over: %d %s", resp.StatusCode, body)
	}
	s.SetHandler(http.NotFoundHandler())
	if resp, _ := get(t, url+"/x"); resp.StatusCode != http.StatusNotFound {
		t.Error("it does not work", resp.StatusCode)
	}
}

func TestHeldRequestsAreServedWhenReady(t *testing.T) {
	s, url, _ := start(t, Options{Hold: time.Minute})
	done := make(chan string)
	go func() {
		_, body := get(t, url+"/x")
		done <- body
	}()
	for s.held.Load() == 0 {
		get(t, url+"/healthz")
	}
	s.SetHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "late") }))
	if got := <-done; got != "late" {
		t.Error(got)
	}
}

func TestPathsAreNeverRedirected(t *testing.T) {
	s, url, _ := start(t, Options{})
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/batch", func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) })
	s.SetHandler(mux)
	for _, path := range []string{"/v1//batch", "//v1/batch", "/v1/./batch", "/v1/x/../batch", "/v1/batch"} {
		resp, err := http.Post(url+path, "text/plain", strings.NewReader("hello"))
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK || string(b) != "hello" {
			t.Errorf("%s: %d %s", path, resp.StatusCode, b)
		}
	}
}

func TestPanicIsAnsweredCountedAndLogged(t *testing.T) {
	s, url, log := start(t, Options{})
	s.SetHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/late" {
			w.(http.Flusher).Flush()
			io.WriteString(w, "half")
		}
		panic("oh")
	}))
	resp, body := get(t, url+"/x")
	if resp.StatusCode != http.StatusInternalServerError || !strings.Contains(body, `"code":"internal"`) || strings.Contains(body, "oh") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	if resp, err := http.Get(url + "/late"); err == nil {
		if _, err := io.ReadAll(resp.Body); err == nil {
			t.Error("half an answer passed for a whole one")
		}
		resp.Body.Close()
	}
	id := resp.Header.Get(RequestIDHeader)
	if !strings.Contains(log.String(), `"request_id":"`+id+`"`) || !strings.Contains(log.String(), "handler panicked") {
		t.Error(log.String())
	}
	if _, text := get(t, url+"/metrics"); !strings.Contains(text, "freshet_http_panics_total 2") {
		t.Error(text)
	}
}

func TestRequestsAreCountedByRoute(t *testing.T) {
	s, url, _ := start(t, Options{})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /things/{id}", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })
	s.SetHandler(mux)
	for _, path := range []string{"/things/1", "/things/2", "/nothing"} {
		get(t, url+path)
	}
	_, text := get(t, url+"/metrics")
	for _, want := range []string{
		`freshet_http_requests_total{route="GET /things/{id}",status="204"} 2`,
		`freshet_http_requests_total{route="unmatched",status="404"} 1`,
		`freshet_http_request_seconds_count{route="GET /things/{id}"} 2`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("missing %s in\n%s", want, text)
		}
	}
}

func TestClientRequestIDs(t *testing.T) {
	for id, kept := range map[string]bool{"abc-1": true, "": false, "a b": false, `a"b`: false, strings.Repeat("x", 65): false} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set(RequestIDHeader, id)
		if got := requestID(r); (got == id) != kept {
			t.Errorf("%q became %q", id, got)
		}
	}
}

func TestDrainEndsStreamsAndFinishesRequests(t *testing.T) {
	s := New(Options{Logger: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry()})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context(), l, nil); err != nil {
		t.Fatal(err)
	}
	release := make(chan struct{})
	inHandler := make(chan struct{})
	s.SetHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/live" {
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, ": hi\n\n")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			return
		}
		close(inHandler)
		<-release
		io.WriteString(w, "done")
	}))
	url := "http://" + l.Addr().String()
	live, err := http.Get(url + "/live")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(live.Body).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	answer := make(chan string)
	go func() {
		_, body := get(t, url+"/slow")
		answer <- body
	}()
	<-inHandler
	drained := make(chan error)
	go func() { drained <- s.Drain(context.Background(), nil) }()
	if _, err := io.ReadAll(live.Body); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
	live.Body.Close()
	close(release)
	if got := <-answer; got != "done" {
		t.Error(got)
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
}

func TestAdminPort(t *testing.T) {
	s, _, _ := start(t, Options{})
	addr, err := s.StartAdmin(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/debug/pprof/", "/metrics", "/healthz"} {
		if resp, _ := get(t, "http://"+addr.String()+path); resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
}

// TestClientsThatGoAreNoErrors: a 5xx that nobody was there to get must not burn the budget of those that somebody got.
func TestClientsThatGoAreNoErrors(t *testing.T) {
	s, url, log := start(t, Options{})
	began, done := make(chan struct{}), make(chan struct{})
	s.SetHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(done)
		close(began)
		<-r.Context().Done()
		w.WriteHeader(http.StatusGatewayTimeout)
	}))
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/slow", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		<-began
		cancel()
	}()
	if resp, err := http.DefaultClient.Do(req); err == nil {
		resp.Body.Close()
		t.Fatal("answered")
	}
	<-done
	for deadline := time.Now().Add(10 * time.Second); ; {
		_, text := get(t, url+"/metrics")
		if strings.Contains(text, `freshet_http_requests_total{route="unmatched",status="499"} 1`) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(text)
		}
		runtime.Gosched()
	}
	if strings.Contains(log.String(), `"level":"ERROR"`) {
		t.Error(log.String())
	}
}
