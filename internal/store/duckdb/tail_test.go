package duckdb

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestTornTail opens stores whose write-ahead log a power cut has left longer than what was written to it.
func TestTornTail(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for i := range 3 {
		fill(t, s, 100*i, 100)
		flushed(t, s)
	}
	content := filesOf(t, crash(t, s, dir))
	whole := content[walName]
	for what, c := range map[string]struct {
		wal  []byte
		want int64
	}{
		"a page of zeros behind the end":           {append(bytes.Clone(whole), make([]byte, 4096)...), 300},
		"the last entry is half written":           {append(bytes.Clone(whole[:len(whole)-4]), 0, 0, 0, 0), 200},
		"half the last entry, and zeros behind it": {append(bytes.Clone(whole[:len(whole)-4]), make([]byte, 9000)...), 200},
	} {
		t.Run(what, func(t *testing.T) {
			s, err := Open(t.Context(), Options{Dir: folderWith(t, content, walName, c.wal)})
			if err != nil {
				t.Fatal(err)
			}
			if n := one(t, s, "seq", "count(*)"); n != c.want || int64(s.Position()) != c.want {
				t.Errorf("%v rows at position %d, want %d", n, s.Position(), c.want)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}

	// A bit that has turned in what was written whole is damage, and stays for whoever wants to look at it.
	turned := bytes.Clone(whole)
	turned[len(turned)-4] ^= 1
	at := folderWith(t, content, walName, turned)
	if s, err := Open(t.Context(), Options{Dir: at}); err == nil {
		t.Errorf("a store with a bit turned opens at position %d", s.Position())
		_ = s.Close()
	} else if !Unreadable(err) {
		t.Error(err)
	}
	if left, err := os.ReadFile(filepath.Join(at, walName)); err != nil || !bytes.Equal(left, turned) {
		t.Errorf("%d bytes are left of %d, %v", len(left), len(turned), err)
	}
}
