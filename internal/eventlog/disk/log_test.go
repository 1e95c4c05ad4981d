package disk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/eventlog/eventlogtest"
)

func mustOpen(t testing.TB, o Options) *Log {
	t.Helper()
	l, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func appendOne(t testing.TB, l *Log, payload string, events int) eventlog.Position {
	t.Helper()
	p, err := l.Append(context.Background(), eventlog.Record{Payload: []byte(payload), Events: events})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// readAll reads from a position to the end of the log.
func readAll(t testing.TB, l *Log, from eventlog.Position) (out []eventlog.Entry) {
	t.Helper()
	s, err := l.Subscribe(from)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, end := l.Bounds(); from < end; {
		es, err := s.Next(context.Background(), 3)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, es...)
		from = es[len(es)-1].End()
	}
	return out
}

func TestSuite(t *testing.T) {
	eventlogtest.Run(t, func(t *testing.T, dir string) eventlogtest.Log {
		return mustOpen(t, Options{Dir: dir, SegmentBytes: 300, TailBytes: 400})
	})
}

func TestSecondOwnerIsRefused(t *testing.T) {
	o := Options{Dir: t.TempDir()}
	l := mustOpen(t, o)
	defer l.Close()
	if _, err := Open(o); err == nil {
		t.Fatal("two owners")
	}
}

// TestTornTail cuts and flips every byte of the last block: what was before it stays, and the log goes on.
func TestTornTail(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, Options{Dir: dir})
	appendOne(t, l, "first", 1)
	name := filepath.Join(dir, l.segments[0].name)
	before := l.written
	appendOne(t, l, "second, which will be torn", 1)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	damage := map[string]func(at int) []byte{
		"cut":  func(at int) []byte { return whole[:at] },
		"flip": func(at int) []byte { b := bytes.Clone(whole); b[at] ^= 0x40; return b },
		"zero": func(at int) []byte { b := bytes.Clone(whole); clear(b[at:]); return b },
	}
	for kind, make := range damage {
		for at := int(before); at < len(whole); at++ {
			b := make(at)
			if bytes.Equal(b, whole) {
				continue
			}
			d := t.TempDir()
			if err := os.WriteFile(filepath.Join(d, filepath.Base(name)), b, 0o600); err != nil {
				t.Fatal(err)
			}
			l := mustOpen(t, Options{Dir: d})
			if p := appendOne(t, l, "third", 1); p != 1 {
				t.Fatalf("%s at %d: appended at %d", kind, at, p)
			}
			if es := readAll(t, l, 0); len(es) != 2 || string(es[0].Payload) != "first" || string(es[1].Payload) != "third" {
				t.Fatalf("%s at %d: %d entries", kind, at, len(es))
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			l = mustOpen(t, Options{Dir: d})
			if es := readAll(t, l, 0); len(es) != 2 {
				t.Fatalf("%s at %d, reopened: %d entries", kind, at, len(es))
			}
			_ = l.Close()
		}
	}
}

func TestDamageInTheMiddleIsReportedAndSkipped(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, Options{Dir: dir})
	for i := range 3 {
		appendOne(t, l, fmt.Sprintf("record %d", i), 1)
	}
	name := filepath.Join(dir, l.segments[0].name)
	_ = l.Close()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	l = mustOpen(t, Options{Dir: dir})
	defer l.Close()
	if _, end := l.Bounds(); end != 3 {
		t.Fatalf("the log ends at %d", end)
	}
	s, _ := l.Subscribe(0)
	defer s.Close()
	if es, err := s.Next(context.Background(), 9); err != nil || len(es) != 1 {
		t.Fatal(es, err)
	}
	if _, err := s.Next(context.Background(), 9); event.KindOf(err) != event.Corrupt {
		t.Fatalf("damage not reported: %v", err)
	}
	if p, err := s.(*subscription).SkipDamage(); p != 2 || err != nil {
		t.Fatalf("skipped to %d, %v", p, err)
	}
	if es, err := s.Next(context.Background(), 9); err != nil || string(es[0].Payload) != "record 2" {
		t.Fatal(es, err)
	}
}

