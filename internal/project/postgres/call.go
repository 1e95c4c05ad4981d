package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/budget"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/freshet/freshet/internal/project"
)

const (
	// tries is how often a call is made at most, within callTimeout.
	tries       = 4
	callTimeout = 6 * time.Second
	// A wait before another try is drawn between nothing and twice what doubles from retryLeast to retryMost.
	retryLeast = 50 * time.Millisecond
	retryMost  = 500 * time.Millisecond
	// budgetRate is the part of the calls at work that may be repetitions, but for one, which always may.
	budgetRate = 0.1
	// After breakAfter tries in a row that failed, nothing is asked of the database for breakFor; then one call may.
	breakAfter = 5
	breakFor   = time.Second
)

// ErrAway is wrapped by the errors of calls that were not made, because the last ones have all failed.
var ErrAway = errors.New("PostgreSQL does not answer; it is asked again soon")

var errSlow = errors.New("no answer in time")

type executor = failsafe.Executor[any]

// calls makes calls to the database: each try has a time, what may pass is tried again, and a database that is away is left
// alone.
type calls struct {
	timeout time.Duration
	// again makes a call several times if need be, once does not.
	again, once executor
	count       *prometheus.CounterVec
	seconds     *prometheus.HistogramVec
	retries     prometheus.Counter
}

func newCalls(o Options) *calls {
	c := &calls{
		timeout: o.Timeout,
		count: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "freshet_project_calls_total", Help: "Calls to the control plane's database, with all their tries, by result: ok, refused, failed, or away, when none was made.",
		}, []string{"call", "result"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "freshet_project_call_seconds", Help: "Time of a call to the control plane's database with all its tries.", Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14),
		}, []string{"call"}),
		retries: prometheus.NewCounter(prometheus.CounterOpts{Name: "freshet_project_retries_total", Help: "Tries of calls to the control plane's database after the first."}),
	}
	failed := func(_ any, err error) bool { return passes(err) }
	breaker := circuitbreaker.NewBuilder[any]().HandleIf(failed).WithFailureThreshold(breakAfter).WithSuccessThreshold(1).WithDelay(breakFor).
		OnOpen(func(circuitbreaker.StateChangedEvent) {
			o.Logger.Error("PostgreSQL does not answer: settings cannot be changed, events and questions go on", "wait", breakFor)
		}).
		OnClose(func(circuitbreaker.StateChangedEvent) { o.Logger.Info("PostgreSQL answers again") }).
		Build()
	retry := retrypolicy.NewBuilder[any]().HandleIf(failed).WithMaxAttempts(tries).WithBackoff(retryLeast, retryMost).WithJitterFactor(1).
		WithBudget(budget.NewBuilder().WithMaxRate(budgetRate).WithMinConcurrency(1).Build()).
		OnRetry(func(e failsafe.ExecutionEvent[any]) {
			c.retries.Inc()
			o.Logger.Warn("call to PostgreSQL failed and is tried again", "attempt", e.Attempts(), "error", e.LastError())
		}).
		ReturnLastFailure().Build()
	c.again, c.once = failsafe.With[any](retry, breaker), failsafe.With[any](breaker)
	if o.Registerer != nil {
		o.Registerer.MustRegister(c.count, c.seconds, c.retries, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "freshet_project_away", Help: "1 while the control plane's database has not answered for a while and is asked only now and then.",
		}, func() float64 {
			if breaker.IsClosed() {
				return 0
			}
			return 1
		}))
	}
	return c
}

// passes tells whether a call that failed so may succeed later.
func passes(err error) bool {
	var ours *project.Error
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, circuitbreaker.ErrOpen) ||
		errors.Is(err, sql.ErrNoRows) || errors.As(err, &ours) {
		return false
	}
	switch c := code(err); {
	case c == "" || c == readOnly:
		return true // the network, or a server that is no longer the primary
	case len(c) == 5:
		switch c[:2] {
		// The connection, a transaction that others were in the way of, no resources, a lock, an operator, the system.
		case "08", "40", "53", "55", "57", "58", "XX":
			return true
		}
	}
	return false
}

// do makes a call.
func (c *calls) do(ctx context.Context, call string, tries executor, try func(context.Context) error) error {
	began := time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, callTimeout, errSlow)
	defer cancel()
	err := tries.WithContext(ctx).Run(func() error {
		ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, errSlow)
		defer cancel()
		err := try(ctx)
		if err != nil && errors.Is(context.Cause(ctx), errSlow) {
			// What is told of a connection that was given up looks like the caller's doing.
			return fmt.Errorf("%w (%s)", errSlow, c.timeout)
		}
		return err
	})
	switch {
	case errors.Is(err, circuitbreaker.ErrOpen):
		err = ErrAway
	case errors.Is(err, context.DeadlineExceeded) && errors.Is(context.Cause(ctx), errSlow):
		err = fmt.Errorf("%w (%s)", errSlow, callTimeout)
	}
	c.seconds.WithLabelValues(call).Observe(time.Since(began).Seconds())
	c.count.WithLabelValues(call, result(err)).Inc()
	return err
}

func result(err error) string {
	var ours *project.Error
	switch {
	case err == nil || errors.Is(err, sql.ErrNoRows):
		return "ok"
	case errors.As(err, &ours):
		return "refused"
	case errors.Is(err, ErrAway):
		return "away"
	default:
		return "failed"
	}
}
