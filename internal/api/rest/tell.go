package rest

import (
	"context"
	"net/http"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/freshet/freshet/internal/query"
)

// tellEvery is the time between two messages about the progress of an answer.
const tellEvery = 500 * time.Millisecond

// queryProgress is the data of "event: progress".
type queryProgress struct {
	query.Progress
	ElapsedMS float64 `json:"elapsed_ms" doc:"Milliseconds since the question arrived."`
}

// progressStream documents what tell answers with.
func (a *API) progressStream() *huma.MediaType {
	a.schema(reflect.TypeFor[queryProgress]())
	return &huma.MediaType{Schema: &huma.Schema{
		Type:        huma.TypeString,
		Description: "Server-sent events: `event: progress` with a QueryProgress, then `event: answer` with the answer or `event: error` with a Problem, as JSON in data.",
	}}
}

// tell answers with a stream: how far the work is, then what comes of it, as JSON in one line, or what is wrong. The work ends
// when there is nobody left to tell.
func (a *API) tell(ctx context.Context, c *call, work func(context.Context) ([]byte, error)) {
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	head := c.w.Header()
	head.Set("Content-Type", "text/event-stream")
	head.Set("X-Accel-Buffering", "no") // proxies of the nginx family would collect the stream otherwise
	t := &teller{
		api: a, out: sse{w: c.w, control: http.NewResponseController(c.w)}, began: a.opts.Now(), leave: leave,
		own: &query.Meter{Fractions: true},
	}
	t.meter.Store(t.own)
	stop := t.begin()
	defer stop()
	answer, err := work(context.WithValue(query.WithMeter(ctx, t.own), tellerKey{}, t))
	stop()
	if err != nil {
		_ = t.out.json("error", problemOf(ctx, a.opts.Logger, err))
		return
	}
	t.out.buf = append(append(t.out.buf[:0], "event: answer\ndata: "...), answer...)
	_ = t.out.send()
}

// teller tells how far some work is.
type teller struct {
	api   *API
	out   sse
	began time.Time
	// own measures what the request does itself, meter what is told of: that, or the work of others that it has joined.
	own   *query.Meter
	meter atomic.Pointer[query.Meter]
	// leave ends the work, when there is nobody left to tell.
	leave func()
}

type tellerKey struct{}

// tellerOf is who tells of the work that is done with ctx, nil when nobody does.
func tellerOf(ctx context.Context) *teller {
	t, _ := ctx.Value(tellerKey{}).(*teller)
	return t
}

func (t *teller) elapsed() time.Duration { return t.api.opts.Now().Sub(t.began) }

// begin tells at once and from then on, until stop is called, which waits for the end and may be called again.
func (t *teller) begin() (stop func()) {
	var work sync.WaitGroup
	done := make(chan struct{})
	work.Go(func() {
		tick := time.NewTicker(tellEvery)
		defer tick.Stop()
		for {
			if err := t.out.json("progress", queryProgress{t.meter.Load().Progress(), milliseconds(t.elapsed())}); err != nil {
				t.leave()
				return
			}
			select {
			case <-tick.C:
			case <-done:
				return
			}
		}
	})
	return sync.OnceFunc(func() {
		close(done)
		work.Wait()
	})
}
