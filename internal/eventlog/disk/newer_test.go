package disk

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// renewed makes the block at an offset one of version 2, whole.
func renewed(b []byte, offset int) {
	h := b[offset : offset+headerBytes]
	stored := b[offset+headerBytes:][:binary.LittleEndian.Uint32(h[4:])]
	h[3] = '2'
	binary.LittleEndian.PutUint64(h[28:], sumOf(h[:28], stored))
}

// TestNewerBlocks: a log in which a later version has written is refused and stays as it is, wherever its first block is; one
// whose magic was damaged is not taken for that.
func TestNewerBlocks(t *testing.T) {
	for _, c := range []struct {
		name string
		// change gets the files of two segments, of two blocks each, and where the second block begins.
		change func(first, second []byte, at int)
		newer  bool
	}{
		{"the last block", func(_, second []byte, at int) { renewed(second, at) }, true},
		{"the last segment", func(_, second []byte, _ int) { renewed(second, 0) }, true},
		{"behind damage", func(_, second []byte, at int) { second[headerBytes] ^= 1; renewed(second, at) }, true},
		{"the first segment", func(first, _ []byte, _ int) { renewed(first, 0) }, true},
		{"a flipped digit", func(_, second []byte, at int) { second[at+3] ^= 2 }, false},
	} {
		dir := t.TempDir()
		var files [2]string
		for i := range files {
			l := mustOpen(t, Options{Dir: dir})
			appendOne(t, l, "one and the same", 1)
			appendOne(t, l, "one and the same", 1)
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			names, err := Segments(dir)
			if err != nil || len(names) != i+1 {
				t.Fatal(names, err)
			}
			files[i] = filepath.Join(dir, names[i])
		}
		var content [2][]byte
		for i, path := range files {
			var err error
			if content[i], err = os.ReadFile(path); err != nil {
				t.Fatal(err)
			}
		}
		c.change(content[0], content[1], len(content[1])/2)
		for i, path := range files {
			if err := os.WriteFile(path, content[i], 0o600); err != nil {
				t.Fatal(err)
			}
		}
		l, err := Open(Options{Dir: dir})
		if l != nil {
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		}
		if errors.Is(err, errNewer) != c.newer || !c.newer && err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if !c.newer {
			continue
		}
		if _, err := OpenReader(dir); !errors.Is(err, errNewer) {
			t.Errorf("%s: opened for reading: %v", c.name, err)
		}
		if _, err := Check(dir); !errors.Is(err, errNewer) {
			t.Errorf("%s: checked: %v", c.name, err)
		}
		_, one := CopySegment(dir, filepath.Base(files[0]), io.Discard)
		if _, two := CopySegment(dir, filepath.Base(files[1]), io.Discard); !errors.Is(errors.Join(one, two), errNewer) {
			t.Errorf("%s: copied: %v, %v", c.name, one, two)
		}
		for i, path := range files {
			if b, err := os.ReadFile(path); err != nil || string(b) != string(content[i]) {
				t.Errorf("%s: %s was changed, %v", c.name, filepath.Base(path), err)
			}
		}
		if names, err := Segments(dir); err != nil || len(names) != 2 {
			t.Errorf("%s: the segments are %v, %v", c.name, names, err)
		}
	}
}
