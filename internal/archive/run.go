package archive

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/fault"
)

// readEntriesAtOnce is the most entries taken from the log at once.
const readEntriesAtOnce = 512

// retryMost bounds the wait after a batch that failed.
const retryMost = 30 * time.Second

// damageSkipper is what a subscription offers that can go on behind bytes it cannot read.
type damageSkipper interface {
	SkipDamage() (eventlog.Position, error)
}

// Run archives what the log gets, until ctx ends. A batch is begun when there is enough for a full one, or when its
// first event has waited for Options.Every. What fails is tried again, until the archive belongs to another server.
func (a *Archive) Run(ctx context.Context) {
	tick := time.NewTicker(a.opts.Poll)
	defer tick.Stop()
	var since, notBefore time.Time
	wait := a.opts.Poll
	for {
		_, end := a.opts.Log.Bounds()
		now := time.Now()
		switch {
		case end <= a.Position():
			since = time.Time{}
		case since.IsZero():
			since = now
		}
		due := !since.IsZero() && (uint64(end-a.Position()) >= uint64(a.opts.BatchEvents) || now.Sub(since) >= a.opts.Every)
		if due && !now.Before(notBefore) {
			err := a.Batch(ctx)
			if ctx.Err() != nil {
				return
			}
			if err == nil {
				wait, since = a.opts.Poll, time.Time{}
				continue
			}
			if errors.Is(err, ErrReplaced) {
				a.opts.Logger.Error("the archive belongs to another server now: nothing is archived any more, and the log keeps everything; stop one of the two", "error", err)
				return
			}
			wait = min(2*wait, retryMost)
			notBefore = now.Add(wait)
			a.metrics.failures.Inc()
			if event.KindOf(err) == event.Corrupt {
				a.metrics.damaged.Inc()
			}
			a.opts.Logger.Error("archive a batch; the log keeps what is not archived", "position", uint64(a.Position()), "error", err, "wait", wait)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Batch archives one batch of what the log has, and returns at once when there is nothing.
func (a *Archive) Batch(ctx context.Context) error {
	if err := a.tidy(ctx); err != nil {
		return err
	}
	_, end := a.opts.Log.Bounds()
	from := a.Position()
	if end <= from {
		return nil
	}
	a.tidied = false // until all of it is done
	began := time.Now()
	w := &writer{bucket: a.opts.Bucket, from: from, files: map[place]*output{}, last: began.UnixMicro()}
	defer w.abort()
	b := &Batch{Format: formatVersion, From: from}
	if err := a.gather(ctx, w, b, end); err != nil {
		return err
	}
	var err error
	if b.Files, err = w.finish(ctx); err != nil {
		return err
	}
	if err := fault.Hit(fault.ArchiveFile); err != nil {
		return err
	}
	// Batches of two servers would overlap, and nobody could read the archive any more.
	if err := a.opts.Own(ctx); err != nil {
		return err
	}
	if err := b.save(ctx, a.opts.Bucket); err != nil {
		return err
	}
	if _, err := LoadBatch(ctx, a.opts.Bucket, b.Span()); err != nil {
		return err
	}
	if err := fault.Hit(fault.ArchiveBatch); err != nil {
		return err
	}
	a.at.Store(uint64(b.To))
	a.tidied = true
	a.metrics.batches.Inc()
	a.metrics.events.Add(float64(b.To - b.From))
	for i := range b.Files {
		a.metrics.bytes.Add(float64(b.Files[i].Bytes))
	}
	a.metrics.seconds.Observe(time.Since(began).Seconds())
	return nil
}

// gather reads the batch from the log, up to end at most.
func (a *Archive) gather(ctx context.Context, w *writer, b *Batch, end eventlog.Position) error {
	sub, err := a.opts.Log.Subscribe(b.From)
	if err != nil {
		return fmt.Errorf("archive from position %d: %w", b.From, err)
	}
	defer func() { _ = sub.Close() }()
	bytes := 0
	for b.To = b.From; b.To < end && int(b.To-b.From) < a.opts.BatchEvents && bytes < a.opts.BatchBytes; {
		a.opts.Yield(ctx)
		entries, err := sub.Next(ctx, readEntriesAtOnce)
		if event.KindOf(err) == event.Corrupt {
			if err := skip(sub, b, err); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return fmt.Errorf("archive from position %d: %w", b.To, err)
		}
		for i := range entries {
			if err := w.add(ctx, &entries[i]); err != nil {
				return err
			}
			bytes += len(entries[i].Payload)
			b.To = entries[i].End()
		}
	}
	return nil
}

// skip goes on behind what the log cannot give any more.
func skip(sub eventlog.Subscription, b *Batch, cause error) error {
	s, ok := sub.(damageSkipper)
	if !ok {
		return cause
	}
	next, err := s.SkipDamage()
	if err != nil || next <= b.To {
		return errors.Join(cause, err)
	}
	b.Lost = append(b.Lost, Span{b.To, next})
	b.To = next
	return nil
}
