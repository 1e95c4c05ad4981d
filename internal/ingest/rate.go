package ingest

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/freshet/freshet/internal/event"
)

// rates are token buckets, one for each key: perSecond tokens come back each second, up to ten seconds' worth. A nil rates
// lets everything through.
type rates struct {
	scope     string
	perSecond float64
	now       func() time.Time

	// mu guards full, the time at which each bucket is full again; one that is full is not there. swept is when the full
	// ones were last taken out.
	mu    sync.Mutex
	full  map[uint64]time.Time
	swept time.Time
}

// burst is what a bucket holds, as the time in which it fills.
const burst = 10 * time.Second

// maxBuckets bounds the keys remembered: past it the buckets that are fullest are forgotten, to the good of their keys.
const maxBuckets = 1 << 18

func newRates(scope string, perSecond int, now func() time.Time) *rates {
	if perSecond <= 0 {
		return nil
	}
	return &rates{scope: scope, perSecond: float64(perSecond), now: now, full: map[uint64]time.Time{}, swept: now()}
}

// take takes n tokens. A bucket goes into debt for a request that is larger than what it holds, or such a request would
// never pass.
func (r *rates) take(key uint64, n int) error {
	if r == nil || n == 0 {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	r.sweep(now)
	full, cost, err := r.ask(key, n, now)
	if err == nil {
		r.full[key] = full.Add(cost)
	}
	return err
}

// check tells whether a single token would be refused, and takes none. Key 0 is nobody's.
func (r *rates) check(key uint64) error {
	if r == nil || key == 0 {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	_, _, err := r.ask(key, 1, r.now())
	return err
}

// ask tells when the bucket is full again, what n tokens add to that, and whether they are there; mu is held.
func (r *rates) ask(key uint64, n int, now time.Time) (full time.Time, cost time.Duration, err error) {
	full = r.full[key]
	if full.Before(now) {
		full = now
	}
	cost = time.Duration(float64(n) / r.perSecond * float64(time.Second))
	if wait := full.Add(min(cost, burst)).Sub(now) - burst; wait > 0 {
		err = &limited{r, wait, &event.Error{
			Kind: event.Overloaded, Code: r.scope + "_rate", Wait: wait.Round(time.Second) + time.Second,
			Message: fmt.Sprintf("more than %d events a second of one %s; send again later", int(r.perSecond), r.scope),
		}}
	}
	return full, cost, err
}

func (r *rates) sweep(now time.Time) {
	if now.Sub(r.swept) < burst && len(r.full) < maxBuckets {
		return
	}
	for r.swept = now; ; now = now.Add(burst / 2) {
		for key, full := range r.full {
			if !full.After(now) {
				delete(r.full, key)
			}
		}
		if len(r.full) < maxBuckets {
			return
		}
	}
}

// limited is a refusal by a bucket, which tells the client about it.
type limited struct {
	rates *rates
	wait  time.Duration
	err   *event.Error
}

func (l *limited) Error() string { return l.err.Error() }
func (l *limited) Unwrap() error { return l.err }

// set sets the RateLimit fields: which bucket it is, and when there is something in it again.
func (l *limited) set(h http.Header) {
	window := int(burst / time.Second)
	h.Set("RateLimit-Policy", fmt.Sprintf("%q;q=%d;w=%d", l.rates.scope, int(l.rates.perSecond)*window, window))
	h.Set("RateLimit", fmt.Sprintf("%q;r=0;t=%d", l.rates.scope, int(l.wait/time.Second)+1))
}
