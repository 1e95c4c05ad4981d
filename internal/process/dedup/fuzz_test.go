package dedup

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/zeebo/xxh3"

	"github.com/freshet/freshet/internal/event"
)

// FuzzRun opens any bytes as a run, and again with checksums that fit them: it opens or is damaged, and what opens can
// be searched and read through.
func FuzzRun(f *testing.F) {
	for _, n := range []int{0, 1, 500} {
		info := runInfo{from: 0, to: 1000, maxPos: 999, maxSec: 70}
		var b bytes.Buffer
		w := newRunWriter(&b, info, n)
		for i := range n {
			w.add(&entry{hi: uint64(i) << 40, lo: uint64(i), pos: uint64(i), sec: int64(i % 70)})
		}
		if err := w.finish(); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		search(t, b)
		if len(b) < footerBytes {
			return
		}
		foot := b[len(b)-footerBytes:]
		binary.LittleEndian.PutUint64(foot, runMagic)
		binary.LittleEndian.PutUint64(foot[8:], 0)
		binary.LittleEndian.PutUint64(foot[16:], 1000)
		blocks := binary.LittleEndian.Uint64(foot[56:])
		if tail := blocks * blockBytes; tail/blockBytes == blocks && tail < uint64(len(b)-footerBytes) {
			binary.LittleEndian.PutUint64(foot[72:], xxh3.Hash(b[tail:len(b)-footerBytes]))
			for at := uint64(0); at < tail; at += blockBytes {
				binary.LittleEndian.PutUint32(b[at+blockRoom:], uint32(xxh3.Hash(b[at:at+blockRoom])))
			}
		}
		binary.LittleEndian.PutUint64(foot[88:], xxh3.Hash(foot[:88]))
		search(t, b)
	})
}

func search(t *testing.T, b []byte) {
	fs := vfs.NewMem()
	name := runName(0, 1000)
	file, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write(b); err != nil {
		t.Fatal(err)
	}
	_ = file.Close()
	m, err := openRun(fs, "", name)
	if err != nil {
		if event.KindOf(err) != event.Corrupt {
			t.Fatal(err)
		}
		return
	}
	defer m.run.close()
	buf := make([]byte, blockBytes)
	for _, hi := range []uint64{0, 7 << 40, 1 << 63} {
		v := verdict{pos: 1000, sec: 50, window: 100}
		_ = m.filter.has(hi, 7)
		if _, _, err := m.run.find(hi, 7, buf, &v); err != nil && event.KindOf(err) != event.Corrupt {
			t.Fatal(err)
		}
	}
	r := newRunReader(m.run)
	for n := 0; r.step(); n++ {
		if n > len(b) {
			t.Fatal("more ids than bytes")
		}
	}
}
