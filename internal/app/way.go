package app

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/freshet/freshet/internal/archive"
	"github.com/freshet/freshet/internal/lease"
	"github.com/freshet/freshet/internal/process/attempt"
	"github.com/freshet/freshet/internal/process/dedup"
)

// way is how a lane's events go through this process, from the log to the store, for as long as it is the one that stores them.
type way struct {
	*lane
	registry prometheus.Registerer
	// lease is that it is this process; nil where there can be only one.
	lease   *lease.Lease
	archive *archive.Archive
	// bucket is where the archive is, whether it is being written or not.
	bucket      archive.Bucket
	closeBucket io.Closer
	// marker leaves marks beside the archive; nil where none are.
	marker   *archive.Marker
	attempts *attempt.Attempts
	pipeline *pipeline
	// unasked tells that the store is elsewhere and could not be asked for its position.
	unasked bool
}

// open opens what events go through between their acknowledgement and the store.
func (a *way) open(ctx context.Context) (err error) {
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
	if a.attempts, err = attempt.Open(a.Config.Data); err != nil {
		return err
	}
	a.pipeline = newPipeline(a)
	return nil
}

// start begins to carry events, until ctx ends and the work is done.
func (a *way) start(ctx context.Context, work *sync.WaitGroup) {
	work.Go(func() { a.pipeline.run(ctx) })
	work.Go(func() { a.pipeline.watch(ctx) })
	work.Go(func() { a.upkeep(ctx) })
	work.Go(func() { a.quotas(ctx) })
	if a.archive != nil {
		work.Go(func() { a.archive.Run(ctx) })
	}
	if a.marker != nil {
		work.Go(func() { a.keepMarks(ctx, a.marker) })
	}
}

// close closes what open has opened, when the work is done.
func (a *way) close() (err error) {
	if a.pipeline != nil {
		err = a.pipeline.close()
	}
	if a.attempts != nil {
		err = errors.Join(err, a.attempts.Close())
	}
	if a.closeBucket != nil {
		err = errors.Join(err, a.closeBucket.Close())
	}
	return err
}

// settleStore does what was decided while no server ran, or another one did, about where the store is.
func (a *way) settleStore() error {
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
func (a *way) keepPositions(ctx context.Context) error {
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
