package disk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/fault"
)

// maxGroupBytes bounds one group commit; a record of at most smallBytes is small.
const (
	maxGroupBytes = 8 << 20
	smallBytes    = 64 << 10
)

// retryDisk is how long clients are told to wait when the disk is full or has failed.
const retryDisk = 60 * time.Second

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
		l.commit(group)
		for _, p := range group {
			close(p.done)
		}
	}
}

// take removes the next group from the queue: the record that has waited for longest, then what is small, then the rest as
// far as there is room. So a small record waits for one group at most, however many large ones came before it.
func (l *Log) take() ([]*pending, bool) {
	size := 0
	fit := func(p *pending) bool {
		n := len(p.record.Payload)
		if size > 0 && size+n > maxGroupBytes {
			return false
		}
		size += n
		p.taken = true
		return true
	}
	if len(l.queue) > 0 {
		fit(l.queue[0])
	}
	for _, p := range l.queue {
		if !p.taken && len(p.record.Payload) <= smallBytes {
			fit(p)
		}
	}
	for _, p := range l.queue {
		if !p.taken && !fit(p) {
			break
		}
	}
	var group, rest []*pending
	for _, p := range l.queue {
		if p.taken {
			group = append(group, p)
		} else {
			rest = append(rest, p)
		}
	}
	l.queue = rest
	return group, l.closing
}

func (l *Log) commit(group []*pending) {
	began := time.Now()
	l.stall.begin(began)
	defer l.stall.end()
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
	if l.opts.Full != nil && l.opts.Full() {
		return nil, unavailable("keep the reserve", syscall.ENOSPC)
	}
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
	if n, err := l.put(l.out); err != nil || n < len(l.out) {
		// What was written may be half a block: the segment ends here.
		l.abandon()
		return nil, unavailable("write", errors.Join(err, shortWrite(n, len(l.out))))
	}
	if err := l.sync(); err != nil {
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

// put writes a block to the segment.
func (l *Log) put(b []byte) (int, error) {
	if err := fault.Hit(fault.LogWrite); err != nil {
		return 0, err
	}
	if fault.Planted(fault.SyncFirst) {
		_ = l.file.SyncData()
	}
	n, err := l.file.Write(b)
	if fault.Planted(fault.FullIgnored) && errors.Is(err, syscall.ENOSPC) {
		return len(b), nil
	}
	return n, err
}

// sync makes the segment durable.
func (l *Log) sync() error {
	if err := fault.Hit(fault.LogSync); err != nil {
		return err
	}
	if fault.Planted(fault.NoSync) || fault.Planted(fault.SyncFirst) {
		return nil
	}
	err := l.file.SyncData()
	if err != nil && fault.Planted(fault.SyncAgain) {
		err = l.file.SyncData()
	}
	if err != nil && !fault.Planted(fault.SyncIgnored) {
		return err
	}
	return fault.Hit(fault.LogSynced)
}

// syncName makes the name of a new segment durable.
func (l *Log) syncName() error {
	if fault.Planted(fault.NoFolderSync) {
		return nil
	}
	return syncDir(l.opts.FS, l.opts.Dir)
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
	if err := errors.Join(fault.Hit(fault.LogRoll), l.syncName()); err != nil {
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
