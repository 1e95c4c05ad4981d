// Package bench measures a server: how many events it takes, how long an acknowledgement and the visibility of an event
// take, and what it costs. The load is Segment JSON as internal/demo makes it, generated before the run; sending an event
// costs a few hundred nanoseconds, because the load shares its cores with what it measures.
package bench

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Options describe one run.
type Options struct {
	// URL is the server, Key a write key.
	URL, Key string
	// Conns is the number of connections, Batch the events of a request; 1 posts single events.
	Conns, Batch int
	// Rate is the number of events a second to send whatever the answers do (open loop); 0 sends the next request
	// when the answer to the last one is there (closed loop).
	Rate float64
	// Warmup is not measured, Duration is.
	Warmup, Duration time.Duration
	Seed             uint64
	// Progress, if not nil, is told the requests answered so far every now and then.
	Progress func(done time.Duration, requests int64)
}

// Latency is a distribution in milliseconds.
type Latency struct {
	P50  float64 `json:"p50_ms"`
	P99  float64 `json:"p99_ms"`
	P999 float64 `json:"p999_ms"`
	Max  float64 `json:"max_ms"`
}

// Result is what a run measured.
type Result struct {
	Conns    int     `json:"connections"`
	Batch    int     `json:"batch"`
	Rate     float64 `json:"target_events_per_second,omitempty"`
	Seconds  float64 `json:"seconds"`
	Requests int64   `json:"requests"`
	// Events are those acknowledged within the measured time, AllEvents those of the warm-up and the tail as well.
	Events          int64   `json:"events"`
	AllEvents       int64   `json:"all_events"`
	Bytes           int64   `json:"bytes"`
	EventsPerSecond float64 `json:"events_per_second"`
	RequestsPerSec  float64 `json:"requests_per_second"`
	// Ack is the time from when a request was due (open loop) or sent (closed loop) to its acknowledgement.
	Ack Latency `json:"ack"`
	// Refused is the time from when a request was sent to its refusal.
	Refused Latency        `json:"refused,omitzero"`
	Errors  map[string]int `json:"errors,omitempty"`
	// Position is the highest position acknowledged.
	Position uint64 `json:"position"`
}

// run is the state that the workers of a run share.
type run struct {
	o         Options
	address   string
	begin     time.Time
	from, to  time.Time
	interval  time.Duration
	mu        sync.Mutex
	result    Result
	histogram *hdrhistogram.Histogram
	refusals  *hdrhistogram.Histogram
}

// maxLatency is the longest time the histograms hold; longer ones count as this long.
const maxLatency = 2 * time.Minute

func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, maxLatency.Microseconds(), 3)
}

// Run sends the load and returns what it measured. It ends early, with what it has, when ctx does.
func Run(ctx context.Context, o Options) (Result, error) {
	if o.Conns < 1 || o.Batch < 1 || o.Duration <= 0 {
		return Result{}, errors.New("connections, batch and duration must be greater than 0")
	}
	u, err := url.Parse(o.URL)
	if err != nil || u.Scheme != "http" || u.Host == "" {
		return Result{}, fmt.Errorf("%q is no http address; the load does not speak TLS, measure behind the proxy", o.URL)
	}
	address := u.Host
	if u.Port() == "" {
		address = net.JoinHostPort(u.Hostname(), "80")
	}
	loads := newLoads(o, u.Host, "Basic "+base64.StdEncoding.EncodeToString([]byte(o.Key+":")))
	r := &run{o: o, address: address, histogram: newHistogram(), refusals: newHistogram()}
	r.result.Errors = map[string]int{}
	if o.Rate > 0 {
		r.interval = time.Duration(float64(o.Batch) / o.Rate * float64(time.Second))
	}
	r.begin = time.Now()
	r.from = r.begin.Add(o.Warmup)
	r.to = r.from.Add(o.Duration)
	ctx, cancel := context.WithDeadline(ctx, r.to.Add(30*time.Second))
	defer cancel()
	var wg sync.WaitGroup
	for i := range o.Conns {
		wg.Go(func() { r.worker(ctx, i, loads[i]) })
	}
	wg.Wait()
	return r.finish(), nil
}

