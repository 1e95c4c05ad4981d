package disk

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
)

// reports counts what a log says at start.
type reports struct {
	slog.Handler
	torn, damaged int
}

func (r *reports) Enabled(context.Context, slog.Level) bool { return true }
func (r *reports) Handle(_ context.Context, rec slog.Record) error {
	if rec.Level == slog.LevelWarn {
		r.torn++
	} else {
		r.damaged++
	}
	return nil
}

type gap struct{ from, to eventlog.Position }

// salvage reads a log from its start, across damage, and returns what is not there.
func salvage(t testing.TB, l *Log) (found map[eventlog.Position]string, gaps []gap) {
	t.Helper()
	found = map[eventlog.Position]string{}
	at, end := l.Bounds()
	sub, err := l.Subscribe(at)
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	for at < end {
		es, err := sub.Next(context.Background(), 2)
		if event.KindOf(err) == event.Corrupt {
			next, err := sub.(*subscription).SkipDamage()
			if err != nil || next <= at {
				t.Fatalf("skipped from %d to %d: %v", at, next, err)
			}
			gaps = append(gaps, gap{at, next})
			at = next
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range es {
			if e.First != at {
				t.Fatalf("an entry at %d where %d was due, and nothing was reported", e.First, at)
			}
			found[e.First], at = string(e.Payload), e.End()
		}
	}
	return found, gaps
}

// image is a log's files, and where its blocks are.
type image struct {
	files  map[string][]byte
	names  []string
	blocks map[string][][2]int
	want   map[eventlog.Position]string
}

func makeImage(t testing.TB) image {
	fs := vfs.NewMem()
	l := mustOpen(t, Options{Dir: "log", FS: fs, SegmentBytes: 400})
	im := image{files: map[string][]byte{}, blocks: map[string][][2]int{}, want: map[eventlog.Position]string{}}
	for i := range 40 {
		payload := fmt.Sprintf("record %d, %x", i, i*i*7919)
		im.want[appendOne(t, l, payload, 1+i%3)] = payload
	}
	_ = l.Close()
	for _, s := range l.segments {
		b := readFile(t, fs, l.path(s))
		im.files[s.name], im.names = b, append(im.names, s.name)
		for at := 0; at < len(b); {
			h, _, err := readBlock(bytes.NewReader(b), int64(at), nil)
			if err != nil {
				t.Fatal(err)
			}
			n := headerBytes + int(h.stored)
			im.blocks[s.name] = append(im.blocks[s.name], [2]int{at, at + n})
			at += n
		}
	}
	return im
}

func readFile(t testing.TB, fs vfs.FS, path string) []byte {
	f, err := fs.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (im image) write(t testing.TB, files map[string][]byte) vfs.FS {
	fs := vfs.NewMem()
	if err := fs.MkdirAll("log", 0o755); err != nil {
		t.Fatal(err)
	}
	for name, b := range files {
		f, err := fs.Create(fs.PathJoin("log", name), vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(b); err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
	}
	return fs
}

// damages are ways in which a file goes bad. Each returns the bytes and how many blocks it may have cost.
var damages = map[string]func(b []byte, blocks [][2]int, r *rand.Rand) ([]byte, int){
	"bit": func(b []byte, _ [][2]int, r *rand.Rand) ([]byte, int) {
		b[r.IntN(len(b))] ^= 1 << r.IntN(8)
		return b, 1
	},
	"two bits": func(b []byte, _ [][2]int, r *rand.Rand) ([]byte, int) {
		for range 2 {
			b[r.IntN(len(b))] ^= 1 << r.IntN(8)
		}
		return b, 2
	},
	"length field": func(b []byte, blocks [][2]int, r *rand.Rand) ([]byte, int) {
		b[blocks[r.IntN(len(blocks))][0]+4+r.IntN(8)] ^= byte(1 + r.IntN(255))
		return b, 1
	},
	"cut": func(b []byte, blocks [][2]int, r *rand.Rand) ([]byte, int) { return b[:r.IntN(len(b))], len(blocks) },
	"zero": func(b []byte, blocks [][2]int, r *rand.Rand) ([]byte, int) {
		clear(b[r.IntN(len(b)):])
		return b, len(blocks)
	},
	"hole": func(b []byte, blocks [][2]int, r *rand.Rand) ([]byte, int) {
		k := blocks[r.IntN(len(blocks))]
		return append(bytes.Clone(b[:k[0]]), b[k[1]:]...), 1
	},
	"twice": func(b []byte, blocks [][2]int, r *rand.Rand) ([]byte, int) {
		k := blocks[r.IntN(len(blocks))]
		return append(bytes.Clone(b[:k[1]]), b[k[0]:]...), 0
	},
	"swapped": func(b []byte, blocks [][2]int, r *rand.Rand) ([]byte, int) {
		i := r.IntN(len(blocks) - 1)
		k, m := blocks[i], blocks[i+1]
		return append(append(append(bytes.Clone(b[:k[0]]), b[m[0]:m[1]]...), b[k[0]:k[1]]...), b[m[1]:]...), 1
	},
	"garbage behind": func(b []byte, _ [][2]int, r *rand.Rand) ([]byte, int) {
		for range 1 + r.IntN(100) {
			b = append(b, byte(r.Uint32()))
		}
		return b, 0
	},
	"gone": func([]byte, [][2]int, *rand.Rand) ([]byte, int) { return nil, 1 << 30 },
}

// TestDamage damages one file of a log in every way: nothing altered is ever served, what is lost is reported with
// its positions, no more is lost than what was hit, and the log goes on behind everything that can be read.
func TestDamage(t *testing.T) {
	im := makeImage(t)
	for kind, damage := range damages {
		t.Run(kind, func(t *testing.T) {
			seeds := uint64(300)
			if kind == "bit" || kind == "cut" {
				seeds = 1000 // the usual ways
			}
			if testing.Short() {
				seeds /= 20 // for races, of which there are none between seeds
			}
			for seed := range seeds {
				r := rand.New(rand.NewPCG(seed, 1))
				name := im.names[r.IntN(len(im.names))]
				files := map[string][]byte{}
				for k, b := range im.files {
					files[k] = bytes.Clone(b)
				}
				b, cost := damage(files[name], im.blocks[name], r)
				if files[name] = b; b == nil {
					delete(files, name)
				}
				if err := im.check(t, files, name, cost); err != nil {
					t.Fatalf("seed %d, file %s: %v", seed, name, err)
				}
			}
		})
	}
}

func (im image) check(t *testing.T, files map[string][]byte, hit string, cost int) error {
	rep := &reports{}
	fs := im.write(t, files)
	l := mustOpen(t, Options{Dir: "log", FS: fs, Logger: slog.New(rep)})
	defer l.Close()
	found, gaps := salvage(t, l)
	start, end := l.Bounds()
	last := hit == im.names[len(im.names)-1]
	lost := 0
	for p, want := range im.want {
		got, ok := found[p]
		if ok && got != want {
			return fmt.Errorf("altered at %d: %q", p, got)
		}
		if ok || p < start {
			continue
		}
		lost++
		reported := p >= end && (rep.torn > 0 || last)
		for _, g := range gaps {
			reported = reported || g.from <= p && p < g.to
		}
		if !reported {
			return fmt.Errorf("position %d is gone, and nobody said so: gaps %v, end %d", p, gaps, end)
		}
	}
	if lost > cost {
		return fmt.Errorf("%d records were lost by damage to %d blocks; gaps %v, end %d", lost, cost, gaps, end)
	}
	for p := range found {
		if _, ok := im.want[p]; !ok {
			return fmt.Errorf("invented at %d", p)
		}
	}
	if p := appendOne(t, l, "new", 1); p < end {
		return fmt.Errorf("appended at %d, the end was %d", p, end)
	}
	if again, _ := salvage(t, l); len(again) != len(found)+1 {
		return fmt.Errorf("%d entries after an append, before it %d", len(again), len(found))
	}
	return nil
}

// TestPowerLossUnderLoad crashes while several writers append: all that was acknowledged before is read back, nothing
// else than what was sent, and the log goes on.
func TestPowerLossUnderLoad(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 2))
		fs := vfs.NewCrashableMem()
		l := mustOpen(t, Options{Dir: "log", FS: fs, SegmentBytes: 500, TailBytes: 300})
		var mu sync.Mutex
		acked := map[eventlog.Position]string{}
		var wg sync.WaitGroup
		crash, total := make(chan struct{}), 1+r.IntN(60)
		for w := range 4 {
			wg.Go(func() {
				for i := range 40 {
					payload := fmt.Sprintf("%d/%d", w, i)
					p, err := l.Append(context.Background(), eventlog.Record{Payload: []byte(payload), Events: 1 + i%2})
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					if acked[p] = payload; len(acked) == total {
						close(crash)
					}
					mu.Unlock()
				}
			})
		}
		<-crash
		mu.Lock()
		bound := map[eventlog.Position]string{}
		for p, s := range acked {
			bound[p] = s
		}
		mu.Unlock()
		crashed := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: r.IntN(101), RNG: r})
		wg.Wait()
		_ = l.Close()

		l = mustOpen(t, Options{Dir: "log", FS: crashed, SegmentBytes: 500})
		found, gaps := salvage(t, l)
		if len(gaps) > 0 {
			t.Fatalf("seed %d: damage where power was lost: %v", seed, gaps)
		}
		for p, s := range bound {
			if found[p] != s {
				t.Fatalf("seed %d: %q at %d, acknowledged was %q", seed, found[p], p, s)
			}
		}
		for p, s := range found {
			if acked[p] != s {
				t.Fatalf("seed %d: %q at %d was never sent", seed, s, p)
			}
		}
		if _, end := l.Bounds(); appendOne(t, l, "new", 1) != end {
			t.Fatalf("seed %d: a hole behind %d", seed, end)
		}
		_ = l.Close()
	}
}

