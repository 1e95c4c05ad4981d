package disk

import (
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestAheadCoversNoBlock has several writers outrun the filling time and again, and reads everything back from the files.
func TestAheadCoversNoBlock(t *testing.T) {
	for name, fs := range map[string]vfs.FS{"files": vfs.Default, "memory": vfs.NewMem()} {
		t.Run(name, func(t *testing.T) {
			l := mustOpen(t, Options{Dir: t.TempDir(), FS: fs, SegmentBytes: 3 * aheadMost, TailBytes: 1})
			noise := make([]byte, 2*aheadStep)
			for i := range noise {
				noise[i] = byte(rand.Uint32() | 1)
			}
			var writers sync.WaitGroup
			const each = 60
			for w := range 4 {
				writers.Go(func() {
					for i := range each {
						appendOne(t, l, fmt.Sprintf("%d %d %s", w, i, noise[:(w*7+i*13)%41*len(noise)/41]), 1)
					}
				})
			}
			writers.Wait()
			if n := len(readAll(t, l, 0)); n != 4*each {
				t.Fatalf("%d entries, want %d", n, 4*each)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestFillingIsTheEnd opens what a killed process leaves: blocks, then filling, which nobody need hear of. A damaged last
// block before it is still reported, and so are zeros in its place.
func TestFillingIsTheEnd(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, Options{Dir: dir})
	appendOne(t, l, "first", 1)
	appendOne(t, l, "last", 1)
	size := l.written
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, l.segments[0].name)
	blocks, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(blocks)) != size {
		t.Fatalf("a closed segment has %d bytes, its blocks %d", len(blocks), size)
	}
	flipped := bytes.Clone(blocks)
	flipped[len(flipped)-1] ^= 1
	for what, c := range map[string]struct {
		blocks        []byte
		behind        byte
		entries, torn int
	}{"whole": {blocks, fillByte, 2, 0}, "flipped": {flipped, fillByte, 1, 1}, "zeros": {blocks, 0, 2, 1}} {
		if err := os.WriteFile(name, append(bytes.Clone(c.blocks), bytes.Repeat([]byte{c.behind}, 3<<20)...), 0o600); err != nil {
			t.Fatal(err)
		}
		r := &reports{}
		l := mustOpen(t, Options{Dir: dir, Logger: slog.New(r)})
		if n := len(readAll(t, l, 0)); n != c.entries || r.torn != c.torn || r.damaged != 0 {
			t.Errorf("%s: %d entries, %d torn, %d damaged; want %d, %d, 0", what, n, r.torn, r.damaged, c.entries, c.torn)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
