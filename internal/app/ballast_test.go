package app

import (
	"bytes"
	"log/slog"
	"os"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// TestBallast fills and frees a disk: the ballast is there while there is space, gives way when there is none, which is told
// once, and comes back; events are taken unless it had to give way.
func TestBallast(t *testing.T) {
	const size, total = 1 << 20, 1 << 30
	dir := t.TempDir()
	free := uint64(total / 2)
	lines := &bytes.Buffer{}
	b := newBallast(dir, size, slog.New(slog.NewTextHandler(lines, nil)), prometheus.NewRegistry())
	b.space = func() (uint64, uint64) { return free, total }
	expect := func(what string, at uint64, there, full, told bool) {
		t.Helper()
		free = at
		b.look()
		b.look()
		info, err := os.Stat(b.path)
		if (err == nil) != there || b.given() != full {
			t.Errorf("%s: there %v, full %v; want %v, %v", what, err == nil, b.given(), there, full)
		}
		if there && info.Size() != size {
			t.Errorf("%s: %d bytes are held", what, info.Size())
		}
		select {
		case <-b.gone:
			if !told {
				t.Errorf("%s: upkeep was told", what)
			}
		default:
			if told {
				t.Errorf("%s: upkeep was not told", what)
			}
		}
	}
	expect("space", total/2, true, false, false)
	expect("little space", size/2, true, false, false)
	expect("none", size/16, false, true, true)
	expect("what it has freed", size-1, false, true, false)
	expect("a little more", size, false, false, false)
	expect("gone again", size/2, false, true, false)
	expect("enough to hold it", 2*size, true, false, false)
	b.size = 0
	expect("turned off", 0, false, false, false)
	if !bytes.Contains(lines.Bytes(), []byte("the ballast is given up")) || !bytes.Contains(lines.Bytes(), []byte("events are taken")) {
		t.Errorf("the log says %s", lines)
	}
}

// TestBallastIsAShareOfTheDisk: a small disk gets a small ballast, and one that was made for another size is made anew.
func TestBallastIsAShareOfTheDisk(t *testing.T) {
	dir := t.TempDir()
	b := newBallast(dir, 0, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	b.size = 64 << 20
	for _, total := range []uint64{48 << 20, 96 << 20, 48 << 20} {
		b.space = func() (uint64, uint64) { return total / 2, total }
		b.look()
		if info, err := os.Stat(b.path); err != nil || info.Size() != int64(total/ballastShare) {
			t.Errorf("of %d bytes: %v, %v", total, info, err)
		}
	}
}

func TestReserveTakesSpace(t *testing.T) {
	path := t.TempDir() + "/ballast"
	if err := reserve(path, 3<<20); err != nil {
		t.Fatal(err)
	}
	if n := blocks(t, path); n < 3<<20 {
		t.Errorf("%d bytes are taken of 3 MiB", n)
	}
	var out bytes.Buffer
	if err := fill(&out, 100); err != nil || out.Len() != 100 {
		t.Error(out.Len(), err)
	}
}
