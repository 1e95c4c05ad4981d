// Package ingest takes events over HTTP: key, decompression, limits, one decoder per wire format, then one append to
// the event log, and only after that the answer. A request becomes one record of the log; an event that cannot be read
// travels in it as a dead letter beside its good neighbours.
package ingest

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/valyala/fastjson"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/freshet/freshet/internal/cache"
	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/fault"
	"github.com/freshet/freshet/internal/jsontree"
)

// PositionHeader carries the position after the last event of an accepted request; a query that names it as
// consistent_with sees all of them.
const PositionHeader = "Freshet-Position"

// Options configure a Handler.
type Options struct {
	// Log is where events go; one that is eventlog.Several has a Log for each project.
	Log eventlog.Log
	// Operator is where what no client has sent goes, such as an unlink or a dead letter that is tried again; default Log.
	Operator eventlog.Log
	Keys     Keys
	Limits   Limits
	Trusted  []netip.Prefix
	Logger   *slog.Logger
	Tracer   trace.Tracer
	Metrics  prometheus.Registerer
	// Decoders is how many requests are decoded at a time; 0 is as many as goroutines run at a time.
	Decoders int
	// Behind tells that a reader of the log is so far behind that acknowledging more would only make events visible later;
	// nil means never. It is asked often and must not block.
	Behind func() bool
	// RateOf is how many events a second a project may send, 0 for as many as Limits says. It is asked for each request, so
	// that another number is in effect at once; nil when no project has its own.
	RateOf func(project uint32) int
	// FullUntil tells that a project has all the events that it may have until then. It is asked for each request; nil when no project may be
	// full.
	FullUntil func(project uint32, now time.Time) (time.Time, bool)
	// Debts is what projects have sent to all processes that take events; nil when this is the only one. See ShareRates.
	Debts cache.Debts
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Handler serves all protocols.
type Handler struct {
	opts     Options
	metrics  *metrics
	inFlight atomic.Int64
	gate     *gate
	// projectRates and deviceRates bound the events a second.
	projectRates, deviceRates *rates
	quota                     *quota
	// protocols are those registered, by name; routes are by method and path.
	protocols map[string]Protocol
	routes    map[string]*route
	// preflights are the paths for which OPTIONS is answered.
	preflights map[string]bool
	// several tells that projects have logs of their own, of which one may be away without the others.
	several bool
	sinks   sync.Pool
	parsers sync.Pool
}

// appendTimeout bounds the wait for the disk: past it the client is told to come again, and nothing was acknowledged.
const appendTimeout = 2 * time.Second

// New makes a handler.
func New(o Options) *Handler {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Operator == nil {
		o.Operator = o.Log
	}
	h := &Handler{opts: o, protocols: map[string]Protocol{}, routes: map[string]*route{}, preflights: map[string]bool{}}
	_, h.several = o.Log.(eventlog.Several)
	h.gate = newGate(o.Now, o.Limits.Weights, o.Decoders, o.Behind)
	h.projectRates = newRates("project", o.Now)
	h.deviceRates = newRates("device", o.Now)
	h.quota = &quota{until: o.FullUntil, now: o.Now}
	if o.Debts != nil {
		share(h.projectRates, o.Debts, o.Logger, o.Metrics)
	}
	h.metrics = newMetrics(o.Metrics, func() float64 { return float64(h.inFlight.Load()) })
	h.gate.show(o.Metrics)
	h.sinks.New = func() any { return new(Sink) }
	h.parsers.New = func() any { return new(jsontree.Parser) }
	return h
}

// accept decodes and appends, and sets the sink's Position. source tells clients apart.
func (h *Handler) accept(ctx context.Context, p Protocol, req *Request, sink *Sink, source uint64) error {
	t, err := h.gate.enter(h.likely(ctx, req.Key), source)
	if err != nil {
		return err
	}
	defer t.leave()
	waited, err := decode(t, p, req, sink)
	if err != nil {
		return err
	}
	if req.Key == "" {
		return event.Errorf(event.Unauthorized, "missing_key", "no write key: give it by Basic or Bearer authorization or where the SDK puts it")
	}
	project, err := h.opts.Keys.WriteKey(ctx, req.Key)
	if err != nil {
		return err
	}
	if err := t.belongs(uint32(project)); err != nil {
		return err
	}
	n := sink.enc.Len()
	if n == 0 {
		_, sink.Position = eventlog.Of(h.opts.Log, uint32(project)).Bounds()
		return nil
	}
	if err := h.bound(uint32(project), sink); err != nil {
		return err
	}
	began := h.opts.Now()
	first, err := h.append(ctx, uint32(project), eventlog.Record{Payload: sink.payload(uint32(project), req.ReceivedAt, traceOf(ctx)), Events: n})
	if log := eventlog.Number(h.opts.Log, uint32(project)); err == nil || !h.several {
		h.gate.waited(log, waited+h.opts.Now().Sub(began))
	}
	if err != nil {
		return err
	}
	sink.Position = first + eventlog.Position(n)
	h.metrics.bytes.Add(float64(len(req.Body)))
	for code, n := range sink.deadCodes {
		h.metrics.dead.WithLabelValues(code).Add(float64(n))
	}
	return nil
}

// decode fills the sink when it is the request's turn, and tells how long it waited for that.
func decode(t *ticket, p Protocol, req *Request, sink *Sink) (waited time.Duration, err error) {
	if waited, err = t.wait(len(req.Body)); err != nil {
		return 0, err
	}
	defer t.done()
	return waited, p.Decode(req, sink)
}

// likely is the project of a key that came in the header, 0 when there is none or no good one.
func (h *Handler) likely(ctx context.Context, key string) uint32 {
	if key == "" {
		return 0
	}
	project, err := h.opts.Keys.WriteKey(ctx, key)
	if err != nil {
		return 0
	}
	return uint32(project)
}

// bound holds the request to what its project may have, to the rates of the project and, when all its events are of one device, of that one: a server
// that relays the events of many is the project's to bound.
func (h *Handler) bound(project uint32, sink *Sink) error {
	n := sink.enc.Len()
	if err := h.quota.check(project); err != nil {
		return err
	}
	if sink.device != 0 && !sink.mixed {
		if err := h.deviceRates.take(sink.device^uint64(project)<<32, h.opts.Limits.DeviceRate, n); err != nil {
			return err
		}
	}
	return h.projectRates.take(uint64(project), h.projectRate(project), n)
}

// projectRate is the project's own, or that of all.
func (h *Handler) projectRate(project uint32) int {
	if h.opts.RateOf != nil {
		if own := h.opts.RateOf(project); own > 0 {
			return own
		}
	}
	return h.opts.Limits.ProjectRate
}

// append brings a record to the project's log, within the time that a client may be kept waiting for it. A client that has closed
// its own direction, which ends its request's context, waits for the answer all the same.
func (h *Handler) append(ctx context.Context, project uint32, r eventlog.Record) (eventlog.Position, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), appendTimeout)
	defer cancel()
	ctx, span := h.opts.Tracer.Start(ctx, "log append")
	defer span.End()
	first, err := eventlog.Of(h.opts.Log, project).Append(ctx, r)
	if err != nil {
		span.SetStatus(codes.Error, err.Error())
	}
	return first, err
}

