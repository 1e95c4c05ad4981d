package app

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/freshet/freshet/internal/archive"
	"github.com/freshet/freshet/internal/config"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/lease"
	"github.com/freshet/freshet/internal/process"
	"github.com/freshet/freshet/internal/process/attempt"
	"github.com/freshet/freshet/internal/process/clock"
	"github.com/freshet/freshet/internal/process/dedup"
	"github.com/freshet/freshet/internal/process/enrich"
	"github.com/freshet/freshet/internal/process/identity"
	"github.com/freshet/freshet/internal/project"
	"github.com/freshet/freshet/internal/store"
	"github.com/freshet/freshet/internal/yield"
)

// reopenAfter is how long a pipeline that failed stays closed before it is made anew; it doubles up to reopenMost, or to
// reopenAway when the store is elsewhere and may be back at any time.
const (
	reopenAfter = time.Second
	reopenMost  = time.Minute
	reopenAway  = 4 * time.Second
)

// openedAfter is when what was needed only to open the store goes back to the system: a server without work should be
// small.
const openedAfter = 5 * time.Second

// pipeline is everything behind the log: it is made anew, from what is on disk, when the store or the index fails for
// good, while events go on being accepted.
type pipeline struct {
	config   config.Config
	log      archive.History
	ahead    func(from eventlog.Position) (eventlog.Subscription, error)
	projects *project.Service
	logger   *slog.Logger
	registry prometheus.Registerer
	tracing  *tracing
	attempts *attempt.Attempts
	reader   *reader
	// lease is what the store is opened under; nil where no other process could.
	lease *lease.Lease
	// threads are those a question may use.
	threads int
	// questions are what flushes give way to.
	questions *yield.Foreground
	// full tells that the disk is full.
	full func() bool

	// opened tells upkeep, once for each time, that there is a stage.
	opened chan struct{}
	// renewed tells that there is a store to take the place of the one in use.
	renewed chan struct{}
	current atomic.Pointer[stage]
	// keep is the position before which nothing is needed any more, as of the last stage.
	keep atomic.Uint64
}

// stage is one life of the pipeline.
type stage struct {
	registry *prometheus.Registry
	dedup    *dedup.Index
	store    columns
	// marker says that the store is being made anew; nil when it is not.
	marker    *marker
	enricher  *enrich.Enricher
	processor *process.Processor
}

func newPipeline(a *way) *pipeline {
	return &pipeline{
		config: a.Config, log: archive.History{Log: a.log, Bucket: a.bucket}, ahead: a.log.SubscribeUnpaced, projects: a.projects, questions: &a.questions, full: a.ballast.given, logger: a.Logger, registry: a.registry, tracing: a.tracing,
		attempts: a.attempts, lease: a.lease,
		reader: a.reader, threads: cmp.Or(a.Config.Store.Threads, a.cores), opened: make(chan struct{}, 1), renewed: make(chan struct{}, 1),
	}
}

