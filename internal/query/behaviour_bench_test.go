package query_test

import (
	"context"
	"testing"

	"github.com/freshet/freshet/internal/query"
)

// BenchmarkBehaviour puts behavioural questions to FRESHET_BENCH_EVENTS events, by default a million.
func BenchmarkBehaviour(b *testing.B) {
	_, e, scope := benched(b)
	month := query.Range{From: "-30d"}
	first, second := query.Selector{Events: []string{"event_0"}}, query.Selector{Events: []string{"event_1"}}
	run := func(name string, ask func() error) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := ask(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	retain := func(q query.Retention) func() error {
		return func() error {
			r, err := e.ResolveRetention(scope, &q)
			if err == nil {
				_, err = e.Retention(context.Background(), scope, r)
			}
			return err
		}
	}
	run("retention/weekly, two events", retain(query.Retention{Range: month, Interval: "week", Periods: 5, Start: first, Return: &second}))
	run("retention/weekly, all events", retain(query.Retention{Range: month, Interval: "week", Periods: 5}))
	run("retention/daily, all events", retain(query.Retention{Range: month, Cohort: "recurring"}))
	run("retention/weekly, first time", retain(query.Retention{Range: month, Interval: "week", Periods: 5, Cohort: "first_time"}))
	run("retention/rolling", retain(query.Retention{Range: month, Interval: "week", Periods: 5, Preset: "mixpanel"}))
	run("retention/by country", retain(query.Retention{
		Range: month, Interval: "week", Periods: 5, Breakdown: []query.Breakdown{{PropertyRef: query.PropertyRef{Property: "$country"}}},
	}))
	run("lifecycle", func() error {
		r, err := e.ResolveLifecycle(scope, &query.Lifecycle{Range: month})
		if err == nil {
			_, err = e.Lifecycle(context.Background(), scope, r)
		}
		return err
	})
	for _, mode := range query.StickinessModes() {
		run("stickiness/"+mode, func() error {
			r, err := e.ResolveStickiness(scope, &query.Stickiness{Range: month, Mode: mode})
			if err == nil {
				_, err = e.Stickiness(context.Background(), scope, r)
			}
			return err
		})
	}
	by := []query.Breakdown{{PropertyRef: query.PropertyRef{Property: "$country"}}}
	for _, c := range []struct {
		name string
		q    query.Sessions
	}{
		{"client", query.Sessions{Range: month}},
		{"gap", query.Sessions{Range: month, By: "gap"}},
		{"by country", query.Sessions{Range: month, Breakdown: by}},
		{"an early day", query.Sessions{Range: query.Range{From: "-29d", To: "-28d"}}},
	} {
		run("sessions/"+c.name, func() error {
			r, err := e.ResolveSessions(scope, &c.q)
			if err == nil {
				_, err = e.Sessions(context.Background(), scope, r)
			}
			return err
		})
	}
	for _, unit := range query.PathUnits() {
		run("paths/"+unit, func() error {
			r, err := e.ResolvePaths(scope, &query.Paths{Range: month, From: &first, Unit: unit})
			if err == nil {
				_, err = e.Paths(context.Background(), scope, r)
			}
			return err
		})
	}
}
