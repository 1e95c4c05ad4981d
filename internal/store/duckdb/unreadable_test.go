package duckdb

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

const (
	fileName = "store.duckdb"
	walName  = "store.duckdb.wal"
)

// filesOf reads the database and its write-ahead log in a folder; both have to have something.
func filesOf(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	content := map[string][]byte{}
	for _, name := range []string{fileName, walName} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || len(b) == 0 {
			t.Fatalf("%s: %d bytes, %v", name, len(b), err)
		}
		content[name] = b
	}
	return content
}

// folderWith makes a folder with these files, one of which has other bytes.
func folderWith(t *testing.T, content map[string][]byte, damaged string, bytes []byte) string {
	t.Helper()
	at := t.TempDir()
	for name, b := range content {
		if name == damaged {
			b = bytes
		}
		if err := os.WriteFile(filepath.Join(at, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return at
}

// TestUnreadable damages the write-ahead log of a store that was killed, and the headers of its file, in many ways. Opening it
// then either finds rows up to its position and none beyond, or says in words that Unreadable knows that it has to be made anew:
// with any other error a server would try for ever.
func TestUnreadable(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for i := range 3 {
		fill(t, s, 100*i, 100)
		flushed(t, s)
	}
	const file, wal = fileName, walName
	content := filesOf(t, crash(t, s, dir))
	r := rand.New(rand.NewPCG(12, 34))
	type damage struct {
		what, file string
		bytes      []byte
	}
	var all []damage
	add := func(name, what string, change func(b []byte) []byte) {
		all = append(all, damage{what, name, change(bytes.Clone(content[name]))})
	}
	size := len(content[wal])
	for range 12 {
		at, bit := r.IntN(size), r.IntN(8)
		add(wal, fmt.Sprintf("bit %d of byte %d flipped", bit, at), func(b []byte) []byte { b[at] ^= 1 << bit; return b })
	}
	for range 6 {
		at := r.IntN(size)
		add(wal, fmt.Sprintf("cut at %d", at), func(b []byte) []byte { return b[:at] })
		add(wal, fmt.Sprintf("zeros from %d", at), func(b []byte) []byte { clear(b[at:]); return b })
	}
	// The main header and the two of the database, of which a start needs the newer.
	for range 12 {
		at, to := r.IntN(3*4096), byte(r.IntN(256))
		add(file, fmt.Sprintf("byte %d is %d", at, to), func(b []byte) []byte { b[at] = to; return b })
	}
	add(file, "no header", func(b []byte) []byte { clear(b[:3*4096]); return b })
	add(file, "cut in the headers", func(b []byte) []byte { return b[:5000] })
	add(file, "of no bytes", func(b []byte) []byte { return b[:0] })
	found := 0
	for _, d := range all {
		at := folderWith(t, content, d.file, d.bytes)
		if d.file == file && len(d.bytes) == 0 {
			// Without its file there is nothing that the log belongs to.
			if err := os.Remove(filepath.Join(at, wal)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
		}
		s, err := Open(t.Context(), Options{Dir: at})
		if err != nil {
			if found++; !Unreadable(err) {
				t.Errorf("%s, %s: not known as damage: %v", d.file, d.what, err)
			}
			continue
		}
		if p := s.Position(); p > 0 {
			if n := one(t, s, "seq", "count(*)"); n != int64(p) {
				t.Errorf("%s, %s: %v rows at position %d", d.file, d.what, n, p)
			}
		}
		if err := s.Close(); err != nil {
			t.Errorf("%s, %s: %v", d.file, d.what, err)
		}
	}
	if found == 0 {
		t.Error("no damage was found")
	}
	t.Logf("%d of %d kinds of damage keep the store from opening", found, len(all))
}
