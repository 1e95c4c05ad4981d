package dedup

import (
	"bufio"
	"container/heap"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/freshet/freshet/internal/event"
)

// flushJob writes one frozen table. err is set before done is closed.
type flushJob struct {
	table *table
	to    uint64
	done  chan struct{}
	err   error
}

func (x *Index) flushing() bool {
	if x.job == nil {
		return false
	}
	select {
	case <-x.job.done:
		return false
	default:
		return true
	}
}

// settle waits for the flush under way, and does it again when it failed.
func (x *Index) settle() error {
	if x.job == nil {
		return nil
	}
	<-x.job.done
	if x.job.err == nil {
		return nil
	}
	x.start(x.job.table, x.job.to)
	<-x.job.done
	if err := x.job.err; err != nil {
		return &event.Error{
			Kind: event.Unavailable, Code: "dedup_unwritable",
			Message: "the dedup index cannot be written", Wait: time.Second, Err: err,
		}
	}
	return nil
}

// freeze hands the table, which knows every id before the position, to the background and begins a new one.
func (x *Index) freeze(to uint64) error {
	if err := x.settle(); err != nil {
		return err
	}
	full, spare := x.active, (*table)(nil)
	if x.job != nil {
		spare = x.job.table
	}
	if spare == nil || len(spare.slots) > len(full.slots) {
		spare = newTable(64 - full.shift)
	}
	spare.begin(to)
	x.frozen.Store(full)
	x.active = spare
	x.next = to
	x.start(full, to)
	return nil
}

func (x *Index) start(t *table, to uint64) {
	job := &flushJob{table: t, to: to, done: make(chan struct{})}
	x.job = job
	go func() {
		defer close(job.done)
		if job.err = x.flush(t, to); job.err != nil {
			x.opts.Logger.Error("write dedup run", "error", job.err)
		}
	}()
}

// flush turns a table into a run and then keeps the set of runs tidy.
func (x *Index) flush(t *table, to uint64) error {
	if x.frozen.Load() == t {
		m, err := x.writeRun(t.sorted(), t.base, to)
		if err != nil {
			return fmt.Errorf("write dedup run: %w", err)
		}
		members := append(append([]member(nil), *x.members.Load()...), m)
		x.publish(members)
		x.frozen.Store(nil)
		x.checkpoint.Store(to)
		x.flushes.Add(1)
	}
	if err := x.tidy(); err != nil {
		// The ids are safe; the next flush tries again.
		x.opts.Logger.Warn("tidy dedup runs", "error", err)
	}
	return nil
}

// tidy drops runs that are past the window and merges what has become many.
func (x *Index) tidy() error {
	if err := x.expire(); err != nil {
		return fmt.Errorf("expire: %w", err)
	}
	for {
		members := *x.members.Load()
		i, j := x.pickMerge(members)
		if i == j {
			return nil
		}
		if err := x.merge(members, i, j); err != nil {
			return fmt.Errorf("merge: %w", err)
		}
	}
}

// publish makes the set the one that lookups go through.
func (x *Index) publish(members []member) {
	members = x.foldFilters(members)
	x.members.Store(&members)
}

// foldFilters halves the densest filters until all fit into their memory.
func (x *Index) foldFilters(members []member) []member {
	for {
		total, densest, most := 0, -1, 2.0
		for i, m := range members {
			total += 8 * len(m.filter)
			if d := float64(64*len(m.filter)) / float64(max(m.run.count, 1)); d > most && len(m.filter) > blockWords {
				densest, most = i, d
			}
		}
		if total <= x.opts.FilterBytes || densest < 0 {
			return members
		}
		members[densest].filter = members[densest].filter.fold()
	}
}

func (x *Index) writeRun(entries []entry, from, to uint64) (member, error) {
	info := runInfo{from: from, to: to, maxPos: from}
	if len(entries) > 0 {
		info.minSec, info.maxSec = math.MaxInt64, math.MinInt64
	}
	for i := range entries {
		info.minSec = min(info.minSec, entries[i].sec)
		info.maxSec = max(info.maxSec, entries[i].sec)
		info.maxPos = max(info.maxPos, entries[i].pos)
	}
	return x.create(runName(from, to), func(f vfs.File) error {
		out := bufio.NewWriterSize(f, 1<<18)
		w := newRunWriter(out, info, len(entries))
		for i := range entries {
			w.add(&entries[i])
		}
		return errors.Join(w.finish(), out.Flush())
	})
}

// oldest is the second before which nothing is needed: the window, and a day in which older events may be replayed.
// A server clock that was ahead for a while must not empty the index, so the wall clock is an upper bound.
func (x *Index) oldest() int64 {
	return min(x.latest.Load(), x.opts.Now().Unix()) - x.window - 86400
}

