package process

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/fault"
	"github.com/freshet/freshet/internal/store"
)

// readEntries is the most log entries taken at once.
const readEntries = 1024

// batchBytes is the size of the records at which a batch is committed at once, however few their events are: events may
// be a thousand times as large as usual.
const batchBytes = 16 << 20

// damageSkipper is what a subscription offers that can go on behind bytes it cannot read. The position returned is
// the next one that can be read.
type damageSkipper interface {
	SkipDamage() (eventlog.Position, error)
}

// Run processes the log from the store's position on, until ctx ends or the log is closed, which both are no error:
// what is at hand is committed first, and Run may be called again to go on. Any other end is an error of the store,
// the log or the dedup index. The Processor is then of no further use, as is the store behind it; made anew, they lose
// nothing and double nothing.
func (p *Processor) Run(ctx context.Context) error {
	if p.failed != nil {
		return p.failed
	}
	err := p.guarded(ctx)
	defer p.Attempts.Done()
	if err != nil && !p.abandoned.Load() && (ctx.Err() != nil || errors.Is(err, eventlog.ErrClosed)) {
		err = nil
		if p.started {
			err = p.commit(ctx)
		}
	}
	p.failed = err
	if !p.whole && err == nil && p.started {
		p.failed = errors.New("the processor was stopped within a record")
	}
	return err
}

func (p *Processor) run(ctx context.Context) error {
	if !p.started {
		if err := p.prepare(ctx); err != nil {
			return err
		}
	}
	sub, err := p.Log.Subscribe(p.at)
	if err != nil {
		return fmt.Errorf("process from position %d: %w", p.at, err)
	}
	defer func() { _ = sub.Close() }()
	defer p.endPreview()
	p.started, p.whole = true, true
	return p.loop(ctx, sub)
}

// prepare brings back to memory what the store and the log know.
func (p *Processor) prepare(ctx context.Context) error {
	links, err := p.Store.Links(ctx)
	if err != nil {
		return fmt.Errorf("read identity links: %w", err)
	}
	holders, err := p.Store.Holders(ctx)
	if err != nil {
		return fmt.Errorf("read what is known of ids: %w", err)
	}
	p.People.Load(links, holders)
	p.at = p.Store.Position()
	p.visible.Store(uint64(p.at))
	if err := p.belong(); err != nil {
		return err
	}
	if err := p.replay(ctx); err != nil {
		return fmt.Errorf("replay event ids: %w", err)
	}
	return nil
}

func (p *Processor) loop(ctx context.Context, sub eventlog.Subscription) error {
	for {
		entries, err := p.next(ctx, sub)
		if err != nil {
			return err
		}
		for i := range entries {
			if err := p.record(ctx, &entries[i]); err != nil {
				return err
			}
			if p.alone || p.batch.events >= p.config.BatchEvents || p.batch.bytes >= batchBytes {
				if err := p.commit(ctx); err != nil {
					return err
				}
				if err := p.lookAhead(ctx); err != nil {
					return err
				}
			}
		}
	}
}

// next returns the next entries. Before it waits for any, the open batch is committed: as soon as the interval since
// the last commit has passed, in which more may come.
func (p *Processor) next(ctx context.Context, sub eventlog.Subscription) ([]eventlog.Entry, error) {
	for {
		wait, cancel := ctx, context.CancelFunc(func() {})
		caughtUp := !p.behind()
		if caughtUp && p.batch.events > 0 {
			due := p.lastCommit.Add(p.config.CommitInterval)
			if time.Until(due) <= 0 {
				if err := p.commit(ctx); err != nil {
					return nil, err
				}
				if err := p.lookAhead(ctx); err != nil {
					return nil, err
				}
				continue
			}
			wait, cancel = context.WithDeadline(ctx, due)
		}
		entries, err := sub.Next(wait, readEntries)
		cancel()
		if caughtUp && p.batch.events == 0 {
			p.busySince.Store(p.Now().UnixMicro())
		}
		switch {
		case len(entries) > 0 || err == nil:
			return entries, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.Is(err, context.DeadlineExceeded):
		case event.KindOf(err) == event.Corrupt:
			if err := p.skipDamage(sub, err); err != nil {
				return nil, err
			}
		default:
			return nil, err
		}
	}
}

// behind tells that the log has more to read at once.
func (p *Processor) behind() bool {
	_, end := p.Log.Bounds()
	return end > p.at
}

// skipDamage goes on behind entries that cannot be read, and leaves a dead letter that names the gap. Whose they were
// nobody knows: they are project 0's.
func (p *Processor) skipDamage(sub eventlog.Subscription, cause error) error {
	s, ok := sub.(damageSkipper)
	if !ok {
		return cause
	}
	next, err := s.SkipDamage()
	if err != nil {
		return errors.Join(cause, err)
	}
	if next <= p.at {
		return cause
	}
	lost, received := int64(next-p.at), p.lastReceived()
	var known *eventlog.LossError
	if errors.As(cause, &known) {
		lost = known.Events
	}
	p.batch.count(0, hour(received), p.Store)
	p.batch.counts.Accepted, p.batch.counts.Dead = p.batch.counts.Accepted+lost, p.batch.counts.Dead+lost
	p.metrics.damaged.Add(float64(lost))
	p.Logger.Error("log damaged, events lost", "from", uint64(p.at), "to", uint64(next), "error", cause)
	p.dead(store.DeadLetter{
		Position: p.at, ReceivedAt: received, Code: "log_damaged",
		Reason: fmt.Sprintf("positions %d to %d cannot be read: %v", p.at, next-1, cause),
	})
	p.batch.grow(p.at, 1)
	p.at = next
	return nil
}

