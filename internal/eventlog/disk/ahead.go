package disk

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// An fsync of a file that has grown makes the file system write its journal too, which takes as long again as the data
// itself, and waits for whatever else the journal holds. So a segment is filled ahead of its end, in the background, and
// commits overwrite the filling. It is no block, and none of the bytes that a disk gives for lost ones (0 and 255): behind
// the last block it is the end of the segment, where anything else is damage.
//
// The filling is written and synced through a descriptor of their own. A failed write-back is reported once to each
// descriptor, so the committer still hears of every one that concerns its blocks.
const (
	fillByte = 0xA5
	// aheadStep is what is synced at a time: little, because a commit may have to wait for it.
	aheadStep = 256 << 10
	// aheadMost is how far the filling reaches ahead of the end; when half of it is used up more is made.
	aheadMost = 4 << 20
	// aheadFirst is how far it reaches in a new segment.
	aheadFirst = 16 << 10
)

// ahead fills one segment file.
type ahead struct {
	fs    vfs.FS
	path  string
	limit int64
	wake  chan struct{}
	done  sync.WaitGroup

	// mu guards taken, the end of what the committer has written or is about to write, filled, the end of the filling, and
	// stopped. It is held while some is written, so that it never covers a block.
	mu            sync.Mutex
	taken, filled int64
	stopped       bool
}

// fillAhead begins to fill a new segment file, up to limit bytes.
func fillAhead(fs vfs.FS, path string, limit int64) *ahead {
	a := &ahead{fs: fs, path: path, limit: limit, wake: make(chan struct{}, 1)}
	a.done.Go(a.run)
	return a
}

// take reserves the file up to an offset for a block.
func (a *ahead) take(end int64) {
	a.mu.Lock()
	a.taken = end
	low := a.filled-end < min(max(end, aheadFirst), aheadMost)/2 && a.filled < a.limit
	a.mu.Unlock()
	if low {
		select {
		case a.wake <- struct{}{}:
		default:
		}
	}
}

// stop ends the filling and returns when nothing more is written.
func (a *ahead) stop() {
	a.mu.Lock()
	a.stopped = true
	a.mu.Unlock()
	close(a.wake)
	a.done.Wait()
}

// run fills until the segment ends. What fails here fails nobody: without it a commit is slower, not less durable.
func (a *ahead) run() {
	f, err := a.fs.OpenReadWrite(a.path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return
	}
	defer func() { _ = f.Close() }()
	filling := bytes.Repeat([]byte{fillByte}, aheadStep)
	for range a.wake {
		for more := true; more; {
			if more, err = a.step(f, filling); err != nil || f.SyncData() != nil {
				return
			}
		}
	}
}

// cut ends a file that the operating system keeps behind its last block.
func cut(f vfs.File, size int64) {
	if fd := f.Fd(); fd != vfs.InvalidFd {
		_ = syscall.Ftruncate(int(fd), size)
	}
}

// step fills a little more and tells whether there is more to do.
func (a *ahead) step(f vfs.File, filling []byte) (bool, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	from := max(a.filled, a.taken)
	// A log that hardly grows gets little of it.
	reach := min(max(a.taken, aheadFirst), aheadMost)
	to := min(from+aheadStep, a.taken+reach, a.limit)
	if a.stopped || to <= from {
		return false, nil
	}
	if _, err := f.WriteAt(filling[:to-from], from); err != nil {
		return false, err
	}
	a.filled = to
	return true, nil
}

// onlyFilling tells whether nothing has been written to a segment from an offset on.
func onlyFilling(f io.ReaderAt, from, size int64) bool {
	buf := make([]byte, 1<<20)
	for from < size {
		n, err := f.ReadAt(buf[:min(int64(len(buf)), size-from)], from)
		if err != nil && !errors.Is(err, io.EOF) || n == 0 || bytes.Count(buf[:n], []byte{fillByte}) < n {
			return false
		}
		from += int64(n)
	}
	return true
}
