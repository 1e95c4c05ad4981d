package cloud

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/prometheus/client_golang/prometheus"
	"gocloud.dev/gcerrors"

	"github.com/freshet/freshet/internal/remote"
)

const (
	// tries is how often a call is made at most.
	tries = 5
	// A wait before another try is drawn between nothing and twice what doubles from retryLeast to retryMost.
	retryLeast = 500 * time.Millisecond
	retryMost  = 5 * time.Second
	// After breakAfter tries in a row that failed, nothing is asked of the bucket for breakFor; then one call may.
	breakAfter = 10
	breakFor   = 15 * time.Second
	// leastRate is in bytes a second: what a connection has to carry at least.
	leastRate = 256 << 10
)

// ErrAway is wrapped by the errors of calls that were not made, because the last ones have all failed.
var ErrAway = errors.New("the bucket does not answer; it is asked again soon")

var errSlow = errors.New("no answer in time")

// calls makes calls to a bucket: each try has a time, what may pass is tried again, and a bucket that is away is left alone.
type calls struct {
	timeout time.Duration
	bucket  *remote.Service
}

func newCalls(o Options) *calls {
	return &calls{timeout: o.Timeout, bucket: remote.New(remote.Options{
		Name: "bucket", What: "the bucket of the archive", Results: "ok, missing, failed", Buckets: prometheus.ExponentialBuckets(0.005, 2, 15),
		Passes: passes, Tries: tries, RetryLeast: retryLeast, RetryMost: retryMost, BreakAfter: breakAfter, BreakFor: breakFor,
		Away: func() {
			o.Logger.Error("the bucket does not answer and is left alone for a while", "bucket", o.URL, "wait", breakFor)
		},
		Back: func() { o.Logger.Info("the bucket answers again", "bucket", o.URL) },
		Again: func(attempts int, err error) {
			o.Logger.Warn("call to the bucket failed and is tried again", "bucket", o.URL, "attempt", attempts, "error", err)
		},
		Registerer: o.Registerer,
	})}
}

// passes tells whether a call that failed so may succeed later.
func passes(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, circuitbreaker.ErrOpen) || errors.Is(err, fs.ErrNotExist) {
		return false
	}
	switch gcerrors.Code(err) { //nolint:exhaustive // the others may pass
	case gcerrors.PermissionDenied, gcerrors.InvalidArgument, gcerrors.FailedPrecondition, gcerrors.Unimplemented, gcerrors.NotFound:
		return false
	}
	return true
}

// do makes a call for an object, or for a prefix of names. try gets what it is to call with the bytes that it moves, when it
// knows how many there are: the more they are the longer it may take.
func (c *calls) do(ctx context.Context, call, name string, try func(ctx context.Context, moves func(bytes int64)) error) error {
	began := time.Now()
	err := c.bucket.Again.WithContext(ctx).Run(func() error {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		timer := time.AfterFunc(c.timeout, func() { cancel(errSlow) })
		defer timer.Stop()
		err := try(ctx, func(bytes int64) {
			timer.Reset(c.timeout + time.Duration(bytes)*time.Second/leastRate)
		})
		switch {
		case err == nil:
			return nil
		case errors.Is(context.Cause(ctx), errSlow):
			// The cause hides that the context was cancelled, which would look like the caller's doing.
			return errSlow
		case gcerrors.Code(err) == gcerrors.NotFound:
			return fmt.Errorf("%w: %w", fs.ErrNotExist, err)
		default:
			return err
		}
	})
	if errors.Is(err, circuitbreaker.ErrOpen) {
		err = ErrAway
	}
	c.bucket.Count(call, result(err), time.Since(began))
	if err != nil {
		return fmt.Errorf("%s %s: %w", call, name, err)
	}
	return nil
}

func result(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, fs.ErrNotExist):
		return "missing"
	case errors.Is(err, ErrAway):
		return "away"
	default:
		return "failed"
	}
}
