package dedup

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/zeebo/xxh3"
	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
)

const testWindow = 100 * time.Second

func testOptions(fs vfs.FS) Options {
	return Options{
		Window: testWindow, TableBits: 5, FilterBytes: 4 << 10, FS: fs,
		Now: func() time.Time { return time.Unix(1e12, 0) },
	}
}

func open(t interface{ Fatal(...any) }, o Options) *Index {
	x, err := Open("ids", o)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

type carried struct {
	project  uint32
	key      event.Key
	received int64
	content  uint16
}

// claim is that of an event whose content nobody knows.
func claim(project uint32, k event.Key) event.Claim { return event.Claim{Project: project, Key: k} }

func keyOf(n int) (k event.Key) {
	binary.BigEndian.PutUint64(k[8:], uint64(n))
	return k
}

// answer is what may be said of an event: its id came before, and with another content, or with the same for all that is known. It may
// be both: when an id was forgotten and came again, and clocks went back, two events were the first of it.
type answer struct{ dup, other, same bool }

// allows tells whether an answer is right.
func (a answer) allows(dup, other bool) bool {
	return dup == a.dup && (!dup && !other || other && a.other || dup && !other && a.same)
}

// oracle answers for a whole history, in order.
func oracle(history []carried) []answer {
	type id struct {
		project uint32
		key     event.Key
	}
	first := map[id][]carried{}
	out := make([]answer, len(history))
	for i, h := range history {
		k := id{h.project, h.key}
		for _, f := range first[k] {
			if seconds(h.received)-seconds(f.received) < int64(testWindow.Seconds()) {
				other := f.content != 0 && h.content != 0 && f.content != h.content
				out[i].dup, out[i].other, out[i].same = true, out[i].other || other, out[i].same || !other
			}
		}
		if !out[i].dup {
			first[k] = append(first[k], h)
		}
	}
	return out
}

// TestAgainstModel holds the index to a map, through full tables, merges, expiry, kills, clean restarts and replays.
func TestAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 1500).Draw(t, "events")
		ids := rapid.IntRange(1, 800).Draw(t, "ids")
		seed := rapid.Uint64().Draw(t, "seed")
		next := func(n int) int {
			seed = mix64(seed + 0x9e3779b97f4a7c15)
			return int(seed % uint64(n))
		}
		history, now := make([]carried, n), int64(1_700_000_000e6)
		for i := range history {
			switch next(20) {
			case 0:
				now += int64(next(200)) * 1e6
			case 1:
				now -= int64(next(3e6))
			default:
				now += int64(next(3e5))
			}
			history[i] = carried{uint32(next(3)), keyOf(next(ids)), now, uint16(next(3))}
		}
		want := oracle(history)
		fs := vfs.NewCrashableMem()
		x := open(t, testOptions(fs))
		for i := 0; i < n; i++ {
			h := history[i]
			if next(4) == 0 {
				if err := x.Advance(eventlog.Position(i)); err != nil {
					t.Fatal(err)
				}
			}
			dup, other, err := x.Seen(event.Claim{Project: h.project, Key: h.key, Content: h.content}, eventlog.Position(i), h.received)
			if err != nil || !want[i].allows(dup, other) {
				t.Fatalf("event %d: %v %v, want %+v; %v", i, dup, other, want[i], err)
			}
			switch next(150) {
			case 0: // The plug is pulled; the store had less or more than the index on disk.
				fs = fs.CrashClone(vfs.CrashCloneCfg{})
				x = open(t, testOptions(fs))
				i = max(0, i-next(60)) - 1
				for p := int(x.Checkpoint()); p <= i; p++ {
					h := history[p]
					if _, _, err := x.Seen(event.Claim{Project: h.project, Key: h.key, Content: h.content}, eventlog.Position(p), h.received); err != nil {
						t.Fatal(err)
					}
				}
			case 1:
				if err := x.Advance(eventlog.Position(i + 1)); err != nil {
					t.Fatal(err)
				}
				if err := x.Close(); err != nil {
					t.Fatal(err)
				}
				x = open(t, testOptions(fs))
				if got := int(x.Checkpoint()); got < i+1 {
					t.Fatalf("checkpoint %d after a clean stop at %d", got, i+1)
				}
			case 2: // The processor starts again beside the same index.
				i = max(0, i-next(60)) - 1
			}
		}
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// TestCheckpointIsDurable: the log is trimmed up to the checkpoint, so a loss of power must not take it back, nor any id
// before it.
func TestCheckpointIsDurable(t *testing.T) {
	const n = 200
	fs := vfs.NewCrashableMem()
	x := open(t, testOptions(fs))
	for i := range n {
		if _, _, err := x.Seen(claim(1, keyOf(i)), eventlog.Position(i), 1_700_000_000e6); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(x.Advance(n), x.Close()); err != nil {
		t.Fatal(err)
	}
	x = open(t, testOptions(fs.CrashClone(vfs.CrashCloneCfg{})))
	defer x.Close()
	if got := x.Checkpoint(); got != n {
		t.Fatalf("the checkpoint was %d and is %d", n, got)
	}
	for i := range n {
		if dup, _, err := x.Seen(claim(1, keyOf(i)), eventlog.Position(n+i), 1_700_000_000e6); !dup || err != nil {
			t.Fatalf("id %d: duplicate %v, %v", i, dup, err)
		}
	}
}

func TestWindowEdges(t *testing.T) {
	start := int64(1_700_000_000e6)
	for _, c := range []struct {
		after time.Duration
		dup   bool
	}{{0, true}, {testWindow - time.Second, true}, {testWindow, false}, {testWindow + time.Second, false}, {-time.Second, true}} {
		for _, onDisk := range []bool{false, true} {
			fs := vfs.NewMem()
			x := open(t, testOptions(fs))
			if dup, _, err := x.Seen(claim(1, keyOf(1)), 0, start); dup || err != nil {
				t.Fatal(dup, err)
			}
			if onDisk {
				if err := errors.Join(x.Advance(1), x.Close()); err != nil {
					t.Fatal(err)
				}
				x = open(t, testOptions(fs))
			}
			if dup, _, _ := x.Seen(claim(2, keyOf(1)), 1, start); dup {
				t.Error("an id of another project is taken for a duplicate")
			}
			if dup, _, err := x.Seen(claim(1, keyOf(1)), 2, start+c.after.Microseconds()); dup != c.dup || err != nil {
				t.Errorf("%v after the first, on disk %v: duplicate %v, %v", c.after, onDisk, dup, err)
			}
			if err := x.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestForget(t *testing.T) {
	x := open(t, testOptions(vfs.NewMem()))
	defer x.Close()
	if _, _, err := x.Seen(claim(1, keyOf(1)), 0, 0); err != nil {
		t.Fatal(err)
	}
	x.Forget(1, keyOf(1), 0)
	for i, want := range []bool{false, true} {
		if dup, _, err := x.Seen(claim(1, keyOf(1)), eventlog.Position(1+i), 0); dup != want || err != nil {
			t.Fatal(i, dup, err)
		}
	}
}

// fill offers ids n..m, each at the position of its number.
func fill(t testing.TB, x *Index, from, to int, second func(i int) int64) {
	t.Helper()
	for i := from; i < to; i++ {
		if err := x.Advance(eventlog.Position(i)); err != nil {
			t.Fatal(err)
		}
		if dup, _, err := x.Seen(claim(1, keyOf(i)), eventlog.Position(i), second(i)*1e6); dup || err != nil {
			t.Fatalf("id %d: duplicate %v, %v", i, dup, err)
		}
	}
}

func TestRunsExpireAndMerge(t *testing.T) {
	fs := vfs.NewMem()
	x := open(t, testOptions(fs))
	fill(t, x, 0, 20_000, func(i int) int64 { return int64(i) * 20 })
	if err := x.settle(); err != nil {
		t.Fatal(err)
	}
	s := x.Stats()
	if s.IDs > 86_400/20+1000 {
		t.Errorf("%d ids on disk, a day and the window have %d", s.IDs, 86_400/20+5)
	}
	x2 := open(t, Options{FS: vfs.NewMem(), TableBits: 6, Now: time.Now})
	fill(t, x2, 0, 40_000, func(int) int64 { return 1_700_000_000 })
	if err := x2.settle(); err != nil {
		t.Fatal(err)
	}
	if s := x2.Stats(); s.Runs > 12 || s.Flushes < 500 {
		t.Errorf("%+v: too many runs", s)
	}
	for _, i := range []int{0, 1, 20_000, 39_999} {
		if dup, _, err := x2.Seen(claim(1, keyOf(i)), 50_000, 1_700_000_000e6); !dup || err != nil {
			t.Error(i, dup, err)
		}
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	if err := x2.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestDamage(t *testing.T) {
	at := func(int) int64 { return 1_700_000_000 }
	for _, logStart := range []int{0, 5000} {
		fs := vfs.NewMem()
		o := testOptions(fs)
		o.TableBits = 10
		x := open(t, o)
		fill(t, x, 0, 10_000, at)
		if err := x.Advance(10_000); err != nil {
			t.Fatal(err)
		}
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
		names, _ := fs.List("ids")
		for _, name := range names {
			if !strings.HasPrefix(name, fmt.Sprintf("%016x", 0)) {
				continue
			}
			f, err := fs.OpenReadWrite("ids/"+name, vfs.WriteCategoryUnspecified)
			if err != nil {
				t.Fatal(err)
			}
			info, _ := f.Stat()
			if _, err := f.WriteAt([]byte{0xff, 0xff, 0xff}, info.Size()-60); err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
		}
		o.LogStart = eventlog.Position(logStart)
		x = open(t, o)
		if logStart == 0 {
			if x.Checkpoint() != 0 {
				t.Fatalf("checkpoint %d with the first run damaged", x.Checkpoint())
			}
			fill(t, x, 0, 10_000, at)
		} else if x.Checkpoint() != 10_000 {
			t.Fatalf("checkpoint %d", x.Checkpoint())
		}
		for _, i := range []int{9_000, 9_999} {
			if dup, _, err := x.Seen(claim(1, keyOf(i)), 20_000, 1_700_000_000e6); !dup || err != nil {
				t.Error(logStart, i, dup, err)
			}
		}
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDamageWhileOpen(t *testing.T) {
	fs := vfs.NewMem()
	o := testOptions(fs)
	x := open(t, o)
	fill(t, x, 0, 20, func(int) int64 { return 0 })
	if err := x.Advance(20); err != nil {
		t.Fatal(err)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	x = open(t, o)
	f, err := fs.OpenReadWrite("ids/"+runName(0, 20), vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("x"), 100); err != nil {
		t.Fatal(err)
	}
	if _, _, err := x.Seen(claim(1, keyOf(3)), 20, 0); event.KindOf(err) != event.Corrupt {
		t.Fatal("damage went unseen:", err)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	if x = open(t, o); x.Checkpoint() != 0 {
		t.Fatalf("checkpoint %d", x.Checkpoint())
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestDiskFull(t *testing.T) {
	full := false
	fs := &failing{FS: vfs.NewMem(), full: &full}
	x := open(t, testOptions(fs))
	full = true
	i := 0
	for ; ; i++ {
		if _, _, err := x.Seen(claim(1, keyOf(i)), eventlog.Position(i), 0); err != nil {
			if event.KindOf(err) != event.Unavailable {
				t.Fatal(err)
			}
			break
		}
	}
	full = false
	fill(t, x, i, i+1000, func(int) int64 { return 0 })
	for j := range i + 1000 {
		if dup, _, err := x.Seen(claim(1, keyOf(j)), 10_000, 0); !dup || err != nil {
			t.Fatal(j, dup, err)
		}
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
}

// failing is a file system without space while full is set.
type failing struct {
	vfs.FS
	full *bool
}

func (f *failing) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if *f.full {
		return nil, fmt.Errorf("no space left on device")
	}
	return f.FS.Create(name, c)
}

// TestCloseWithinARecord: ids of a record that was offered in part must not be kept in a run that says nothing of their
// positions. Such a run was replaced by the next one of the same beginning, and the ids in it were lost.
func TestCloseWithinARecord(t *testing.T) {
	fs := vfs.NewCrashableMem()
	o := testOptions(fs)
	seen := func(x *Index, id int, pos eventlog.Position) bool {
		t.Helper()
		dup, _, err := x.Seen(claim(1, keyOf(id)), pos, 1e15)
		if err != nil {
			t.Fatal(err)
		}
		return dup
	}
	advance := func(x *Index, pos eventlog.Position) {
		t.Helper()
		if err := x.Advance(pos); err != nil {
			t.Fatal(err)
		}
	}
	reopen := func(x *Index) *Index {
		t.Helper()
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
		return open(t, o)
	}
	x := open(t, o)
	advance(x, 0)
	seen(x, 1, 0)
	x = reopen(x) // within the record: position 0 comes again
	if got := x.Checkpoint(); got != 0 {
		t.Fatalf("checkpoint %d after half a record", got)
	}
	if seen(x, 1, 0) {
		t.Fatal("the event itself was taken for a duplicate")
	}
	advance(x, 2)
	seen(x, 2, 2)
	advance(x, 3)
	x = reopen(x)
	if !seen(x, 1, 5) || !seen(x, 2, 6) {
		t.Fatal("an id was forgotten")
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestLast: how far an index got is told without opening it.
func TestLast(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ids")
	if p, err := Last(dir); p != 0 || err != nil {
		t.Fatal(p, err)
	}
	x, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for pos := range eventlog.Position(40) {
		if _, _, err := x.Seen(claim(1, event.Key{byte(pos)}), pos, 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(x.Advance(40), x.Close()); err != nil {
		t.Fatal(err)
	}
	if p, err := Last(dir); p != 40 || err != nil {
		t.Fatal(p, err)
	}
}

// TestNewerRun: a run of a later version is refused and stays, with the others, whatever the log still has.
func TestNewerRun(t *testing.T) {
	dir := t.TempDir()
	o := testOptions(vfs.Default)
	x, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	fill(t, x, 0, 20, func(int) int64 { return 0 })
	if err := errors.Join(x.Advance(20), x.Close()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, runName(0, 20))
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	footer := b[len(b)-footerBytes:]
	footer[7] = '3'
	damaged := bytes.Clone(b)
	binary.LittleEndian.PutUint64(footer[88:], xxh3.Hash(footer[:88]))
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := Open(dir, o); !errors.Is(err, event.ErrNewer) {
			t.Errorf("opened: %v", err)
		}
		if _, err := Last(dir); !errors.Is(err, event.ErrNewer) {
			t.Errorf("its last position: %v", err)
		}
	}
	if left, err := os.ReadFile(path); err != nil || !bytes.Equal(left, b) {
		t.Errorf("the run was changed: %v", err)
	}
	if err := os.WriteFile(path, damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	if x, err = Open(dir, o); err != nil || x.Checkpoint() != 0 {
		t.Fatalf("with a damaged digit: %v", err)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestFormer: runs of format 1, which kept no content, are read, and merged with those of today. Of their ids nobody can say that
// they came with another content.
func TestFormer(t *testing.T) {
	const former, all = 100, 2000
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/format1")); err != nil {
		t.Fatal(err)
	}
	o := testOptions(vfs.Default)
	x, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	if got := x.Checkpoint(); got != former {
		t.Fatalf("checkpoint %d", got)
	}
	same := func(i int, content uint16) event.Claim {
		return event.Claim{Project: 1, Key: keyOf(i), Content: content}
	}
	const at = 1_700_000_000e6
	for i := former; i < all; i++ {
		if err := x.Advance(eventlog.Position(i)); err != nil {
			t.Fatal(err)
		}
		if dup, _, err := x.Seen(same(i, 1), eventlog.Position(i), at); dup || err != nil {
			t.Fatal(i, dup, err)
		}
	}
	if err := errors.Join(x.Advance(all), x.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, runName(0, former))); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("the former run was not merged: %v", err)
	}
	if x, err = Open(dir, o); err != nil {
		t.Fatal(err)
	}
	for i := range all {
		for _, content := range []uint16{1, 2} {
			dup, other, err := x.Seen(same(i, content), all, at)
			if want := i >= former && content == 2; !dup || other != want || err != nil {
				t.Fatalf("id %d with content %d: %v, %v, want %v; %v", i, content, dup, other, want, err)
			}
		}
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
}
