package process

import (
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
)

// batch is what the open batch is made of, beside what the store holds of it.
type batch struct {
	// from is where its first record begins.
	from   eventlog.Position
	events int
	// bytes are those of its records in the log.
	bytes int
	// received are the times of receipt of its records, newest the greatest.
	received []int64
	newest   int64
	// counts belong to project and hour; total is the sum of those given to the store.
	project store.ProjectID
	hour    int64
	counts  store.Counts
	total   store.Counts
	// spans are those of its records that belong to a trace; they end when the batch is visible.
	spans []trace.Span
}

// grow adds a record that begins at a position.
func (b *batch) grow(at eventlog.Position, events int) {
	if b.events == 0 {
		b.from = at
	}
	b.events += events
}

func (b *batch) reset() {
	*b = batch{received: b.received[:0], spans: b.spans[:0]}
}

// count turns to the counts of a project and hour. Neighbours mostly share them, so one at a time is kept here; the
// store adds up.
func (b *batch) count(project store.ProjectID, hour int64, w store.Writer) {
	if b.project != project || b.hour != hour {
		b.flushCounts(w)
		b.project, b.hour = project, hour
	}
}

func (b *batch) flushCounts(w store.Writer) {
	if b.counts != (store.Counts{}) {
		w.Count(b.project, b.hour, b.counts)
		b.total = b.total.Plus(b.counts)
		b.counts = store.Counts{}
	}
}

// hour is the start of the hour of a time in µs, in seconds.
func hour(us int64) int64 {
	const length = 3600 * 1e6
	h := us / length
	if us%length < 0 {
		h--
	}
	return h * 3600
}

// freshness keeps how long recent requests took to become visible.
type freshness struct {
	mu   sync.Mutex
	ring [4096]int64
	n    int
}

func (f *freshness) record(received []int64, now int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range received {
		f.ring[f.n%len(f.ring)] = now - r
		f.n++
	}
}

func (f *freshness) quantile(q float64) time.Duration {
	f.mu.Lock()
	all := slices.Clone(f.ring[:min(f.n, len(f.ring))])
	f.mu.Unlock()
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	i := min(int(min(max(q, 0), 1)*float64(len(all))), len(all)-1)
	return time.Duration(all[i]) * time.Microsecond
}
