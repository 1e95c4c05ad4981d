package rest

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/query"
)

// flights lets identical questions that are asked at the same time be worked out once. The work belongs to all who
// wait for it: it goes on when one of them leaves and is given up when the last one does.
type flights struct {
	work sync.WaitGroup
	// mu guards what follows and the number of those who wait in each flight.
	mu     sync.Mutex
	all    map[string]*flight
	closed bool
}

type flight struct {
	done    chan struct{}
	meter   *query.Meter
	cancel  context.CancelFunc
	waiting int
	value   any
	err     error
}

func newFlights() *flights { return &flights{all: map[string]*flight{}} }

// do returns what work returns, of this call or of one under way with the same key. work gets the values of the
// context of whoever came first, not its end. joined, which may be nil, is told what the work's progress is measured by.
func (f *flights) do(
	ctx context.Context, key string, joined func(*query.Meter), work func(context.Context) (any, error),
) (any, error) {
	f.mu.Lock()
	fl, ok := f.all[key]
	if !ok {
		if f.closed {
			f.mu.Unlock()
			return nil, &event.Error{Kind: event.Unavailable, Code: "draining", Message: "the server is stopping"}
		}
		fl = f.start(ctx, key, &query.Meter{Fractions: joined != nil}, work)
	}
	fl.waiting++
	f.mu.Unlock()
	if joined != nil {
		joined(fl.meter)
	}
	select {
	case <-fl.done:
		return fl.value, fl.err
	case <-ctx.Done():
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if fl.waiting--; fl.waiting == 0 {
		fl.cancel()
		f.forget(key, fl)
	}
	return nil, ctx.Err()
}

// start begins a flight; mu is held.
func (f *flights) start(ctx context.Context, key string, m *query.Meter, work func(context.Context) (any, error)) *flight {
	ctx, cancel := context.WithCancel(query.WithMeter(context.WithoutCancel(ctx), m))
	fl := &flight{done: make(chan struct{}), meter: m, cancel: cancel}
	f.all[key] = fl
	f.work.Go(func() {
		defer cancel()
		defer close(fl.done)
		defer f.land(key, fl)
		fl.value, fl.err = work(ctx)
	})
	return fl
}

// land ends a flight. A panic reaches those who wait, and does not end the process.
func (f *flights) land(key string, fl *flight) {
	if v := recover(); v != nil {
		fl.err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forget(key, fl)
}

// forget lets the next one with the key begin anew; mu is held.
func (f *flights) forget(key string, fl *flight) {
	if f.all[key] == fl {
		delete(f.all, key)
	}
}

// close gives up all work and waits for its end.
func (f *flights) close() {
	f.mu.Lock()
	f.closed = true
	for _, fl := range f.all {
		fl.cancel()
	}
	f.mu.Unlock()
	f.work.Wait()
}
