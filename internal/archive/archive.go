// Package archive keeps every event that was ever accepted, as it came, in Parquet files that other tools read as they
// are. With the event log behind its end it is the truth that everything else can be made anew from.
//
// It is one more consumer of the log. A batch becomes a file for each project and day of receipt; the files are written,
// made durable, read back and compared, and only then a manifest makes them part of the archive. A crash before that
// leaves files that nobody knows, which are removed before the next batch. Position is what the log may forget, as far as the
// archive is concerned.
//
// History is the archive and the log in one: the log as it would be had it never been trimmed.
package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
)

// Options configure an Archive. The zero value of each field means its default; Bucket and Log are required.
type Options struct {
	Bucket Bucket
	Log    Log
	// Every is how long an event waits at most until its batch is begun. Default 1 hour.
	Every time.Duration
	// BatchEvents and BatchBytes, of the log's records, end a batch and begin one at once. Default 131,072 and 64 MiB.
	BatchEvents int
	BatchBytes  int
	// Poll is how often the log's end is looked at. Default 1 second.
	Poll time.Duration
	// Yield is called between two pieces of a batch, which may wait there; default it does not.
	Yield func(ctx context.Context)
	// Own is asked before a batch becomes part of the archive; its error leaves the batch out. ErrReplaced ends Run. Default nobody.
	Own        func(ctx context.Context) error
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Log is what the archive needs of the event log. Its subscriptions must hold nobody up, however slow they are.
type Log interface {
	Subscribe(from eventlog.Position) (eventlog.Subscription, error)
	Bounds() (start, end eventlog.Position)
}

func (o *Options) defaults() {
	if o.Every <= 0 {
		o.Every = time.Hour
	}
	if o.BatchEvents <= 0 {
		o.BatchEvents = 131_072
	}
	if o.BatchBytes <= 0 {
		o.BatchBytes = 64 << 20
	}
	if o.Poll <= 0 {
		o.Poll = time.Second
	}
	if o.Yield == nil {
		o.Yield = func(context.Context) {}
	}
	if o.Own == nil {
		o.Own = func(context.Context) error { return nil }
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Registerer == nil {
		o.Registerer = prometheus.NewRegistry()
	}
}

// Archive writes the archive. Run has one caller; the other methods are safe for concurrent use.
type Archive struct {
	opts    Options
	metrics *metrics
	at      atomic.Uint64
	// tidied tells that what a crash or a failure has left was cleared up.
	tidied bool
}

// Open finds the archive's end.
func Open(ctx context.Context, o Options) (*Archive, error) {
	o.defaults()
	a := &Archive{opts: o}
	spans, err := Spans(ctx, o.Bucket)
	if err != nil {
		return nil, fmt.Errorf("open archive: %w", err)
	}
	if n := len(spans); n > 0 {
		a.at.Store(uint64(spans[n-1].To))
	}
	start, _ := o.Log.Bounds()
	if start > a.Position() {
		o.Logger.Error("the log no longer has what the archive lacks: nothing can be made anew from it alone",
			"archived_to", uint64(a.Position()), "log_start", uint64(start))
		a.at.Store(uint64(start))
	}
	a.metrics = newMetrics(o.Registerer, a)
	return a, nil
}

// tidy clears up after a batch that failed or was broken off: one whose manifest is whole, though its writer never learnt
// so, is part of the archive; files that no manifest knows are removed.
func (a *Archive) tidy(ctx context.Context) error {
	if a.tidied {
		return nil
	}
	if err := a.adopt(ctx); err != nil {
		return err
	}
	names, err := a.opts.Bucket.List(ctx, filePrefix)
	if err != nil {
		return err
	}
	for _, name := range names {
		var from, first uint64
		base := name[strings.LastIndexByte(name, '/')+1:]
		if n, _ := fmt.Sscanf(base, "%020d-%020d.parquet", &from, &first); n != 2 || from < a.at.Load() {
			continue
		}
		a.opts.Logger.Info("removed a file of an unfinished batch of the archive", "file", name)
		if err := a.opts.Bucket.Delete(ctx, name); err != nil {
			return err
		}
	}
	a.tidied = true
	return nil
}

// adopt takes over the batch that begins at the archive's end, if there is one. Left aside, it would overlap with the next.
func (a *Archive) adopt(ctx context.Context) error {
	spans, err := Spans(ctx, a.opts.Bucket)
	if err != nil || len(spans) == 0 || spans[len(spans)-1].From < a.Position() {
		return err
	}
	span := spans[len(spans)-1]
	b, err := LoadBatch(ctx, a.opts.Bucket, span)
	if err == nil {
		for i := range b.Files {
			if err = check(ctx, a.opts.Bucket, &b.Files[i]); err != nil {
				break
			}
		}
	}
	switch {
	case err == nil:
		a.at.Store(uint64(span.To))
		return nil
	case event.KindOf(err) == event.Corrupt || errors.Is(err, fs.ErrNotExist):
		return a.opts.Bucket.Delete(ctx, manifestName(span))
	default:
		return err
	}
}

// Position is the end of the archive: everything before it is in it and was read back, or had left the log before.
func (a *Archive) Position() eventlog.Position { return eventlog.Position(a.at.Load()) }

// Lag is how many events of the log are not in the archive yet.
func (a *Archive) Lag() uint64 {
	_, end := a.opts.Log.Bounds()
	return uint64(max(end, a.Position()) - a.Position())
}

type metrics struct {
	events, bytes, batches, failures, damaged prometheus.Counter
	seconds                                   prometheus.Histogram
}

func newMetrics(r prometheus.Registerer, a *Archive) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "freshet_archive_" + name + "_total", Help: help})
	}
	gauge := func(name, help string, f func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "freshet_archive_" + name, Help: help}, f)
	}
	m := &metrics{
		events:   counter("events", "Events archived."),
		bytes:    counter("bytes", "Bytes of Parquet files archived."),
		batches:  counter("batches", "Batches archived."),
		failures: counter("failures", "Batches that could not be written; they are tried again."),
		damaged:  counter("verify_failures", "Files that read back as something else than was written."),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "freshet_archive_batch_seconds", Help: "Time to write one batch and to read it back.",
			Buckets: prometheus.ExponentialBuckets(0.01, 2, 14),
		}),
	}
	r.MustRegister(m.events, m.bytes, m.batches, m.failures, m.damaged, m.seconds,
		gauge("position", "Position up to which the archive is complete and verified.", func() float64 { return float64(a.Position()) }),
		gauge("lag_events", "Events of the log that are not in the archive yet.", func() float64 { return float64(a.Lag()) }))
	return m
}
