package ingest

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/freshet/freshet/internal/event"
)

// rates are token buckets, one for each key. How many tokens come back a second is said each time, and may be another the
// next time; a bucket holds ten seconds' worth, and without a number it has no bottom.
type rates struct {
	scope string
	now   func() time.Time
	// sharing is with other processes; nil when there are none.
	sharing *sharing

	// mu guards what follows. A bucket that is full is not there; swept is when the full ones were last taken out.
	mu      sync.Mutex
	buckets map[uint64]bucket
	swept   time.Time
}

// bucket is when it is full again, at the rate that it had when something was taken last.
type bucket struct {
	full      time.Time
	perSecond int
}

// fullAt is when it is full again at another rate. A higher one makes up for what was taken sooner; with a lower one what was
// fair to take before is no debt now.
func (b bucket) fullAt(perSecond int, now time.Time) time.Time {
	left := b.full.Sub(now)
	if left <= 0 {
		return now
	}
	if perSecond > b.perSecond {
		left = time.Duration(float64(left) * float64(b.perSecond) / float64(perSecond))
	}
	return now.Add(left)
}

// burst is what a bucket holds, as the time in which it fills.
const burst = 10 * time.Second

// maxBuckets bounds the keys remembered: past it the buckets that are fullest are forgotten, to the good of their keys.
const maxBuckets = 1 << 18

func newRates(scope string, now func() time.Time) *rates {
	return &rates{scope: scope, now: now, buckets: map[uint64]bucket{}, swept: now()}
}

// take takes n tokens. A bucket goes into debt for a request that is larger than what it holds, or such a request would
// never pass.
func (r *rates) take(key uint64, perSecond, n int) error {
	if perSecond <= 0 || n == 0 {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	r.sweep(now)
	full, cost, err := r.ask(key, perSecond, n, now)
	if err != nil {
		return err
	}
	left := full.Sub(now)
	if !r.sharing.allows(key, perSecond, left, cost) {
		return r.refusal(perSecond, shareLeast)
	}
	r.sharing.took(key, perSecond, left, cost)
	r.buckets[key] = bucket{full.Add(cost), perSecond}
	return nil
}

// check tells whether a single token would be refused, and takes none. Key 0 is nobody's.
func (r *rates) check(key uint64, perSecond int) error {
	if perSecond <= 0 || key == 0 {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	_, _, err := r.ask(key, perSecond, 1, r.now())
	return err
}

// ask tells when the bucket is full again, what n tokens add to that, and whether they are there; mu is held.
func (r *rates) ask(key uint64, perSecond, n int, now time.Time) (full time.Time, cost time.Duration, err error) {
	full = r.buckets[key].fullAt(perSecond, now)
	cost = time.Duration(float64(n) / float64(perSecond) * float64(time.Second))
	if wait := full.Add(min(cost, burst)).Sub(now) - burst; wait > 0 {
		err = r.refusal(perSecond, wait)
	}
	return full, cost, err
}

func (r *rates) refusal(perSecond int, wait time.Duration) error {
	return &limited{r.scope, perSecond, wait, &event.Error{
		Kind: event.Overloaded, Code: r.scope + "_rate", Wait: wait.Round(time.Second) + time.Second,
		Message: fmt.Sprintf("more than %d events a second of one %s; send again later", perSecond, r.scope),
	}}
}

// idle tells that every bucket is full, as far as is known: there is nothing to check.
func (r *rates) idle() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sweep(r.now())
	return len(r.buckets) == 0
}

func (r *rates) sweep(now time.Time) {
	if now.Sub(r.swept) < burst && len(r.buckets) < maxBuckets {
		return
	}
	for r.swept = now; ; now = now.Add(burst / 2) {
		for key, b := range r.buckets {
			if !b.full.After(now) {
				delete(r.buckets, key)
			}
		}
		if len(r.buckets) < maxBuckets {
			return
		}
	}
}

// limited is a refusal by a bucket, which tells the client about it.
type limited struct {
	scope     string
	perSecond int
	wait      time.Duration
	err       *event.Error
}

func (l *limited) Error() string { return l.err.Error() }
func (l *limited) Unwrap() error { return l.err }

// set sets the RateLimit fields: which bucket it is, and when there is something in it again.
func (l *limited) set(h http.Header) {
	window := int(burst / time.Second)
	h.Set("RateLimit-Policy", fmt.Sprintf("%q;q=%d;w=%d", l.scope, l.perSecond*window, window))
	h.Set("RateLimit", fmt.Sprintf("%q;r=0;t=%d", l.scope, int(l.wait/time.Second)+1))
}
