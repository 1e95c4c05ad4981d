package query_test

import (
	"context"
	"testing"

	"github.com/freshet/freshet/internal/query"
)

// BenchmarkCohort evaluates cohorts over FRESHET_BENCH_EVENTS events, by default a million, beside the funnel that is the
// measure of behavioural questions.
func BenchmarkCohort(b *testing.B) {
	_, e, scope := benched(b)
	month := query.Range{From: "-30d"}
	did := func(least int64, names ...string) *query.CohortDefinition {
		return &query.CohortDefinition{Did: &query.CohortDid{Selector: query.Selector{Events: names}, Range: &month, AtLeast: &least}}
	}
	three := &query.CohortDefinition{And: []*query.CohortDefinition{
		did(2, "event_0"), did(1, "event_1"), {Not: did(1, "event_2")},
	}}
	var steps []query.FunnelStep
	for _, name := range []string{"event_0", "event_1", "event_2"} {
		steps = append(steps, query.FunnelStep{Selector: query.Selector{Events: []string{name}}})
	}
	for _, bench := range []struct {
		name string
		ask  func() error
	}{
		{"funnel", func() error {
			r, err := e.ResolveFunnel(scope, &query.Funnel{Range: month, Steps: steps})
			if err == nil {
				_, err = e.Funnel(context.Background(), scope, r)
			}
			return err
		}},
		{"one condition", people(e, scope, did(2, "event_0"))},
		{"three conditions", people(e, scope, three)},
		{"any event", people(e, scope, did(3))},
		{"sequence", people(e, scope, &query.CohortDefinition{Sequence: &query.CohortSequence{
			Steps: []query.Selector{steps[0].Selector, steps[1].Selector, steps[2].Selector}, Range: &month,
		}})},
		{"trend without", trend(e, scope, query.Trends{Range: month})},
		{"trend by frozen", trend(e, scope, query.Trends{Range: month, Where: &query.Filter{Cohort: "frozen", Op: "in"}})},
	} {
		b.Run(bench.name, func(b *testing.B) {
			for b.Loop() {
				if err := bench.ask(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func people(e *query.Engine, s query.Scope, d *query.CohortDefinition) func() error {
	return func() error {
		r, err := e.ResolveDefinition(s, 0, d)
		if err == nil {
			_, _, err = e.CohortPeople(context.Background(), s, r)
		}
		return err
	}
}

func trend(e *query.Engine, s query.Scope, q query.Trends) func() error {
	q.Series = []query.Series{{Events: []string{"event_0"}, Aggregate: "unique"}}
	return func() error {
		r, err := e.Resolve(s, &q)
		if err == nil {
			_, err = e.Trends(context.Background(), s, r)
		}
		return err
	}
}