// traceOf is the sampled trace that ctx belongs to; what is not sampled costs nothing further on.
func traceOf(ctx context.Context) (t event.Trace) {
	if sc := trace.SpanContextFromContext(ctx); sc.IsSampled() {
		id, span := sc.TraceID(), sc.SpanID()
		copy(t[:16], id[:])
		copy(t[16:], span[:])
	}
	return t
}

// refuse answers an error: what can never pass with a 4xx, what may pass later with 429 or 503 and Retry-After.
func (h *Handler) refuse(ctx context.Context, w http.ResponseWriter, r *Request, p Protocol, err error) {
	var e *event.Error
	if !errors.As(err, &e) {
		e = &event.Error{Kind: event.Unavailable, Code: "internal", Message: "the event could not be taken", Wait: time.Minute, Err: err}
	}
	h.metrics.refused.WithLabelValues(p.Name(), e.Code).Inc()
	if e.Kind == event.Unavailable {
		h.opts.Logger.WarnContext(ctx, "request refused", "code", e.Code, "error", err)
	}
	if own, ok := p.(Refuser); ok {
		own.Refuse(w, r, e)
		return
	}
	WriteError(w, e)
}

// RetryAfter sets the header of that name when the condition may pass, with jitter, so that phones that were refused
// together do not come back together.
func RetryAfter(w http.ResponseWriter, e *event.Error) {
	if e.Wait > 0 || e.Kind == event.Overloaded || e.Kind == event.Unavailable {
		wait := cmp.Or(e.Wait, time.Minute)
		wait += time.Duration(rand.Int64N(int64(wait) / 2))
		w.Header().Set("Retry-After", strconv.Itoa(int(wait/time.Second)))
	}
}

