package server

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// RequestIDHeader carries the id of a request: the client's own if it sent a usable one.
const RequestIDHeader = "X-Request-Id"

type requestIDKey struct{}

// RequestID is the id of the request that ctx belongs to, or empty.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// serve is the outermost handler.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	began := s.opts.Now()
	s.metrics.inFlight.Inc()
	defer s.metrics.inFlight.Dec()

	id := requestID(r)
	w.Header().Set(RequestIDHeader, id)
	ctx := context.WithValue(r.Context(), requestIDKey{}, id)
	if r.Header.Get("Traceparent") != "" {
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(r.Header))
	}
	ctx, span := s.opts.Tracer.Start(ctx, "http", trace.WithSpanKind(trace.SpanKindServer))
	defer span.End()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r = r.WithContext(ctx)
	r.URL.Path, r.URL.RawPath = cleanPath(r.URL.Path, r.URL.RawPath)

	if s.draining.Load() {
		w.Header().Set("Connection", "close")
	}
	rec := newRecorder(w)
	rec.onStream = func() { s.stream(rec, cancel) }
	r.Body = newGuardedBody(rec, r.Body)
	defer func() {
		v := recover()
		aborted := v == http.ErrAbortHandler //nolint:errorlint // as net/http tells it: wrapped, it is a panic like others
		if v != nil && !aborted {
			s.panicked(ctx, rec, r, v)
		}
		if rec.streaming {
			s.unstream(rec)
		}
		rec.renew(time.Now())
		s.finish(r, rec, span, began)
		if aborted || v != nil && !rec.replied {
			panic(http.ErrAbortHandler) // half an answer must not look like a whole one
		}
	}()
	if why := ambiguous(r); why != "" {
		rec.Header().Set("Connection", "close")
		problem(rec, http.StatusBadRequest, "ambiguous_length", why)
		return
	}
	h := s.target(r)
	if h == nil {
		s.starting(rec)
		return
	}
	h.ServeHTTP(rec, r)
}

// cleanPath removes doubled slashes and dots here, because the mux would answer a redirect, and SDKs do not follow a
// redirect with a POST. A trailing slash stays.
func cleanPath(p, raw string) (string, string) {
	if p != "" && p[0] == '/' && !strings.Contains(p, "//") && !strings.Contains(p, "/.") {
		return p, raw
	}
	if p == "*" {
		return p, raw
	}
	clean := path.Clean("/" + p)
	if strings.HasSuffix(p, "/") && clean != "/" {
		clean += "/"
	}
	return clean, ""
}

func requestID(r *http.Request) string {
	if id := r.Header.Get(RequestIDHeader); usableID(id) {
		return id
	}
	var b [8]byte
	n := rand.Uint64()
	for i := range b {
		b[i] = byte(n >> (8 * i))
	}
	return hex.EncodeToString(b[:])
}

