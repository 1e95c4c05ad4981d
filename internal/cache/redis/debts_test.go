//go:build cluster

package redis

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/freshet/freshet/internal/cache"
	"github.com/freshet/freshet/internal/cache/cachetest"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/ingest/native"
	"github.com/freshet/freshet/internal/store"
	"github.com/freshet/freshet/test/redistest"
)

// connect connects to a server, and returns when it has.
func connect(t *testing.T, s *redistest.Server, r *prometheus.Registry) *Client {
	t.Helper()
	target, err := ParseURL(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	c := Open(t.Context(), Options{Target: target, Logger: slog.New(slog.DiscardHandler), Registerer: r})
	t.Cleanup(c.Close)
	until(t, "it is connected", func() bool { return c.conn.Load() != nil })
	return c
}

func TestDebts(t *testing.T) {
	s := redistest.Start(t)
	space := 0
	cachetest.RunDebts(t, func(t *testing.T, processes int) (out []cache.Debts) {
		space++
		for range processes {
			out = append(out, NewDebts(connect(t, s, prometheus.NewRegistry()), fmt.Sprint("suite", space)))
		}
		return out
	})
}

// door is a process that takes events as fast as they come.
type door struct {
	*ingest.Handler
	eventlog.Log

	mux      *http.ServeMux
	registry *prometheus.Registry
	accepted atomic.Int64
}

// Append implements eventlog.Log.
func (d *door) Append(_ context.Context, r eventlog.Record) (eventlog.Position, error) {
	return eventlog.Position(d.accepted.Add(int64(r.Events)) - int64(r.Events)), nil
}

// WriteKey implements ingest.Keys.
func (*door) WriteKey(context.Context, string) (store.ProjectID, error) { return 1, nil }

// shares tells how many processes it shares the rates of projects with.
func (d *door) shares(t *testing.T) int {
	t.Helper()
	families, err := d.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "freshet_ingest_rate_processes" {
			return int(f.GetMetric()[0].GetGauge().GetValue())
		}
	}
	return -1
}

// Processes that take events together let a project send what one would, and a quarter of a bucket. A Redis that is killed, or hangs,
// keeps nobody: then each goes by itself, and says so; when it is back, all share again.
func TestRatesOfSeveral(t *testing.T) {
	const rate, processes, batch = 1000, 3, 100
	s := redistest.Start(t)
	ctx, stop := context.WithCancel(t.Context())
	var work sync.WaitGroup
	t.Cleanup(func() { stop(); work.Wait() })
	doors := make([]*door, processes)
	for i := range doors {
		d := &door{mux: http.NewServeMux(), registry: prometheus.NewRegistry()}
		limits := ingest.DefaultLimits()
		limits.ProjectRate = rate
		d.Handler = ingest.New(ingest.Options{
			Log: d, Keys: d, Limits: limits, Logger: slog.New(slog.DiscardHandler), Tracer: noop.NewTracerProvider().Tracer(""),
			Metrics: d.registry, Debts: NewDebts(connect(t, s, d.registry), "rates"),
		})
		d.Register(d.mux, native.Protocol{})
		work.Go(func() { d.ShareRates(ctx) })
		doors[i] = d
	}
	share := func(n int) func() bool {
		return func() bool {
			for _, d := range doors {
				if d.shares(t) != n {
					return false
				}
			}
			return true
		}
	}
	until(t, "they have found each other", share(processes))

	began := time.Now()
	body := "[" + strings.Repeat(`{"event":"e","user_id":"u"},`, batch-1) + `{"event":"e","user_id":"u"}]`
	for _, d := range doors {
		work.Go(func() {
			for ctx.Err() == nil {
				r := httptest.NewRequest(http.MethodPost, "/v1/events", strings.NewReader(body))
				r.SetBasicAuth("key", "")
				w := httptest.NewRecorder()
				if d.mux.ServeHTTP(w, r); w.Code != http.StatusOK {
					<-time.After(time.Millisecond)
				}
			}
		})
	}
	accepted := func() (n int) {
		for _, d := range doors {
			n += int(d.accepted.Load())
		}
		return n
	}
	until(t, "a bucket was taken, and as much again", func() bool {
		n := accepted()
		if most := 10*rate*5/4 + processes*batch + int(time.Since(began).Seconds()*rate); n > most {
			t.Fatalf("%d were accepted, and the most is %d", n, most)
		}
		return n >= 20*rate
	})
	// inSecond tells that about so many are accepted in a second, of which the next will do as well.
	inSecond := func(n int) func() bool {
		return func() bool {
			from, before := time.Now(), accepted()
			<-time.After(time.Second)
			got := float64(accepted()-before) / time.Since(from).Seconds()
			return got > 0.8*float64(n) && got < 1.2*float64(n)
		}
	}
	until(t, "the rate is that of one", inSecond(rate))
	for how, gone := range map[string]func() (back func()){
		"killed": func() func() { s.Kill(); return s.Run },
		"frozen": func() func() { s.Freeze(); return s.Thaw },
	} {
		back := gone()
		until(t, how+": each goes by itself", share(0))
		until(t, how+": the rate is that of all", inSecond(processes*rate))
		back()
		until(t, how+": they share again", share(processes))
		until(t, how+": the rate is that of one again", inSecond(rate))
	}
}
