package query

import (
	"testing"

	"github.com/freshet/freshet/internal/query/session"
)

// TestMeasuredInAnyOrder adds numbers whose sum depends on the order: 0 or 1, by what the large ones meet first.
func TestMeasuredInAnyOrder(t *testing.T) {
	r := &ResolvedSessions{Sessions: Sessions{Measures: []SessionMeasure{{Property: "amount"}}}}
	measured := func(numbers ...float64) SessionMeasured {
		c := session.Cell{Sessions: 3, Measures: []session.Amounts{{Sessions: 3, Events: 3}}}
		for _, n := range numbers {
			c.Measures[0].Values = append(c.Measures[0].Values, session.Measure{Events: 1, Sum: n})
		}
		return r.measured(&c)[0]
	}
	a, b := measured(1e16, 1, -1e16), measured(1e16, -1e16, 1)
	if *a.Total != *b.Total || *a.Average != *b.Average {
		t.Errorf("a total of %g and an average of %g, in another order %g and %g", *a.Total, *a.Average, *b.Total, *b.Average)
	}
}
