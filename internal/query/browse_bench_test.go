package query_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/store"
	"github.com/freshet/freshet/internal/store/duckdb"
)

// BenchmarkBrowse measures the questions of a browser on many events: FRESHET_BENCH_EVENTS of them, by default
// 200,000, over 30 days, with 60 property columns of which an event has six; every fifth event has traits.
func BenchmarkBrowse(b *testing.B) {
	n := 200_000
	if s := os.Getenv("FRESHET_BENCH_EVENTS"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			b.Fatal(err)
		}
	}
	s, err := duckdb.Open(context.Background(), duckdb.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	began := time.Now()
	load(b, s, n)
	b.Logf("loaded %d events in %v", n, time.Since(began))
	e, err := query.New(query.Options{Store: s})
	if err != nil {
		b.Fatal(err)
	}
	ctx, scope := context.Background(), query.Scope{Project: 1, Zone: time.UTC}
	middle := s.Watermark().Time.Add(-15 * 24 * time.Hour)
	for _, q := range []struct {
		name   string
		filter query.EventFilter
		limit  int
	}{
		{"newest", query.EventFilter{}, 50},
		{"newest1000", query.EventFilter{}, 1000},
		{"to", query.EventFilter{To: &middle}, 50},
		{"event", query.EventFilter{Event: "e7"}, 50},
		{"user", query.EventFilter{UserID: "u77"}, 50},
		{"nobody", query.EventFilter{UserID: "nobody"}, 50},
	} {
		b.Run(q.name, func(b *testing.B) {
			for b.Loop() {
				if _, err := e.Events(ctx, scope, q.filter, "", q.limit); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("latest", func(b *testing.B) {
		for b.Loop() {
			if _, _, _, err := e.Latest(ctx, scope, s.Watermark().Position-500, 100); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("schema", func(b *testing.B) {
		for b.Loop() {
			if _, err := e.Schema(ctx, scope); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("export", func(b *testing.B) {
		var line []byte
		for b.Loop() {
			rows := 0
			if err := e.Export(ctx, scope, query.EventFilter{}, func(e *query.Event) error {
				rows++
				line = e.AppendJSON(line[:0])
				return nil
			}); err != nil || rows != n {
				b.Fatal(rows, err)
			}
		}
		b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
	})
}

// load commits n events spread over the 30 days before the end of 2025.
func load(b *testing.B, s *duckdb.Store, n int) {
	b.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	end := time.Date(2025, 12, 31, 0, 0, 0, 0, time.UTC).UnixMicro()
	step := 30 * 86400 * int64(1e6) / int64(n)
	var e event.Event
	for i := range n {
		e.Reset()
		e.Name, e.UserID = fmt.Sprintf("e%d", r.IntN(20)), fmt.Sprintf("u%d", r.IntN(n/20))
		e.ID = event.Key{byte(i), byte(i >> 8), byte(i >> 16), byte(i >> 24)}.String()
		e.OriginalTime = end - int64(n-i)*step
		for range 6 {
			k := r.IntN(60)
			p := event.Property{Key: fmt.Sprintf("key%d", k), Type: event.Number, Num: float64(r.IntN(1000))}
			if k%2 == 0 {
				p.Type, p.Str = event.String, fmt.Sprintf("value %d", r.IntN(100))
			}
			e.Properties = append(e.Properties, p)
		}
		if i%10 == 0 {
			e.Properties = append(e.Properties, event.Property{Key: "items", Type: event.JSON, Str: `[{"sku":"a1","n":2}]`})
		}
		if i%5 == 0 {
			e.Traits = append(e.Traits[:0],
				event.Property{Key: "email", Type: event.String, Str: e.UserID + "@example.com"},
				event.Property{Key: "plan", Type: event.String, Str: []string{"free", "pro"}[r.IntN(2)]},
				event.Property{Key: "age", Type: event.Number, Num: float64(r.IntN(80))},
				event.Property{Key: "source", Op: event.SetOnce, Type: event.String, Str: "ad"})
		}
		e.Context.OSName, e.Context.AppVersion, e.Context.DeviceModel = "iOS", "1.2.3", "iPhone15,2"
		e.Derived = event.Derived{
			Position: uint64(i), Time: e.OriginalTime - r.Int64N(3600e6), ReceivedAt: e.OriginalTime,
			Person: event.IDNumber(event.SpaceUser, e.UserID), Country: "DE",
		}
		e.Derived.Key, _ = event.KeyOf(e.ID)
		s.Add(1, time.UTC, "native", &e)
		if i%5000 == 4999 || i == n-1 {
			s.Count(1, e.Derived.ReceivedAt/3600e6*3600, store.Counts{Accepted: 5000, Stored: 5000})
			if err := s.Commit(context.Background(), eventlog.Position(i+1)); err != nil {
				b.Fatal(err)
			}
		}
	}
}