// run opens the pipeline and carries events until ctx ends.
func (p *pipeline) run(ctx context.Context) {
	wait, most := reopenAfter, reopenMost
	if p.config.Store.Address != "" {
		most = reopenAway
	}
	for {
		began := time.Now()
		s, err := p.open(ctx)
		if err == nil {
			p.logger.Info("store open", "took_ms", time.Since(began).Milliseconds(), "position", uint64(s.store.Position()))
			err = p.carry(ctx, s)
			if err == nil && ctx.Err() == nil {
				err = p.exchange(s)
				if err == nil {
					continue
				}
			}
		}
		if ctx.Err() != nil {
			if err != nil {
				p.logger.Error("processing stopped", "error", err)
			}
			return
		}
		p.logger.Error("the pipeline behind the log failed and is made anew; events are still accepted", "error", err, "wait", wait)
		if time.Since(began) > reopenMost {
			wait = reopenAfter
		}
		if err := p.close(); err != nil {
			p.logger.Error("close the failed pipeline", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		wait = min(2*wait, most)
	}
}

// carry lets a stage process until ctx ends or it fails.
func (p *pipeline) carry(ctx context.Context, s *stage) error {
	p.current.Store(s)
	ctx, cancel := context.WithCancel(ctx)
	var serving sync.WaitGroup
	serving.Go(func() { p.serve(ctx, s) })
	serving.Go(func() {
		select {
		case <-p.renewed:
			cancel()
		case <-broken(s.store):
			cancel()
		case <-ctx.Done():
		}
	})
	select {
	case p.opened <- struct{}{}:
	default:
	}
	opened := time.AfterFunc(openedAfter, debug.FreeOSMemory)
	defer opened.Stop()
	err := s.processor.Run(ctx)
	cancel()
	serving.Wait()
	select {
	case <-broken(s.store):
		return cmp.Or(err, errBroken)
	default:
		return err
	}
}

// errBroken is a store that found out by itself, without a commit, that it has to be opened again.
var errBroken = errors.New("the store has to be opened again")

// broken is closed when a store finds that out; nil for one that never does.
func broken(s columns) <-chan struct{} {
	if b, ok := s.(interface{ Broken() <-chan struct{} }); ok {
		return b.Broken()
	}
	return nil
}

// open opens the store, or begins a new one in the place of one that cannot be read, and what goes with it.
func (p *pipeline) open(ctx context.Context) (*stage, error) {
	c := p.config
	s := &stage{registry: prometheus.NewRegistry()}
	if err := p.openStore(ctx, s); err != nil {
		return nil, errors.Join(err, s.close())
	}
	from, err := completeFrom(ctx, p.log)
	if err == nil {
		s.dedup, err = dedup.Open(filepath.Join(c.Data, dedupFolder), dedup.Options{
			Window: c.Dedup.Window, LogStart: from, Logger: p.logger, Registerer: s.registry,
		})
	}
	if err == nil {
		s.enricher, err = enrich.Open(c.GeoFile)
	}
	var people *identity.People
	if err == nil {
		people, err = identity.New(s.registry)
	}
	preview, _ := s.store.(store.Previewer)
	if err == nil {
		s.processor, err = process.New(process.Config{CommitInterval: commitInterval(c)}, process.Deps{
			Log: p.log, Store: s.store, Preview: preview, Ahead: p.ahead, Dedup: s.dedup, Clock: clock.New(0), People: people, Enricher: s.enricher,
			Attempts: p.attempts,
			Projects: locations{p.projects}, Registerer: s.registry, Logger: p.logger,
			Tracer: p.tracing.tracer("process"),
		})
	}
	if err == nil {
		err = p.registry.Register(s.registry)
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// close ends the present stage: what is in memory goes to disk as far as it can.
func (p *pipeline) close() error {
	s := p.current.Swap(nil)
	if s == nil {
		return nil
	}
	p.reader.set(nil)
	p.keep.Store(uint64(s.processor.KeepFrom()))
	p.registry.Unregister(s.registry)
	return s.close()
}

func (s *stage) close() (err error) {
	if s.dedup != nil {
		err = s.dedup.Close()
	}
	if s.store != nil {
		err = errors.Join(err, s.store.Close())
	}
	if s.enricher != nil {
		err = errors.Join(err, s.enricher.Close())
	}
	return err
}

// keepFrom is the first position that the log must keep.
func (p *pipeline) keepFrom() eventlog.Position {
	if s := p.current.Load(); s != nil {
		return s.processor.KeepFrom()
	}
	return eventlog.Position(p.keep.Load())
}

// Lag is how far answers are behind the log.
func (p *pipeline) Lag() (events uint64, seconds float64) {
	if s := p.current.Load(); s != nil {
		return s.processor.Lag()
	}
	_, end := p.log.Bounds()
	return uint64(end), 0
}

// Freshness is the time from receipt to visibility of recent requests, at a quantile.
func (p *pipeline) Freshness(quantile float64) time.Duration {
	if s := p.current.Load(); s != nil {
		return s.processor.Freshness(quantile)
	}
	return 0
}

// HotRows is how many rows are in memory only.
func (p *pipeline) HotRows() int {
	if s := p.current.Load(); s != nil {
		return s.store.HotRows()
	}
	return 0
}

// FormerDays is how many days on disk are yet to be rewritten in the layout of this version.
func (p *pipeline) FormerDays() int {
	if s := p.current.Load(); s != nil {
		return s.store.FormerDays()
	}
	return 0
}

// locations tells process the time zone of a project.
type locations struct{ projects *project.Service }

// Location implements process.Projects.
func (l locations) Location(id store.ProjectID) *time.Location {
	return l.projects.Location(project.ID(id))
}
