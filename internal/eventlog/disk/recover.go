package disk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/fault"
)

// recover finds the segments and the end of the log.
func (l *Log) recover() error {
	names, err := l.opts.FS.List(l.opts.Dir)
	if err != nil {
		return err
	}
	if err := l.name(names); err != nil {
		return err
	}
	if len(l.segments) == 0 {
		return nil
	}
	last := len(l.segments) - 1
	for _, s := range l.segments[:last] {
		if err := l.known(s); err != nil {
			return err
		}
	}
	return l.recoverEnd(l.segments[last])
}

// known refuses a segment that begins with a block of a later version: each start begins a segment, so those of a newer program
// are at the front of one.
func (l *Log) known(s segment) error {
	f, err := l.opts.FS.Open(l.path(s))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // The owner, beside whom this may be a reader, has trimmed it meanwhile.
	}
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	var magic [4]byte
	if n, _ := f.ReadAt(magic[:], 0); n < len(magic) || blockVersion(binary.LittleEndian.Uint32(magic[:])) <= 1 {
		return nil
	}
	if _, _, err := readBlock(f, 0, nil); errors.Is(err, errNewer) {
		return fmt.Errorf("segment %s: %w", s.name, err)
	}
	return nil
}

// name finds the segments among the names of files.
func (l *Log) name(names []string) error {
	for _, name := range names {
		var first uint64
		if !strings.HasSuffix(name, ".log") {
			continue
		}
		if _, err := fmt.Sscanf(name, "%020d.log", &first); err != nil {
			return fmt.Errorf("segment %s: %w", name, err)
		}
		l.segments = append(l.segments, segment{eventlog.Position(first), name})
	}
	sortSegments(l.segments)
	return nil
}

// recoverEnd finds the end of the log behind every whole block of the last segment: no position is ever used again.
// Bad bytes with a whole block behind them are damage, which readers report when they get there; without one they are
// the tail of a write that was cut off.
func (l *Log) recoverEnd(last segment) error {
	l.end = last.first
	f, err := l.opts.FS.Open(l.path(last))
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if l.lock != nil {
		if err := settle(f); err != nil {
			return fmt.Errorf("segment %s: %w", last.name, err)
		}
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	var buf []byte
	for offset := int64(0); ; {
		h, stored, err := readBlock(f, offset, buf)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, errTorn):
			if onlyFilling(f, offset, info.Size()) {
				return nil
			}
			next, _, ok := findBlock(f, offset+1, info.Size(), l.end)
			if !ok || fault.Planted(fault.TailInTheMiddle) {
				l.opts.Logger.Warn("cut the end of the log; unless the disk failed, no acknowledged event was in it",
					"segment", last.name, "offset", offset, "bytes", info.Size()-offset, "position", uint64(l.end), "reason", err.Error())
				l.metrics.torn.Inc()
				return nil
			}
			l.damaged(last, offset, err)
			offset = next
			continue
		case err != nil:
			return fmt.Errorf("segment %s at %d: %w", last.name, offset, err)
		case h.first != l.end:
			l.damaged(last, offset, fmt.Errorf("%w: position %d where %d was due", errTorn, h.first, l.end))
		}
		buf = stored
		offset += headerBytes + int64(h.stored)
		l.end = max(l.end, h.first+eventlog.Position(h.events))
	}
}

// settle makes what can be read of a file the same as what is on the disk. A process that was killed leaves blocks that
// only the kernel has: they would be read, counted and built upon, and be gone after a loss of power. And a failed fsync
// leaves pages in the kernel's cache that the disk never got.
func settle(f vfs.File) error {
	if err := f.Sync(); err != nil {
		return fmt.Errorf("fsync: %w", err)
	}
	forget(f)
	return nil
}

func (l *Log) damaged(s segment, offset int64, cause error) {
	l.opts.Logger.Error("log segment is damaged in the middle", "segment", s.name, "offset", offset,
		"position", uint64(l.end), "reason", cause.Error())
	l.metrics.damaged.Inc()
}

// findBlock looks for a whole block, of any version, with a position of at least min from an offset on.
func findBlock(f io.ReaderAt, from, size int64, least eventlog.Position) (int64, blockHeader, bool) {
	buf := make([]byte, 1<<20)
	for from < size {
		n, _ := f.ReadAt(buf, from)
		for i := 0; i+4 <= n; i++ {
			if blockVersion(binary.LittleEndian.Uint32(buf[i:])) == 0 {
				continue
			}
			h, _, err := readBlock(f, from+int64(i), nil)
			if (err == nil || errors.Is(err, errNewer)) && h.first >= least {
				return from + int64(i), h, true
			}
		}
		if n < len(buf) {
			break
		}
		from += int64(n) - 3
	}
	return 0, blockHeader{}, false
}

// SkipTo moves the end of the log to the position unless it is there already. It is for an owner whose store knows
// events that the log has lost: their positions must not be given out again. Call it before the first Append.
func (l *Log) SkipTo(p eventlog.Position) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p <= l.end {
		return
	}
	l.opts.Logger.Error("the log has lost its end", "from", uint64(l.end), "to", uint64(p))
	l.end = p
}

func syncDir(fs vfs.FS, name string) error {
	dir, err := fs.OpenDir(name)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
