// Package clickhouse keeps events in a ClickHouse server that others operate.
//
// It is a projection of the event log, written by one process. A commit writes rows, links and dead letters, all of which
// have their position in the log, and last of all one row with the position after them: what lies at or behind the latest
// such row is not there for anybody who reads. Each time the store is opened a new epoch begins, which rows have too. What
// an earlier epoch has left behind the position at which the next one began, at once or only later, is never read, and
// deleted. So an event is there once, whoever was killed and whatever was sent twice: the log has it all.
package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/fault"
	"github.com/freshet/freshet/internal/store"
)

const (
	// upkeepEvery is the time between two rounds of upkeep.
	upkeepEvery = time.Second
	// foldAfter is how many commits are added up to one.
	foldAfter = 5000
)

// Options configure a Store. Zero values take the defaults.
type Options struct {
	Target Target
	// PropertyLimit is how many property columns a project may have; default 250.
	PropertyLimit int
	// Threads are those that a statement may use; default is the server's own limit.
	Threads int
	// Owner says whose log the database follows, and is noted in it. One that was noted for another is not opened. Empty is
	// not checked.
	Owner string
	// Epoch is the number of the epoch that opening the store begins, or of the first of beginTries that may have to be begun. It must be
	// above every one before, and none of them ever given to another Open. 0 takes the next one: then nobody else may open the
	// store at the same time.
	Epoch uint64
	// SealRows is how many rows of a project are sealed at a time at least; default 65,536.
	SealRows   int64
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	// Linger is for how long cuts of other processes may be open, which Follow makes: what they may read is not deleted or changed
	// before. 0 is for nobody else.
	Linger time.Duration
	Now    func() time.Time
}

func (o *Options) defaults() {
	if o.PropertyLimit == 0 {
		o.PropertyLimit = 250
	}
	if o.SealRows == 0 {
		o.SealRows = sealRows
		if fault.Small() {
			o.SealRows = 200
		}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Registerer == nil {
		o.Registerer = prometheus.NewRegistry()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
}

// Store implements store.Writer, store.Reader and store.Eraser.
type Store struct {
	opts    Options
	client  *client
	metrics *metrics
	batch   open
	// shards have the rows of events; without a cluster the server alone. Who follows has none.
	shards []*shard

	// changing is held by what changes and deletes rows, which may take long; writing by commits and what sees to them, for
	// a moment. Who needs both takes changing first.
	changing sync.Mutex
	writing  sync.Mutex
	stop     context.CancelFunc
	done     sync.WaitGroup
	commits  int
	// retired and seals, how many numbers this epoch has given out, are those of who holds changing; so are rested, since when nothing was
	// sealed, and rowTime, what a row took.
	retired []retired
	seals   uint64
	rested  time.Time
	rowTime time.Duration

	// mu guards what a cut is made of.
	mu        sync.RWMutex
	epochs    []epoch
	watermark store.Watermark
	advanced  chan struct{}
	tables    map[store.ProjectID]*table
	totals    totals
	targets   targets
	// expiries are those whose rows have not been deleted yet.
	expiries []expiry
	changes  changes
	sealed   map[store.ProjectID]sealed
	unsealed unsealed
	// mixedSince is since when projects have had rows of several zones, as far as others are waited for.
	mixedSince map[store.ProjectID]time.Time
	// latest is the number of the latest cut, cuts has those that are open.
	latest uint64
	cuts   map[uint64]struct{}
	failed atomic.Bool

	// follows tells that another process writes; seen is what it had written when this one looked last.
	follows bool
	seen    mark
	// totaled is the position of the latest commit that was added up.
	totaled eventlog.Position
	// look is sent to when there is something to see; failing tells that the last look failed.
	look    chan struct{}
	failing bool
}

// EpochsEach is how many numbers one Open may use, from Options.Epoch on.
const EpochsEach = beginTries

// Open opens or creates the store in a database. Whoever had it open before cannot write to it any more. The error wraps ErrSuperseded
// when there is an epoch at or above Options.Epoch; Look tells which.
func Open(ctx context.Context, o Options) (*Store, error) {
	o.defaults()
	s := &Store{
		opts: o, client: newClient(&o), advanced: make(chan struct{}), tables: map[store.ProjectID]*table{},
		totals: newTotals(), targets: newTargets(), changes: newChanges(), mixedSince: map[store.ProjectID]time.Time{},
		cuts: map[uint64]struct{}{}, batch: newOpen(), sealed: map[store.ProjectID]sealed{}, unsealed: unsealed{},
		rested: o.Now(), rowTime: rowTime,
	}
	if err := s.load(ctx); err != nil {
		s.disconnect()
		return nil, fmt.Errorf("open store %s on %s: %w", o.Target.Database, o.Target.Address, err)
	}
	s.metrics = newMetrics(o.Registerer, s.difference, s.countUnsealed, s.countLinks)
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = cancel
	s.done.Go(func() { s.maintain(background) })
	return s, nil
}

func (s *Store) load(ctx context.Context) error {
	if err := s.client.create(ctx); err != nil {
		return err
	}
	if err := s.client.learn(ctx); err != nil {
		return err
	}
	if err := s.migrate(ctx); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{s.join, s.own, s.begin, s.settle, s.loadTables, s.loadTotals, s.loadTargets, s.loadExpiries, s.sweepEpochs, s.assertSealed} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return s.sweep(ctx)
}

// Close ends the background. Everything committed is stored already.
func (s *Store) Close() error {
	s.stop()
	s.done.Wait()
	s.disconnect()
	return nil
}

func (s *Store) disconnect() {
	for _, h := range s.shards {
		h.client.close()
	}
	s.client.close()
}

// maintain does what is put off, until ctx ends.
func (s *Store) maintain(ctx context.Context) {
	tick := time.NewTicker(upkeepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := s.upkeep(ctx); err != nil && ctx.Err() == nil {
			s.metrics.failures.Inc()
			s.opts.Logger.Error("upkeep of the store", "error", err)
		}
	}
}

func (s *Store) upkeep(ctx context.Context) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	if s.failed.Load() {
		return nil
	}
	return errors.Join(s.sweep(ctx), s.recut(ctx), s.foldDue(ctx), s.bury(ctx), s.sealDue(ctx))
}

// HotRows is how many rows are in memory only.
func (*Store) HotRows() int { return 0 }

// FormerDays is how many days are of a former layout: the tables are made by this version, or altered as a whole.
func (*Store) FormerDays() int { return 0 }

// Position implements store.Writer.
func (s *Store) Position() eventlog.Position { return s.Watermark().Position }

// Watermark implements store.Reader.
func (s *Store) Watermark() store.Watermark {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.watermark
}

// Version implements store.Reader.
func (s *Store) Version(project store.ProjectID) uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.changes.version(project)
}

// Wait implements store.Reader.
func (s *Store) Wait(ctx context.Context, p eventlog.Position) error {
	for {
		s.mu.RLock()
		at, advanced := s.watermark.Position, s.advanced
		s.mu.RUnlock()
		if at >= p || fault.Planted(fault.WaitShort) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-advanced:
		}
	}
}
