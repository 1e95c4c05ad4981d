// Package kafka is the event log in a topic of Apache Kafka, which several processes may append to.
//
// A log is one partition, and every event is a record of its own, so an event's position is its offset. A topic has as many partitions
// as there are logs in it. The records of
// one append stand in one batch of the wire's, which Kafka takes as a whole or not at all: they are contiguous, whoever else
// appends. What one process appends meanwhile shares a batch. A batch is sent with acks=all by an idempotent producer that
// has one at a time on its way, and sent again with the same number until there is an answer: it is not written twice by
// that. When there is none, the appends of the batch fail, and their events may turn up all the same.
//
// The value of a record is a message of Protobuf that others can read, see proto/freshet/log/v1. Kafka deletes nothing by
// itself: a topic that is set to is refused. Trim deletes.
package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
)

const (
	// boundsEvery is how often it is looked what other processes have appended or trimmed.
	boundsEvery = 500 * time.Millisecond
	// askFor bounds a call that is neither an append nor a read.
	askFor = 5 * time.Second
	// retryLater is how long clients are told to wait while Kafka is away.
	retryLater = 60 * time.Second
)

// Options configure a Log.
type Options struct {
	Target Target
	// ID is what Kafka calls the topic. With it no other one of the name is taken, and none is made.
	ID string
	// Replicas is how many brokers have a copy of the topic, if it has to be made.
	Replicas int
	// Partitions is how many logs there are in the topic, at least 1: with several it is given as many partitions, if it has fewer.
	Partitions int
	// BatchBytes is the most that one append may take, compressed; the topic must take as much. Default 64 MiB.
	BatchBytes int
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

func (o *Options) defaults() {
	if o.BatchBytes == 0 {
		o.BatchBytes = 64 << 20
	}
	if o.Replicas == 0 {
		o.Replicas = 3
	}
	o.Partitions = max(o.Partitions, 1)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

// Log implements eventlog.Log.
type Log struct {
	opts     Options
	client   *kgo.Client
	admin    *kadm.Client
	producer *producer
	topic    kadm.TopicID
	// owner is who has claimed the topic; empty is nobody.
	owner string
	stop  context.CancelFunc
	// within bounds a call whose caller has no context.
	within func(time.Duration) (context.Context, context.CancelFunc)
	done   sync.WaitGroup

	// encoders are kept for later appends: each has memory that is worth keeping.
	encoders sync.Pool

	// queueMu guards what waits for the next batch.
	queueMu sync.Mutex
	queue   []*pending
	closing bool
	kick    chan struct{}

	// mu guards what readers see.
	mu         sync.Mutex
	start, end eventlog.Position
	closed     bool
	// ended is closed by Close.
	ended chan struct{}
}

// Open reaches the topic, makes it if there is none, and checks that it keeps what it is given. An error that wraps
// ErrUnusable says what to change; any other may pass.
func Open(ctx context.Context, o Options) (*Log, error) {
	o.defaults()
	client, err := newClient(&o)
	if err != nil {
		return nil, err
	}
	l := &Log{
		opts: o, client: client, admin: kadm.NewClient(client), kick: make(chan struct{}, 1), ended: make(chan struct{}),
	}
	base := context.WithoutCancel(ctx)
	l.within = func(d time.Duration) (context.Context, context.CancelFunc) { return context.WithTimeout(base, d) }
	l.admin.SetTimeoutMillis(int32(askFor / time.Millisecond))
	ask, cancel := context.WithTimeout(ctx, 4*askFor)
	defer cancel()
	if l.topic, err = l.prepare(ask); err == nil {
		err = l.look(ask)
	}
	if err != nil {
		client.Close()
		return nil, fmt.Errorf("open the log %s: %w", o.Target.String(), err)
	}
	if l.producer, err = newProducer(l); err != nil {
		client.Close()
		return nil, fmt.Errorf("open the log %s: %w", o.Target.String(), err)
	}
	run, stop := context.WithCancel(base)
	l.stop = stop
	l.done.Go(l.commitLoop)
	l.done.Go(func() { l.watch(run) })
	return l, nil
}

// TopicID is what Kafka tells the topic apart by from others that had its name before.
func (l *Log) TopicID() string { return l.topic.String() }

// Append implements eventlog.Log.
func (l *Log) Append(ctx context.Context, r eventlog.Record) (eventlog.Position, error) {
	p, err := l.prepared(r)
	if err != nil {
		return 0, err
	}
	if err := l.enqueue(p); err != nil {
		return 0, err
	}
	select {
	case <-p.done:
		return p.first, p.err
	case <-ctx.Done():
		l.withdraw(p)
		return 0, away(ctx.Err())
	}
}

func (l *Log) enqueue(p *pending) error {
	l.queueMu.Lock()
	defer l.queueMu.Unlock()
	if l.closing {
		return event.Errorf(event.Unavailable, "closed", "the log is closed")
	}
	l.queue = append(l.queue, p)
	l.wake()
	return nil
}

func (l *Log) wake() {
	select {
	case l.kick <- struct{}{}:
	default:
	}
}

// away is the error of an append while Kafka does not answer.
func away(cause error) error {
	e := event.Errorf(event.Unavailable, "log_unavailable", "the log of events does not answer")
	e.Wait, e.Err = retryLater, cause
	return e
}

// Bounds implements eventlog.Log. What other processes do is seen within a second.
func (l *Log) Bounds() (start, end eventlog.Position) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.start, l.end
}

// saw notes bounds that Kafka has told. They only ever grow.
func (l *Log) saw(start, end eventlog.Position) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.start = max(l.start, start)
	if !l.closed { // A reader that runs to the end must not be led on by other processes.
		l.end = max(l.end, end)
	}
}

