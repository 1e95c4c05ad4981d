package disk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"
)

// FuzzReadBlock reads bytes as a block, and again with a header that fits them, so that what lies behind the checksum
// is reached.
func FuzzReadBlock(f *testing.F) {
	f.Add(appendBlock(nil, []byte("\x01\x03abc"), 7, 1, 1))
	f.Add(appendBlock(nil, []byte("\x02\x03abc\x05\x00"), 1<<40, 7, 2))
	f.Fuzz(func(t *testing.T, b []byte) {
		walk(t, b)
		if len(b) >= headerBytes {
			binary.LittleEndian.PutUint32(b, blockMagic)
			binary.LittleEndian.PutUint32(b[4:], uint32(len(b)-headerBytes))
			binary.LittleEndian.PutUint64(b[28:], sumOf(b[:28], b[headerBytes:]))
			walk(t, b)
		}
	})
}

func walk(t *testing.T, b []byte) {
	h, stored, err := readBlock(bytes.NewReader(b), 0, nil)
	if err != nil {
		if !errors.Is(err, errTorn) && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		return
	}
	blk, err := decodeBlock(h, stored)
	if err != nil {
		if !errors.Is(err, errTorn) {
			t.Fatal(err)
		}
		return
	}
	c := cursor{blk.first, blk.raw}
	at := blk.first
	for {
		es, err := c.entries(nil, 0, 3)
		if err != nil && !errors.Is(err, errTorn) {
			t.Fatal(err)
		}
		for _, e := range es {
			if e.First < at {
				t.Fatalf("position %d follows %d", e.First, at)
			}
			at = e.First
		}
		if err != nil || len(es) < 3 {
			return
		}
	}
}

// FuzzSegment opens a log with any bytes as its last segment: it opens, is read to its end, and goes on.
func FuzzSegment(f *testing.F) {
	one := appendBlock(nil, []byte("\x01\x03abc"), 5, 1, 1)
	two := appendBlock(one, []byte("\x02\x03abc\x01\x00"), 6, 3, 2)
	f.Add(one)
	f.Add(two)
	f.Add(append(bytes.Clone(two), one...))
	f.Add(append(appendBlock(nil, []byte("\x01\x01x"), 9, 1, 1), two[:len(two)-1]...))
	f.Fuzz(func(t *testing.T, b []byte) {
		fs := image{}.write(t, map[string][]byte{"00000000000000000005.log": b})
		l := mustOpen(t, Options{Dir: "log", FS: fs})
		defer l.Close()
		start, end := l.Bounds()
		if start != 5 || end < start {
			t.Fatalf("%d to %d", start, end)
		}
		if end > 1<<62 {
			return
		}
		found, _ := salvage(t, l)
		if p := appendOne(t, l, "new", 1); p != end {
			t.Fatalf("appended at %d, the end was %d", p, end)
		}
		if again, _ := salvage(t, l); len(again) != len(found)+1 || again[end] != "new" {
			t.Fatalf("%d entries, before it %d", len(again), len(found))
		}
	})
}
