// Package process turns the log into rows. It reads records in order, works out what an event leaves to the server
// (duplicate or not, the right time, the person, place and device), gives the events to the store and commits them
// together with the position after them. That position is all it needs to go on after a crash: everything in memory
// is rebuilt from the log and the store.
//
// Every position ends in exactly one of stored, duplicate and dead, and is counted there; but for an unlink, which is no event. An event that cannot be
// processed is set aside as a dead letter and stops nobody behind it; an infrastructure that fails is waited for or
// returned as an error, and skips nothing.
//
// The steps are small interfaces of this package; their implementations are in the folders below, and only the
// application puts them together.
package process

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/fault"
	"github.com/freshet/freshet/internal/store"
)

// Dedup remembers event ids; package dedup says how. Errors of Kind Unavailable pass, others stop Run.
type Dedup interface {
	// Seen tells whether the event at pos is a duplicate, and remembers its id if it is not. Other tells of a duplicate that
	// the first event of its id said something else.
	Seen(c event.Claim, pos eventlog.Position, receivedAt int64) (dup, other bool, err error)
	// Known tells whether the event at pos is a duplicate of one that Seen was asked about, and remembers nothing.
	Known(c event.Claim, pos eventlog.Position, receivedAt int64) (bool, error)
	// Forget undoes the Seen just before.
	Forget(project uint32, key event.Key, pos eventlog.Position)
	// Advance tells that every event before pos was offered. Positions given are starts of records.
	Advance(pos eventlog.Position) error
	// Checkpoint is the position from which ids have to be offered again after a restart.
	Checkpoint() eventlog.Position
}

// Clock fills Derived.Time and its flags from the times of the event, ReceivedAt and Device.
type Clock interface {
	Correct(project uint32, e *event.Event)
	// Preview is Correct for an event ahead of its turn: nothing is learnt from it.
	Preview(project uint32, e *event.Event)
}

// People fills Derived.Device, Derived.Person and Derived.Span.
type People interface {
	// Load begins anew with what the store has.
	Load(links []store.Link, holders []store.Holder)
	Device(e *event.Event)
	// Assign returns what the event changes, valid until the next call.
	Assign(project uint32, e *event.Event) *store.Identities
	// Preview fills Derived.Person and Derived.Span of an event ahead of its turn. Nothing changes but for what later calls of
	// Preview say, until EndPreview.
	Preview(project uint32, e *event.Event)
	EndPreview()
	// Unlink takes the id that an event of kind Unlink carries out of its person; false when there is nothing to undo.
	Unlink(project uint32, e *event.Event) (store.Unlink, bool)
}

// Enricher fills what can be looked up: device, browser, place.
type Enricher interface {
	Enrich(e *event.Event)
}

// Attempts remembers what is at hand, for the life of the process that comes after this one; package attempt says how.
type Attempts interface {
	// Record tells that a record is taken up. Returned is whether to tell of each of its events, and whether to commit it
	// by itself.
	Record(at eventlog.Position) (each, alone bool)
	// Event tells that an event of the record is taken up.
	Event(record, at eventlog.Position)
	// Commit tells that the records before a position are being committed.
	Commit(from, to eventlog.Position)
	// Done tells that nothing is at hand.
	Done()
	// Condemned says why an event is to be set aside without being tried; empty when it is not.
	Condemned(at eventlog.Position) (reason string)
	// Condemn has an event set aside from now on. It may be called at any time.
	Condemn(at eventlog.Position, reason string) error
}

// Projects tells what process needs to know of a project.
type Projects interface {
	// Location is the project's time zone, nil when there is no such project. It is asked once a record.
	Location(id store.ProjectID) *time.Location
}

// Config says when batches are committed. The zero value of each field means its default.
type Config struct {
	// BatchEvents is the number of events at which a batch is committed at once. Default 16,384.
	BatchEvents int
	// CommitInterval is the least time between the beginnings of two commits of batches that are not full. An event
	// that comes after a longer pause is committed at once. Default 100 ms.
	CommitInterval time.Duration
	// PreviewAfter is how old the newest visible event may be before the newest ones are shown ahead of those between, if the
	// store can. Default 30 s.
	PreviewAfter time.Duration
}