// expire removes runs from the front whose ids are all past the window; the last run stays, it holds the checkpoint.
func (x *Index) expire() error {
	members := *x.members.Load()
	n, oldest := 0, x.oldest()
	for n < len(members)-1 && members[n].run.maxSec < oldest {
		n++
	}
	if n == 0 {
		return nil
	}
	x.publish(append([]member(nil), members[n:]...))
	return x.drop(members[:n])
}

// drop closes runs that are no longer in the set and removes their files.
func (x *Index) drop(members []member) error {
	errs := make([]error, 0, 2*len(members))
	for _, m := range members {
		errs = append(errs, m.run.close(), x.remove(m.run.name))
	}
	return errors.Join(errs...)
}

const (
	mergeLeast = 4
	mergeMost  = 12
)

// pickMerge chooses neighbours [i, j) to merge, none when i == j: at least four, the newest that will do, of which the
// largest makes up no more than half, so that each merge at least doubles the run an id is in, and which span no more
// than a quarter of the window, so that expiry is not held up.
func (x *Index) pickMerge(members []member) (i, j int) {
	for j := len(members); j >= mergeLeast; j-- {
		total, largest := 0, 0
		least, greatest := int64(math.MaxInt64), int64(math.MinInt64)
		for i := j - 1; i >= max(0, j-mergeMost); i-- {
			r := members[i].run
			n := max(r.count, 1024)
			total, largest = total+n, max(largest, n)
			if r.count > 0 {
				least, greatest = min(least, r.minSec), max(greatest, r.maxSec)
			}
			if greatest > least && greatest-least > x.window/4 {
				break
			}
			if j-i >= mergeLeast && 2*largest <= total {
				return i, j
			}
		}
	}
	return 0, 0
}

// merge replaces members [i, j) by one run without the ids that are past the window.
func (x *Index) merge(members []member, i, j int) error {
	old := members[i:j]
	info := runInfo{from: old[0].run.from, to: old[len(old)-1].run.to, minSec: math.MaxInt64, maxSec: math.MinInt64}
	total := 0
	for _, m := range old {
		if m.run.count > 0 {
			info.minSec, info.maxSec = min(info.minSec, m.run.minSec), max(info.maxSec, m.run.maxSec)
		}
		info.maxPos = max(info.maxPos, m.run.maxPos)
		total += m.run.count
	}
	if total == 0 {
		info.minSec, info.maxSec = 0, 0
	}
	m, err := x.create(runName(info.from, info.to), func(f vfs.File) error {
		out := bufio.NewWriterSize(f, 1<<18)
		w := newRunWriter(out, info, total)
		if err := x.mergeInto(w, old); err != nil {
			return err
		}
		return errors.Join(w.finish(), out.Flush())
	})
	if err != nil {
		return err
	}
	x.merged.Add(int64(m.run.count))
	set := append([]member(nil), members[:i]...)
	set = append(append(set, m), members[j:]...)
	x.publish(set)
	return x.drop(old)
}

func (x *Index) mergeInto(w *runWriter, old []member) error {
	oldest := x.oldest()
	var h readers
	for _, m := range old {
		r := newRunReader(m.run)
		if r.step() {
			h = append(h, r)
		} else if r.err != nil {
			return x.damaged(r.run, r.err)
		}
	}
	heap.Init(&h)
	for len(h) > 0 {
		r := h[0]
		if r.cur.sec >= oldest {
			w.add(&r.cur)
		}
		if r.step() {
			heap.Fix(&h, 0)
			continue
		}
		if r.err != nil {
			return x.damaged(r.run, r.err)
		}
		heap.Pop(&h)
	}
	return nil
}

// readers is a heap by the current entry.
type readers []*runReader

func (h readers) Len() int           { return len(h) }
func (h readers) Less(i, j int) bool { return h[i].cur.before(&h[j].cur) }
func (h readers) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *readers) Push(v any)        { *h = append(*h, v.(*runReader)) }
func (h *readers) Pop() any {
	old := *h
	v := old[len(old)-1]
	*h = old[:len(old)-1]
	return v
}

// Close writes the recent ids, so that nothing has to be replayed, and gives all files back. Ids of a record that was
// not offered to its end are left out: they will be offered again, and a run must not know more than its positions
// say, because a run of the same beginning that reaches further replaces it.
func (x *Index) Close() error {
	err := x.settle()
	if err == nil && x.next > x.active.base {
		x.active.forgetFrom(x.next)
		if err = x.freeze(x.next); err == nil {
			err = x.settle()
		}
	}
	for _, m := range *x.members.Load() {
		err = errors.Join(err, m.run.close())
	}
	if err != nil {
		return fmt.Errorf("close dedup index: %w", err)
	}
	return nil
}
