// Package dedup remembers which event ids came within a window of time, exactly, by project: an id stands for the
// position of the event that carried it first. The same id at the same position is that event seen again (the log is
// being replayed); at a later position, within the window, it is a duplicate. With the id 16 bits of the event's content are kept,
// so that a duplicate that says something else is told from one that was sent again.
//
// Recent ids live in a table in memory (table.go). A full table becomes a run, one sorted file with a filter in front
// (run.go, filter.go), written behind the caller's back (flush.go); runs are merged as they become many and removed as
// a whole when the window has passed them. Nothing is written per id: the log is the write-ahead log of the table.
// After a crash the caller replays the log from Checkpoint on; after Close there is nothing to replay.
//
// It leaves to others what a duplicate means, and to the log to keep everything from Checkpoint on.
package dedup

import (
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/fault"
)

// Options configure an Index. The zero value of each field means its default.
type Options struct {
	// Window is how long an id is remembered, by time of receipt, in whole seconds. Default 30 days.
	Window time.Duration
	// TableBits is the binary logarithm of the most slots that the table of recent ids may have, 26 bytes each; two
	// tables exist at times. Default 20, 26 MB.
	TableBits uint
	// FilterBytes is the most memory the filters of all runs take. A run's filter begins at 12 to 24 bits an id;
	// past the limit the densest are folded in half, which costs more reads of runs and no exactness. Default 48 MiB.
	FilterBytes int
	// FlushAfter is the age, by time of receipt, at which a table is written though it is not full, so that the log
	// can be trimmed on a quiet system. Default 1 hour.
	FlushAfter time.Duration
	// LogStart is the first position that the log still has: a damaged run is rebuilt from the log when it can be.
	LogStart eventlog.Position
	// FS is the file system. Default: the disk.
	FS vfs.FS
	// Now is the wall clock. Default time.Now.
	Now func() time.Time
	// Logger tells of damage and of failed writes. Default: discarded.
	Logger *slog.Logger
	// Registerer takes the metrics. Default: none.
	Registerer prometheus.Registerer
}

