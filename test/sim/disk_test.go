package sim

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// sector is what a disk writes as a whole.
const sector = 512

// pass lets fake time go by.
var pass = time.Sleep //nolint:forbidigo // nobody waits: it sets the bubble's clock

// platter is a disk. A file has what can be read of it, and what is left of it after a loss of power; the same goes for its
// name.
type platter struct {
	mu            sync.Mutex
	seed          uint64
	rng           *rand.Rand
	names, synced map[string]*node
	// full lets nothing grow, failSync lets the next sync fail, hung is closed when the disk answers again, lies
	// makes syncs do nothing.
	full, failSync, lies bool
	hung                 chan struct{}
}

type node struct {
	data, synced []byte
	// dropped tells that a sync has failed: the kernel believes the file to be clean.
	dropped bool
	// failures counts failed syncs: each open file hears of each once.
	failures int
	changed  time.Time
}

func newPlatter(seed uint64) *platter {
	return &platter{seed: seed, rng: rand.New(rand.NewPCG(seed, 1)), names: map[string]*node{}, synced: map[string]*node{}}
}

// cut is a loss of power: of what was not synced, each sector and each name is there or not.
func (p *platter) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := maps.Clone(p.names)
	maps.Copy(all, p.synced)
	next := map[string]*node{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		n := p.synced[name]
		if current := p.names[name]; current != n && p.rng.IntN(2) == 0 {
			n = current
		}
		if n != nil {
			next[name] = n
		}
	}
	for _, name := range slices.Sorted(maps.Keys(next)) {
		next[name].tear(p.rng)
	}
	p.names, p.synced = next, maps.Clone(next)
}

// tear keeps some of the sectors that were written since the last sync.
func (n *node) tear(rng *rand.Rand) {
	kept := slices.Clone(n.synced)
	keep := rng.IntN(4)
	for at := 0; at < len(n.data) && !n.dropped; at += sector {
		if rng.IntN(3) >= keep {
			continue
		}
		end := min(at+sector, len(n.data))
		if end > len(kept) {
			kept = append(kept, make([]byte, end-len(kept))...)
		}
		copy(kept[at:], n.data[at:end])
	}
	n.data, n.synced, n.dropped = kept, slices.Clone(kept), false
}

// die is the end of a process: the kernel keeps what it wrote, but for what a failed sync has dropped, which the next one
// reads from the disk.
func (p *platter) die() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.thaw()
	for _, n := range p.names {
		if n.dropped {
			n.data, n.dropped = slices.Clone(n.synced), false
		}
	}
}

// heal ends every fault.
func (p *platter) heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.full, p.failSync = false, false
	p.thaw()
}

func (p *platter) thaw() {
	if p.hung != nil {
		close(p.hung)
		p.hung = nil
	}
}

func (p *platter) set(f func(*platter)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(p)
}

// errGone is what a process that was killed gets, should any of it still run.
var errGone = errors.New("the process is dead")

// mount is the disk as one process has it.
type mount struct {
	disk *platter
	dead atomic.Bool
}

// enter begins an operation on a file; done ends it. One that has a name takes time: how much depends on nothing but the
// seed, the operation and the moment, so that a run can be repeated.
func (m *mount) enter(operation, name string) (done func(), err error) {
	p := m.disk
	p.mu.Lock()
	hung := p.hung
	if operation != "" {
		p.mu.Unlock()
		h := fnv.New64a()
		fmt.Fprint(h, p.seed, operation, name, time.Now().UnixNano())
		pass(50*time.Microsecond + time.Duration(h.Sum64()%400_000))
		if hung != nil {
			<-hung
		}
		p.mu.Lock()
	}
	if m.dead.Load() {
		p.mu.Unlock()
		return nil, errGone
	}
	return p.mu.Unlock, nil
}

func (m *mount) Create(name string, _ vfs.DiskWriteCategory) (vfs.File, error) {
	done, err := m.enter("create", name)
	if err != nil {
		return nil, err
	}
	defer done()
	if m.disk.full {
		return nil, syscall.ENOSPC
	}
	n := &node{changed: time.Now()}
	m.disk.names[name] = n
	return &file{mount: m, node: n, name: name, heard: n.failures}, nil
}

func (m *mount) Open(name string, _ ...vfs.OpenOption) (vfs.File, error) {
	done, err := m.enter("", "")
	if err != nil {
		return nil, err
	}
	defer done()
	n := m.disk.names[name]
	if n == nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &file{mount: m, node: n, name: name, heard: n.failures}, nil
}

func (m *mount) OpenReadWrite(name string, _ vfs.DiskWriteCategory, _ ...vfs.OpenOption) (vfs.File, error) {
	return m.Open(name)
}

func (m *mount) OpenDir(name string) (vfs.File, error) {
	if m.dead.Load() {
		return nil, errGone
	}
	return &file{mount: m, name: name}, nil
}

