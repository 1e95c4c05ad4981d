package ingest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/ingest/native"
	"github.com/freshet/freshet/internal/store"
)

// slowLog takes one record a millisecond, which is 1,000 requests a second.
type slowLog struct {
	eventlog.Log

	// turn is a channel because time stands still while somebody waits for a mutex.
	turn chan struct{}
	end  atomic.Uint64
}

func (l *slowLog) Append(_ context.Context, r eventlog.Record) (eventlog.Position, error) {
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	<-time.After(time.Millisecond)
	return eventlog.Position(l.end.Add(uint64(r.Events))), nil
}

func (l *slowLog) Bounds() (start, end eventlog.Position) { return 0, eventlog.Position(l.end.Load()) }

// numberedKeys are keys that are the number of their project.
type numberedKeys struct{}

func (numberedKeys) WriteKey(_ context.Context, key string) (store.ProjectID, error) {
	n, err := strconv.ParseUint(key, 10, 32)
	if err != nil {
		return 0, event.Errorf(event.Unauthorized, "unknown_key", "no number")
	}
	return store.ProjectID(n), nil
}

func overloaded(l ingest.Limits) *http.ServeMux { return overloadedAt(l, nil) }

// overloadedAt has projects with rates of their own.
func overloadedAt(l ingest.Limits, rateOf func(project uint32) int) *http.ServeMux {
	h := ingest.New(ingest.Options{
		Log: &slowLog{turn: make(chan struct{}, 1)}, Keys: numberedKeys{}, Limits: l, Logger: slog.New(slog.DiscardHandler),
		Tracer: noop.NewTracerProvider().Tracer(""), Metrics: prometheus.NewRegistry(), Now: time.Now, RateOf: rateOf,
	})
	mux := http.NewServeMux()
	h.Register(mux, native.Protocol{})
	return mux
}

// sender sends single events of a project at a rate, whatever the answers are.
type sender struct {
	project, address string
	perSecond        int

	mu       sync.Mutex
	accepted int
	codes    map[string]int
	took     []time.Duration
}

func (s *sender) run(mux http.Handler, requests *sync.WaitGroup, lasts time.Duration) {
	every := time.Second / time.Duration(s.perSecond)
	for end := time.Now().Add(lasts); time.Now().Before(end); <-time.After(every) {
		requests.Go(func() { s.send(mux) })
	}
}

func (s *sender) send(mux http.Handler) {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/v1/events", strings.NewReader(`{"event":"e","user_id":"u"}`))
	r.SetBasicAuth(s.project, "")
	r.RemoteAddr = s.address + ":1"
	began := time.Now()
	mux.ServeHTTP(w, r)
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.Code == http.StatusOK {
		s.accepted++
		s.took = append(s.took, time.Since(began))
		return
	}
	var p struct{ Code string }
	_ = json.Unmarshal(w.Body.Bytes(), &p)
	if s.codes == nil {
		s.codes = map[string]int{}
	}
	s.codes[p.Code]++
}

func (s *sender) p99() time.Duration {
	slices.Sort(s.took)
	return s.took[len(s.took)*99/100]
}

func sendAll(mux http.Handler, lasts time.Duration, all ...*sender) {
	var senders, requests sync.WaitGroup
	for _, s := range all {
		senders.Go(func() { s.run(mux, &requests, lasts) })
	}
	senders.Wait()
	requests.Wait()
}

