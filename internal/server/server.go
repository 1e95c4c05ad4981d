// Package server is the HTTP server around everything: it answers from the first moment of start-up to the last of a
// drain, bounds what slow or broken clients can cost, counts and logs every request, survives panics and hands its
// listening socket to a successor. It knows nothing of what the routes do.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

const (
	headerTimeout  = 5 * time.Second
	idleTimeout    = 120 * time.Second
	maxHeaderBytes = 32 << 10
	// stallTimeout is how long a client may take no byte of its answer.
	stallTimeout = 30 * time.Second
	// bodyStall is how long a client may send no byte of its body, and what it may be behind leastRate.
	bodyStall = 10 * time.Second
	// leastRate is in bytes a second: what even the worst of mobile networks carries, and a trickle meant to hold a
	// connection does not.
	leastRate = 256
	// bodyTimeout bounds a whole body.
	bodyTimeout = 5 * time.Minute
	// maxHeld bounds the requests that wait for a handler; more are refused.
	maxHeld = 4096
)

// Options configure a Server. Logger and Registry must be given.
type Options struct {
	Logger   *slog.Logger
	Registry *prometheus.Registry
	// Tracer makes the span of each request; nil for none.
	Tracer trace.Tracer
	// Hold is how long requests that arrive before SetHandler wait for it; 0 refuses them at once.
	Hold time.Duration
	// MaxConnections is how many connections of clients are open at a time; past it those that have been quiet for
	// longest are closed. 0 is 4096.
	MaxConnections int
	// Now is the clock of the access log; nil is time.Now.
	Now func() time.Time
}

// Server serves one public and, if asked, one admin port.
type Server struct {
	opts     Options
	metrics  *metrics
	http     *http.Server
	admin    *http.Server
	tracker  *tracker
	listener net.Listener
	builtin  *http.ServeMux

	handler atomic.Pointer[http.Handler]
	waits   atomic.Pointer[string]
	// standby says that another process does the work.
	standby  atomic.Pointer[string]
	draining atomic.Bool
	held     atomic.Int64
	turns    turnstile
	wg       sync.WaitGroup

	// mu guards fault, the first error of a listener that ended by itself, and streams, the answers that would
	// never end by themselves.
	mu      sync.Mutex
	fault   error
	streams map[*recorder]context.CancelFunc
	faults  chan struct{}
}

// New makes a server that is not listening yet.
func New(o Options) *Server {
	if o.Tracer == nil {
		o.Tracer = noop.NewTracerProvider().Tracer("")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MaxConnections == 0 {
		o.MaxConnections = maxHeld
	}
	s := &Server{
		opts: o, metrics: newMetrics(o.Registry), faults: make(chan struct{}),
		streams: map[*recorder]context.CancelFunc{}, tracker: newTracker(o.MaxConnections),
	}
	s.builtin = http.NewServeMux()
	s.builtin.HandleFunc("GET /healthz", s.healthz)
	s.builtin.HandleFunc("GET /readyz", s.readyz)
	s.builtin.Handle("GET /metrics", promhttp.HandlerFor(o.Registry, promhttp.HandlerOpts{Registry: o.Registry}))
	s.http = newHTTP(http.HandlerFunc(s.serve), o.Logger)
	s.http.ConnState, s.http.ConnContext = s.tracker.state, withConn
	return s
}

func newHTTP(h http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
}

// Start serves the listener until Drain. With a predecessor (which may be nil) it asks that one to stop, waits until it
// accepts no more and takes over its open connections. From then on every route answers: health at once, the rest as
// soon as SetHandler was called. The data folder is free after Predecessor.Wait.
func (s *Server) Start(ctx context.Context, l net.Listener, before *Predecessor) error {
	if before != nil {
		if err := before.drain(ctx); err != nil {
			return err
		}
		s.run(s.http, listener{before, s.tracker})
	}
	s.listener = l
	s.run(s.http, listener{l, s.tracker})
	return nil
}

// StartAdmin serves pprof and metrics on an address of its own.
func (s *Server) StartAdmin(ctx context.Context, addr string) (net.Addr, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on the admin address: %w", err)
	}
	s.admin = newHTTP(s.adminHandler(), s.opts.Logger)
	s.run(s.admin, l)
	return l.Addr(), nil
}

