package sim

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/eventlog/disk"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/ingest/native"
	"github.com/freshet/freshet/internal/process"
	"github.com/freshet/freshet/internal/process/clock"
	"github.com/freshet/freshet/internal/process/dedup"
	"github.com/freshet/freshet/internal/process/identity"
	"github.com/freshet/freshet/internal/store"
)

// world is one run.
type world struct {
	seed  uint64
	bug   bug
	disk  *platter
	shelf *shelf
	life  atomic.Pointer[life]
	work  sync.WaitGroup

	mu    sync.Mutex
	acked map[string]bool
	// lines are what happened, and when.
	lines []string
}

// bug is a mistake that a run must find.
type bug int

const (
	noBug bug = iota
	// acksUnsynced has a disk whose syncs do nothing.
	acksUnsynced
	// forgetsIDs has no dedup index.
	forgetsIDs
	// skipsRows has a store that keeps its position and loses rows.
	skipsRows
	// believesClocks takes every time as it comes.
	believesClocks
)

func newWorld(seed uint64, b bug) *world {
	w := &world{seed: seed, bug: b, acked: map[string]bool{}, shelf: &shelf{forgetsPlanted: b == skipsRows}}
	w.disk = newPlatter(seed)
	w.disk.lies = b == acksUnsynced
	return w
}

func (w *world) note(what ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, time.Now().UTC().Format("15:04:05.000000000 ")+fmt.Sprint(what...))
}

func (w *world) acknowledged(batch []sample) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range batch {
		w.acked[s.id] = true
	}
}

// life is one process: the log and the handler in front of it, and the pipeline behind.
type life struct {
	world *world
	mount *mount
	log   *disk.Log
	mux   *http.ServeMux
	proc  atomic.Pointer[process.Processor]
	stop  context.CancelFunc
	done  chan struct{}
}

// start begins a process on what the disk has.
func (w *world) start() error {
	l := &life{world: w, mount: &mount{disk: w.disk}, done: make(chan struct{})}
	var err error
	l.log, err = disk.Open(disk.Options{Dir: "log", FS: l.mount, SegmentBytes: 4 << 10, TailBytes: 8 << 10})
	if err != nil {
		return err
	}
	door := ingest.New(ingest.Options{
		Log: l.log, Keys: anyKey{}, Limits: ingest.DefaultLimits(), Logger: slog.New(slog.DiscardHandler),
		Tracer: noop.NewTracerProvider().Tracer(""), Metrics: prometheus.NewRegistry(), Behind: l.log.Behind, Now: time.Now,
	})
	l.mux = http.NewServeMux()
	door.Register(l.mux, native.Protocol{})
	var ctx context.Context
	ctx, l.stop = context.WithCancel(context.Background())
	_, end := l.log.Bounds()
	w.note("started, the log ends at ", end)
	go l.carry(ctx)
	w.life.Store(l)
	return nil
}

// carry processes until ctx ends, and begins anew after an error.
func (l *life) carry(ctx context.Context) {
	defer close(l.done)
	for ctx.Err() == nil {
		if err := l.stage(ctx); err != nil {
			l.world.note("pipeline: ", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

func (l *life) stage(ctx context.Context) error {
	start, _ := l.log.Bounds()
	index, err := dedup.Open("dedup", dedup.Options{FS: l.mount, TableBits: 6, FlushAfter: time.Minute, LogStart: start})
	if err != nil {
		return err
	}
	people, err := identity.New(nil)
	if err != nil {
		return err
	}
	d := process.Deps{
		Log: l.log, Store: l.world.shelf.reopen(l.mount), Dedup: index, Clock: clock.New(64), People: people,
		Enricher: touchy{}, Projects: utc{},
	}
	l.world.note("pipeline opens: the store has ", d.Store.Position(), ", the index ", index.Checkpoint())
	switch l.world.bug {
	case forgetsIDs:
		d.Dedup = forgetful{index}
	case believesClocks:
		d.Clock = gullible{}
	default: // The others are in the disk and the store.
	}
	p, err := process.New(process.Config{BatchEvents: 40}, d)
	if err == nil {
		l.proc.Store(p)
		err = p.Run(ctx)
		l.proc.Store(nil)
	}
	if cerr := index.Close(); err == nil {
		err = cerr
	}
	return err
}

// end is the end of a process: by a signal that it cannot catch, or in order.
func (w *world) end(kill bool) {
	l := w.life.Swap(nil)
	if l == nil {
		return
	}
	if kill {
		l.mount.dead.Store(true)
		w.disk.die()
	}
	l.stop()
	<-l.done
	_ = l.log.Close()
	if !kill {
		w.shelf.flush()
		l.mount.dead.Store(true)
		w.disk.die()
	}
}

// restart starts a process as often as it takes.
func (w *world) restart() {
	for tries := 0; ; tries++ {
		err := w.start()
		if err == nil {
			return
		}
		w.note("start: ", err)
		if tries == 5 {
			w.disk.heal()
		}
		pass(time.Second)
	}
}

// trim gives up what the log need not keep.
func (w *world) trim() {
	if l := w.life.Load(); l != nil {
		if p := l.proc.Load(); p != nil {
			_ = l.log.Trim(p.KeepFrom())
		}
	}
}

type anyKey struct{}

func (anyKey) WriteKey(context.Context, string) (store.ProjectID, error) { return 1, nil }

type utc struct{}

func (utc) Location(store.ProjectID) *time.Location { return time.UTC }

// touchy panics at some events.
type touchy struct{}

func (touchy) Enrich(e *event.Event) {
	if e.Name == "boom" {
		panic("boom")
	}
}

type forgetful struct{ process.Dedup }

func (forgetful) Seen(event.Claim, eventlog.Position, int64) (dup, other bool, err error) {
	return false, false, nil
}

type gullible struct{}

func (gullible) Correct(_ uint32, e *event.Event)   { e.Derived.Time = e.OriginalTime }
func (g gullible) Preview(n uint32, e *event.Event) { g.Correct(n, e) }