// TestGoodputUnderOverload sends five times what the log takes, and then half: as much is accepted as before, soon, and
// afterwards nothing is refused any more.
func TestGoodputUnderOverload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mux := overloaded(ingest.DefaultLimits())
		half := &sender{project: "1", address: "10.0.0.1", perSecond: 500}
		sendAll(mux, 2*time.Second, half)
		if len(half.codes) > 0 {
			t.Errorf("refused at half the capacity: %v", half.codes)
		}
		// The gate is wide open at first, and learns.
		sendAll(mux, 2*time.Second, &sender{project: "1", address: "10.0.0.1", perSecond: 5000})
		began := time.Now()
		flood := &sender{project: "1", address: "10.0.0.1", perSecond: 5000}
		sendAll(mux, 8*time.Second, flood)
		if per := float64(flood.accepted) / time.Since(began).Seconds(); per < 900 {
			t.Errorf("%.0f accepted a second at five times the capacity of 1,000", per)
		}
		if p99 := flood.p99(); p99 > 150*time.Millisecond {
			t.Errorf("accepted within %s", p99)
		}
		if flood.codes["overloaded"] == 0 || len(flood.codes) != 1 {
			t.Errorf("refused with %v", flood.codes)
		}
		after := &sender{project: "1", address: "10.0.0.1", perSecond: 500}
		sendAll(mux, 2*time.Second, after)
		if len(after.codes) > 0 || after.p99() > 100*time.Millisecond {
			t.Errorf("afterwards: %v, %s", after.codes, after.p99())
		}
	})
}

// TestProjectsAreFair lets one project send five times what the log takes: others, which send less than their share, are
// not refused at all; the one that is gets what is left.
func TestProjectsAreFair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mux := overloaded(ingest.DefaultLimits())
		greedy := &sender{project: "1", address: "10.0.0.1", perSecond: 5000}
		small := &sender{project: "2", address: "10.0.0.2", perSecond: 100}
		smaller := &sender{project: "3", address: "10.0.0.3", perSecond: 20}
		sendAll(mux, 5*time.Second, greedy, small, smaller)
		if len(small.codes)+len(smaller.codes) > 0 {
			t.Errorf("refused to the small ones: %v %v", small.codes, smaller.codes)
		}
		if greedy.accepted < 3500 || greedy.codes["project_over_share"] == 0 {
			t.Errorf("the greedy one: %d accepted, refused %v", greedy.accepted, greedy.codes)
		}
	})
}

// TestWeights lets two projects send five times what the log takes together: they get what their weights say.
func TestWeights(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := ingest.DefaultLimits()
		l.Weights = map[uint32]float64{1: 3}
		mux := overloaded(l)
		heavy := &sender{project: "1", address: "10.0.0.1", perSecond: 2500}
		light := &sender{project: "2", address: "10.0.0.2", perSecond: 2500}
		sendAll(mux, 5*time.Second, heavy, light)
		if ratio := float64(heavy.accepted) / float64(light.accepted); ratio < 2 || ratio > 4 {
			t.Errorf("%d and %d accepted", heavy.accepted, light.accepted)
		}
	})
}

// TestSourcesAreFair floods from one address: others of the same project are not refused.
func TestSourcesAreFair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mux := overloaded(ingest.DefaultLimits())
		flood := &sender{project: "1", address: "10.0.0.1", perSecond: 5000}
		all := []*sender{flood}
		for i := range 10 {
			all = append(all, &sender{project: "1", address: fmt.Sprintf("10.0.1.%d", i), perSecond: 10})
		}
		sendAll(mux, 5*time.Second, all...)
		for _, s := range all[1:] {
			if len(s.codes) > 0 {
				t.Errorf("refused to a small one: %v", s.codes)
			}
		}
		if flood.accepted < 3000 || flood.codes["source_over_share"] == 0 {
			t.Errorf("the flood: %d accepted, refused %v", flood.accepted, flood.codes)
		}
	})
}

