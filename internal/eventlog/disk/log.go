// Package disk is the event log of a single machine: append-only segment files of checksummed blocks, one block a
// group commit. It owns its folder.
//
// A commit begins when the one before it is done; appends that arrive meanwhile share the next one. A block that could
// not be written whole ends its segment: the next one begins at the position the torn block would have had, which is
// how a reader tells a torn tail, which lost nothing, from damage in the middle, which it reports. After a failed
// fsync the log acknowledges nothing more, because the kernel may have dropped the dirty pages: restart, and the
// blocks are checked from the disk. A disk that does not answer at all keeps nobody waiting: appends are refused until the
// commit at hand has ended, however it ends.
package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/fault"
)

// Options configure a Log. Zero values take the defaults.
type Options struct {
	Dir string
	// FS is the file system; default the operating system's.
	FS vfs.FS
	// SegmentBytes is when a new segment file is begun; default 128 MiB.
	SegmentBytes int64
	// TailBytes is how much of the latest blocks is kept in memory, so that a live reader never touches the disk;
	// default 32 MiB.
	TailBytes int
	// Full tells that the space which is left is not for events: appends are refused as on a full disk. It is asked
	// before every commit; nil means never.
	Full       func() bool
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// maxRecordBytes bounds a record, so that its block is one that a reader accepts.
const maxRecordBytes = maxBlockBytes / 2

// Log implements eventlog.Log.
type Log struct {
	opts    Options
	lock    io.Closer
	metrics *metrics
	stall   stall

	// queueMu guards what waits for the next commit.
	queueMu sync.Mutex
	queue   []*pending
	closing bool
	kick    chan struct{}
	done    chan struct{}

	// The committer's own.
	file    vfs.File
	ahead   *ahead
	written int64
	out     []byte

	// mu guards what readers see.
	mu       sync.Mutex
	segments []segment
	end      eventlog.Position
	tail     tail
	failed   error
	closed   bool
	advanced chan struct{}
}

type segment struct {
	first eventlog.Position
	name  string
}

type pending struct {
	record eventlog.Record
	first  eventlog.Position
	err    error
	done   chan struct{}
	// taken tells that it is of the next group.
	taken bool
}

// ErrInUse says that another process has the folder.
var ErrInUse = errors.New("the folder is in use by another freshet")

// Open opens or creates the log in a folder, cuts a torn tail and reports it.
func Open(o Options) (*Log, error) {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.SegmentBytes == 0 {
		o.SegmentBytes = 128 << 20
	}
	if o.TailBytes == 0 {
		o.TailBytes = 32 << 20
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Registerer == nil {
		o.Registerer = prometheus.NewRegistry()
	}
	if err := o.FS.MkdirAll(o.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("open log %s: %w", o.Dir, err)
	}
	// The folder's own name has to be durable before anything in it is.
	if err := syncDir(o.FS, o.FS.PathDir(o.Dir)); err != nil {
		return nil, fmt.Errorf("open log %s: %w", o.Dir, err)
	}
	lock, err := o.FS.Lock(o.FS.PathJoin(o.Dir, "LOCK"))
	if err != nil {
		return nil, fmt.Errorf("open log %s: %w: %w", o.Dir, ErrInUse, err)
	}
	l := &Log{
		opts: o, lock: lock, metrics: newMetrics(o.Registerer), stall: stall{logger: o.Logger},
		kick: make(chan struct{}, 1), done: make(chan struct{}), advanced: make(chan struct{}),
		tail: tail{limit: o.TailBytes},
	}
	o.Registerer.MustRegister(l.stall.gauge())
	if err := l.recover(); err != nil {
		return nil, errors.Join(fmt.Errorf("open log %s: %w", o.Dir, err), lock.Close())
	}
	go l.commitLoop()
	return l, nil
}

// Append implements eventlog.Log.
func (l *Log) Append(ctx context.Context, r eventlog.Record) (eventlog.Position, error) {
	if r.Events < 1 {
		return 0, event.Errorf(event.Invalid, "empty_record", "a record of %d events, it must have at least 1", r.Events)
	}
	if len(r.Payload) > maxRecordBytes {
		return 0, event.Errorf(event.TooLarge, "record_too_large", "a record of %d bytes, the limit is %d", len(r.Payload), maxRecordBytes)
	}
	if d := l.stall.lasts(); d >= stallAfter {
		return 0, slow(d)
	}
	p := &pending{record: r, done: make(chan struct{})}
	if err := l.enqueue(p); err != nil {
		return 0, err
	}
	select {
	case <-p.done:
		return p.first, p.err
	case <-ctx.Done():
		// A commit that hangs on the disk still reads the payload, so the caller must not reuse it.
		l.withdraw(p)
		return 0, ctx.Err()
	}
}

func (l *Log) enqueue(p *pending) error {
	l.queueMu.Lock()
	defer l.queueMu.Unlock()
	if l.closing {
		return event.Errorf(event.Unavailable, "closed", "the log is closed")
	}
	l.queue = append(l.queue, p)
	select {
	case l.kick <- struct{}{}:
	default:
	}
	return nil
}

// withdraw takes back what nobody waits for any more, unless its commit has begun: a disk that hangs must not fill memory
// with it.
func (l *Log) withdraw(p *pending) {
	l.queueMu.Lock()
	defer l.queueMu.Unlock()
	if i := slices.Index(l.queue, p); i >= 0 {
		l.queue = slices.Delete(l.queue, i, i+1)
	}
}

// publish lets readers see a durable block.
func (l *Log) publish(b *block) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end = b.end
	l.tail.add(b)
	l.metrics.end.Set(float64(b.end))
	close(l.advanced)
	l.advanced = make(chan struct{})
}

// Bounds implements eventlog.Log.
func (l *Log) Bounds() (start, end eventlog.Position) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.segments) > 0 {
		start = l.segments[0].first
	}
	return start, l.end
}

