package app

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"

	"github.com/freshet/freshet/internal/archive"
	"github.com/freshet/freshet/internal/config"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/process"
	"github.com/freshet/freshet/internal/process/attempt"
	"github.com/freshet/freshet/internal/process/clock"
	"github.com/freshet/freshet/internal/process/dedup"
	"github.com/freshet/freshet/internal/process/enrich"
	"github.com/freshet/freshet/internal/process/identity"
)

// filling processes history into a store, beside the one that is in use.
type filling struct {
	Config config.Config
	Logger *slog.Logger
	// Rate is the most events a second; 0 is as many as the machine can.
	Rate int
	// Dir has what belongs to the new store: its index of event ids and its copy of the control plane.
	Dir string
	// Progress is told up to which position it is done, and of which; it may be nil.
	Progress func(done, of int64)
}

// run processes history up to a position, into the given store.
func (f *filling) run(ctx context.Context, h archive.History, columns columns, end eventlog.Position) (err error) {
	projects, err := copiedProjects(ctx, f.Config, f.Logger, f.Dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, projects.Close()) }()
	from, err := completeFrom(ctx, h)
	if err != nil {
		return err
	}
	ids, err := dedup.Open(filepath.Join(f.Dir, dedupFolder), dedup.Options{Window: f.Config.Dedup.Window, LogStart: from, Logger: f.Logger})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ids.Close()) }()
	enricher, err := enrich.Open(f.Config.GeoFile)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, enricher.Close()) }()
	people, err := identity.New(nil)
	if err != nil {
		return err
	}
	attempts, err := attempt.Open(f.Dir, f.Config.Data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, attempts.Close()) }()
	batches := process.Config{}
	if f.Rate > 0 {
		// A slow rebuild commits about once a second, so that it shows progress and goes on where it was.
		batches.BatchEvents = min(max(f.Rate, 100), 16_384)
	}
	p, err := process.New(batches, process.Deps{
		Log: until{throttled{h, f.Rate}, end}, Store: columns, Dedup: ids, Clock: clock.New(0), People: people, Enricher: enricher,
		Attempts: attempts, Projects: locations{projects}, Logger: f.Logger,
	})
	if err != nil {
		return err
	}
	return runUntil(ctx, p, columns.Position(), end, f.Progress)
}

// until is a log that has nothing behind a position, which lies between records.
type until struct {
	eventlog.Log
	end eventlog.Position
}

// Bounds implements eventlog.Log.
func (u until) Bounds() (start, end eventlog.Position) {
	start, end = u.Log.Bounds()
	return start, min(end, u.end)
}

// Subscribe implements eventlog.Log.
func (u until) Subscribe(from eventlog.Position) (eventlog.Subscription, error) {
	sub, err := u.Log.Subscribe(from)
	if err != nil {
		return nil, err
	}
	return &endingSubscription{sub, u.end}, nil
}

// endingSubscription waits at its end, as at the end of a log.
type endingSubscription struct {
	eventlog.Subscription
	end eventlog.Position
}

// Next implements eventlog.Subscription.
func (s *endingSubscription) Next(ctx context.Context, limit int) ([]eventlog.Entry, error) {
	entries, err := s.Subscription.Next(ctx, limit)
	if err != nil {
		return nil, err
	}
	for i := range entries {
		if entries[i].First >= s.end {
			entries = entries[:i]
			break
		}
	}
	if len(entries) > 0 {
		return entries, nil
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

// SkipDamage passes on what the processor asks of a log that is damaged.
func (s *endingSubscription) SkipDamage() (eventlog.Position, error) {
	return skipDamage(s.Subscription)
}
