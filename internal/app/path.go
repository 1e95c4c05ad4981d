package app

import (
	"context"
	"path/filepath"
	"time"

	"github.com/freshet/freshet/internal/process/attempt"
	"github.com/freshet/freshet/internal/process/dedup"
)

// openPath opens what events go through between their acknowledgement and the store, as far as this process is their way.
func (a *app) openPath(ctx context.Context) (err error) {
	c := a.Config
	if !a.carries() && !a.takes() {
		a.log = noLog{}
		return nil
	}
	if a.log, err = a.openLog(ctx); err != nil || !a.carries() {
		return err
	}
	if err := a.standBy(ctx); err != nil {
		return err
	}
	if err := a.settleStore(); err != nil {
		return err
	}
	if err := a.keepPositions(ctx); err != nil {
		return err
	}
	if err := a.openArchive(ctx); err != nil {
		return err
	}
	if err := a.noteUnasked(); err != nil {
		return err
	}
	a.attempts, err = attempt.Open(c.Data)
	return err
}

// settleStore does what was decided while no server ran, or another one did, about where the store is.
func (a *app) settleStore() error {
	c := a.Config
	if c.Store.Address != "" {
		return stay(c.Data)
	}
	if goingBack(c.Data) {
		_, end := a.log.Bounds()
		back, err := goBack(c.Data, end)
		if err != nil {
			return err
		}
		if back {
			a.Logger.Info("the store is in the folder again; answers follow when it has caught up", "position", uint64(end))
		}
	}
	done, err := swap(c.Data, time.Now())
	if done {
		a.Logger.Info("a store that was made anew is in place")
	}
	return err
}

// keepPositions sees to it that a log which the disk has robbed of its end gives no position out again that the store or
// the dedup index takes for done: what came there would be accepted and never be seen.
func (a *app) keepPositions(ctx context.Context) error {
	stored, err := a.stored(ctx)
	if err != nil {
		return err
	}
	known, err := dedup.Last(filepath.Join(a.Config.Data, dedupFolder))
	if err != nil {
		return err
	}
	known = max(stored, known)
	if m, err := readMarker(a.Config.Data); err != nil {
		return err
	} else if m != nil {
		known = max(known, m.Target)
	}
	return a.untilThere(ctx, func() error { return a.log.SkipTo(known) })
}