// commit makes the open batch visible.
func (p *Processor) commit(ctx context.Context) error {
	if p.batch.events == 0 || !p.whole {
		return p.failed
	}
	p.batch.flushCounts(p.Store)
	p.lastCommit = time.Now()
	p.Attempts.Commit(p.batch.from, p.at)
	// A commit that was begun is carried through: broken off, it would cost the store.
	if err := p.commitTraced(context.WithoutCancel(ctx)); err != nil {
		p.whole, p.failed = false, fmt.Errorf("commit before position %d: %w", p.at, err)
		return p.failed
	}
	p.Attempts.Done()
	p.metrics.commit.Observe(time.Since(p.lastCommit).Seconds())
	p.metrics.batches.Inc()
	p.visible.Store(uint64(p.at))
	if p.batch.newest > p.newest.Load() {
		p.newest.Store(p.batch.newest)
	}
	now := p.Now().UnixMicro()
	p.fresh.record(p.batch.received, now)
	for _, received := range p.batch.received {
		p.metrics.freshness.Observe(float64(now-received) / 1e6)
	}
	p.metrics.count(&p.batch)
	p.batch.reset()
	if p.onCommit != nil {
		p.onCommit(p.at, time.UnixMicro(p.newest.Load()))
	}
	if err := p.Dedup.Advance(p.at); event.KindOf(err) != event.Unavailable {
		return err
	}
	return nil // It is told again with the next record, and waited for there.
}

// retry repeats f while it fails for a reason that passes.
func (p *Processor) retry(ctx context.Context, f func() error) error {
	const longest = 5 * time.Second
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, longest) {
		err := f()
		if err == nil || event.KindOf(err) != event.Unavailable {
			return err
		}
		p.metrics.retries.Inc()
		p.Logger.Warn("processing waits", "error", err)
		if pause(ctx, wait) != nil {
			return err
		}
	}
}

// belong refuses a store and a dedup index that know of events the log does not have.
func (p *Processor) belong() error {
	_, end := p.Log.Bounds()
	if from := p.Dedup.Checkpoint(); from > end {
		return event.Errorf(event.Corrupt, "dedup_ahead",
			"the dedup index knows positions up to %d, the log ends at %d: they do not belong together", from, end)
	}
	if p.at > end {
		return event.Errorf(event.Corrupt, "store_ahead",
			"the store has positions up to %d, the log ends at %d: they do not belong together", p.at, end)
	}
	return nil
}

// replay offers the ids of what the store has to dedup, as far as dedup has lost them, and lets the clock measure.
func (p *Processor) replay(ctx context.Context) error {
	from, to := p.Dedup.Checkpoint(), p.at
	start, _ := p.Log.Bounds()
	if from < start && from < to {
		p.Logger.Warn("event ids are no longer in the log", "from", uint64(from), "log_start", uint64(start))
		from = start
	}
	if from >= to || fault.Planted(fault.IDsForgotten) {
		return nil
	}
	begin := time.Now()
	poisoned, err := p.Store.Poisoned(ctx, from)
	if err != nil {
		return err
	}
	sub, err := p.Log.Subscribe(from)
	if err != nil {
		return err
	}
	defer func() { _ = sub.Close() }()
	for at := from; at < to; {
		entries, err := sub.Next(ctx, readEntries)
		if event.KindOf(err) == event.Corrupt {
			if s, ok := sub.(damageSkipper); ok {
				if at, err = s.SkipDamage(); err == nil {
					continue
				}
			}
		}
		if err != nil {
			return err
		}
		for i := range entries {
			if at = entries[i].End(); at > to {
				break
			}
			if err := p.retry(ctx, func() error { return p.replayRecord(&entries[i], poisoned) }); err != nil {
				return err
			}
		}
	}
	p.Logger.Info("event ids replayed", "from", uint64(from), "to", uint64(to), "seconds", time.Since(begin).Seconds())
	return p.Dedup.Advance(to)
}

// replayRecord offers the ids of a record but for those of poisoned events: they were forgotten, so that the events
// can be sent again.
func (p *Processor) replayRecord(entry *eventlog.Entry, poisoned []eventlog.Position) error {
	if err := p.Dedup.Advance(entry.First); err != nil {
		return err
	}
	if err := p.decoder.Open(entry.Payload); errors.Is(err, event.ErrNewer) {
		return fmt.Errorf("position %d: %w", entry.First, err)
	} else if err != nil {
		return nil //nolint:nilerr // it is a dead letter already
	}
	h, e := &p.decoder.Header, &p.event
	for pos := entry.First; pos < entry.End(); pos++ {
		dead, ok, err := p.decoder.Next(e)
		if !ok {
			return nil
		}
		if dead != nil || err != nil || e.Kind == event.Unlink {
			continue
		}
		p.begin(e, h, pos)
		if _, set := slices.BinarySearch(poisoned, pos); !set && e.ID != "" {
			dup, _, err := p.Dedup.Seen(claim(h, e), pos, h.ReceivedAt)
			if err != nil {
				return err
			}
			if dup {
				continue
			}
		}
		p.measure(h, e)
	}
	return nil
}

// measure lets the clock see an event that is in the store already; one that makes it panic is a dead letter there.
func (p *Processor) measure(h *event.Header, e *event.Event) {
	defer func() { _ = recover() }()
	p.People.Device(e)
	p.Clock.Correct(h.Project, e)
}
