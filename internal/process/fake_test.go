package process_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
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

// row is what is compared of a stored event.
type row struct {
	position uint64
	project  store.ProjectID
	id       string
	time     int64
	person   uint64
	device   uint64
	browser  string
	flags    event.Flags
}

type hour struct {
	project store.ProjectID
	hour    int64
}

// sdkHour says which SDK sent a duplicate, and when.
type sdkHour struct {
	hour
	store.SDK
}

// contents is what a store has.
type contents struct {
	position eventlog.Position
	rows     []row
	dead     []store.DeadLetter
	links    []store.Link
	unlinks  []store.Unlink
	counts   map[hour]store.Counts
	// sdks has an entry a duplicate.
	sdks    []sdkHour
	commits []time.Time
}

// diff names the first difference of each kind.
func (c contents) diff(d contents) (out []string) {
	first := func(what string, n, m int, a, b func(int) any) {
		for i := range max(n, m) {
			if i >= n || i >= m || !reflect.DeepEqual(a(i), b(i)) {
				out = append(out, fmt.Sprintf("%s: %d and %d, first at %d", what, n, m, i))
				if i < n {
					out = append(out, fmt.Sprintf("%+v", a(i)))
				}
				if i < m {
					out = append(out, fmt.Sprintf("%+v", b(i)))
				}
				return
			}
		}
	}
	first("rows", len(c.rows), len(d.rows), func(i int) any { return c.rows[i] }, func(i int) any { return d.rows[i] })
	first("dead", len(c.dead), len(d.dead), func(i int) any { return c.dead[i] }, func(i int) any { return d.dead[i] })
	first("unlinks", len(c.unlinks), len(d.unlinks), func(i int) any { return c.unlinks[i] }, func(i int) any { return d.unlinks[i] })
	first("links", len(c.links), len(d.links), func(i int) any { return c.links[i] }, func(i int) any { return d.links[i] })
	return append(out, fmt.Sprintf("ledgers %v and %v", c.counts, d.counts))
}

func (c contents) clone() contents {
	c.rows, c.dead, c.links = slices.Clone(c.rows), slices.Clone(c.dead), slices.Clone(c.links)
	c.unlinks = slices.Clone(c.unlinks)
	c.counts, c.commits, c.sdks = maps.Clone(c.counts), slices.Clone(c.commits), slices.Clone(c.sdks)
	return c
}

// memoryStore is a store of which durable survives.
type memoryStore struct {
	mu sync.Mutex
	contents
	durable contents
	open    contents
	// failCommit is returned by the next commit.
	failCommit error
	// failAt panics when an event with this id is added.
	failAt    string
	committed chan struct{}
}

func newStore() *memoryStore {
	return &memoryStore{
		contents: contents{counts: map[hour]store.Counts{}}, durable: contents{counts: map[hour]store.Counts{}},
		open: contents{counts: map[hour]store.Counts{}}, committed: make(chan struct{}, 1),
	}
}

func (s *memoryStore) flush() { s.durable = s.clone() }

// crash loses what is not durable.
func (s *memoryStore) crash() {
	s.contents = s.durable.clone()
	s.open, s.failCommit = contents{counts: map[hour]store.Counts{}}, nil
}

func (s *memoryStore) Position() eventlog.Position                 { return s.durable.position }
func (s *memoryStore) Links(context.Context) ([]store.Link, error) { return s.durable.links, nil }

func (s *memoryStore) Poisoned(_ context.Context, from eventlog.Position) (out []eventlog.Position, err error) {
	for _, d := range s.durable.dead {
		if d.Code == store.CodePoison && d.Position >= from {
			out = append(out, d.Position)
		}
	}
	return out, nil
}

func (s *memoryStore) Add(p store.ProjectID, _ *time.Location, _ string, e *event.Event) {
	if s.failAt != "" && e.ID == s.failAt {
		panic("the store chokes on it")
	}
	d := &e.Derived
	s.open.rows = append(s.open.rows, row{d.Position, p, string([]byte(e.ID)), d.Time, d.Person, d.Device, d.Browser, d.Flags})
}

func (s *memoryStore) AddDead(d store.DeadLetter) {
	d.Body = slices.Clone(d.Body)
	s.open.dead = append(s.open.dead, d)
}
func (s *memoryStore) AddLink(l store.Link) { s.open.links = append(s.open.links, l) }

func (s *memoryStore) Unlink(u store.Unlink) { s.open.unlinks = append(s.open.unlinks, u) }

func (s *memoryStore) Count(p store.ProjectID, h int64, c store.Counts) {
	s.open.counts[hour{p, h}] = s.open.counts[hour{p, h}].Plus(c)
}

func (s *memoryStore) CountDuplicate(p store.ProjectID, h int64, sdk store.SDK) {
	s.open.sdks = append(s.open.sdks, sdkHour{hour{p, h}, store.SDK{Name: strings.Clone(sdk.Name), Version: strings.Clone(sdk.Version)}})
}

func (s *memoryStore) Commit(_ context.Context, after eventlog.Position) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failCommit != nil {
		return s.failCommit
	}
	for _, u := range s.open.unlinks {
		if len(s.open.rows)+len(s.open.dead)+len(s.open.links)+len(s.open.counts)+len(s.open.unlinks) > 1 || after != u.Position+1 {
			panic("an unlink is not alone in its batch")
		}
		s.open.links = u.Links(s.links)
	}
	durable := len(s.open.unlinks) > 0
	s.unlinks = append(s.unlinks, s.open.unlinks...)
	s.position = after
	s.rows = append(s.rows, s.open.rows...)
	s.dead = append(s.dead, s.open.dead...)
	s.links = append(s.links, s.open.links...)
	s.sdks = append(s.sdks, s.open.sdks...)
	for k, c := range s.open.counts {
		s.counts[k] = s.counts[k].Plus(c)
	}
	s.commits = append(s.commits, time.Now())
	s.open = contents{counts: map[hour]store.Counts{}}
	if durable {
		s.flush()
	}
	select {
	case s.committed <- struct{}{}:
	default:
	}
	return nil
}

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
	proc   *process.Processor
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
	w.proc, err = process.New(w.config, process.Deps{
		Log: w.log, Store: w.store, Dedup: index, Clock: clock.New(0), People: p, Enricher: w.touchy, Projects: zones{},
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
