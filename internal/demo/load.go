package demo

import (
	"context"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// LoadOptions configure Load.
type LoadOptions struct {
	Data Options
	// Batch is the events of a request, default 500; Senders the requests at a time, default 4.
	Batch, Senders int
	Send           Sender
	// Progress, if not nil, is told the number of events acknowledged so far, from several goroutines.
	Progress func(events int)
}

type load struct {
	body   []byte
	events int
}

// Load sends a whole data set and returns the position after it.
func Load(ctx context.Context, o LoadOptions) (uint64, error) {
	if o.Batch <= 0 {
		o.Batch = 500
	}
	if o.Senders <= 0 {
		o.Senders = 4
	}
	g := New(o.Data)
	free, full := make(chan []byte, 2*o.Senders), make(chan load, o.Senders)
	for range cap(free) {
		free <- nil
	}
	var sent atomic.Int64
	var last atomic.Uint64
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(full)
		for !g.Done() {
			before := g.Made()
			var buf []byte
			select {
			case buf = <-free:
			case <-ctx.Done():
				return ctx.Err()
			}
			buf = g.Next(buf[:0], o.Batch)
			select {
			case full <- load{buf, g.Made() - before}:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for range o.Senders {
		group.Go(func() error {
			for l := range full {
				position, err := o.Send(ctx, l.body)
				if err != nil {
					return err
				}
				for at := last.Load(); position > at && !last.CompareAndSwap(at, position); at = last.Load() {
					continue
				}
				if n := sent.Add(int64(l.events)); o.Progress != nil {
					o.Progress(int(n))
				}
				free <- l.body
			}
			return nil
		})
	}
	err := group.Wait()
	return last.Load(), err
}