// TestRates holds projects and devices to their rates, with what the answer tells about them.
func TestRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := ingest.DefaultLimits()
		l.ProjectRate, l.DeviceRate = 100, 10
		mux := overloaded(l)
		post := func(project, body string) *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			r := httptest.NewRequest(http.MethodPost, "/v1/events", strings.NewReader(body))
			r.SetBasicAuth(project, "")
			mux.ServeHTTP(w, r)
			return w
		}
		batch := func(n int, id func(i int) int) string {
			var all []string
			for i := range n {
				all = append(all, fmt.Sprintf(`{"event":"e","anonymous_id":"a%d"}`, id(i)))
			}
			return "[" + strings.Join(all, ",") + "]"
		}
		one := func(int) int { return 1 }
		each := func(i int) int { return i }
		if w := post("1", batch(100, one)); w.Code != http.StatusOK {
			t.Fatal("the first burst of a device:", w.Code, w.Body)
		}
		w := post("1", batch(1, one))
		if w.Code != 429 || !strings.Contains(w.Body.String(), "device_rate") ||
			w.Header().Get("RateLimit-Policy") != `"device";q=100;w=10` || w.Header().Get("RateLimit") != `"device";r=0;t=1` {
			t.Errorf("a device past its rate: %d %s %v", w.Code, w.Body, w.Header())
		}
		if wait, _ := strconv.Atoi(w.Header().Get("Retry-After")); wait < 1 || wait > 2 {
			t.Errorf("it is told to wait for %d s", wait)
		}
		if w := post("1", batch(300, each)); w.Code != http.StatusOK {
			t.Error("a batch of many devices:", w.Code, w.Body)
		}
		if w := post("1", batch(5000, each)); w.Code != 429 {
			t.Error("a batch larger than the bucket, which is not full:", w.Code)
		}
		<-time.After(10 * time.Second)
		if w := post("1", batch(5000, each)); w.Code != http.StatusOK {
			t.Error("a batch larger than the bucket, which is full:", w.Code)
		}
		if w := post("1", batch(10, each)); w.Code != 429 || !strings.Contains(w.Body.String(), "project_rate") {
			t.Errorf("a project past its rate: %d %s", w.Code, w.Body)
		}
		unread := httptest.NewRequest(http.MethodPost, "/v1/events", stuck{t})
		unread.SetBasicAuth("1", "")
		w = httptest.NewRecorder()
		mux.ServeHTTP(w, unread)
		if w.Code != 429 || !strings.Contains(w.Body.String(), "project_rate") || w.Header().Get("RateLimit") == "" {
			t.Errorf("a project past its rate, before its body is read: %d %s %v", w.Code, w.Body, w.Header())
		}
		if w := post("2", batch(10, one)); w.Code != http.StatusOK {
			t.Error("another project:", w.Code, w.Body)
		}
		<-time.After(time.Minute)
		if w := post("1", batch(100, one)); w.Code != http.StatusOK {
			t.Error("later:", w.Code, w.Body)
		}
	})
}

// TestOwnRate holds projects to rates of their own, which are in effect from the moment they are set.
func TestOwnRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := ingest.DefaultLimits()
		l.ProjectRate = 10
		var second atomic.Int64
		mux := overloadedAt(l, func(project uint32) int {
			if project == 2 {
				return int(second.Load())
			}
			return 0
		})
		send := func(project string, n int) *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			r := httptest.NewRequest(http.MethodPost, "/v1/events", strings.NewReader("["+strings.Repeat(`{"event":"e","user_id":"u"},`, n-1)+`{"event":"e","user_id":"u"}]`))
			r.SetBasicAuth(project, "")
			mux.ServeHTTP(w, r)
			return w
		}
		for _, step := range []struct {
			own     int64
			project string
			events  int
			status  int
		}{
			{0, "1", 100, 200}, {0, "1", 1, 429}, // what all have
			{20, "2", 200, 200}, {20, "2", 1, 429}, // its own is twice that
			{1000, "2", 8000, 200},               // raised: of that rate, little was taken so far
			{5, "2", 10, 429},                    // lowered
			{0, "2", 20, 429}, {0, "2", 10, 200}, // as all again
		} {
			second.Store(step.own)
			if w := send(step.project, step.events); w.Code != step.status {
				t.Errorf("%+v: %d %s", step, w.Code, w.Body)
			}
		}
		second.Store(5)
		<-time.After(20 * time.Second)
		if w := send("2", 50); w.Code != http.StatusOK {
			t.Error("later:", w.Code, w.Body)
		}
		w := send("2", 1)
		if w.Code != 429 || !strings.Contains(w.Body.String(), "more than 5 events a second of one project") || w.Header().Get("RateLimit-Policy") != `"project";q=50;w=10` {
			t.Errorf("it is told its own rate: %d %s %v", w.Code, w.Body, w.Header())
		}
	})
}

