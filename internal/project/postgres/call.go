package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/freshet/freshet/internal/project"
	"github.com/freshet/freshet/internal/remote"
)

const (
	// tries is how often a call is made at most, within callTimeout.
	tries       = 4
	callTimeout = 6 * time.Second
	// A wait before another try is drawn between nothing and twice what doubles from retryLeast to retryMost.
	retryLeast = 50 * time.Millisecond
	retryMost  = 500 * time.Millisecond
	// After breakAfter tries in a row that failed, nothing is asked of the database for breakFor; then one call may.
	breakAfter = 5
	breakFor   = time.Second
)

// ErrAway is wrapped by the errors of calls that were not made, because the last ones have all failed.
var ErrAway = errors.New("PostgreSQL does not answer; it is asked again soon")

var errSlow = errors.New("no answer in time")

// calls makes calls to the database: each try has a time, what may pass is tried again, and a database that is away is left
// alone.
type calls struct {
	timeout time.Duration
	service *remote.Service
	// again makes a call several times if need be, once does not.
	again, once remote.Executor
}

func newCalls(o Options) *calls {
	s := remote.New(remote.Options{
		Name: "project", What: "the control plane's database", Results: "ok, refused, failed", Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14),
		Passes: passes, Tries: tries, RetryLeast: retryLeast, RetryMost: retryMost, BreakAfter: breakAfter, BreakFor: breakFor,
		Away: func() {
			o.Logger.Error("PostgreSQL does not answer: settings cannot be changed, events and questions go on", "wait", breakFor)
		},
		Back: func() { o.Logger.Info("PostgreSQL answers again") },
		Again: func(attempts int, err error) {
			o.Logger.Warn("call to PostgreSQL failed and is tried again", "attempt", attempts, "error", err)
		},
		Registerer: o.Registerer,
	})
	return &calls{timeout: o.Timeout, service: s, again: s.Again, once: s.Once}
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
func (c *calls) do(ctx context.Context, call string, tries remote.Executor, try func(context.Context) error) error {
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
	c.service.Count(call, result(err), time.Since(began))
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