// usableID keeps what clients send from breaking the log or filling it.
func usableID(id string) bool {
	if id == "" || len(id) > 64 {
		return false
	}
	for _, c := range []byte(id) {
		if c <= ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

func (s *Server) panicked(ctx context.Context, rec *recorder, r *http.Request, v any) {
	s.metrics.panics.Inc()
	s.opts.Logger.ErrorContext(ctx, "handler panicked", "route", r.Pattern, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
	if !rec.wrote {
		rec.replied = true
		problem(rec, http.StatusInternalServerError, "internal", "the request could not be served; the log has the request id")
	}
}

// statusGone is what a request counts as whose client went away before it was answered, as nginx has it.
const statusGone = 499

// finish counts and logs a request that is done. Successes are logged at debug, because a server that takes 20,000
// requests a second would otherwise write more log than data; what fails is always logged.
func (s *Server) finish(r *http.Request, rec *recorder, span trace.Span, began time.Time) {
	status := rec.status
	if status == 0 {
		status = http.StatusOK
	}
	if status >= 500 && r.Context().Err() != nil {
		// The client has gone, so nobody got this answer, and it is not the server's fault.
		status = statusGone
	}
	took := s.opts.Now().Sub(began)
	s.metrics.observe(r.Pattern, status, took)
	if span.IsRecording() {
		span.SetName(r.Pattern)
		span.SetAttributes(attribute.String("http.route", r.Pattern), attribute.Int("http.response.status_code", status))
		if status >= 500 {
			span.SetStatus(codes.Error, http.StatusText(status))
		}
	}
	level := slog.LevelDebug
	switch {
	case status >= 500 && status != http.StatusServiceUnavailable:
		level = slog.LevelError
	case status == http.StatusServiceUnavailable:
		level = slog.LevelWarn
	case status >= 400 && status != http.StatusTooManyRequests: // those come by the thousand, and are counted
		level = slog.LevelInfo
	}
	ctx := r.Context()
	if !s.opts.Logger.Enabled(ctx, level) {
		return
	}
	s.opts.Logger.LogAttrs(ctx, level, "request", slog.String("method", r.Method), slog.String("route", r.Pattern),
		slog.Int("status", status), slog.Int64("bytes", rec.bytes), slog.Float64("took_ms", float64(took.Microseconds())/1000))
}

// problem answers with problem details (RFC 9457). What may pass carries a Retry-After of a minute and up to half as
// much again, so that clients that were refused together do not come back together.
func problem(w http.ResponseWriter, status int, code, detail string) {
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", strconv.Itoa(60+rand.IntN(31)))
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	b, _ := json.Marshal(struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Code   string `json:"code"`
		Detail string `json:"detail"`
	}{"about:blank", http.StatusText(status), status, code, detail})
	_, _ = w.Write(append(b, '\n'))
}

// starting refuses a request that came before there was anything to serve it. Browsers must be able to read it.
func (s *Server) starting(w http.ResponseWriter) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Access-Control-Expose-Headers", "Retry-After")
	if what := s.standby.Load(); what != nil {
		problem(w, http.StatusServiceUnavailable, "standby", *what)
		return
	}
	problem(w, http.StatusServiceUnavailable, "starting", "the server is starting"+s.waiting()+"; try again later")
}

// recorder notes what was answered, and cuts clients that do not take it: each write must get through within
// stallTimeout, so a stream may last for ever and a dead peer may not.
type recorder struct {
	http.ResponseWriter
	control *http.ResponseController
	renewed time.Time
	status  int
	bytes   int64
	wrote   bool
	// onStream is called when the answer turns out to be a stream of events.
	onStream  func()
	streaming bool
	// replied tells that a panic was answered with a problem.
	replied bool
}

func newRecorder(w http.ResponseWriter) *recorder {
	rec := &recorder{ResponseWriter: w, control: http.NewResponseController(w)}
	rec.renew(time.Now())
	return rec
}

func (rec *recorder) renew(now time.Time) {
	if now.Sub(rec.renewed) > time.Second {
		rec.renewed = now
		// Not every ResponseWriter has a deadline (those of tests do not), and then none is needed.
		_ = rec.control.SetWriteDeadline(now.Add(stallTimeout))
	}
}

// Unwrap lets http.ResponseController reach the connection.
func (rec *recorder) Unwrap() http.ResponseWriter { return rec.ResponseWriter }

func (rec *recorder) begin(status int) {
	rec.status, rec.wrote = status, true
	if strings.HasPrefix(rec.Header().Get("Content-Type"), "text/event-stream") && rec.onStream != nil {
		rec.streaming = true
		rec.onStream()
	}
}

func (rec *recorder) WriteHeader(status int) {
	if status >= 200 && !rec.wrote {
		rec.begin(status)
	}
	rec.renew(time.Now())
	rec.ResponseWriter.WriteHeader(status)
}

func (rec *recorder) Write(b []byte) (int, error) {
	if !rec.wrote {
		rec.begin(http.StatusOK)
	}
	rec.renew(time.Now())
	n, err := rec.ResponseWriter.Write(b)
	rec.bytes += int64(n)
	return n, err
}

// Flush is for handlers that ask for http.Flusher.
func (rec *recorder) Flush() { _ = rec.control.Flush() }

// guardedBody gives up on a body that stalls or trickles.
type guardedBody struct {
	io.ReadCloser
	control    *http.ResponseController
	began, end time.Time
	renewed    time.Time
	received   int64
}

func newGuardedBody(rec *recorder, body io.ReadCloser) io.ReadCloser {
	if body == nil || body == http.NoBody {
		return body
	}
	b := &guardedBody{ReadCloser: body, control: rec.control, began: rec.renewed, end: rec.renewed.Add(bodyTimeout)}
	b.renew(rec.renewed)
	return b
}

func (b *guardedBody) renew(now time.Time) {
	if now.Sub(b.renewed) > time.Second {
		b.renewed = now
		_ = b.control.SetReadDeadline(b.deadline(now))
	}
}

// deadline is when the next bytes must have come.
func (b *guardedBody) deadline(now time.Time) time.Time {
	stalled := now.Add(bodyStall)
	trickled := b.began.Add(bodyStall + time.Duration(b.received)*time.Second/leastRate)
	if trickled.Before(stalled) {
		stalled = trickled
	}
	if stalled.After(b.end) {
		return b.end
	}
	return stalled
}

func (b *guardedBody) Read(p []byte) (int, error) {
	b.renew(time.Now())
	n, err := b.ReadCloser.Read(p)
	b.received += int64(n)
	if err == io.EOF {
		// The deadline must not outlive the body, or it would end a long answer.
		_ = b.control.SetReadDeadline(time.Time{})
	}
	return n, err
}
