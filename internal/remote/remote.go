// Package remote keeps calls to a service that runs elsewhere from harming it or the caller: what may pass is tried again, with
// full jitter and within a budget; a service that has failed several times in a row is left alone for a while; and all of it
// is counted. How long a try may take is the caller's to say.
package remote

import (
	"context"
	"errors"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/budget"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
	"github.com/prometheus/client_golang/prometheus"
)

// budgetRate is the part of the calls at work that may be repetitions, but for one, which always may.
const budgetRate = 0.1

// Executor makes a call.
type Executor struct{ policies failsafe.Executor[any] }

// WithContext is an executor whose waits end with ctx.
func (e Executor) WithContext(ctx context.Context) Executor {
	return Executor{e.policies.WithContext(ctx)}
}

// Run makes a call and returns the error of its last try.
func (e Executor) Run(try func() error) error {
	var last error
	err := e.policies.Run(func() error {
		last = try()
		return last
	})
	if errors.Is(err, budget.ErrExceeded) {
		return last // There are too many repetitions to make this one: why the call failed is what its caller has to know.
	}
	return err
}

// Options say what the service is and how patient its callers are.
type Options struct {
	// Name is that of the metrics (freshet_NAME_calls_total and so on), What is what their descriptions call the service,
	// Results the results of a call besides away.
	Name, What, Results string
	// Buckets are those of the histogram of a call's seconds.
	Buckets []float64
	// Passes tells whether a call that failed so may succeed later. It must be false for nil and for circuitbreaker.ErrOpen.
	Passes func(error) bool
	// Tries is how often a call is made at most. A wait before another try is drawn between nothing and twice what doubles
	// from RetryLeast to RetryMost.
	Tries                 int
	RetryLeast, RetryMost time.Duration
	// After BreakAfter tries in a row that failed, nothing is asked of the service for BreakFor; then one call may.
	BreakAfter uint
	BreakFor   time.Duration
	// Away and Back are told that the service is left alone, and that it is not any more; Again that a call failed and is
	// tried once more.
	Away, Back func()
	Again      func(attempts int, err error)
	// Registerer is given the metrics; nil is nobody.
	Registerer prometheus.Registerer
}

// Service is what calls go to.
type Service struct {
	// Again makes a call several times if need be, Once does not. Both fail with circuitbreaker.ErrOpen while the service
	// is left alone.
	Again, Once Executor
	count       *prometheus.CounterVec
	seconds     *prometheus.HistogramVec
}

// New makes what stands between callers and a service.
func New(o Options) *Service {
	metric := func(name string) string { return "freshet_" + o.Name + "_" + name }
	s := &Service{
		count: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: metric("calls_total"), Help: "Calls to " + o.What + ", with all their tries, by result: " + o.Results + ", or away, when none was made.",
		}, []string{"call", "result"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: metric("call_seconds"), Help: "Time of a call to " + o.What + " with all its tries.", Buckets: o.Buckets,
		}, []string{"call"}),
	}
	retries := prometheus.NewCounter(prometheus.CounterOpts{Name: metric("retries_total"), Help: "Tries of calls to " + o.What + " after the first."})
	failed := func(_ any, err error) bool { return o.Passes(err) }
	breaker := circuitbreaker.NewBuilder[any]().HandleIf(failed).WithFailureThreshold(o.BreakAfter).WithSuccessThreshold(1).WithDelay(o.BreakFor).
		OnOpen(func(circuitbreaker.StateChangedEvent) { o.Away() }).
		OnClose(func(circuitbreaker.StateChangedEvent) { o.Back() }).
		Build()
	retry := retrypolicy.NewBuilder[any]().HandleIf(failed).WithMaxAttempts(o.Tries).WithBackoff(o.RetryLeast, o.RetryMost).WithJitterFactor(1).
		WithBudget(budget.NewBuilder().WithMaxRate(budgetRate).WithMinConcurrency(1).Build()).
		OnRetry(func(e failsafe.ExecutionEvent[any]) {
			retries.Inc()
			o.Again(e.Attempts(), e.LastError())
		}).
		ReturnLastFailure().Build()
	s.Again, s.Once = Executor{failsafe.With[any](retry, breaker)}, Executor{failsafe.With[any](breaker)}
	if o.Registerer != nil {
		o.Registerer.MustRegister(s.count, s.seconds, retries, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: metric("away"), Help: "1 while " + o.What + " has not answered for a while and is asked only now and then.",
		}, func() float64 {
			if breaker.IsClosed() {
				return 0
			}
			return 1
		}))
	}
	return s
}

// Count counts a call that is over.
func (s *Service) Count(call, result string, took time.Duration) {
	s.seconds.WithLabelValues(call).Observe(took.Seconds())
	s.count.WithLabelValues(call, result).Inc()
}
