package bench

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"
)

func TestRunCountsWhatTheServerGot(t *testing.T) {
	for _, o := range []Options{{Batch: 100, Conns: 2}, {Batch: 1, Conns: 3}, {Batch: 10, Conns: 4, Rate: 2000}} {
		var mu sync.Mutex
		ids, requests := map[string]bool{}, 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			type call struct {
				MessageID string
				Timestamp time.Time
			}
			var body struct {
				call
				Batch []call
			}
			if err := json.Unmarshal(b, &body); err != nil {
				t.Error(err)
			}
			if user, _, _ := r.BasicAuth(); user != "fw_key" {
				t.Error("key", user)
			}
			mu.Lock()
			defer mu.Unlock()
			requests++
			for _, c := range append(body.Batch, body.call) {
				if c.MessageID != "" {
					ids[c.MessageID] = true
					if d := time.Since(c.Timestamp); d < -time.Second || d > time.Minute {
						t.Error("time", c.Timestamp)
					}
				}
			}
			if requests%10 == 0 {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			w.Header().Set("Freshet-Position", "7")
			io.WriteString(w, "{}")
		}))
		o.URL, o.Key, o.Duration = server.URL, "fw_key", 300*time.Millisecond
		res, err := Run(t.Context(), o)
		server.Close()
		if err != nil {
			t.Fatal(err)
		}
		if len(ids) != requests*o.Batch {
			t.Errorf("%d ids in %d requests of %d", len(ids), requests, o.Batch)
		}
		if res.Errors["503"] != requests/10 || res.Position != 7 || res.Events == 0 || res.Ack.P50 <= 0 || res.Ack.P99 < res.Ack.P50 {
			t.Errorf("%+v of %d", res, requests)
		}
		if o.Rate > 0 && (res.EventsPerSecond > 1.2*o.Rate || res.EventsPerSecond < 0.5*o.Rate) {
			t.Errorf("rate %f", res.EventsPerSecond)
		}
	}
}

// A server that stops for a while must cost every request that was due in that time, not only the ones under way.
func TestOpenLoopCountsTheWait(t *testing.T) {
	var once sync.Once
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		once.Do(func() { <-time.After(450 * time.Millisecond) })
	}))
	defer server.Close()
	res, err := Run(t.Context(), Options{URL: server.URL, Conns: 1, Batch: 1, Rate: 200, Duration: 600 * time.Millisecond})
	if err != nil || res.Ack.P50 < 20 {
		t.Fatalf("%+v %v", res, err)
	}
}

func TestReferenceParses(t *testing.T) {
	server := httptest.NewServer(Reference(nil))
	defer server.Close()
	res, err := Run(t.Context(), Options{URL: server.URL, Conns: 2, Batch: 10, Duration: 100 * time.Millisecond})
	if err != nil || res.Events == 0 || len(res.Errors) > 0 {
		t.Fatalf("%+v %v", res, err)
	}
}

func TestReadProcess(t *testing.T) {
	c, err := ReadProcess(os.Getpid())
	if err != nil {
		t.Skip(err)
	}
	if c.Peak < c.RSS || c.RSS == 0 {
		t.Errorf("%+v", c)
	}
}

func BenchmarkNextLoad(b *testing.B) {
	l := newLoads(Options{Conns: 1, Batch: 100}, "x", "y")[0]
	for b.Loop() {
		l.next(time.Now())
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/event")
}