func (o *Options) defaults() {
	if o.Window <= 0 {
		o.Window = 30 * 24 * time.Hour
	}
	if o.TableBits == 0 {
		o.TableBits = 20
	}
	o.TableBits = min(max(o.TableBits, 4), 28)
	if o.FilterBytes <= 0 {
		o.FilterBytes = 48 << 20
	}
	if o.FlushAfter <= 0 {
		o.FlushAfter = time.Hour
	}
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

// Index is the set of remembered ids. Seen, Known, Forget, Advance and Close have one caller at a time; the other methods
// are safe for concurrent use.
type Index struct {
	opts   Options
	dir    string
	window int64

	active *table
	// next is the position last given to Advance; the table may know ids beyond it.
	next uint64
	buf  []byte
	// job is the last flush, nil before the first.
	job *flushJob

	frozen  atomic.Pointer[table]
	members atomic.Pointer[[]member]
	// latest is the greatest second of receipt seen.
	latest     atomic.Int64
	checkpoint atomic.Uint64
	reads      atomic.Int64
	falseReads atomic.Int64
	flushes    atomic.Int64
	merged     atomic.Int64
}

// verdict is the question about one event, and its answer.
type verdict struct {
	pos    uint64
	sec    int64
	window int64
	sum    uint16
	dup    bool
	other  bool
	hit    bool
}

// judge looks at an entry of the event's id, and returns true when that decides. An entry at a later position decides
// nothing: the event is being replayed, and was not a duplicate of what came after it.
func (v *verdict) judge(pos uint64, sec int64, sum uint16) bool {
	v.hit = true
	if pos == v.pos {
		v.dup, v.other = false, false
		return true
	}
	if pos < v.pos && (v.sec-sec < v.window || fault.Planted(fault.WindowEdge) && v.sec-sec == v.window) {
		v.dup, v.other = true, sum != 0 && v.sum != 0 && sum != v.sum
		return true
	}
	return false
}

// Seen tells whether the event at pos, received at receivedAt (µs), is a duplicate, and remembers its id if it is
// not. Of a duplicate, other tells that the first event of the id had another content; one of 65,536 such is not told, nor is
// one whose first was remembered by a version that kept no content. Positions come in the order of the log, except that the
// caller may go back to replay. After an error nothing is remembered and the call may be repeated; Kind Unavailable is a disk
// that takes nothing, Corrupt a damaged run, which the next Open replaces.
func (x *Index) Seen(c event.Claim, pos eventlog.Position, receivedAt int64) (dup, other bool, err error) {
	hi, lo := mix(c.Project, c.Key)
	v := verdict{pos: uint64(pos), sec: seconds(receivedAt), window: x.window, sum: c.Content}
	if decided, err := x.find(hi, lo, &v); err != nil || decided {
		return v.dup, v.other, err
	}
	return false, false, x.remember(&entry{hi, lo, v.pos, v.sec, v.sum})
}

// Known tells whether the event at pos would be a duplicate of what was offered so far, and remembers nothing. It has the caller
// of Seen.
func (x *Index) Known(c event.Claim, pos eventlog.Position, receivedAt int64) (bool, error) {
	hi, lo := mix(c.Project, c.Key)
	v := verdict{pos: uint64(pos), sec: seconds(receivedAt), window: x.window, sum: c.Content}
	_, err := x.find(hi, lo, &v)
	return v.dup, err
}

// find looks for what decides about an event.
func (x *Index) find(hi, lo uint64, v *verdict) (decided bool, err error) {
	if x.active.find(hi, lo, v) {
		return true, nil
	}
	if frozen := x.frozen.Load(); frozen != nil && frozen.find(hi, lo, v) {
		return true, nil
	}
	return x.findRuns(hi, lo, v)
}

func (x *Index) findRuns(hi, lo uint64, v *verdict) (bool, error) {
again:
	for {
		for _, m := range *x.members.Load() {
			if !m.filter.has(hi, lo) {
				continue
			}
			x.reads.Add(1)
			v.hit = false
			decided, ok, err := m.run.find(hi, lo, x.buf, v)
			if err != nil {
				return false, x.damaged(m.run, err)
			}
			if !ok {
				continue again
			}
			if decided {
				return true, nil
			}
			if !v.hit {
				x.falseReads.Add(1)
			}
		}
		return false, nil
	}
}

// remember puts an entry into the table, after making room.
func (x *Index) remember(e *entry) error {
	if e.pos < x.active.base {
		return nil // What lies before the table is complete in the runs.
	}
	if x.active.full() || !x.active.fits(e.pos, e.sec) {
		if len(x.active.slots) < 1<<x.opts.TableBits && x.active.fits(e.pos, e.sec) {
			x.active.grow()
		} else {
			to := x.next
			if to <= x.active.base {
				to = e.pos // One record has filled the table.
			}
			if err := x.freeze(to); err != nil {
				return err
			}
		}
	}
	x.active.insert(e)
	if e.sec > x.latest.Load() {
		x.latest.Store(e.sec)
	}
	return nil
}

// Forget undoes what Seen remembered of the event at pos, when the event was set aside after all and may be sent
// again. It must follow Seen at once.
func (x *Index) Forget(project uint32, key event.Key, pos eventlog.Position) {
	hi, lo := mix(project, key)
	x.active.forget(hi, lo, uint64(pos))
}

// Advance tells that the id of every event before pos was offered to Seen. Checkpoint is always such a position: call
// it at the start of every record, and the checkpoint is never in the middle of one that fits the table.
func (x *Index) Advance(pos eventlog.Position) error {
	x.next = max(x.next, uint64(pos))
	if x.active.n == 0 || x.latest.Load()-x.active.baseSec < int64(x.opts.FlushAfter/time.Second) || x.flushing() {
		return nil
	}
	return x.freeze(x.next)
}

// Checkpoint is the position up to which the ids are on disk: the log must keep everything from there on.
func (x *Index) Checkpoint() eventlog.Position { return eventlog.Position(x.checkpoint.Load()) }

// Stats says how large the index is and how well its filters work.
type Stats struct {
	Runs, IDs, FilterBytes, DiskBytes int64
	// Reads is how often a run was asked, FalseReads how often in vain.
	Reads, FalseReads int64
	// Flushes is the number of runs written out of tables, Merged the ids written again by merges.
	Flushes, Merged int64
}

// Stats reads the figures of the runs; recent ids in memory are not counted.
func (x *Index) Stats() Stats {
	s := Stats{Reads: x.reads.Load(), FalseReads: x.falseReads.Load(), Flushes: x.flushes.Load(), Merged: x.merged.Load()}
	for _, m := range *x.members.Load() {
		s.Runs++
		s.IDs += int64(m.run.count)
		s.FilterBytes += int64(len(m.filter) * 8)
		s.DiskBytes += m.run.size
	}
	return s
}

func (x *Index) register(r prometheus.Registerer) error {
	if r == nil {
		return nil
	}
	gauge := func(name, help string, f func(Stats) int64) error {
		return r.Register(prometheus.NewGaugeFunc(
			prometheus.GaugeOpts{Name: "freshet_dedup_" + name, Help: help},
			func() float64 { return float64(f(x.Stats())) }))
	}
	counter := func(name, help string, v *atomic.Int64) error {
		return r.Register(prometheus.NewCounterFunc(
			prometheus.CounterOpts{Name: "freshet_dedup_" + name + "_total", Help: help},
			func() float64 { return float64(v.Load()) }))
	}
	for _, err := range []error{
		gauge("runs", "Files of remembered ids.", func(s Stats) int64 { return s.Runs }),
		gauge("ids", "Remembered ids on disk.", func(s Stats) int64 { return s.IDs }),
		gauge("filter_bytes", "Memory of the filters.", func(s Stats) int64 { return s.FilterBytes }),
		gauge("disk_bytes", "Size of all runs.", func(s Stats) int64 { return s.DiskBytes }),
		counter("reads", "Lookups that went to disk.", &x.reads),
		counter("false_reads", "Lookups that went to disk in vain.", &x.falseReads),
		counter("flushes", "Tables written as runs.", &x.flushes),
		counter("merged_ids", "Ids written again by merges.", &x.merged),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

// mix turns an id of a project into a hash: for one project it loses nothing (three Feistel rounds), so that two ids
// never meet; ids of two projects meet as seldom as any 128-bit hashes.
func mix(project uint32, key event.Key) (hi, lo uint64) {
	if fault.Planted(fault.KeyOfAnyone) {
		project = 0
	}
	hi, lo = be64(key[:8]), be64(key[8:])
	hi ^= mix64(lo + 0x9e3779b97f4a7c15*(uint64(project)+1))
	lo ^= mix64(hi)
	hi ^= mix64(lo)
	return hi, lo
}

func be64(b []byte) uint64 {
	_ = b[7]
	return uint64(b[7]) | uint64(b[6])<<8 | uint64(b[5])<<16 | uint64(b[4])<<24 |
		uint64(b[3])<<32 | uint64(b[2])<<40 | uint64(b[1])<<48 | uint64(b[0])<<56
}

func mix64(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// seconds is µs in whole seconds, rounded down.
func seconds(us int64) int64 {
	s := us / 1e6
	if us%1e6 < 0 {
		s--
	}
	return s
}