func (m *mount) Remove(name string) error {
	done, err := m.enter("remove", name)
	if err != nil {
		return err
	}
	defer done()
	if m.disk.names[name] == nil {
		return &os.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	delete(m.disk.names, name)
	return nil
}

func (m *mount) Rename(from, to string) error {
	done, err := m.enter("rename", from)
	if err != nil {
		return err
	}
	defer done()
	n := m.disk.names[from]
	if n == nil {
		return &os.PathError{Op: "rename", Path: from, Err: fs.ErrNotExist}
	}
	delete(m.disk.names, from)
	m.disk.names[to] = n
	return nil
}

func (m *mount) List(dir string) (names []string, err error) {
	done, err := m.enter("", "")
	if err != nil {
		return nil, err
	}
	defer done()
	for _, name := range slices.Sorted(maps.Keys(m.disk.names)) {
		if path.Dir(name) == dir {
			names = append(names, path.Base(name))
		}
	}
	return names, nil
}

func (m *mount) Stat(name string) (vfs.FileInfo, error) {
	f, err := m.Open(name)
	if err != nil {
		return nil, err
	}
	return f.Stat()
}

func (m *mount) RemoveAll(string) error             { return errors.ErrUnsupported }
func (m *mount) Link(string, string) error          { return errors.ErrUnsupported }
func (m *mount) MkdirAll(string, os.FileMode) error { return nil }
func (m *mount) Lock(string) (io.Closer, error)     { return io.NopCloser(nil), nil }
func (m *mount) PathBase(p string) string           { return path.Base(p) }
func (m *mount) PathJoin(p ...string) string        { return path.Join(p...) }
func (m *mount) PathDir(p string) string            { return path.Dir(p) }
func (m *mount) Unwrap() vfs.FS                     { return nil }
func (m *mount) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{}, vfs.ErrUnsupported
}

func (m *mount) ReuseForWrite(string, string, vfs.DiskWriteCategory) (vfs.File, error) {
	return nil, errors.ErrUnsupported
}

// file is an open file, or a folder when it has no node.
type file struct {
	vfs.File
	mount *mount
	node  *node
	name  string
	at    int64
	heard int
}

func (f *file) Close() error { return nil }
func (f *file) Fd() uintptr  { return vfs.InvalidFd }

func (f *file) Write(b []byte) (int, error) {
	done, err := f.mount.enter("write", f.name)
	if err != nil {
		return 0, err
	}
	defer done()
	n, err := f.put(b, f.at)
	f.at += int64(n)
	return n, err
}

// WriteAt takes no time, and no hang: the log's filling writes with a lock in its hand, on which fake time would stand
// still.
func (f *file) WriteAt(b []byte, at int64) (int, error) {
	done, err := f.mount.enter("", "")
	if err != nil {
		return 0, err
	}
	defer done()
	return f.put(b, at)
}

func (f *file) put(b []byte, at int64) (int, error) {
	var err error
	n, end := f.node, int(at)+len(b)
	if grow := end - len(n.data); grow > 0 {
		if f.mount.disk.full {
			end, err = len(n.data), syscall.ENOSPC
		} else {
			n.data = append(n.data, make([]byte, grow)...)
		}
	}
	n.changed = time.Now()
	if int(at) >= end {
		return 0, err
	}
	return copy(n.data[at:end], b), err
}

func (f *file) Read(b []byte) (int, error) {
	n, err := f.ReadAt(b, f.at)
	f.at += int64(n)
	return n, err
}

func (f *file) ReadAt(b []byte, at int64) (int, error) {
	done, err := f.mount.enter("", "")
	if err != nil {
		return 0, err
	}
	defer done()
	if at >= int64(len(f.node.data)) {
		return 0, io.EOF
	}
	n := copy(b, f.node.data[at:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (f *file) SyncData() error { return f.Sync() }

func (f *file) Sync() error {
	done, err := f.mount.enter("sync", f.name)
	if err != nil {
		return err
	}
	defer done()
	p := f.mount.disk
	switch {
	case p.lies:
	case f.node == nil:
		maps.DeleteFunc(p.synced, func(name string, _ *node) bool { return path.Dir(name) == f.name && p.names[name] == nil })
		for name, n := range p.names {
			if path.Dir(name) == f.name {
				p.synced[name] = n
			}
		}
	case p.failSync:
		p.failSync, f.node.dropped = false, true
		f.node.failures++
		f.heard = f.node.failures
		return syscall.EIO
	case f.heard != f.node.failures:
		f.heard = f.node.failures
		return syscall.EIO
	case !f.node.dropped:
		f.node.synced = append(f.node.synced[:0], f.node.data...)
	}
	return nil
}

func (f *file) Stat() (vfs.FileInfo, error) {
	done, err := f.mount.enter("", "")
	if err != nil {
		return nil, err
	}
	defer done()
	return info{name: path.Base(f.name), size: int64(len(f.node.data)), changed: f.node.changed}, nil
}

type info struct {
	vfs.FileInfo
	name    string
	size    int64
	changed time.Time
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) ModTime() time.Time { return i.changed }
