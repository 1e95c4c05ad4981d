package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/freshet/freshet/internal/config"
	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store/clickhouse"
)

// lingerFor is how long the process that writes leaves alone what others may still read: longer than any question may take.
const lingerFor = 10 * time.Minute

// followFor is how long a start waits for the stores of the lanes behind the first.
const followFor = 10 * time.Second

// carries tells whether events go through this process, from the log to the store.
func (a *app) carries() bool { return a.Config.Does(config.RoleProcess) }

// takes tells whether it takes events.
func (a *app) takes() bool { return a.Config.Does(config.RoleIngest) }

// door is the log as requests see it.
func (a *app) door() eventLog {
	if a.takes() {
		return a.logs()
	}
	return noLog{}
}

// asks tells whether it answers questions from a store that another process writes to.
func (a *app) asks() bool { return a.Config.Does(config.RoleQuery) && !a.carries() }

// noLog is the log of a process that takes no events. SDKs are told to come again: a proxy that sends them here is soon mended, and
// what they threw away would be lost.
type noLog struct {
	// why is what they are told in place of that this process takes none.
	why func() error
}

var _ eventLog = noLog{}

func otherRole() error {
	e := event.Errorf(event.Unavailable, "other_role", "this process takes no events; it takes one with the role %s", config.RoleIngest)
	e.Wait = time.Minute
	return e
}

// Append implements eventlog.Log.
func (l noLog) Append(context.Context, eventlog.Record) (eventlog.Position, error) {
	return 0, l.refusal()
}

func (l noLog) refusal() error {
	if l.why != nil {
		return l.why()
	}
	return otherRole()
}

// Subscribe implements eventlog.Log.
func (noLog) Subscribe(eventlog.Position) (eventlog.Subscription, error) { return nil, otherRole() }

// SubscribeUnpaced implements eventLog.
func (noLog) SubscribeUnpaced(eventlog.Position) (eventlog.Subscription, error) {
	return nil, otherRole()
}

// Bounds implements eventlog.Log.
func (noLog) Bounds() (start, end eventlog.Position) { return 0, 0 }

// Trim implements eventlog.Log.
func (noLog) Trim(eventlog.Position) error { return nil }

// WrittenBefore implements eventLog.
func (noLog) WrittenBefore(time.Time) eventlog.Position { return 0 }

// SkipTo implements eventLog.
func (noLog) SkipTo(eventlog.Position) error { return nil }

// Behind implements eventLog.
func (noLog) Behind() bool { return false }

// Close implements eventLog.
func (noLog) Close() error { return nil }

// followStores opens the stores of all lanes. The first is waited for, and the others for as long: one that is not there yet is looked for
// later, so that it keeps nobody from asking the others.
func (a *app) followStores(ctx context.Context) error {
	if err := a.lanes[0].followStore(ctx); err != nil || len(a.lanes) == 1 {
		return err
	}
	wait, cancel := context.WithTimeout(ctx, followFor)
	defer cancel()
	for _, l := range a.lanes[1:] {
		_ = l.followStore(wait)
	}
	return ctx.Err()
}

// followStore opens the store that another process writes to. It waits for it: without one there is nothing that this process could
// do, so it is not ready before.
func (a *lane) followStore(ctx context.Context) error {
	o, err := a.followOptions()
	if err != nil {
		return err
	}
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for failed := false; ; failed = true {
		r := prometheus.NewRegistry()
		o.Registerer = r
		s, err := clickhouse.Follow(ctx, o)
		if err == nil {
			a.followed = s
			a.reader.set(s)
			a.Logger.Info("following the store", "position", uint64(s.Position()))
			return a.registry.Register(r)
		}
		if !failed {
			a.server.WaitFor("ClickHouse, where another process stores the events that it is to answer questions about")
			a.Logger.Error("waiting for the store", "error", err)
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-tick.C:
		}
	}
}

// followOptions are those of a store that another process writes to.
func (a *lane) followOptions() (clickhouse.Options, error) {
	target, err := clickhouse.ParseURL(a.Config.Store.Address)
	if err != nil {
		return clickhouse.Options{}, fmt.Errorf("store.address: %w", err)
	}
	return clickhouse.Options{
		Target: target, Threads: a.Config.Store.Threads, PropertyLimit: a.Config.Store.PropertyLimit, Logger: a.Logger,
	}, nil
}

// closeFollowed ends the store that was followed.
func (a *lane) closeFollowed() error {
	if a.followed == nil {
		return nil
	}
	a.reader.set(nil)
	return a.followed.Close()
}