func (r *run) finish() Result {
	res := r.result
	res.Conns, res.Batch, res.Rate = r.o.Conns, r.o.Batch, r.o.Rate
	res.Seconds = min(time.Since(r.from), r.o.Duration).Seconds()
	if res.Seconds > 0 {
		res.EventsPerSecond = float64(res.Events) / res.Seconds
		res.RequestsPerSec = float64(res.Requests) / res.Seconds
	}
	res.Ack, res.Refused = latencyOf(r.histogram), latencyOf(r.refusals)
	return res
}

func latencyOf(h *hdrhistogram.Histogram) Latency {
	ms := func(q float64) float64 { return float64(h.ValueAtQuantile(q)) / 1000 }
	return Latency{P50: ms(50), P99: ms(99), P999: ms(99.9), Max: float64(h.Max()) / 1000}
}

// tally is what one worker counts by itself and adds up at the end.
type tally struct {
	histogram        *hdrhistogram.Histogram
	refusals         *hdrhistogram.Histogram
	requests, events int64
	all, bytes       int64
	errors           map[string]int
	position         uint64
	sinceProgress    int64
}

// worker drives one connection.
func (r *run) worker(ctx context.Context, index int, l *loads) {
	t := tally{histogram: newHistogram(), refusals: newHistogram(), errors: map[string]int{}}
	var c *conn
	defer func() {
		if c != nil {
			c.close()
		}
		r.add(&t)
	}()
	for n := 0; ctx.Err() == nil; n++ {
		due := time.Now()
		if r.interval > 0 {
			// The requests of all connections together are spaced evenly.
			due = r.begin.Add(time.Duration(n*r.o.Conns+index) * r.interval)
			if !sleepUntil(ctx, due) {
				return
			}
		}
		if due.After(r.to) {
			return
		}
		request := l.next(time.Now())
		var err error
		if c == nil {
			if c, err = dial(ctx, r.address); err != nil {
				t.fail(err)
				sleepUntil(ctx, time.Now().Add(100*time.Millisecond))
				continue
			}
		}
		sent := time.Now()
		status, position, err := c.roundTrip(request)
		if err != nil {
			t.fail(err)
			c.close()
			c = nil
			continue
		}
		if status != 200 {
			_ = t.refusals.RecordValue(min(time.Since(sent), maxLatency).Microseconds())
		}
		r.record(&t, due, status, position, len(request))
	}
}

func (r *run) record(t *tally, due time.Time, status int, position uint64, size int) {
	now := time.Now()
	if status != 200 {
		t.errors[strconv.Itoa(status)]++
		return
	}
	t.all += int64(r.o.Batch)
	t.position = max(t.position, position)
	if now.Before(r.from) || now.After(r.to) {
		return
	}
	t.requests++
	t.events += int64(r.o.Batch)
	t.bytes += int64(size)
	_ = t.histogram.RecordValue(min(now.Sub(due), maxLatency).Microseconds())
	if t.sinceProgress++; r.o.Progress != nil && t.sinceProgress >= 200 {
		t.sinceProgress = 0
		r.o.Progress(now.Sub(r.begin), t.requests*int64(r.o.Conns))
	}
}

func (t *tally) fail(err error) {
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		t.errors["timeout"]++
	case errors.Is(err, errAnswer):
		t.errors["bad answer"]++
	default:
		t.errors["connection"]++
	}
}

func (r *run) add(t *tally) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.histogram.Merge(t.histogram)
	r.refusals.Merge(t.refusals)
	r.result.Requests += t.requests
	r.result.Events += t.events
	r.result.AllEvents += t.all
	r.result.Bytes += t.bytes
	r.result.Position = max(r.result.Position, t.position)
	for k, n := range t.errors {
		r.result.Errors[k] += n
	}
}

// sleepUntil waits for t; false when ctx ended first.
func sleepUntil(ctx context.Context, t time.Time) bool {
	d := time.Until(t)
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
