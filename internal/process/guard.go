package process

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/freshet/freshet/internal/eventlog"
)

const (
	// stuckAfter is how long one event may take; most take microseconds.
	stuckAfter = 5 * time.Second
	// looks is how often an event is looked at in that time. Looks are counted, not time, so that a machine that was asleep
	// blames nobody.
	looks = 10
)

var errAbandoned = errors.New("the event was given up")

// guarded is run for as long as each event comes to an end. A goroutine that does not come back cannot be ended, so what
// has taken one too long is condemned at once and the goroutine is left behind: a second try would cost a second core.
func (p *Processor) guarded(ctx context.Context) error {
	done := make(chan error, 1)
	go func() { done <- p.run(ctx) }()
	tick := time.NewTicker(stuckAfter / looks)
	defer tick.Stop()
	at, seen := uint64(0), 0
	for {
		select {
		case err := <-done:
			return err
		case <-tick.C:
		}
		now := p.working.Load()
		if now == 0 || now != at {
			at, seen = now, 0
			continue
		}
		if seen++; seen >= looks {
			return p.abandon(eventlog.Position(at - 1))
		}
	}
}

// abandon gives up the event at a position, and with it everything that the goroutine which processes it has in its hands.
func (p *Processor) abandon(pos eventlog.Position) error {
	p.abandoned.Store(true)
	p.metrics.stuck.Inc()
	p.Logger.Error("an event does not come to an end and is set aside; what processes it goes on until the next restart",
		"position", uint64(pos))
	err := p.Attempts.Condemn(pos, fmt.Sprintf("it was not processed within %s", stuckAfter))
	return errors.Join(fmt.Errorf("process position %d: %w", pos, errAbandoned), err)
}

// noAttempts remembers nothing.
type noAttempts struct{}

func (noAttempts) Record(eventlog.Position) (each, alone bool) { return false, false }
func (noAttempts) Event(_, _ eventlog.Position)                {}
func (noAttempts) Commit(_, _ eventlog.Position)               {}
func (noAttempts) Done()                                       {}
func (noAttempts) Condemned(eventlog.Position) string          { return "" }
func (noAttempts) Condemn(eventlog.Position, string) error     { return nil }
