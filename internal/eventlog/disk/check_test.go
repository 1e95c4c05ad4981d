package disk

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/freshet/freshet/internal/eventlog"
)

// TestCheck finds a flipped bit wherever it is, a segment that is missing, and nothing where all is well.
func TestCheck(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, Options{Dir: dir, SegmentBytes: 300})
	for i := range 30 {
		appendOne(t, l, fmt.Sprintf("record %d, %x", i, i*i*7919), 1+i%3)
	}
	_, end := l.Bounds()
	good, err := Check(dir)
	if err != nil || len(good.Damage) > 0 || good.End != end || good.Segments < 5 || good.Blocks != 30 {
		t.Fatalf("a log in use: %+v, %v", good, err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	names, err := Segments(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range names[:len(names)-1] {
		path := filepath.Join(dir, name)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		bad := bytes.Clone(b)
		bad[i*37%len(b)] ^= 1 << (i % 8)
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if c, err := Check(dir); err != nil || len(c.Damage) == 0 {
			t.Errorf("byte %d of %s: %+v, %v", i*37%len(b), name, c, err)
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(filepath.Join(dir, names[2])); err != nil {
		t.Fatal(err)
	}
	if c, err := Check(dir); err != nil || len(c.Damage) != 1 || c.End != end {
		t.Errorf("without %s: %+v, %v", names[2], c, err)
	}
}

// TestCheckAfterAFailedSync: a block that is whole, but was never acknowledged because its fsync failed, is no damage where
// the next segment begins in its place.
func TestCheckAfterAFailedSync(t *testing.T) {
	dir := t.TempDir()
	fs := &faultyFS{FS: vfs.Default}
	l := mustOpen(t, Options{Dir: dir, FS: fs})
	defer l.Close()
	appendOne(t, l, "first", 3)
	full := error(syscall.ENOSPC)
	fs.sync.Store(&full)
	if _, err := l.Append(t.Context(), eventlog.Record{Payload: []byte("refused"), Events: 5}); err == nil {
		t.Fatal("acknowledged without a sync")
	}
	fs.sync.Store(nil)
	appendOne(t, l, "second", 2)
	if c, err := Check(dir); err != nil || len(c.Damage) > 0 || c.End != 5 || c.Segments != 2 {
		t.Fatalf("%+v, %v", c, err)
	}
}

// TestCopySegment copies a log while it is written to, over and over: a copy has everything that was durable before it was
// begun, and opens without a word of damage.
func TestCopySegment(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, Options{Dir: dir, SegmentBytes: 64 << 10})
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			select {
			case <-quit:
				return
			default:
				appendOne(t, l, fmt.Sprintf("record %d %x", i, bytes.Repeat([]byte{byte(i)}, i%900)), 1+i%3)
			}
		}
	}()
	for range 20 {
		_, durable := l.Bounds()
		to := t.TempDir()
		names, err := Segments(dir)
		if err != nil {
			t.Fatal(err)
		}
		var end eventlog.Position
		for _, name := range names {
			var b bytes.Buffer
			if end, err = CopySegment(dir, name, &b); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(to, name), b.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		c, err := Check(to)
		if err != nil || len(c.Damage) > 0 || c.End != end || end < durable {
			t.Fatalf("the copy has %+v, its end is said to be %d, %d was durable; %v", c, end, durable, err)
		}
		r := &reports{}
		copied := mustOpen(t, Options{Dir: to, Logger: slog.New(r)})
		if _, e := copied.Bounds(); e != end || r.torn+r.damaged > 0 {
			t.Fatalf("the copy opens up to %d of %d, with %d torn and %d damaged", e, end, r.torn, r.damaged)
		}
		if err := copied.Close(); err != nil {
			t.Fatal(err)
		}
	}
	close(quit)
	<-done
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}
