package clickhouse

import (
	"context"
	"errors"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/freshet/freshet/internal/remote"
)

const (
	// tries is how often a statement that reads is run at most.
	tries = 3
	// A wait before another try is drawn between nothing and twice what doubles from retryLeast to retryMost.
	retryLeast = 50 * time.Millisecond
	retryMost  = 500 * time.Millisecond
	// After breakAfter tries in a row that failed, nothing is asked of the server for breakFor; then one call may.
	breakAfter = 5
	breakFor   = time.Second
)

// ErrAway is wrapped by the errors of calls that were not made, because the last ones have all failed.
var ErrAway = errors.New("ClickHouse does not answer; it is asked again soon")

// late is an error that came when rows had been handed over: the statement cannot be run again.
type late struct{ err error }

// Error implements error.
func (l late) Error() string { return l.err.Error() }

// Unwrap is for errors.Is.
func (l late) Unwrap() error { return l.err }

func newService(o *Options) *remote.Service {
	return remote.New(remote.Options{
		Name: "store", What: "ClickHouse", Results: "ok, failed", Buckets: prometheus.ExponentialBuckets(0.001, 2, 16),
		Passes: passes, Tries: tries, RetryLeast: retryLeast, RetryMost: retryMost, BreakAfter: breakAfter, BreakFor: breakFor,
		Away: func() {
			o.Logger.Error("ClickHouse does not answer: events are accepted, answers follow", "wait", breakFor)
		},
		Back: func() { o.Logger.Info("ClickHouse answers again") },
		Again: func(attempts int, err error) {
			o.Logger.Warn("a call to ClickHouse failed and is tried again", "attempt", attempts, "error", err)
		},
		Registerer: o.Registerer,
	})
}

// passes tells whether a call that failed so may succeed later: what the server itself says it will say again,
// unless it is about to end.
func passes(err error) bool {
	var handed late
	if ch.IsErr(err, proto.ErrAborted) && !errors.As(err, &handed) {
		return true // it is stopping
	}
	return err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, circuitbreaker.ErrOpen) &&
		!errors.As(err, &handed) && (!ch.IsException(err) || shardAway(err))
}

// call makes a call.
func (c *client) call(ctx context.Context, call string, tries remote.Executor, try func(context.Context) error) error {
	began := time.Now()
	err := tries.WithContext(ctx).Run(func() error { return try(ctx) })
	result := "ok"
	switch {
	case errors.Is(err, circuitbreaker.ErrOpen):
		err, result = ErrAway, "away"
	case err != nil && !errors.Is(err, errStop):
		result = "failed"
	}
	c.service.Count(call, result, time.Since(began))
	return err
}
