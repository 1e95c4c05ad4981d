package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/freshet/freshet/internal/archive"
	"github.com/freshet/freshet/internal/config"
	"github.com/freshet/freshet/internal/durable"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/eventlog/disk"
	"github.com/freshet/freshet/internal/process"
	"github.com/freshet/freshet/internal/store/duckdb"
)

// RebuildOptions are what Rebuild works with.
type RebuildOptions struct {
	Config config.Config
	Logger *slog.Logger
	// Rate is the most events a second; 0 is as many as the machine can.
	Rate int
	// Partial goes on without positions that neither the archive nor the log has. They become dead letters.
	Partial bool
	// Progress is told up to which position it is done, and of which; it may be nil.
	Progress func(done, of int64)
}

// Rebuilt is what a rebuild has done.
type Rebuilt struct {
	// Position is up to where the new store goes, Resumed up to where an earlier run had come.
	Position int64 `json:"position"`
	Resumed  int64 `json:"resumed"`
	// Seconds is how long this run took.
	Seconds float64 `json:"seconds"`
	// Served tells that a server used the folder and has put the new store in place.
	Served bool `json:"served"`
}

// Rebuild makes the store and the dedup index of a folder anew from the archive and the log, beside the old ones, and has
// them put in their place when they are complete: by the server that uses the folder, which answers from the old store until
// then, or here when there is none. Broken off, it goes on where it was.
func Rebuild(ctx context.Context, o RebuildOptions) (_ *Rebuilt, err error) {
	began := time.Now()
	if o.Config.Store.Address != "" {
		return nil, errors.New("the events of this folder are in ClickHouse: to make them anew from the archive and the log, stop the server, " +
			"drop the database or name an empty one with store.address, and start it again; it accepts events meanwhile, and answers when all are there")
	}
	log, err := openStoppedLog(ctx, o.Config, o.Logger)
	if errors.Is(err, disk.ErrInUse) {
		if err := checkStore(o.Config); err != nil {
			return nil, fmt.Errorf("a server uses the folder: %w", err)
		}
		return rebuildBeside(ctx, o, began)
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	if _, err := swap(o.Config.Data, began); err != nil {
		return nil, err
	}
	if err := claim(ctx, o); err != nil {
		return nil, err
	}
	r, err := renewed(ctx, o, log)
	if err != nil {
		return nil, err
	}
	if _, err := swap(o.Config.Data, time.Now()); err != nil {
		return nil, err
	}
	if err := forgetStore(o.Config.Data); err != nil {
		return nil, err
	}
	r.Seconds = time.Since(began).Seconds()
	return r, nil
}

// claim is what a start does with a folder that goes on with the archive of a lost machine.
func claim(ctx context.Context, o RebuildOptions) (err error) {
	bucket, closer, err := openBucket(ctx, o.Config, o.Logger, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closer.Close()) }()
	return claimArchive(ctx, o.Config.Data, bucket, o.Logger)
}

// rebuildBeside rebuilds while a server uses the folder, and waits until the server has put the new store in place. What
// the server trims from the log meanwhile is in the archive, so the log is looked at again.
func rebuildBeside(ctx context.Context, o RebuildOptions, began time.Time) (*Rebuilt, error) {
	resumed := int64(-1)
	for {
		log, closer, err := openLogBeside(ctx, o.Config)
		if err != nil {
			return nil, err
		}
		r, err := renewed(ctx, o, log)
		err = errors.Join(err, closer.Close())
		if r != nil && resumed < 0 {
			resumed = r.Resumed
		}
		if errors.Is(err, fs.ErrNotExist) && ctx.Err() == nil {
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := inPlace(ctx, o.Config.Data); err != nil {
			return nil, err
		}
		r.Seconds, r.Resumed, r.Served = time.Since(began).Seconds(), resumed, true
		return r, nil
	}
}

// inPlace waits until the server has taken a complete store.
func inPlace(ctx context.Context, data string) error {
	tick := time.NewTicker(lookEvery / 10)
	defer tick.Stop()
	for {
		if _, err := os.Stat(filepath.Join(data, rebuildFolder, doneFile)); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.New("the new store is complete; the server has not taken it yet")
		}
	}
}