// TestPowerLoss crashes an in-memory file system that keeps a random share of unsynced data: every acknowledged
// record is there afterwards, in order and once.
func TestPowerLoss(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fs := vfs.NewCrashableMem()
		var acked []string
		for round := range rapid.IntRange(1, 4).Draw(t, "rounds") {
			l, err := Open(Options{Dir: "log", FS: fs, SegmentBytes: 300, TailBytes: 1})
			if err != nil {
				t.Fatal(err)
			}
			for i := range rapid.IntRange(0, 12).Draw(t, "records") {
				p := fmt.Sprintf("%d/%d", round, i)
				if _, err := l.Append(context.Background(), eventlog.Record{Payload: []byte(p), Events: 1}); err != nil {
					t.Fatal(err)
				}
				acked = append(acked, p)
			}
			crashed := fs.CrashClone(vfs.CrashCloneCfg{
				UnsyncedDataPercent: rapid.IntRange(0, 100).Draw(t, "unsynced"), RNG: rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1)),
			})
			_ = l.Close()
			fs = crashed
		}
		l, err := Open(Options{Dir: "log", FS: fs})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		_, end := l.Bounds()
		s, err := l.Subscribe(0)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for at := eventlog.Position(0); at < end; {
			es, err := s.Next(context.Background(), 100)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range es {
				got = append(got, string(e.Payload))
				at = e.End()
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(acked) {
			t.Fatalf("acknowledged %v, found %v", acked, got)
		}
	})
}

// faultyFS fails writes or syncs of log files while its switches are on.
type faultyFS struct {
	vfs.FS
	write, sync atomic.Pointer[error]
}

type faultyFile struct {
	vfs.File
	fs *faultyFS
}

func (f *faultyFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := f.FS.Create(name, c)
	if err != nil {
		return nil, err
	}
	return &faultyFile{file, f}, nil
}

func (f *faultyFile) Write(p []byte) (int, error) {
	if err := f.fs.write.Load(); err != nil {
		n, _ := f.File.Write(p[:len(p)/2])
		return n, *err
	}
	return f.File.Write(p)
}

func (f *faultyFile) SyncData() error {
	if err := f.fs.sync.Load(); err != nil {
		return *err
	}
	return f.File.SyncData()
}

func TestDiskFullHeals(t *testing.T) {
	fs := &faultyFS{FS: vfs.NewMem()}
	l := mustOpen(t, Options{Dir: "log", FS: fs, TailBytes: 1})
	appendOne(t, l, "before", 1)
	full := error(syscall.ENOSPC)
	fs.write.Store(&full)
	for range 3 {
		_, err := l.Append(context.Background(), eventlog.Record{Payload: []byte("lost"), Events: 1})
		var e *event.Error
		if !errors.As(err, &e) || e.Code != "disk_full" || e.Kind != event.Unavailable || e.Wait == 0 {
			t.Fatalf("full disk: %v", err)
		}
	}
	fs.write.Store(nil)
	if p := appendOne(t, l, "after", 1); p != 1 {
		t.Fatalf("after healing at %d", p)
	}
	if es := readAll(t, l, 0); len(es) != 2 || string(es[1].Payload) != "after" {
		t.Fatalf("%d entries", len(es))
	}
	_ = l.Close()
	l = mustOpen(t, Options{Dir: "log", FS: fs})
	defer l.Close()
	if es := readAll(t, l, 0); len(es) != 2 {
		t.Fatalf("reopened: %d entries", len(es))
	}
}

func TestFailedSyncEndsAcknowledgements(t *testing.T) {
	fs := &faultyFS{FS: vfs.NewMem()}
	l := mustOpen(t, Options{Dir: "log", FS: fs})
	defer l.Close()
	broken := error(syscall.EIO)
	fs.sync.Store(&broken)
	for range 2 {
		_, err := l.Append(context.Background(), eventlog.Record{Payload: []byte("x"), Events: 1})
		var e *event.Error
		if !errors.As(err, &e) || e.Code != "log_failed" {
			t.Fatalf("failed sync: %v", err)
		}
		fs.sync.Store(nil)
	}
	if _, end := l.Bounds(); end != 0 {
		t.Fatalf("an unsynced event is visible: end %d", end)
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, c := range []struct {
		name                      string
		goroutines, bytes, events int
	}{
		{"single/8", 4, 400, 1}, {"single/64", 32, 400, 1}, {"batch100/8", 4, 40000, 100},
	} {
		b.Run(c.name, func(b *testing.B) {
			l := mustOpen(b, Options{Dir: b.TempDir()})
			defer l.Close()
			payload := bytes.Repeat([]byte("some text that compresses "), c.bytes/26+1)[:c.bytes]
			b.SetParallelism(c.goroutines)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := l.Append(context.Background(), eventlog.Record{Payload: payload, Events: c.events}); err != nil {
						b.Error(err)
					}
				}
			})
			b.ReportMetric(float64(b.N*c.events)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
