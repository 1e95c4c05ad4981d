package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/freshet/freshet/internal/config"
	"github.com/freshet/freshet/internal/lease"
	"github.com/freshet/freshet/internal/project/postgres"
	"github.com/freshet/freshet/internal/store/clickhouse"
)

// errReplaced ends a process whose place another one has taken. Whoever has started it starts it again, and it stands by.
var errReplaced = errors.New("another process stores events now, because this one has said nothing for a while: start it again, and it stands by")

// leased tells that events go through a process of which there may be several, of which one works and the others stand by: where
// everything that one of them leaves is shared.
func leased(c config.Config) bool {
	return c.Does(config.RoleProcess) && c.Log.Address != "" && c.Store.Address != "" && c.Project != ""
}

// standBy waits until this process is the one that stores events. Before that it changes nothing of what is shared.
func (a *way) standBy(ctx context.Context) error {
	if !leased(a.Config) {
		return nil
	}
	if a.leases == nil {
		return errors.New("take the lease of the topic: this build keeps none")
	}
	note, err := readLogNote(a.Config.Data)
	if err != nil {
		return err
	}
	state := prometheus.NewGauge(prometheus.GaugeOpts{Name: "freshet_standby", Help: "1 while another process stores events and this one would take its place."})
	a.registry.MustRegister(state)
	place, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("find this machine's name: %w", err)
	}
	began := time.Now()
	r := lease.Request{Name: note.leaseName(), Holder: note.Owner, Place: place}
	told := ""
	a.lease, err = lease.Take(ctx, a.leases, r, a.Logger, func(place string, err error) {
		if err != nil {
			a.server.StandBy("this process stands by: whether another one stores events is not known while PostgreSQL does not answer")
			a.Logger.Error("standing by: PostgreSQL does not tell whether another process stores events", "error", err)
			return
		}
		state.Set(1)
		a.startAdmin(ctx)
		if told != place {
			told = place
			a.server.StandBy("this process stands by: one on " + place + " stores events; this one takes over when that one is gone")
			a.Logger.Info("standing by: another process stores events", "on", place)
		}
	})
	if err != nil {
		return fmt.Errorf("stand by: %w", err)
	}
	a.server.StandBy("")
	state.Set(0)
	a.registry.MustRegister(a.leaseAge())
	a.Logger.Info("this process stores events", "term", a.lease.Number(), "waited_ms", time.Since(began).Milliseconds())
	return a.claim(ctx)
}

// claim notes in Kafka who takes events out of the lane's log. It is that of whoever has the lease, in whatever folder; one that was
// claimed before there were leases is its folder's.
func (a *way) claim(ctx context.Context) error {
	log, ok := a.log.(topicLog)
	if !ok {
		return errors.New("claim the topic: the log is not in one")
	}
	note, err := readLogNote(a.Config.Data)
	if err != nil {
		return err
	}
	return a.untilThere(ctx, func() error { return log.Claim(ctx, a.lease.ID(), note.Owner) })
}

func (a *way) leaseAge() prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "freshet_lease_age_seconds", Help: "Time since this process last renewed that it is the one to store events.",
	}, func() float64 { return a.lease.Age().Seconds() })
}

// leaseName is that of the topic: who has it takes events out of the topic, and stores them.
func (n *logNote) leaseName() string { return "process " + n.storeOwner() }

// whoStores tells which process stores events, for people; nothing where there can be only one, or a folder has not been used.
func whoStores(ctx context.Context, c config.Config) (string, error) {
	if c.Lanes <= 1 {
		return whoStoresLane(ctx, c)
	}
	var all []string
	for k, lane := range laneConfigs(c) {
		found, err := whoStoresLane(ctx, lane)
		if err != nil || found == "" {
			return "", err
		}
		all = append(all, fmt.Sprintf("lane %d: %s", k, found))
	}
	return strings.Join(all, ", "), nil
}

func whoStoresLane(ctx context.Context, c config.Config) (string, error) {
	note, err := readLogNote(c.Data)
	if err != nil || note == nil || !leased(c) {
		return "", err
	}
	place, left, err := postgres.LookLease(ctx, c.Project, note.leaseName())
	switch {
	case err != nil:
		return "", err
	case place == "":
		return "no process stores events", nil
	}
	return fmt.Sprintf("a process on %s stores events, others stand by (its lease is good for %s)", place, left.Round(time.Second)), nil
}

// replaced is closed when another process has taken this one's place; nil where none can.
func (a *app) replaced() <-chan struct{} {
	if len(a.lanes) != 1 {
		return nil // then only what is done for a lane ends
	}
	w := a.lanes[0].way.Load()
	if w == nil || w.lease == nil {
		return nil
	}
	return w.lease.Lost()
}

// endLease lets another process begin at once. It is called when nothing more is written.
func (a *way) endLease(ctx context.Context) {
	if a.lease == nil {
		return
	}
	if err := a.lease.End(ctx); err != nil {
		a.Logger.Warn("another process can take over only in a while", "after", lease.Term, "error", err)
	}
}

// openLeased opens the store for writing, unless another process has this one's place. Whether it has is asked first, and told by the
// store itself while nobody can be asked.
func (p *pipeline) openLeased(ctx context.Context, o clickhouse.Options) (*clickhouse.Store, error) {
	if p.lease == nil {
		return clickhouse.Open(ctx, o)
	}
	if err := p.lease.Confirm(ctx); errors.Is(err, lease.ErrLost) {
		return nil, err
	}
	o.Epoch = p.lease.Epoch(clickhouse.EpochsEach)
	s, err := clickhouse.Open(ctx, o)
	if !errors.Is(err, clickhouse.ErrSuperseded) {
		return s, err
	}
	// A later holder has the store, or somebody who had no lease.
	found, lookErr := clickhouse.Look(ctx, o)
	if lookErr == nil {
		lookErr = p.lease.Raise(ctx, found.Epoch)
	}
	return nil, errors.Join(err, lookErr)
}