// Trim implements eventlog.Log: it deletes segments that end at or before the position, never the last one.
func (l *Log) Trim(before eventlog.Position) error {
	l.mu.Lock()
	n := 0
	for n+1 < len(l.segments) && l.segments[n+1].first <= before {
		n++
	}
	gone := append([]segment(nil), l.segments[:n]...)
	l.segments = append([]segment(nil), l.segments[n:]...)
	l.mu.Unlock()
	for _, s := range gone {
		if err := errors.Join(fault.Hit(fault.LogTrim), l.opts.FS.Remove(l.path(s))); err != nil {
			return fmt.Errorf("trim %s: %w", s.name, err)
		}
	}
	return nil
}

// Close ends appending, after what is queued has been committed, and lets readers run to the end.
func (l *Log) Close() error {
	l.queueMu.Lock()
	if l.closing {
		l.queueMu.Unlock()
		return nil
	}
	l.closing = true
	l.queueMu.Unlock()
	select {
	case l.kick <- struct{}{}:
	default:
	}
	<-l.done
	l.finish()
	l.mu.Lock()
	l.closed = true
	close(l.advanced)
	l.advanced = make(chan struct{})
	l.mu.Unlock()
	return l.lock.Close()
}

func (l *Log) path(s segment) string { return l.opts.FS.PathJoin(l.opts.Dir, s.name) }

// WrittenBefore is the position behind the last segment that got nothing more since t: everything before it is older.
func (l *Log) WrittenBefore(t time.Time) eventlog.Position {
	l.mu.Lock()
	segments := append([]segment(nil), l.segments...)
	l.mu.Unlock()
	var before eventlog.Position
	for i := 0; i+1 < len(segments); i++ {
		info, err := l.opts.FS.Stat(l.path(segments[i]))
		if err != nil || info.ModTime().After(t) {
			break
		}
		before = segments[i+1].first
	}
	return before
}