// Deps are what a Processor works with; all but Preview, Ahead, Attempts, Registerer, Tracer, Logger and Now are required.
type Deps struct {
	Log   eventlog.Log
	Store store.Writer
	// Preview is the Store again when it can show events ahead; nil when it cannot. Ahead reads the log for it, and need not
	// be waited for by those who append; default Log.Subscribe.
	Preview  store.Previewer
	Ahead    func(from eventlog.Position) (eventlog.Subscription, error)
	Dedup    Dedup
	Clock    Clock
	People   People
	Enricher Enricher
	Projects Projects
	// Attempts find what ends the process; nil for none.
	Attempts Attempts
	// Registerer takes the metrics.
	Registerer prometheus.Registerer
	// Tracer makes spans for the records of traced requests, and for the commits they end in; nil for none.
	Tracer trace.Tracer
	Logger *slog.Logger
	// Now is the wall clock, for freshness only. Default time.Now.
	Now func() time.Time
}

// Processor carries events from the log to the store. Run has one caller at a time; Lag, Freshness and KeepFrom are
// safe for concurrent use.
type Processor struct {
	Deps
	config   Config
	metrics  *metrics
	fresh    *freshness
	onCommit func(after eventlog.Position, receivedAt time.Time)

	// at is the position after the last event processed; visible that of the last commit.
	at      eventlog.Position
	visible atomic.Uint64
	// newest is the greatest ReceivedAt committed, busySince when the last event after a pause was taken.
	newest, busySince atomic.Int64
	lastCommit        time.Time
	// started tells that memory is prepared; whole that the open batch ends with a record and may be committed; failed
	// is why Run cannot go on.
	started, whole bool
	failed         error
	// working is the position at hand plus 1, 0 for none; abandoned that nobody waits for it any more.
	working   atomic.Uint64
	abandoned atomic.Bool
	// recordAt is the record at hand; each and alone are what Attempts wants of it.
	recordAt    eventlog.Position
	each, alone bool

	batch   batch
	decoder event.Decoder
	event   event.Event
	encoder event.Encoder

	// preview is nil while there is none; previewAfter is when one may begin again.
	preview      *preview
	previewAfter time.Time
}

// New makes a Processor.
func New(c Config, d Deps) (*Processor, error) {
	if c.BatchEvents <= 0 {
		c.BatchEvents = 16_384
	}
	if c.CommitInterval <= 0 {
		c.CommitInterval = 100 * time.Millisecond
	}
	if c.PreviewAfter <= 0 {
		c.PreviewAfter = 30 * time.Second
	}
	if d.Ahead == nil {
		d.Ahead = d.Log.Subscribe
	}
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Attempts == nil {
		d.Attempts = noAttempts{}
	}
	if d.Tracer == nil {
		d.Tracer = noop.NewTracerProvider().Tracer("")
	}
	p := &Processor{Deps: d, config: c, fresh: &freshness{}}
	p.visible.Store(uint64(d.Store.Position()))
	var err error
	p.metrics, err = newMetrics(d.Registerer, p)
	return p, err
}

// OnCommit has f called after every commit, by Run's goroutine, with the position after the batch and the time of
// receipt of its newest event. It must be set before Run, and f must not block.
func (p *Processor) OnCommit(f func(after eventlog.Position, receivedAt time.Time)) { p.onCommit = f }

// Lag is how far the store is behind the log: in events, and in seconds since the newest visible event was received or
// work began after a pause; 0 when nothing is waiting.
func (p *Processor) Lag() (events uint64, seconds float64) {
	_, end := p.Log.Bounds()
	visible := p.visible.Load()
	if uint64(end) <= visible {
		return 0, 0
	}
	if since := max(p.newest.Load(), p.busySince.Load()); since != 0 {
		seconds = max(0, p.Now().Sub(time.UnixMicro(since)).Seconds())
	}
	return uint64(end) - visible, seconds
}

// Freshness is the time from receipt to visibility of recent requests, at the given quantile in [0, 1]; 0 when there
// were none.
func (p *Processor) Freshness(quantile float64) time.Duration { return p.fresh.quantile(quantile) }

// KeepFrom is the first position that the log must keep: everything from there on may be read again.
func (p *Processor) KeepFrom() eventlog.Position {
	if fault.Planted(fault.TrimUnread) {
		return p.Store.Position()
	}
	return min(p.Dedup.Checkpoint(), p.Store.Position())
}

// pause waits, or returns ctx's error.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
