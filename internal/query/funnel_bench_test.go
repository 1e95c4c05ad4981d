package query_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/freshet/freshet/internal/query"
)

// asofFunnel is the funnel of three steps in SQL written by hand: for every later step the latest earlier one.
const asofFunnel = `WITH s1 AS (SELECT person, time FROM %s WHERE event = 'event_0'),
	s2 AS (SELECT b.person, b.time, a.time AS entry FROM (SELECT person, time FROM %[1]s WHERE event = 'event_1') b
		ASOF JOIN s1 a ON a.person = b.person AND a.time <= b.time WHERE b.time - a.time <= INTERVAL 7 DAY),
	s3 AS (SELECT c.person FROM (SELECT person, time FROM %[1]s WHERE event = 'event_2') c
		ASOF JOIN s2 ON s2.person = c.person AND s2.time <= c.time WHERE c.time - s2.entry <= INTERVAL 7 DAY)
	SELECT (SELECT count(DISTINCT person) FROM s1), (SELECT count(DISTINCT person) FROM s2), (SELECT count(DISTINCT person) FROM s3)`

// BenchmarkFunnel puts funnels to the events of BenchmarkBehaviour, and one in SQL written by hand beside them.
func BenchmarkFunnel(b *testing.B) {
	s, e, scope := benched(b)
	named := func(names ...string) (steps []query.FunnelStep) {
		for _, n := range names {
			steps = append(steps, query.FunnelStep{Selector: query.Selector{Events: []string{n}}})
		}
		return steps
	}
	three := named("event_0", "event_1", "event_2")
	five := named("event_0", "event_1", "event_2", "event_3", "event_4")
	country := []query.Breakdown{{PropertyRef: query.PropertyRef{Property: "$country"}}}
	excluded := []query.FunnelExclusion{{Selector: query.Selector{Events: []string{"event_5"}}}}
	for _, c := range []struct {
		name string
		q    query.Funnel
	}{
		{"3 steps", query.Funnel{Steps: three}},
		{"3 steps, trend", query.Funnel{Steps: three, Show: "trend"}},
		{"5 steps by country", query.Funnel{Steps: five, Breakdown: country}},
		{"first entry", query.Funnel{Steps: three, Preset: "mixpanel"}},
		{"every entry", query.Funnel{Steps: three, Entry: "every"}},
		{"any order", query.Funnel{Steps: three, Order: "any"}},
		{"strict", query.Funnel{Steps: three, Order: "strict"}},
		{"exclusion", query.Funnel{Steps: three, Exclusions: excluded}},
		{"by session", query.Funnel{Steps: three, Unit: "session"}},
	} {
		c.q.Range = query.Range{From: "-30d"}
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				r, err := e.ResolveFunnel(scope, &c.q)
				if err != nil {
					b.Fatal(err)
				}
				if _, err = e.Funnel(context.Background(), scope, r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("3 steps, SQL by hand", func(b *testing.B) {
		for b.Loop() {
			cut, err := s.Cut(context.Background(), 1)
			if err != nil {
				b.Fatal(err)
			}
			for _, err := range cut.Rows(context.Background(), fmt.Sprintf(asofFunnel, cut.Events("person", "time", "event"))) {
				if err != nil {
					b.Fatal(err)
				}
			}
			cut.Close()
		}
	})
}
