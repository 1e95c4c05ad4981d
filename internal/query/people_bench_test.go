package query_test

import (
	"context"
	"encoding/json"
	"strconv"
	"testing"

	"github.com/freshet/freshet/internal/query"
)

// BenchmarkPeople finds the people behind a number of a funnel, looks up a page of them, and
// looks at and explains one.
func BenchmarkPeople(b *testing.B) {
	_, e, scope := benched(b)
	ctx := context.Background()
	q := &query.Funnel{Range: query.Range{From: "-30d"}, Window: "1d"}
	for _, name := range []string{"event_0", "event_1", "event_2"} {
		q.Steps = append(q.Steps, query.FunnelStep{Selector: query.Selector{Events: []string{name}}})
	}
	r, err := e.ResolveFunnel(scope, q)
	if err != nil {
		b.Fatal(err)
	}
	cell := json.RawMessage(`{"state":"dropped"}`)
	people, _, err := e.People(ctx, scope, r, cell)
	if err != nil || len(people) < 1000 {
		b.Fatalf("%d people: %v", len(people), err)
	}
	for name, do := range map[string]func(i int) error{
		"cell": func(int) error {
			_, _, err := e.People(ctx, scope, r, cell)
			return err
		},
		"page": func(int) error {
			return e.Persons(ctx, scope, people[:50], func(*query.Person) error { return nil })
		},
		"timeline": func(i int) error {
			_, err := e.PersonEvents(ctx, scope, strconv.FormatUint(people[i*7919%len(people)], 10), query.EventFilter{}, "", 50)
			return err
		},
		"profile": func(i int) error {
			_, err := e.Profile(ctx, scope, strconv.FormatUint(people[i*7919%len(people)], 10))
			return err
		},
		"everybody": func(int) error {
			_, err := e.Search(ctx, scope, query.PersonFilter{}, "", 50)
			return err
		},
		"search": func(int) error {
			_, err := e.Search(ctx, scope, query.PersonFilter{Query: "u7"}, "", 50)
			return err
		},
		"explain": func(i int) error {
			_, err := e.Explain(ctx, scope, r, json.RawMessage(`{"state":"converted"}`), people[i*7919%len(people)])
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				if err := do(i); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
