package disk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
)

// brittleFS fails the nth call of one kind, and notes what is done to a file after its own call failed.
type brittleFS struct {
	*vfs.MemFS
	kind string
	err  error

	mu     sync.Mutex
	left   int
	misuse []string
}

func (b *brittleFS) fails(kind string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if kind != b.kind {
		return false
	}
	b.left--
	return b.left == 0
}

func (b *brittleFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if b.fails("create") {
		return nil, b.err
	}
	f, err := b.MemFS.Create(name, c)
	if err != nil || !strings.HasSuffix(name, ".log") {
		return f, err
	}
	return &brittleFile{File: f, fs: b, name: name}, nil
}

func (b *brittleFS) OpenDir(name string) (vfs.File, error) {
	f, err := b.MemFS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &brittleDir{f, b}, nil
}

type brittleDir struct {
	vfs.File
	fs *brittleFS
}

func (d *brittleDir) Sync() error {
	if d.fs.fails("dir") {
		return d.fs.err
	}
	return d.File.Sync()
}

type brittleFile struct {
	vfs.File
	fs     *brittleFS
	name   string
	broken bool
}

func (f *brittleFile) call(kind string) error {
	if f.broken {
		f.fs.mu.Lock()
		f.fs.misuse = append(f.fs.misuse, kind+" "+f.name)
		f.fs.mu.Unlock()
	}
	if f.fs.fails(kind) {
		f.broken = true
		return f.fs.err
	}
	return nil
}

func (f *brittleFile) Write(p []byte) (int, error) {
	if err := f.call("write"); err != nil {
		n, _ := f.File.Write(p[:len(p)/2])
		return n, err
	}
	return f.File.Write(p)
}

func (f *brittleFile) SyncData() error {
	if err := f.call("sync"); err != nil {
		return err
	}
	return f.File.SyncData()
}

// TestEveryCallFails lets each of the first 50 calls of each kind fail: a file that failed is never written to or synced
// again, an fsync that failed with an I/O error ends acknowledgements until a restart, everything else heals by itself, and
// after a loss of power what was acknowledged is there, in order and once.
func TestEveryCallFails(t *testing.T) {
	for _, c := range []struct {
		kind    string
		err     error
		ends    bool
		segment int64
	}{
		{"sync", syscall.EIO, true, 500},
		{"sync", syscall.ENOSPC, false, 500},
		{"write", syscall.EIO, false, 500},
		{"write", syscall.ENOSPC, false, 500},
		{"create", syscall.ENOSPC, false, 1},
		{"dir", syscall.EIO, false, 1},
	} {
		t.Run(fmt.Sprint(c.kind, " ", c.err), func(t *testing.T) {
			for k := 1; k <= 50; k++ {
				fs := &brittleFS{MemFS: vfs.NewCrashableMem(), kind: c.kind, err: c.err, left: k + 1}
				if c.kind != "dir" && c.kind != "create" { // Opening makes a folder and its lock.
					fs.left = k
				}
				l := mustOpen(t, Options{Dir: "log", FS: fs, SegmentBytes: c.segment, TailBytes: 1})
				acked, refused := brittleLoad(l, k+5)
				if want := map[bool]int{true: 6, false: 1}[c.ends]; refused != want {
					t.Errorf("call %d: %d appends were refused, want %d", k, refused, want)
				}
				if len(fs.misuse) > 0 {
					t.Errorf("call %d: used after it failed: %v", k, fs.misuse)
				}
				crashed := fs.CrashClone(vfs.CrashCloneCfg{})
				_ = l.Close()
				l = mustOpen(t, Options{Dir: "log", FS: crashed, TailBytes: 1})
				var found []string
				for _, e := range readAll(t, l, 0) {
					found = append(found, string(e.Payload))
				}
				if c.ends && len(found) == len(acked)+1 {
					found = found[:len(acked)] // The filling's own fsync has brought the refused record to the disk.
				}
				if fmt.Sprint(found) != fmt.Sprint(acked) {
					t.Errorf("call %d: acknowledged %v, found %v", k, acked, found)
				}
				appendOne(t, l, "after", 1)
				_ = l.Close()
			}
		})
	}
}

