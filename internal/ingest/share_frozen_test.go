package ingest_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/freshet/freshet/internal/cache"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/ingest/native"
)

// stuckDebts answers nobody.
type stuckDebts struct{ asked chan struct{} }

func (d stuckDebts) Add(ctx context.Context, _ []cache.Debt) ([]time.Duration, int, error) {
	close(d.asked)
	<-ctx.Done()
	return nil, 0, ctx.Err()
}

// TestNobodyWaitsForOthers holds that requests take no longer while what the others have taken cannot be told: not a moment.
func TestNobodyWaitsForOthers(t *testing.T) {
	took := func(stuck bool) (took time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			asked := make(chan struct{})
			var debts cache.Debts
			if stuck {
				debts = stuckDebts{asked}
			}
			l := ingest.DefaultLimits()
			l.ProjectRate = 1000
			o := ingest.Options{
				Log: &slowLog{turn: make(chan struct{}, 1)}, Keys: numberedKeys{}, Limits: l, Logger: slog.New(slog.DiscardHandler),
				Tracer: noop.NewTracerProvider().Tracer(""), Metrics: prometheus.NewRegistry(), Debts: debts,
			}
			h := ingest.New(o)
			mux := http.NewServeMux()
			h.Register(mux, native.Protocol{})
			ctx, stop := context.WithCancel(t.Context())
			var work sync.WaitGroup
			work.Go(func() { h.ShareRates(ctx) })
			if stuck {
				<-asked
			}
			began := time.Now()
			for range 100 {
				w := httptest.NewRecorder()
				r := httptest.NewRequest(http.MethodPost, "/v1/events", strings.NewReader(`[{"event":"e","user_id":"u"}]`))
				r.SetBasicAuth("1", "")
				if mux.ServeHTTP(w, r); w.Code != http.StatusOK {
					t.Fatal(w.Code, w.Body)
				}
			}
			took = time.Since(began)
			stop()
			work.Wait()
		})
		return took
	}
	alone := took(false)
	if stuck := took(true); stuck != alone {
		t.Errorf("%s, and %s where there is nobody to tell", stuck, alone)
	}
}
