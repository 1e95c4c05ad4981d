package demo

import (
	"context"
	"time"
)

// Sender posts the body of a Segment batch, trying again until it is accepted or ctx ends, and returns the position
// after its events.
type Sender func(ctx context.Context, body []byte) (position uint64, err error)

// LiveOptions configure Live.
type LiveOptions struct {
	// Rate is the mean number of events a second; default 20.
	Rate float64
	// History is how much of the past is made up first, so that there is something to see at once.
	History time.Duration
	Send    Sender
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// liveBatch is the most events a live batch has, and historyBatch of the past.
const (
	liveBatch    = 100
	historyBatch = 1000
)

// Live sends the shop's events as they happen until ctx ends or a batch is refused for good.
func Live(ctx context.Context, o LiveOptions) error {
	if o.Now == nil {
		o.Now = time.Now
	}
	start := o.Now().UTC()
	// Visits have to be under way for the rate to be what it is in the long run; these are never sent.
	warm := start.Add(-o.History - 10*time.Minute)
	g := New(Options{End: warm, Rate: o.Rate, Run: uint64(start.UnixNano())})
	var buf []byte
	var n int
	for {
		if buf, n = g.Until(buf[:0], start.Add(-o.History), historyBatch); n == 0 {
			break
		}
	}
	t := time.NewTicker(200 * time.Millisecond)
	defer t.Stop()
	for {
		size := liveBatch
		if o.Now().Sub(g.Due()) > time.Minute {
			size = historyBatch
		}
		if buf, n = g.Until(buf[:0], o.Now(), size); n > 0 {
			if _, err := o.Send(ctx, buf); err != nil {
				return stopped(ctx, err)
			}
			if n == size {
				continue
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

// stopped is nil when the error comes of the end that was asked for.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return nil
}