// stuck is a body that nobody may read.
type stuck struct{ t *testing.T }

func (b stuck) Read([]byte) (int, error) {
	b.t.Error("the body of a request that is refused was read")
	return 0, io.EOF
}

// TestRefusedUnread holds what is refused to its price: the body is not read, and the client is told when to come again.
func TestRefusedUnread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mux := overloaded(ingest.DefaultLimits())
		flood := &sender{project: "1", address: "10.0.0.1"}
		var requests sync.WaitGroup
		for range 1000 {
			requests.Go(func() { flood.send(mux) })
		}
		synctest.Wait()
		waits := map[string]bool{}
		for range 20 {
			w := httptest.NewRecorder()
			r := httptest.NewRequest(http.MethodPost, "/v1/events", stuck{t})
			r.SetBasicAuth("1", "")
			r.RemoteAddr = "10.0.0.1:1"
			mux.ServeHTTP(w, r)
			wait := w.Header().Get("Retry-After")
			if n, _ := strconv.Atoi(wait); w.Code != 429 || n < 60 || n > 90 {
				t.Errorf("%d %s %v", w.Code, w.Body, w.Header())
			}
			waits[wait] = true
		}
		if len(waits) < 3 {
			t.Errorf("all are told to come back at the same time: %v", waits)
		}
		requests.Wait()
	})
}

// lanes have a log for each of two projects: the first one's does not answer, or late, and the second one's is as any.
type lanes struct {
	*slowLog

	answers time.Duration
}

func (l lanes) Of(project uint32) eventlog.Log {
	if project == 1 {
		return lateLog{answers: l.answers}
	}
	return l.slowLog
}

func (l lanes) Number(project uint32) int { return int(project) }

// lateLog answers after a while.
type lateLog struct {
	eventlog.Log

	answers time.Duration
}

func (l lateLog) Append(ctx context.Context, r eventlog.Record) (eventlog.Position, error) {
	select {
	case <-ctx.Done():
		return 0, &event.Error{Kind: event.Unavailable, Code: "log_unavailable", Err: ctx.Err()}
	case <-time.After(l.answers):
		return eventlog.Position(r.Events), nil
	}
}

// TestOtherLogHangs has one of two logs answer late or never: whose events go to the other is not refused, and does not wait.
func TestOtherLogHangs(t *testing.T) {
	for _, answers := range []time.Duration{time.Second, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			h := ingest.New(ingest.Options{
				Log: lanes{&slowLog{turn: make(chan struct{}, 1)}, answers}, Keys: numberedKeys{}, Limits: ingest.DefaultLimits(),
				Logger: slog.New(slog.DiscardHandler), Tracer: noop.NewTracerProvider().Tracer(""), Metrics: prometheus.NewRegistry(), Now: time.Now,
			})
			mux := http.NewServeMux()
			h.Register(mux, native.Protocol{})
			hangs := &sender{project: "1", address: "10.0.0.1", perSecond: 500}
			good := &sender{project: "2", address: "10.0.0.2", perSecond: 500}
			// A burst of many connections, such as a relay's.
			burst := &sender{project: "2", address: "10.0.0.3"}
			var requests sync.WaitGroup
			requests.Go(func() {
				<-time.After(5 * time.Second)
				for range 100 {
					requests.Go(func() { burst.send(mux) })
				}
			})
			sendAll(mux, 8*time.Second, hangs, good)
			requests.Wait()
			if len(burst.codes) > 0 {
				t.Errorf("one that answers after %s: a burst to the other is refused: %v", answers, burst.codes)
			}
			if len(good.codes) > 0 || good.accepted < 3500 || good.p99() > 100*time.Millisecond {
				t.Errorf("one that answers after %s: the other takes %d, refuses %v, within %s", answers, good.accepted, good.codes, good.p99())
			}
			if late := answers < time.Minute; late != (hangs.accepted > 0) {
				t.Errorf("one that answers after %s: it takes %d, refuses %v", answers, hangs.accepted, hangs.codes)
			}
		})
	}
}
