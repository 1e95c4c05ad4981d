package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/freshet/freshet/internal/lease"
	"github.com/freshet/freshet/internal/store/clickhouse"
)

// stillAsked is for how long a store is kept open for questions that have begun on it, when it is not followed any more.
const stillAsked = 30 * time.Second

// follows tells whether the store of the lane is followed whenever this process does not write it.
func (l *lane) follows() bool {
	return len(l.lanes) > 1 && (l.carries() || l.asks() && l.followed == nil)
}

// laneShare is this process's part in who works on which lane. It goes by one name in all of them, that of its folder.
func (a *app) laneShare() (*lease.Share, error) {
	if a.leases == nil {
		return nil, errors.New("take the leases of lanes: this build keeps none")
	}
	place, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("find this machine's name: %w", err)
	}
	s := &lease.Share{
		Roll: a.leases, Place: place, Logger: a.Logger,
		Work: func(ctx context.Context, i int, l *lease.Lease) error { return a.lanes[i].carry(ctx, l) },
	}
	for _, l := range a.lanes {
		note, err := readLogNote(l.Config.Data)
		if err != nil {
			return nil, err
		}
		if l.number == 0 {
			s.Assembly, s.Member = note.leaseName(), note.Owner
		}
		s.Leases = append(s.Leases, note.leaseName())
		l.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "freshet_standby", Help: "1 while this process does not store the lane's events, and would if its turn came.",
		}, func() float64 {
			if l.way.Load() != nil {
				return 0
			}
			return 1
		}))
	}
	return s, nil
}

// carry stores the lane's events until ctx ends, which it does when the lease is lost, too. Nothing of it is left then.
func (l *lane) carry(ctx context.Context, held *lease.Lease) (err error) {
	registry := &passing{Registerer: l.registry}
	defer registry.end()
	w := &way{lane: l, registry: registry, lease: held}
	defer func() {
		l.way.Store(nil)
		err = errors.Join(err, w.close())
		l.Logger.Info("this process does not store the lane's events any more", "lost", errors.Is(context.Cause(ctx), lease.ErrLost))
	}()
	registry.MustRegister(w.leaseAge())
	l.Logger.Info("this process stores the lane's events", "term", held.Number())
	if err := w.claim(ctx); err != nil {
		return err
	}
	if err := w.open(ctx); err != nil {
		return err
	}
	l.way.Store(w)
	var work sync.WaitGroup
	w.start(ctx, &work)
	work.Wait()
	return nil
}

// follow has questions about the lane answered from what another process stores, whenever this one does not, until ctx ends.
func (l *lane) follow(ctx context.Context) {
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	var leave func()
	failed := false
	for {
		switch own := l.reader.current.Load() != nil; {
		case own && leave != nil:
			leave()
			leave = nil
		case !own && leave == nil:
			var err error
			if leave, err = l.followNow(ctx); err != nil && !failed && ctx.Err() == nil && !errors.Is(err, clickhouse.ErrEmpty) {
				l.Logger.Error("waiting for the store that another process writes to", "error", err)
			}
			failed = err != nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			if leave != nil {
				leave()
			}
			return
		}
	}
}

// followNow begins to follow, and returns what ends it.
func (l *lane) followNow(ctx context.Context) (leave func(), err error) {
	o, err := l.followOptions()
	if err != nil {
		return nil, err
	}
	registry := &passing{Registerer: l.registry}
	inner := prometheus.NewRegistry()
	o.Registerer = inner
	s, err := clickhouse.Follow(ctx, o)
	if err != nil {
		return nil, err
	}
	if !l.carries() { // A store that is written has the same metrics, and there may be both for moments.
		registry.MustRegister(inner)
	}
	l.reader.follow(s)
	return func() {
		l.reader.follow(nil)
		registry.end()
		l.work.Go(func() {
			t := time.NewTimer(stillAsked)
			defer t.Stop()
			select {
			case <-t.C:
			case <-ctx.Done():
			}
			if err := s.Close(); err != nil {
				l.Logger.Warn("close a store that was followed", "error", err)
			}
		})
	}, nil
}

// passing registers what ends before the process does.
type passing struct {
	prometheus.Registerer
	mu  sync.Mutex
	has []prometheus.Collector
}

// Register implements prometheus.Registerer.
func (r *passing) Register(c prometheus.Collector) error {
	if err := r.Registerer.Register(c); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.has = append(r.has, c)
	return nil
}

// MustRegister implements prometheus.Registerer.
func (r *passing) MustRegister(all ...prometheus.Collector) {
	for _, c := range all {
		if err := r.Register(c); err != nil {
			panic(err)
		}
	}
}

// end takes out everything that was registered.
func (r *passing) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.has {
		r.Unregister(c)
	}
	r.has = nil
}