func (s *Server) run(h *http.Server, l net.Listener) {
	s.wg.Go(func() {
		err := h.Serve(l)
		if !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, errGone) && !s.draining.Load() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.fault == nil {
				s.fault = fmt.Errorf("serve %s: %w", l.Addr(), err)
				close(s.faults)
			}
		}
	})
}

// Failed is closed when a listener ended by itself; Err says why.
func (s *Server) Failed() <-chan struct{} { return s.faults }

// Err is the error behind Failed.
func (s *Server) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fault
}

// SetHandler makes the server ready: h serves every route but the health and metrics ones. What was held goes through in the
// order in which it came, a few at a time, and what comes meanwhile behind it. It is called once.
func (s *Server) SetHandler(h http.Handler) {
	s.handler.Store(&h)
	s.turns.unlock()
}

// StandBy has those who ask told that another process does the work, as long as what says so is not empty: in place of an answer that
// would be held until there is a handler, they get one at once.
func (s *Server) StandBy(what string) {
	s.waits.Store(nil)
	s.standby.Store(nil)
	if what != "" {
		s.standby.Store(&what)
	}
}

// WaitFor has those who are told that the server is starting told what it waits for, as in "the database of its keys".
func (s *Server) WaitFor(what string) { s.waits.Store(&what) }

// waiting is what to add to "the server is starting".
func (s *Server) waiting() string {
	if what := s.waits.Load(); what != nil {
		return ": it waits for " + *what
	}
	return ""
}

// Drain ends serving without losing a request: not ready first, then no more connections, then every request of which
// something was read is served, with an answer that closes its connection; connections between two requests are closed
// or, with a waiting successor, passed to it. When ctx ends first, what is left is cut and ctx's error is returned.
// handover may be nil.
func (s *Server) Drain(ctx context.Context, handover *Handover) error {
	s.draining.Store(true)
	s.endStreams()
	if s.listener != nil {
		_ = s.listener.Close() // it fails when it was closed before, and then all is well
	}
	var give func(*net.TCPConn) error
	if handover.Asked() {
		give = handover.give
		if err := handover.stopped(); err != nil {
			s.opts.Logger.Warn("successor not told that the port is free", "error", err)
		}
	}
	err := s.tracker.drain(ctx, give)
	if err != nil {
		err = fmt.Errorf("drain: %w", err)
	}
	// The listener is closed already, and Close may say so.
	if cerr := s.http.Close(); cerr != nil && !errors.Is(cerr, net.ErrClosed) {
		err = errors.Join(err, cerr)
	}
	if s.admin != nil {
		err = errors.Join(err, s.admin.Close())
	}
	s.wg.Wait()
	return err
}

// stream notes an answer that a drain has to end.
func (s *Server) stream(rec *recorder, cancel context.CancelFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.streams[rec] = cancel
	if s.draining.Load() {
		cancel()
	}
}

func (s *Server) unstream(rec *recorder) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.streams, rec)
}

func (s *Server) endStreams() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, cancel := range s.streams {
		cancel()
	}
}

// target is the handler that serves r, after waiting for it if the server is still starting; nil when there is none.
func (s *Server) target(r *http.Request) http.Handler {
	if _, pattern := s.builtin.Handler(r); pattern != "" {
		return s.builtin
	}
	if s.turns.gone.Load() {
		return *s.handler.Load()
	}
	if s.standby.Load() != nil {
		return nil
	}
	if s.opts.Hold <= 0 || s.held.Add(1) > maxHeld {
		return nil
	}
	defer s.held.Add(-1)
	t := time.NewTimer(s.opts.Hold)
	defer t.Stop()
	turn := s.turns.wait()
	select {
	case <-turn:
		return s.turns.inTurn(*s.handler.Load())
	case <-t.C:
	case <-r.Context().Done():
	}
	s.turns.leave(turn)
	return nil
}

func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n"))
}

// readyz tells whether requests may be sent here. With standby=ok a process that stands by is ready, too: for who starts one after the
// other and waits for each.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	switch {
	case s.draining.Load():
		problem(w, http.StatusServiceUnavailable, "draining", "the server is stopping")
	case s.handler.Load() == nil && s.standby.Load() != nil && r.URL.Query().Get("standby") == "ok":
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("standby\n"))
	case s.handler.Load() == nil && s.standby.Load() != nil:
		problem(w, http.StatusServiceUnavailable, "standby", *s.standby.Load())
	case s.handler.Load() == nil:
		problem(w, http.StatusServiceUnavailable, "starting", "the server is starting"+s.waiting())
	default:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("ready\n"))
	}
}
