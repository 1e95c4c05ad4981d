package app

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"
)

func TestGrowth(t *testing.T) {
	for _, c := range []struct {
		live, allocated uint64
		want            int
	}{
		{0, 1 << 40, leastGrowth},
		{1, busy, mostGrowth},
		{heapGoal / 4, busy, mostGrowth},
		{heapGoal / 4, busy - 1, leastGrowth},
		{heapGoal / 2, busy, 100},
		{heapGoal * 4 / 5, busy, 25},
		{heapGoal * 9 / 10, busy, leastGrowth},
		{heapGoal, busy, leastGrowth},
		{8 * heapGoal, busy, leastGrowth},
		{1 << 62, 1 << 63, leastGrowth},
	} {
		if got := growth(c.live, c.allocated, time.Second); got != c.want {
			t.Errorf("%d bytes alive, %d allocated in a second: %d percent, want %d", c.live, c.allocated, got, c.want)
		}
	}
}

// The collector that is paced is this process's; the test leaves it as it was.
func TestHeapIsPacedByCollections(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(leastGrowth))
	percent := func() uint64 {
		s := []metrics.Sample{{Name: "/gc/gogc:percent"}}
		metrics.Read(s)
		return s[0].Value.Uint64()
	}
	var garbage []byte
	collectUntil := func(done func() bool) {
		for !done() {
			garbage = make([]byte, 1<<20)
			runtime.GC()
		}
		runtime.KeepAlive(garbage)
	}
	frozen := time.Now()
	defer paceHeap(func() time.Time { return frozen })() // so that whatever is allocated is much
	collectUntil(func() bool { return percent() > 100 })
	ballast := make([]byte, heapGoal/2)
	collectUntil(func() bool { return percent() <= 100 })
	runtime.KeepAlive(ballast)
	collectUntil(func() bool { return percent() > 100 })
}