// renewed makes a complete store in the rebuild folder.
func renewed(ctx context.Context, o RebuildOptions, log eventlog.Log) (_ *Rebuilt, err error) {
	bucket, closer, err := openBucket(ctx, o.Config, o.Logger, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closer.Close()) }()
	h := archive.History{Log: log, Bucket: bucket}
	if err := complete(ctx, h, 0); err != nil && !o.Partial {
		return nil, fmt.Errorf("%w; --partial goes on without them", err)
	}
	r, err := refill(ctx, o, h)
	if err != nil {
		return r, err
	}
	if err := durable.WriteFile(filepath.Join(o.Config.Data, rebuildFolder, doneFile), nil); err != nil {
		return nil, fmt.Errorf("complete the new store: %w", err)
	}
	return r, nil
}

// refill processes all of history into the rebuild folder.
func refill(ctx context.Context, o RebuildOptions, h archive.History) (r *Rebuilt, err error) {
	dir := filepath.Join(o.Config.Data, rebuildFolder)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the rebuild folder: %w", err)
	}
	options := storeOptions(o.Config, dir, runtime.GOMAXPROCS(0))
	options.Logger = o.Logger
	columns, err := duckdb.Open(ctx, options)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, columns.Close()) }()
	_, end := h.Bounds()
	r = &Rebuilt{Position: int64(end), Resumed: int64(columns.Position())}
	f := filling{Config: o.Config, Logger: o.Logger, Rate: o.Rate, Dir: dir, Progress: o.Progress}
	return r, f.run(ctx, h, columns, end)
}

// runUntil processes until a position is committed.
func runUntil(ctx context.Context, p *process.Processor, at, end eventlog.Position, progress func(done, of int64)) error {
	if at >= end {
		return nil
	}
	run, stop := context.WithCancel(ctx)
	defer stop()
	p.OnCommit(func(after eventlog.Position, _ time.Time) {
		at = after
		if progress != nil {
			progress(int64(after), int64(end))
		}
		if after >= end {
			stop()
		}
	})
	if err := p.Run(run); err != nil {
		return err
	}
	if at < end {
		return fmt.Errorf("rebuild: stopped at position %d of %d; run it again to go on: %w", at, end, ctx.Err())
	}
	return nil
}

// throttled is a log that is read at a rate.
type throttled struct {
	eventlog.Log
	// rate is in events a second; 0 is no limit.
	rate int
}

// Subscribe implements eventlog.Log.
func (t throttled) Subscribe(from eventlog.Position) (eventlog.Subscription, error) {
	sub, err := t.Log.Subscribe(from)
	if err != nil || t.rate <= 0 {
		return sub, err
	}
	return &slowSubscription{Subscription: sub, rate: t.rate, began: time.Now()}, nil
}

// slowSubscription hands out no more than its rate, a record at a time.
type slowSubscription struct {
	eventlog.Subscription
	rate  int
	began time.Time
	given int
	// ready are entries that were read and are not due yet.
	ready []eventlog.Entry
}

// Next implements eventlog.Subscription.
func (s *slowSubscription) Next(ctx context.Context, limit int) ([]eventlog.Entry, error) {
	due := s.began.Add(time.Duration(float64(s.given) / float64(s.rate) * float64(time.Second)))
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if len(s.ready) == 0 {
		var err error
		if s.ready, err = s.Subscription.Next(ctx, limit); err != nil {
			return nil, err
		}
	}
	out := s.ready[:1:1]
	s.ready = s.ready[1:]
	s.given += out[0].Events
	return out, nil
}

// SkipDamage passes on what the processor asks of a log that is damaged.
func (s *slowSubscription) SkipDamage() (eventlog.Position, error) { return skipDamage(s.Subscription) }

func skipDamage(s eventlog.Subscription) (eventlog.Position, error) {
	d, ok := s.(interface {
		SkipDamage() (eventlog.Position, error)
	})
	if !ok {
		return 0, errors.New("skip damage: the log cannot")
	}
	return d.SkipDamage()
}