// brittleLoad appends records, which it returns as far as they are acknowledged, and counts the others.
func brittleLoad(l *Log, n int) (acked []string, refused int) {
	for i := range n {
		payload := fmt.Sprint("record ", i)
		_, err := l.Append(context.Background(), eventlog.Record{Payload: []byte(payload), Events: 1})
		if err == nil {
			acked = append(acked, payload)
		} else if refused++; event.KindOf(err) != event.Unavailable {
			return acked, -1
		}
	}
	return acked, refused
}

// TestKilledBeforeTheSync: a block that only the kernel has when the process dies is made durable before it is built
// upon.
func TestKilledBeforeTheSync(t *testing.T) {
	mem := vfs.NewCrashableMem()
	fs := &faultyFS{FS: mem}
	l := mustOpen(t, Options{Dir: "log", FS: fs})
	appendOne(t, l, "first", 1)
	unsynced := errors.New("killed")
	fs.sync.Store(&unsynced)
	if _, err := l.Append(context.Background(), eventlog.Record{Payload: []byte("second"), Events: 1}); err == nil {
		t.Fatal("acknowledged without a sync")
	}
	_ = l.Close()
	l = mustOpen(t, Options{Dir: "log", FS: mem})
	defer l.Close()
	if p := appendOne(t, l, "third", 1); p != 2 {
		t.Fatalf("appended at %d, behind a block that is there", p)
	}
	after := mustOpen(t, Options{Dir: "log", FS: mem.CrashClone(vfs.CrashCloneCfg{}), TailBytes: 1})
	defer after.Close()
	if es := readAll(t, after, 0); len(es) != 3 {
		t.Fatalf("%d entries after the loss of power, want 3", len(es))
	}
}

// hungFS does not return from syncs while hung is open.
type hungFS struct {
	vfs.FS
	hung chan struct{}
}

type hungFile struct {
	vfs.File
	fs *hungFS
}

func (h *hungFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := h.FS.Create(name, c)
	return &hungFile{f, h}, err
}

func (f *hungFile) SyncData() error {
	<-f.fs.hung
	return f.File.SyncData()
}

// TestHungDisk: each append that waits for a disk that does not answer ends with its deadline, keeps nothing in memory
// and is not written later; the next ones are refused at once; the log says so, and goes on by itself.
func TestHungDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lines := &strings.Builder{}
		registry := prometheus.NewRegistry()
		fs := &hungFS{vfs.NewMem(), make(chan struct{})}
		l := mustOpen(t, Options{Dir: "log", FS: fs, Logger: slog.New(slog.NewTextHandler(lines, nil)), Registerer: registry})
		var waiting sync.WaitGroup
		send := func(payload string) {
			ctx, cancel := context.WithTimeout(t.Context(), stallAfter)
			defer cancel()
			_, err := l.Append(ctx, eventlog.Record{Payload: []byte(payload), Events: 1})
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v", payload, err)
			}
		}
		waiting.Go(func() { send("taken") })
		synctest.Wait()
		for range 20 {
			waiting.Go(func() { send("withdrawn") })
		}
		began := time.Now()
		waiting.Wait()
		if took := time.Since(began); took != stallAfter {
			t.Errorf("the last append waited for %v", took)
		}
		if len(l.queue) != 0 {
			t.Errorf("%d appends are kept that nobody waits for", len(l.queue))
		}
		synctest.Wait()
		_, err := l.Append(t.Context(), eventlog.Record{Payload: []byte("refused"), Events: 1})
		var e *event.Error
		if !errors.As(err, &e) || e.Code != "log_slow" || e.Kind != event.Unavailable || e.Wait == 0 || time.Since(began) != stallAfter {
			t.Errorf("an append into a stall: %v after %v", err, time.Since(began))
		}
		if got := gauge(t, registry, "freshet_log_stall_seconds"); got != stallAfter.Seconds() {
			t.Errorf("the metric says %v", got)
		}
		if !strings.Contains(lines.String(), "does not answer") {
			t.Errorf("nothing was logged: %s", lines)
		}
		close(fs.hung)
		synctest.Wait()
		if !strings.Contains(lines.String(), "answers again") {
			t.Errorf("the end was not logged: %s", lines)
		}
		appendOne(t, l, "after", 1)
		if es := readAll(t, l, 0); len(es) != 2 || string(es[0].Payload) != "taken" || string(es[1].Payload) != "after" {
			t.Errorf("%d entries", len(es))
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func gauge(t *testing.T, r prometheus.Gatherer, name string) float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}
