package rest

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/store"
)

const (
	// pushEvery is the least time between two pushes, pushEvents how many events one has at most.
	pushEvery  = 200 * time.Millisecond
	pushEvents = 50
	// pushTimeout bounds the look for new events; what it does not find is found by the next.
	pushTimeout = 5 * time.Second
)

// live has one feed for each project that somebody watches, so that the work does not grow with the watchers.
type live struct {
	engine *query.Engine
	logger *slog.Logger
	limit  int
	missed prometheus.Counter
	work   sync.WaitGroup
	// mu guards what follows, and the subscribers of each feed.
	mu     sync.Mutex
	feeds  map[store.ProjectID]*feed
	open   int
	closed bool
}

// feed looks for new events of a project until its last subscriber has left.
type feed struct {
	scope query.Scope
	subs  map[*subscriber]struct{}
	stop  chan struct{}
}

// subscriber is a stream. What it does not take in time is dropped and counted.
type subscriber struct {
	feed   *feed
	pushes chan push
	missed atomic.Int64
	// ended is closed when the feed will push no more.
	ended chan struct{}
}

// push is what became visible since the push before.
type push struct {
	events    []byte // a JSON array
	count     int64
	skipped   int64
	watermark store.Watermark
}

func newLive(o Options) *live {
	l := &live{engine: o.Engine, logger: o.Logger, limit: o.Streams, feeds: map[store.ProjectID]*feed{}}
	l.missed = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "freshet_live_missed_events_total", Help: "Events that live streams left out, because there were too many or the client was slow.",
	})
	o.Registerer.MustRegister(l.missed, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "freshet_live_streams", Help: "Live streams that are open.",
	}, func() float64 {
		l.mu.Lock()
		defer l.mu.Unlock()
		return float64(l.open)
	}))
	return l
}

// join begins a subscription to what becomes visible from now on.
func (l *live) join(ctx context.Context, s query.Scope) (*subscriber, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, &event.Error{Kind: event.Unavailable, Code: "draining", Message: "the server is stopping"}
	}
	if l.open >= l.limit {
		return nil, tooManyStreams(l.limit)
	}
	f := l.feeds[s.Project]
	if f == nil {
		f = &feed{scope: s, subs: map[*subscriber]struct{}{}, stop: make(chan struct{})}
		l.feeds[s.Project] = f
		version, w := l.engine.Version(s.Project)
		ctx = context.WithoutCancel(ctx) // the feed is for all who watch, not only for the first
		l.work.Go(func() { l.run(ctx, f, version, w.Head()) })
	}
	sub := &subscriber{feed: f, pushes: make(chan push, 1), ended: make(chan struct{})}
	f.subs[sub] = struct{}{}
	l.open++
	return sub, nil
}

func (l *live) leave(sub *subscriber) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := sub.feed.subs[sub]; ok {
		l.remove(sub)
	}
}

// remove ends a subscription, and its feed when it was the last; mu is held.
func (l *live) remove(sub *subscriber) {
	f := sub.feed
	close(sub.ended)
	delete(f.subs, sub)
	l.open--
	if len(f.subs) == 0 {
		close(f.stop)
		delete(l.feeds, f.scope.Project)
	}
}

// close ends all streams and waits for the feeds.
func (l *live) close() {
	l.mu.Lock()
	l.closed = true
	for _, f := range l.feeds {
		for sub := range f.subs {
			l.remove(sub)
		}
	}
	l.mu.Unlock()
	l.work.Wait()
}

func (l *live) run(ctx context.Context, f *feed, version uint64, after eventlog.Position) {
	tick := time.NewTicker(pushEvery)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-f.stop:
			return
		case <-tick.C:
		}
		now, _ := l.engine.Version(f.scope.Project)
		if now == version {
			continue
		}
		p, err := l.look(ctx, f, after)
		if err != nil {
			if !failing { // a store that is away would fill the log
				l.logger.Warn("live streams cannot look for events", "project", f.scope.Project, "error", err)
			}
			failing = true
			continue
		}
		failing = false
		version, after = now, max(after, p.watermark.Head())
		if p.count+p.skipped > 0 {
			l.send(f, p)
		}
	}
}

// look reads what became visible at or behind a position.
func (l *live) look(ctx context.Context, f *feed, after eventlog.Position) (push, error) {
	ctx, cancel := context.WithTimeout(ctx, pushTimeout)
	defer cancel()
	events, skipped, w, err := l.engine.Latest(ctx, f.scope, after, pushEvents)
	if err != nil {
		return push{}, err
	}
	p := push{events: []byte{'['}, count: int64(len(events)), skipped: int64(skipped), watermark: w}
	for i := range events {
		if i > 0 {
			p.events = append(p.events, ',')
		}
		p.events = events[i].AppendJSON(p.events)
	}
	p.events = append(p.events, ']')
	return p, nil
}

func (l *live) send(f *feed, p push) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for sub := range f.subs {
		select {
		case sub.pushes <- p:
			l.missed.Add(float64(p.skipped))
		default:
			l.missed.Add(float64(p.count + p.skipped))
			sub.missed.Add(p.count + p.skipped)
		}
	}
}
