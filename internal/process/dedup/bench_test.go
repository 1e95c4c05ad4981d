package dedup

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
)

func randomKey(i int) event.Key {
	k := keyOf(i)
	h := mix64(uint64(i) + 1)
	for j := range 8 {
		k[j], k[8+j] = byte(h>>(8*j)), byte(mix64(h)>>(8*j))
	}
	return k
}

// BenchmarkNew is the cost of an id never seen, with 10 million others remembered; runs are written and merged beside it.
func BenchmarkNew(b *testing.B) {
	const known = 10_000_000
	dir := b.TempDir()
	x, err := Open(dir, Options{})
	if err != nil {
		b.Fatal(err)
	}
	seen := func(i int, want bool) {
		if i%100 == 0 {
			if err := x.Advance(eventlog.Position(i)); err != nil {
				b.Fatal(err)
			}
		}
		if dup, _, err := x.Seen(claim(1, randomKey(i)), eventlog.Position(i), 1_700_000_000e6+int64(i)*12); dup != want || err != nil {
			b.Fatal(i, dup, err)
		}
	}
	start := time.Now()
	for i := range known {
		seen(i, false)
	}
	b.Logf("10 million ids: %v, %+v", time.Since(start), x.Stats())
	i := known
	b.Run("new", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			seen(i, false)
			i++
		}
	})
	b.Run("duplicate", func(b *testing.B) {
		n := 0
		for b.Loop() {
			n += 7919
			if dup, _, err := x.Seen(claim(1, randomKey(n%known)), eventlog.Position(i), 1_700_000_000e6+int64(i)*12); !dup || err != nil {
				b.Fatal(n, dup, err)
			}
		}
	})
	if err := x.Close(); err != nil {
		b.Fatal(err)
	}
	x = nil
	runtime.GC()
	start = time.Now()
	x, err = Open(dir, Options{})
	if err != nil {
		b.Fatal(err)
	}
	s := x.Stats()
	b.Logf("cold start: %v, %s", time.Since(start), fmt.Sprintf("%.1f bytes an id on disk, %.1f in memory",
		float64(s.DiskBytes)/float64(s.IDs), float64(s.FilterBytes)/float64(s.IDs)))
	if err := x.Close(); err != nil {
		b.Fatal(err)
	}
}
