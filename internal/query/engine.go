// Package query holds questions as values, and the engine that answers them: numbers over time (Trends), and the
// events themselves (Events, Latest, Export, Schema, Ledger, DeadLetters).
//
// A question is checked and made absolute first (Resolve), then compiled to SQL over one cut of the store and run.
// All answers are exact, and say up to which position of the log they hold. No text of a question becomes part of
// SQL: it is bound, and names of columns come from the store. How many questions run at a time is bounded, and a
// question ends with its context. Auth, caching and encoding are left to others.
//
// Errors that a client may see are *event.Error; any other is a fault of the engine or the store.
package query

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/query/history"
	"github.com/freshet/freshet/internal/store"
)

// Scope is what a question is asked within: one project, and how that project cuts time.
type Scope struct {
	Project store.ProjectID
	// Zone is the project's time zone. Rows may have been cut into days in another one (store.Schema.DayZone).
	Zone      *time.Location
	WeekStart time.Weekday
	// SessionGap is the pause after which a device's next event begins a new session.
	SessionGap time.Duration

	// within are the cohorts in whose definitions a question stands.
	within *cohortPath
}

// Options configure an Engine. Zero values take the defaults.
type Options struct {
	Store store.Reader
	// Now is the wall clock; default time.Now.
	Now        func() time.Time
	Registerer prometheus.Registerer
	Tracer     trace.Tracer
	Logger     *slog.Logger
	// Begin, if set, is called when a question begins to run, and what it returns when the question has ended.
	Begin func() (end func())
	// MaxConcurrent is how many questions run at a time; default DefaultConcurrent.
	MaxConcurrent int
	// Workers is how many go over the events of a behavioural question at a time; default GOMAXPROCS.
	Workers int
	// HistoryMemory bounds the bytes of events that a behavioural question holds at a time; with more it reads them in
	// several passes. Default 1 GiB.
	HistoryMemory int64
	// MaxWaiting is how many more may wait for their turn; default 64.
	MaxWaiting int
	// MaxBuckets bounds the number of buckets of a trend; default 10,000.
	MaxBuckets int
	// Lag is how long ago everything that had been received of a project was visible; 0 while nothing waits. Intervals that are over since then
	// are not complete yet. Default always 0.
	Lag func(p store.ProjectID) time.Duration
	// Cohorts finds those that questions name; default there are none.
	Cohorts Cohorts
	// Read reads a question of any kind, strictly, for cohorts out of a cell; default they are refused.
	Read func(e *Engine, s Scope, question []byte) (Asked, error)
}

// DefaultConcurrent is how many questions run at a time unless an engine is told otherwise: one a core, at least 2.
func DefaultConcurrent() int { return max(2, runtime.NumCPU()) }

func (o *Options) defaults() {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Registerer == nil {
		o.Registerer = prometheus.NewRegistry()
	}
	if o.Tracer == nil {
		o.Tracer = noop.NewTracerProvider().Tracer("query")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Begin == nil {
		o.Begin = func() func() { return func() {} }
	}
	if o.MaxConcurrent <= 0 {
		o.MaxConcurrent = DefaultConcurrent()
	}
	if o.MaxWaiting <= 0 {
		o.MaxWaiting = 64
	}
	if o.MaxBuckets <= 0 {
		o.MaxBuckets = 10_000
	}
	if o.Lag == nil {
		o.Lag = func(store.ProjectID) time.Duration { return 0 }
	}
	if o.Cohorts == nil {
		o.Cohorts = noCohorts{}
	}
	if o.Read == nil {
		o.Read = func(*Engine, Scope, []byte) (Asked, error) {
			return nil, event.Errorf(event.Invalid, "no_cells", "cohorts out of a cell are not offered here")
		}
	}
}

// Engine answers questions about the events in a store. It is safe for concurrent use.
type Engine struct {
	Options
	metrics *metrics
	slots   chan struct{}
	// places are those of the questions that run or wait.
	places chan struct{}

	// mu guards known.
	mu sync.Mutex
	// known are properties without a column that were found in some event: once seen, they stay so.
	known map[seenProperty]struct{}

	// histories is the memory of behavioural questions.
	histories history.Pool
}

// history gathers the events of a behavioural question with so many selectors.
func (e *Engine) history(selectors int) *history.Builder {
	return history.New(history.Options{Memory: e.HistoryMemory, Workers: e.Workers, Pool: &e.histories, Selectors: selectors})
}

// New makes an engine.
func New(o Options) (*Engine, error) {
	if o.Store == nil {
		return nil, errors.New("query engine: no store")
	}
	o.defaults()
	e := &Engine{
		Options: o, slots: make(chan struct{}, o.MaxConcurrent),
		places: make(chan struct{}, o.MaxConcurrent+o.MaxWaiting), known: map[seenProperty]struct{}{},
	}
	var err error
	if e.metrics, err = newMetrics(o.Registerer); err != nil {
		return nil, err
	}
	return e, nil
}

// Version changes whenever the answers about a project may change. An answer that was computed for one version
// holds while the version stays; its watermark may be replaced by the one returned here.
func (e *Engine) Version(p store.ProjectID) (uint64, store.Watermark) {
	// In this order a commit in between makes the watermark too old at worst, never too new for the version.
	s := e.of(p)
	w := s.Watermark()
	return s.Version(p), w
}

// of is the store that has a project.
func (e *Engine) of(p store.ProjectID) store.Reader { return store.Of(e.Store, p) }

// Wait returns when everything before a position of a project's log is visible. When ctx ends first the error is a Timeout.
func (e *Engine) Wait(ctx context.Context, project store.ProjectID, p eventlog.Position) error {
	err := e.of(project).Wait(ctx, p)
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		at := e.of(project).Watermark().Position
		return &event.Error{
			Kind: event.Timeout, Code: "not_visible_yet", Err: err,
			Message: fmt.Sprintf("position %d is not visible yet; the store has come to %d", p, at),
		}
	}
	return fmt.Errorf("wait for position %d: %w", p, err)
}

