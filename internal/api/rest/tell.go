package rest

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/freshet/freshet/internal/query"
)

// tellEvery is the time between two messages about the progress of a question.
const tellEvery = 500 * time.Millisecond

// queryProgress is the data of "event: progress".
type queryProgress struct {
	query.Progress
	ElapsedMS float64 `json:"elapsed_ms" doc:"Milliseconds since the question arrived."`
}

// tell answers with a stream: the progress of the question, then its answer or what is wrong.
func (a *API) tell(ctx context.Context, c *call, in *QueryParameters, data []byte, timeout time.Duration) {
	began := a.opts.Now()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	head := c.w.Header()
	head.Set("Content-Type", "text/event-stream")
	head.Set("X-Accel-Buffering", "no") // proxies of the nginx family would collect the stream otherwise
	t := &teller{api: a, out: sse{w: c.w, control: http.NewResponseController(c.w)}, began: began, leave: cancel}
	t.meter.Store(new(query.Meter))
	stop := t.begin()
	defer stop()
	var answer *answered
	w, err := a.wanted(ctx, c.scope(), in, data)
	if err == nil {
		answer, err = a.answer(ctx, w, t.meter.Store)
	}
	stop()
	if err != nil {
		_ = t.out.json("error", problemOf(ctx, a.opts.Logger, err))
		return
	}
	t.out.buf = append(append(append(t.out.buf[:0], "event: answer\ndata: "...), answer.body...), answer.tail(t.elapsed())...)
	_ = t.out.send()
}

// teller tells the progress of a question.
type teller struct {
	api   *API
	out   sse
	began time.Time
	meter atomic.Pointer[query.Meter]
	// leave ends the question, when there is nobody left to tell.
	leave func()
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
