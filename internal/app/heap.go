package app

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

// A collection costs what is alive, however little it frees, so the more the heap may grow the fewer there are and the less
// they cost. What may be grown is a matter of the peak, and at most times much less is alive than then, when a flush and a
// batch of the archive meet. So a busy server's heap may always reach heapGoal and goes beyond it by leastGrowth only; one
// that has little to do is kept small.
const (
	// heapGoal is about twice what is alive under full load. The peak follows it by as much; with 256 MiB the peak was 80 to 190 MB lower,
	// and questions beside 50,000 events a second took half again as long.
	heapGoal = 320 << 20
	// leastGrowth and mostGrowth are how much the heap may grow from one collection to the next, in percent of what is alive.
	// Most of that are a few large buffers without pointers (rows in memory, the end of the log, the table of ids), which the usual
	// 100 would double.
	leastGrowth = 15
	mostGrowth  = 150
	// busy is how many bytes a second are allocated when collections are worth sparing, looksEvery how often that is looked at
	// when there are none.
	busy       = 4 << 20
	looksEvery = time.Second
)

// heap tells the collector how far the heap may grow until the next collection. What is alive is known after each.
type heap struct {
	now func() time.Time

	// mu guards the rest: at is when the heap was looked at, allocated what had been allocated by then.
	mu        sync.Mutex
	percent   int
	at        time.Time
	allocated uint64
	stopped   bool
}

// mark is garbage from the start, so that the next collection finds it. It is too large to share its block of memory with
// what is not.
type mark [32]byte

// paceHeap paces the collector, which is the process's, until stop is called.
func paceHeap(now func() time.Time) (stop func()) {
	h := &heap{now: now, at: now()}
	h.collected()
	ended, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(looksEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				h.look()
			case <-ended:
				return
			}
		}
	}()
	return func() {
		close(ended)
		<-done
		h.mu.Lock()
		defer h.mu.Unlock()
		h.stopped = true
	}
}

// collected is called once after each collection.
func (h *heap) collected() {
	if h.look() {
		runtime.AddCleanup(new(mark), (*heap).collected, h)
	}
}

// look decides anew, and is false after the end.
func (h *heap) look() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopped {
		return false
	}
	s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	live, allocated := s[0].Value.Uint64(), s[1].Value.Uint64()
	now := h.now()
	if p := growth(live, allocated-h.allocated, now.Sub(h.at)); p != h.percent {
		h.percent = p
		debug.SetGCPercent(p)
	}
	h.at, h.allocated = now, allocated
	return true
}

// growth is how much the heap may grow, in percent of the bytes alive, when so many were allocated in some time. It comes in
// steps, because a change halts the program for a moment.
func growth(live, allocated uint64, in time.Duration) int {
	const step = 5
	if live == 0 || live >= heapGoal || float64(allocated) < busy*in.Seconds() {
		return leastGrowth
	}
	p := (heapGoal - int64(live)) * 100 / int64(live) / step * step
	return int(min(max(p, leastGrowth), mostGrowth))
}
