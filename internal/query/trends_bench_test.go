package query_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/store"
	"github.com/freshet/freshet/internal/store/duckdb"
)

// shop fills a store with the events of a mobile shop, 28 a person, over the 30 days before January 31st; the last
// tenth stays in memory.
func shop(b *testing.B, n int) *duckdb.Store {
	s, err := duckdb.Open(context.Background(), duckdb.Options{Dir: b.TempDir(), FlushEvery: time.Hour})
	if err != nil {
		b.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	countries := []string{"US", "DE", "GB", "FR", "BR", "IN", "JP", "ES", "IT", "NL", "PL", "SE", "CA", "AU", "CH"}
	end := time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC).UnixMicro()
	for i := range n {
		person := int(math.Pow(r.Float64(), 1.5) * float64(n/28))
		at := end - int64(30*24*3600e6) + int64(float64(i)/float64(n)*30*24*3600e6)
		// Session-like: the same people for a while.
		if i%10 != 0 {
			person = i / 10 * 7919 % (n / 28)
		}
		e := event.Event{
			Name: fmt.Sprintf("event_%d", int(40*math.Pow(r.Float64(), 2))), ID: strconv.Itoa(i), UserID: "u" + strconv.Itoa(person),
			Properties: []event.Property{
				{Key: "duration", Type: event.Number, Num: float64(20 + int(math.Exp(6.6+1.2*r.NormFloat64())))},
				{Key: "category", Type: event.String, Str: "c" + strconv.Itoa(i%10)},
			},
		}
		e.Context.AppVersion = fmt.Sprintf("6.%d", person%8)
		e.Context.Timezone = realZones[person%len(realZones)]
		e.Derived = event.Derived{
			Position: uint64(i), ReceivedAt: at, Time: at, Person: event.IDNumber(event.SpaceUser, e.UserID), Device: uint64(person),
			Country: countries[person%(1+person%15)],
		}
		e.Derived.Key, _ = event.KeyOf(e.ID)
		s.Add(1, time.UTC, "native", &e)
		if (i+1)%50_000 == 0 || i == n-1 {
			if err := s.Commit(context.Background(), eventlog.Position(i+1)); err != nil {
				b.Fatal(err)
			}
		}
	}
	return s
}

// benched has FRESHET_BENCH_EVENTS events of a shop, by default a million, and an engine that is asked at the end of their
// month.
func benched(b *testing.B) (*duckdb.Store, *query.Engine, query.Scope) {
	n := 1_000_000
	if v := os.Getenv("FRESHET_BENCH_EVENTS"); v != "" {
		n, _ = strconv.Atoi(v)
	}
	s := shop(b, n)
	b.Cleanup(func() { _ = s.Close() })
	now := time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)
	e := engine(b, query.Options{Store: s, HistoryMemory: 1 << 30, Now: func() time.Time { return now }})
	return s, e, query.Scope{Project: 1, Zone: time.UTC, SessionGap: 30 * time.Minute, WeekStart: time.Monday}
}

// BenchmarkTrends puts the questions of docs/performance beside the same ones in SQL written by hand, on
// FRESHET_BENCH_EVENTS events, by default a million.
func BenchmarkTrends(b *testing.B) {
	s, e, scope := benched(b)
	month := query.Range{From: "-30d"}
	cut, err := s.Cut(context.Background(), 1)
	if err != nil {
		b.Fatal(err)
	}
	duration := cut.Schema().Properties["duration"][0].Column
	cut.Close()
	country := []query.Breakdown{{PropertyRef: query.PropertyRef{Property: "$country"}}}
	version := []query.Breakdown{{PropertyRef: query.PropertyRef{Property: "$app_version"}}}
	one := func(s query.Series) []query.Series { return []query.Series{s} }
	for _, q := range []struct {
		name, sql string
		trends    query.Trends
	}{
		{
			"Q1", "SELECT day, count(*) FROM %event,day% WHERE event = 'event_3' GROUP BY day",
			query.Trends{Range: month, Series: one(query.Series{Events: []string{"event_3"}})},
		},
		{
			"Q2", "SELECT day, count(DISTINCT person) FROM %day,person% GROUP BY day",
			query.Trends{Range: month, Series: one(query.Series{Aggregate: "unique"})},
		},
		{
			"Q3", "SELECT country, count(*) FROM %event,country% WHERE event = 'event_3' GROUP BY country ORDER BY 2 DESC LIMIT 10",
			query.Trends{Range: month, Interval: "month", Series: one(query.Series{Events: []string{"event_3"}}), Breakdown: country, BreakdownLimit: 10},
		},
		{
			"Q4", "SELECT app_version, quantile_cont(" + duration + ", 0.95) FROM %app_version," + duration + "% GROUP BY app_version",
			query.Trends{Range: month, Interval: "month", Series: one(query.Series{Aggregate: "p95", Property: "duration"}), Breakdown: version},
		},
		{"Q2now", "", query.Trends{Range: query.Range{From: "-30d", To: "2026-01-30T13:00:00Z"}, Series: one(query.Series{Aggregate: "unique"})}},
		{"Q3days", "", query.Trends{Range: month, Series: one(query.Series{Events: []string{"event_3"}}), Breakdown: country, BreakdownLimit: 10}},
		{"Q4days", "", query.Trends{Range: month, Series: one(query.Series{Aggregate: "p95", Property: "duration"}), Breakdown: version}},
		{"Q1hours", "", query.Trends{Range: month, Interval: "hour", Series: one(query.Series{Events: []string{"event_3"}})}},
		{"Q2zone", "", query.Trends{Range: month, Timezone: "Europe/Berlin", Series: one(query.Series{Aggregate: "unique"})}},
		{"Q2device", "", query.Trends{Range: month, Timezone: "device", Series: one(query.Series{Aggregate: "unique"})}},
		{"mau", "", query.Trends{Range: month, Series: one(query.Series{Aggregate: "mau"})}},
		{"sessions", "", query.Trends{Range: month, Series: one(query.Series{Aggregate: "sessions"})}},
		{"first", "", query.Trends{Range: month, Series: one(query.Series{Aggregate: "first_time"})}},
		{"filter", "", query.Trends{Range: month, Series: one(query.Series{}), Where: &query.Filter{
			PropertyRef: query.PropertyRef{Property: "category"}, Op: "is", Value: "c3",
		}}},
	} {
		b.Run(q.name+"/engine", func(b *testing.B) {
			for b.Loop() {
				r, err := e.Resolve(scope, &q.trends)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := e.Trends(context.Background(), scope, r); err != nil {
					b.Fatal(err)
				}
			}
		})
		if q.sql != "" {
			b.Run(q.name+"/bare", func(b *testing.B) {
				for b.Loop() {
					bare(b, s, q.sql)
				}
			})
		}
	}
}

// bare runs SQL by hand; %a,b% in it stands for the events with these columns.
func bare(b *testing.B, s store.Reader, sql string) {
	cut, err := s.Cut(context.Background(), 1)
	if err != nil {
		b.Fatal(err)
	}
	defer cut.Close()
	for _, err := range cut.Rows(context.Background(), relations(sql, cut)) {
		if err != nil {
			b.Fatal(err)
		}
	}
}

func relations(sql string, cut store.Cut) string {
	parts := strings.Split(sql, "%")
	for i := 1; i < len(parts); i += 2 {
		parts[i] = cut.Events(strings.Split(parts[i], ",")...)
	}
	return strings.Join(parts, "")
}
