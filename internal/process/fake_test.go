package process_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.opentelemetry.io/otel/trace"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/process"
	"github.com/freshet/freshet/internal/process/clock"
	"github.com/freshet/freshet/internal/process/dedup"
	"github.com/freshet/freshet/internal/process/enrich"
	"github.com/freshet/freshet/internal/process/identity"
	"github.com/freshet/freshet/internal/store"
)

// memoryLog is a log in memory.
type memoryLog struct {
	mu      sync.Mutex
	entries []eventlog.Entry
	more    chan struct{}
	closed  bool
	// damaged are positions of entries that cannot be read.
	damaged map[eventlog.Position]bool
}

func newLog() *memoryLog {
	return &memoryLog{more: make(chan struct{}), damaged: map[eventlog.Position]bool{}}
}

func (l *memoryLog) Append(_ context.Context, r eventlog.Record) (eventlog.Position, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := eventlog.Entry{First: l.end(), Events: r.Events, Payload: slices.Clone(r.Payload)}
	l.entries = append(l.entries, e)
	close(l.more)
	l.more = make(chan struct{})
	return e.First, nil
}

func (l *memoryLog) end() eventlog.Position {
	if len(l.entries) == 0 {
		return 0
	}
	return l.entries[len(l.entries)-1].End()
}

func (l *memoryLog) Subscribe(from eventlog.Position) (eventlog.Subscription, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i, ok := slices.BinarySearchFunc(l.entries, from, func(e eventlog.Entry, p eventlog.Position) int {
		return int(e.First) - int(p)
	})
	if !ok && from != l.end() {
		return nil, errors.New("not the start of a record")
	}
	return &memorySub{log: l, next: i}, nil
}

func (l *memoryLog) Bounds() (start, end eventlog.Position) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return 0, l.end()
}

func (l *memoryLog) Trim(eventlog.Position) error { return nil }

// close ends the log: what is in it can still be read.
func (l *memoryLog) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.closed = true
		close(l.more)
		l.more = make(chan struct{})
	}
}

func (l *memoryLog) reopen() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = false
}

type memorySub struct {
	log  *memoryLog
	next int
}

func (s *memorySub) Next(ctx context.Context, limit int) ([]eventlog.Entry, error) {
	for {
		l := s.log
		l.mu.Lock()
		left, more, closed := l.entries[s.next:], l.more, l.closed
		l.mu.Unlock()
		if len(left) > 0 {
			if l.damaged[left[0].First] {
				return nil, event.Errorf(event.Corrupt, "log_damaged", "position %d cannot be read", left[0].First)
			}
			n := 1
			for n < min(len(left), limit) && !l.damaged[left[n].First] {
				n++
			}
			s.next += n
			return left[:n], nil
		}
		if closed {
			return nil, eventlog.ErrClosed
		}
		select {
		case <-more:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (s *memorySub) SkipDamage() (eventlog.Position, error) {
	end := s.log.entries[s.next].End()
	s.next++
	return end, nil
}

func (s *memorySub) Close() error { return nil }

// zones has no projects: all are in UTC.
type zones struct{}

func (zones) Location(store.ProjectID) *time.Location { return nil }

// touchy is an Enricher that panics at events named boom, and counts how often.
type touchy struct {
	process.Enricher
	panics int
	// hang keeps everybody who enriches an event named stuck until it is closed.
	hang chan struct{}
	// reached is closed when somebody is kept.
	reached chan struct{}
}

func (t *touchy) Enrich(e *event.Event) {
	if e.Name == "boom" {
		t.panics++
		panic("boom")
	}
	if e.Name == "stuck" && t.hang != nil {
		if t.reached != nil {
			close(t.reached)
		}
		<-t.hang
	}
	t.Enricher.Enrich(e)
}

// world is everything around a Processor.
type world struct {
	fs     *vfs.MemFS
	log    *memoryLog
	store  *memoryStore
	index  *dedup.Index
	touchy *touchy
	stuck  *stuck
	config process.Config
	tracer trace.Tracer
	notes  process.Attempts
	// ahead tells that the store shows events ahead.
	ahead bool
	proc  *process.Processor
}

func newWorld(t testing.TB) *world {
	n, err := enrich.Open("")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{fs: vfs.NewCrashableMem(), log: newLog(), store: newStore(), touchy: &touchy{Enricher: n}}
	return w
}

type fataler interface{ Fatal(...any) }

// start makes a new process over what is durable.
func (w *world) start(t fataler) {
	var err error
	w.index, err = dedup.Open("ids", dedup.Options{
		FS: w.fs, TableBits: 6, Window: time.Hour, Now: func() time.Time { return time.Unix(1e12, 0) },
	})
	if err != nil {
		t.Fatal(err)
	}
	p, err := identity.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	var index process.Dedup = w.index
	if w.stuck != nil {
		w.stuck.Dedup = w.index
		index = w.stuck
	}
	var preview store.Previewer
	if w.ahead {
		preview = w.store
	}
	w.proc, err = process.New(w.config, process.Deps{
		Log: w.log, Store: w.store, Preview: preview, Dedup: index, Clock: clock.New(0), People: p, Enricher: w.touchy, Projects: zones{},
		Tracer: w.tracer, Attempts: w.notes,
	})
	if err != nil {
		t.Fatal(err)
	}
}

// drain runs until the log is read to its end.
func (w *world) drain() error {
	w.log.close()
	defer w.log.reopen()
	return w.proc.Run(context.Background())
}

// append adds a record of events.
func (w *world) append(t fataler, h event.Header, items ...any) {
	var enc event.Encoder
	enc.Begin(h)
	for _, i := range items {
		switch i := i.(type) {
		case event.Event:
			enc.Add(&i)
		case event.Dead:
			enc.AddDead(i)
		}
	}
	if _, err := w.log.Append(context.Background(), eventlog.Record{Payload: enc.Payload(), Events: len(items)}); err != nil {
		t.Fatal(err)
	}
}