// WriteError answers with problem details (RFC 9457) and RetryAfter.
func WriteError(w http.ResponseWriter, e *event.Error) {
	RetryAfter(w, e)
	status := e.Kind.Status()
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	var a fastjson.Arena
	o := a.NewObject()
	o.Set("type", a.NewString("about:blank"))
	o.Set("title", a.NewString(http.StatusText(status)))
	o.Set("status", a.NewNumberInt(status))
	o.Set("code", a.NewString(e.Code))
	o.Set("detail", a.NewString(e.Message))
	if e.Field != "" {
		o.Set("field", a.NewString(e.Field))
	}
	_, _ = w.Write(o.MarshalTo(nil))
}

// AllowOrigin lets browsers of any origin send events and read what a refused client must know.
func AllowOrigin(w http.ResponseWriter, r *http.Request) {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return
	}
	head := w.Header()
	head.Set("Access-Control-Allow-Origin", origin)
	head.Set("Access-Control-Allow-Credentials", "true")
	head.Set("Access-Control-Expose-Headers", "Retry-After, RateLimit, RateLimit-Policy, "+PositionHeader)
	head.Add("Vary", "Origin")
	if r.Method == http.MethodOptions {
		head.Set("Access-Control-Allow-Methods", "GET, POST, OPTIONS")
		head.Set("Access-Control-Allow-Headers", r.Header.Get("Access-Control-Request-Headers"))
		head.Set("Access-Control-Max-Age", "86400")
	}
}

// headerKey finds the write key in Basic (user name, with or without the colon) or Bearer authorization.
func headerKey(r *http.Request) string {
	if user, _, ok := r.BasicAuth(); ok {
		return user
	}
	kind, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(kind, "Bearer") {
		return strings.TrimSpace(rest)
	}
	if strings.EqualFold(kind, "Basic") {
		return decodeBase64(strings.TrimSpace(rest))
	}
	return ""
}

// clientIP is the peer's address, or the last forwarded one that no trusted proxy added.
func clientIP(r *http.Request, trusted []netip.Prefix) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	forwarded := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(forwarded) - 1; i >= 0 && isTrusted(host, trusted); i-- {
		next := strings.TrimSpace(forwarded[i])
		if _, err := netip.ParseAddr(next); err != nil {
			break
		}
		host = next
	}
	return host
}

func isTrusted(host string, trusted []netip.Prefix) bool {
	a, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	if fault.Planted(fault.AnyProxy) {
		return true
	}
	for _, p := range trusted {
		if p.Contains(a.Unmap()) {
			return true
		}
	}
	return false
}

type metrics struct {
	accepted, dead, refused *prometheus.CounterVec
	bytes                   prometheus.Counter
	ack                     *prometheus.HistogramVec
}

func newMetrics(r prometheus.Registerer, inFlight func() float64) *metrics {
	vec := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "freshet_ingest_" + name + "_total", Help: help}, labels)
	}
	m := &metrics{
		accepted: vec("accepted_events", "Events acknowledged.", "protocol"),
		dead:     vec("dead_events", "Events acknowledged that could not be read and were kept as dead letters.", "code"),
		refused:  vec("refused_requests", "Requests refused.", "protocol", "code"),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "freshet_ingest_body_bytes_total", Help: "Bytes of accepted bodies, decompressed.",
		}),
		ack: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "freshet_ingest_ack_seconds", Help: "Time from the request to its durable acknowledgement.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14),
		}, []string{"protocol"}),
	}
	r.MustRegister(m.accepted, m.dead, m.refused, m.bytes, m.ack, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "freshet_ingest_in_flight_bytes", Help: "Bytes of all bodies being worked on; past limits.max_in_flight clients get 429.",
	}, inFlight))
	return m
}