// TestSkipToInAnEmptyLog: what is gone with the whole log is reported like any damage.
func TestSkipToInAnEmptyLog(t *testing.T) {
	l := mustOpen(t, Options{Dir: "log", FS: vfs.NewMem()})
	defer l.Close()
	l.SkipTo(7)
	if found, gaps := salvage(t, l); len(found) != 0 || len(gaps) != 1 || gaps[0] != (gap{0, 7}) {
		t.Fatal(found, gaps)
	}
	if p := appendOne(t, l, "first", 1); p != 7 {
		t.Fatal(p)
	}
	if start, end := l.Bounds(); start != 7 || end != 8 {
		t.Fatal(start, end)
	}
}

// TestSkipTo: the owner of a log whose end is lost can keep its positions from being used twice.
func TestSkipTo(t *testing.T) {
	o := Options{Dir: "log", FS: vfs.NewMem()}
	l := mustOpen(t, o)
	appendOne(t, l, "before", 3)
	_ = l.Close()
	l = mustOpen(t, o)
	l.SkipTo(2)
	l.SkipTo(10)
	if p := appendOne(t, l, "behind", 1); p != 10 {
		t.Fatalf("appended at %d", p)
	}
	for range 2 {
		found, gaps := salvage(t, l)
		if len(found) != 2 || found[10] != "behind" || len(gaps) != 1 || gaps[0] != (gap{3, 10}) {
			t.Fatal(found, gaps)
		}
		_ = l.Close()
		l = mustOpen(t, o)
	}
	_ = l.Close()
}