// ask runs a question on a cut of its own, in its turn, with a span and metrics. Errors of ctx leave as Timeout.
func (e *Engine) ask(ctx context.Context, kind string, s Scope, run func(ctx context.Context, cut *peopledCut) error) (err error) {
	began, noted := e.Now(), notesOf(ctx)
	if noted != nil {
		kind = "plan"
	}
	ctx, span := e.Tracer.Start(ctx, "query "+kind, trace.WithAttributes(attribute.Int64("project", int64(s.Project))))
	defer func() {
		err = e.outcome(ctx, err)
		e.metrics.observe(kind, err, e.Now().Sub(began))
		if err != nil {
			span.SetStatus(codes.Error, err.Error())
		}
		span.End()
	}()
	leave, err := e.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	cut, err := e.of(s.Project).Cut(ctx, s.Project)
	if err != nil {
		return fmt.Errorf("answer %s: %w", kind, err)
	}
	defer cut.Close()
	if noted != nil {
		cut = noted.on(cut)
	}
	if m := meterOf(ctx); m != nil {
		if cut, err = m.watch(ctx, cut); err != nil {
			return fmt.Errorf("answer %s: %w", kind, err)
		}
	}
	return run(ctx, &peopledCut{Cut: cut, ctx: ctx, engine: e, scope: s})
}

// answering is timed for a question that attributes events.
func (e *Engine) answering(
	ctx context.Context, kind string, s Scope, a store.Attribution, w *store.Watermark, tookMS *float64, run func(ctx context.Context, cut *peopledCut) error,
) error {
	return e.timed(ctx, kind, s, w, tookMS, func(ctx context.Context, cut *peopledCut) error {
		return cut.under(a, func() error { return run(ctx, cut) })
	})
}

// timed is ask for a question whose answer says up to where it holds and how long it took.
func (e *Engine) timed(
	ctx context.Context, kind string, s Scope, w *store.Watermark, tookMS *float64, run func(ctx context.Context, cut *peopledCut) error,
) error {
	began := e.Now()
	err := e.ask(ctx, kind, s, func(ctx context.Context, cut *peopledCut) error {
		*w = cut.Watermark()
		return run(ctx, cut)
	})
	*tookMS = float64(e.Now().Sub(began)) / float64(time.Millisecond)
	return err
}

// resolving runs the resolution of a question. The caller's own deadline is for the answer; this part is short, and its
// result is shared by all who ask.
func (e *Engine) resolving(resolve func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), resolveTimeout)
	defer cancel()
	return e.outcome(ctx, resolve(ctx))
}

// enter takes a slot, waiting for one if need be; leave gives it back.
func (e *Engine) enter(ctx context.Context) (leave func(), err error) {
	select {
	case e.places <- struct{}{}:
	default:
		return nil, &event.Error{
			Kind: event.Overloaded, Code: "too_many_queries", Wait: time.Second,
			Message: fmt.Sprintf("%d questions run and %d wait already, which is the limit", e.MaxConcurrent, e.MaxWaiting),
		}
	}
	e.metrics.waiting.Inc()
	defer e.metrics.waiting.Dec()
	select {
	case e.slots <- struct{}{}:
	case <-ctx.Done():
		<-e.places
		return nil, ctx.Err()
	}
	e.metrics.running.Inc()
	end := e.Begin()
	return func() {
		end()
		e.metrics.running.Dec()
		<-e.slots
		<-e.places
	}, nil
}

// outcome turns the end of ctx, which may come back in an engine's own words, into errors of one form.
func (e *Engine) outcome(ctx context.Context, err error) error {
	var known *event.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	switch ctx.Err() {
	case context.DeadlineExceeded:
		return &event.Error{
			Kind: event.Timeout, Code: "query_timeout", Err: err,
			Message: "the question took longer than its time limit; ask for less at a time",
		}
	case context.Canceled:
		return &event.Error{Kind: event.Timeout, Code: "query_canceled", Err: err, Message: "the question was given up before it was answered"}
	}
	return err
}

// rows runs a statement with a span of its own.
func (e *Engine) rows(ctx context.Context, cut store.Cut, name, sql string, args []any) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		ctx, span := e.Tracer.Start(purpose(ctx, name), "sql "+name)
		defer span.End()
		n := 0
		for row, err := range cut.Rows(ctx, sql, args...) {
			if err != nil {
				span.SetStatus(codes.Error, err.Error())
				yield(nil, fmt.Errorf("read %s: %w", name, err))
				return
			}
			n++
			if !yield(row, nil) {
				break
			}
		}
		span.SetAttributes(attribute.Int("rows", n))
	}
}