// look asks for the bounds.
func (l *Log) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	starts, err := l.admin.ListStartOffsets(ctx, l.opts.Target.Topic)
	if err != nil {
		return err
	}
	ends, err := l.admin.ListEndOffsets(ctx, l.opts.Target.Topic)
	if err != nil {
		return err
	}
	start, err := l.offset(starts)
	if err != nil {
		return err
	}
	end, err := l.offset(ends)
	if err != nil {
		return err
	}
	l.saw(start, end)
	return nil
}

// offset is that of the log's partition.
func (l *Log) offset(of kadm.ListedOffsets) (eventlog.Position, error) {
	o, ok := of.Lookup(l.opts.Target.Topic, l.opts.Target.Partition)
	if !ok {
		return 0, errors.New("the topic's offsets were not told")
	}
	return eventlog.Position(max(o.Offset, 0)), o.Err
}

// watch looks for what other processes do, until ctx ends.
func (l *Log) watch(ctx context.Context) {
	tick := time.NewTicker(boundsEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			// One that is away is told of by who appends.
			_ = l.look(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// WrittenBefore is the position of the first event that was written at t or later, the end when there is none. While Kafka
// does not answer it is 0.
func (l *Log) WrittenBefore(t time.Time) eventlog.Position {
	ctx, cancel := l.within(askFor)
	defer cancel()
	listed, err := l.admin.ListOffsetsAfterMilli(ctx, t.UnixMilli(), l.opts.Target.Topic)
	if err != nil {
		return 0
	}
	p, err := l.offset(listed)
	if err != nil {
		return 0
	}
	return p
}

// SkipTo returns an error that wraps ErrUnusable when the topic ends before the position: it has lost its end, or is another one. Any
// other error says that Kafka does not tell.
func (l *Log) SkipTo(p eventlog.Position) error {
	_, end := l.Bounds()
	if p <= end {
		return nil
	}
	// Other processes may have appended since the last look, and those who store may have stored it.
	ctx, cancel := l.within(askFor)
	defer cancel()
	if err := l.look(ctx); err != nil {
		return away(fmt.Errorf("look for the end of the topic, which is at position %d or behind: %w", p, err))
	}
	if _, end = l.Bounds(); p > end {
		return fmt.Errorf("%w: the topic %s ends at position %d, and events up to position %d have been taken out of it: it is another topic, or has lost its end",
			ErrUnusable, l.opts.Target.String(), end, p)
	}
	return nil
}

// Behind is false: Kafka takes what its readers have still to read.
func (l *Log) Behind() bool { return false }

// Trim implements eventlog.Log: it has Kafka delete what comes before the record that the position is in.
func (l *Log) Trim(before eventlog.Position) error {
	ctx, cancel := l.within(askFor)
	defer cancel()
	start, end := l.Bounds()
	before = min(before, end)
	if err := l.reached(ctx, max(before, start)); err != nil {
		return err
	}
	if before <= start {
		return nil
	}
	if before < end {
		index, err := l.indexAt(ctx, before)
		if err != nil {
			return fmt.Errorf("trim the log before position %d: %w", before, err)
		}
		before -= eventlog.Position(index)
	}
	if before <= start {
		return nil
	}
	var offsets kadm.Offsets
	offsets.AddOffset(l.opts.Target.Topic, l.opts.Target.Partition, int64(before), -1)
	deleted, err := l.admin.DeleteRecords(ctx, offsets)
	if err == nil {
		err = deleted.Error()
	}
	if err != nil {
		return fmt.Errorf("trim the log before position %d: %w", before, err)
	}
	if d, ok := deleted.Lookup(l.opts.Target.Topic, l.opts.Target.Partition); ok && d.LowWatermark > 0 {
		l.saw(eventlog.Position(d.LowWatermark), 0)
	}
	return nil
}

// Close sends what waits, ends appending, and lets readers run to the end.
func (l *Log) Close() error {
	l.queueMu.Lock()
	if l.closing {
		l.queueMu.Unlock()
		return nil
	}
	l.closing = true
	l.wake()
	l.queueMu.Unlock()
	l.stop()
	l.done.Wait()
	l.client.Close()
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	close(l.ended)
	return nil
}
