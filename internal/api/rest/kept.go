package rest

import (
	"context"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/fault"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/store"
)

// WaitParameters say how long an answer may take. They are exported because huma does not look into what is not.
type WaitParameters struct {
	ProjectParameter
	ConsistentWith uint64 `query:"consistent_with" doc:"Wait until everything before this position is counted, within the timeout." example:"1234"`
	Timeout        string `query:"timeout" maxLength:"16" default:"10s" doc:"How long the answer may take, 1s to 60s." example:"10s"`
}

// timeout checks how long the answer may take.
func (in *WaitParameters) timeout() (time.Duration, error) {
	timeout, err := time.ParseDuration(in.Timeout)
	if err != nil || timeout < time.Second || timeout > maxTimeout {
		return 0, invalid("bad_timeout", "timeout", "timeout %q is no duration from 1s to %s", in.Timeout, maxTimeout)
	}
	return timeout, nil
}

// visible waits until what the answer is to count can be seen.
func (a *API) visible(ctx context.Context, p store.ProjectID, in *WaitParameters) error {
	if in.ConsistentWith == 0 {
		return nil
	}
	return a.opts.Engine.Wait(ctx, p, eventlog.Position(in.ConsistentWith))
}

// wait bounds ctx by the timeout of a request, and waits for the position that it must be consistent with.
func (a *API) wait(ctx context.Context, p store.ProjectID, in *WaitParameters) (context.Context, context.CancelFunc, error) {
	timeout, err := in.timeout()
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	if err := a.visible(ctx, p, in); err != nil {
		cancel()
		return nil, nil, err
	}
	return ctx, cancel, nil
}

// form is how a result is kept: as the bytes of it, of which it can be made again.
type form[T any] struct {
	bytes func(T) []byte
	of    func([]byte) T
}

// shared works something out together with whoever asks for the same at the moment, and keeps it as bytes under the key,
// which is of one version of the project's data. Whoever is told how far the answer is hears of that work meanwhile.
func shared[T any](
	ctx context.Context, a *API, s query.Scope, key string, version uint64,
	work func(context.Context) (T, error), form form[T],
) (out T, err error) {
	var joined func(*query.Meter)
	if t := tellerOf(ctx); t != nil {
		joined = t.meter.Store
		defer t.meter.Store(t.own)
	}
	v, err := a.flights.do(ctx, key, joined, func(ctx context.Context) (any, error) {
		ctx, cancel := context.WithTimeout(ctx, maxTimeout)
		defer cancel()
		// Another process may be about it, or have kept it since.
		b, done := a.opts.Cache.Begin(ctx, key)
		defer done()
		if b != nil {
			return form.of(b), nil
		}
		made, err := work(ctx)
		if err != nil {
			return nil, err
		}
		// What comes of newer data than the key says would be taken for something at an older watermark.
		if now, _ := a.opts.Engine.Version(s.Project); now == version || fault.Planted(fault.KeptAnyhow) {
			a.opts.Cache.Set(key, form.bytes(made))
		}
		return made, nil
	})
	if ctx.Err() == context.DeadlineExceeded && err != nil {
		return out, &event.Error{Kind: event.Timeout, Code: "query_timeout", Message: "the answer took longer than the timeout allows; ask for less at a time"}
	}
	if err != nil {
		return out, err
	}
	return v.(T), nil
}
