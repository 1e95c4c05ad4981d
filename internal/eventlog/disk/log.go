// Package disk is the event log of a single machine: append-only segment files of checksummed blocks, one block a
// group commit. It owns its folder.
//
// A commit begins when the one before it is done; appends that arrive meanwhile share the next one. A block that could
// not be written whole ends its segment: the next one begins at the position the torn block would have had, which is
// how a reader tells a torn tail, which lost nothing, from damage in the middle, which it reports. After a failed
// fsync the log acknowledges nothing more, because the kernel may have dropped the dirty pages: restart, and the
// blocks are checked from the disk.
package disk

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
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
	TailBytes  int
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// maxGroupBytes bounds one group commit.
const maxGroupBytes = 8 << 20

// maxRecordBytes bounds a record, so that its block is one that a reader accepts.
const maxRecordBytes = maxBlockBytes / 2

// retryDisk is how long clients are told to wait when the disk is full or has failed.
const retryDisk = 60 * time.Second

// Log implements eventlog.Log.
type Log struct {
	opts    Options
	lock    io.Closer
	metrics *metrics

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
}

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
		return nil, fmt.Errorf("open log %s: the folder is in use by another freshet: %w", o.Dir, err)
	}
	l := &Log{
		opts: o, lock: lock, metrics: newMetrics(o.Registerer),
		kick: make(chan struct{}, 1), done: make(chan struct{}), advanced: make(chan struct{}),
		tail: tail{limit: o.TailBytes, moved: make(chan struct{})},
	}
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
	p := &pending{record: r, done: make(chan struct{})}
	l.queueMu.Lock()
	if l.closing {
		l.queueMu.Unlock()
		return 0, event.Errorf(event.Unavailable, "closed", "the log is closed")
	}
	l.queue = append(l.queue, p)
	l.queueMu.Unlock()
	select {
	case l.kick <- struct{}{}:
	default:
	}
	// The payload is read until the commit is done, so an early return has to wait for it all the same; a commit
	// that hangs on the disk is what ctx is for, and then the caller must not reuse the payload.
	select {
	case <-p.done:
		return p.first, p.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func (l *Log) commitLoop() {
	defer close(l.done)
	for {
		l.queueMu.Lock()
		group, closing := l.take()
		l.queueMu.Unlock()
		if len(group) == 0 {
			if closing {
				return
			}
			<-l.kick
			continue
		}
		l.pace()
		l.commit(group)
		for _, p := range group {
			close(p.done)
		}
	}
}

// take removes the next group from the queue.
func (l *Log) take() ([]*pending, bool) {
	size, n := 0, 0
	for n < len(l.queue) && (n == 0 || size+len(l.queue[n].record.Payload) <= maxGroupBytes) {
		size += len(l.queue[n].record.Payload)
		n++
	}
	group := l.queue[:n:n]
	l.queue = l.queue[n:]
	if len(l.queue) == 0 {
		l.queue = nil
	}
	return group, l.closing
}

func (l *Log) commit(group []*pending) {
	began := time.Now()
	err := l.failed
	var b *block
	if err == nil {
		b, err = l.write(group)
	}
	if err != nil {
		for _, p := range group {
			p.err = err
		}
		return
	}
	l.metrics.commit.Observe(time.Since(began).Seconds())
	l.metrics.records.Add(float64(len(group)))
	l.publish(b)
}

// write makes one block of the group and brings it to the disk.
func (l *Log) write(group []*pending) (*block, error) {
	if l.file == nil || l.written >= l.opts.SegmentBytes {
		if err := l.roll(); err != nil {
			return nil, unavailable("begin a segment", err)
		}
	}
	raw, events := make([]byte, 0, groupBytes(group)), 0
	for _, p := range group {
		p.first = l.end + eventlog.Position(events)
		raw = binary.AppendUvarint(raw, uint64(p.record.Events))
		raw = binary.AppendUvarint(raw, uint64(len(p.record.Payload)))
		raw = append(raw, p.record.Payload...)
		events += p.record.Events
	}
	l.out = appendBlock(l.out[:0], raw, l.end, events, len(group))
	l.ahead.take(l.written + int64(len(l.out)))
	if n, err := l.file.Write(l.out); err != nil || n < len(l.out) {
		// What was written may be half a block: the segment ends here.
		l.abandon()
		return nil, unavailable("write", errors.Join(err, shortWrite(n, len(l.out))))
	}
	if err := l.file.SyncData(); err != nil {
		l.abandon()
		if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
			return nil, unavailable("fsync", err)
		}
		l.fail(err)
		return nil, l.failed
	}
	l.written += int64(len(l.out))
	l.metrics.bytes.Add(float64(len(l.out)))
	return &block{first: l.end, end: l.end + eventlog.Position(events), raw: raw}, nil
}

func groupBytes(group []*pending) (n int) {
	for _, p := range group {
		n += len(p.record.Payload) + 2*binary.MaxVarintLen32
	}
	return n
}

func shortWrite(n, want int) error {
	if n < want {
		return io.ErrShortWrite
	}
	return nil
}

// unavailable is the error for a condition that may pass; a full disk has a code of its own.
func unavailable(act string, err error) error {
	e := event.Errorf(event.Unavailable, "log_write", "the event log cannot be written to at the moment")
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		e = event.Errorf(event.Unavailable, "disk_full", "the disk of the event log is full")
	}
	e.Wait, e.Err = retryDisk, fmt.Errorf("%s: %w", act, err)
	return e
}

// fail ends all appending for good: after a failed fsync nothing is known of what reached the disk.
func (l *Log) fail(err error) {
	e := event.Errorf(event.Unavailable, "log_failed", "the event log's disk failed; restart to check it")
	e.Wait, e.Err = retryDisk, err
	l.failed = e
	l.metrics.failed.Set(1)
	l.opts.Logger.Error("fsync of the event log failed; nothing more is acknowledged until a restart", "error", err)
}

// abandon gives up the current segment file as it is.
func (l *Log) abandon() {
	if l.file != nil {
		l.ahead.stop()
		_ = l.file.Close()
		l.file = nil
	}
}

// finish ends the current segment file behind its last block.
func (l *Log) finish() {
	if l.file != nil {
		l.ahead.stop()
		cut(l.file, l.written)
		_ = l.file.Close()
		l.file = nil
	}
}

// roll ends the segment and begins one at the end of the log. The folder is synced so that the file's name is durable
// before anything in it is acknowledged.
func (l *Log) roll() error {
	l.finish()
	s := segment{l.end, fmt.Sprintf("%020d.log", l.end)}
	f, err := l.opts.FS.Create(l.path(s), vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	if err := syncDir(l.opts.FS, l.opts.Dir); err != nil {
		return errors.Join(err, f.Close())
	}
	l.file, l.written = f, 0
	l.ahead = fillAhead(l.opts.FS, l.path(s), l.opts.SegmentBytes)
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.segments); n == 0 || l.segments[n-1].name != s.name {
		l.segments = append(l.segments, s)
	}
	return nil
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
		if err := l.opts.FS.Remove(l.path(s)); err != nil {
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
