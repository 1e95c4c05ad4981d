package query

import (
	"fmt"
	"math"
	"slices"
)

// conditions checks the filters and what the question is broken down by.
func (r *resolver) conditions() error {
	var err error
	if r.q.Where, err = r.check.filter(r.q.Where, "where", 1); err != nil {
		return err
	}
	for i := range r.q.Series {
		s := &r.q.Series[i]
		if s.Where, err = r.check.filter(s.Where, fmt.Sprintf("series[%d].where", i), 1); err != nil {
			return err
		}
	}
	if n := len(r.q.Breakdown); n > maxBreakdowns {
		return invalid("breakdown", "too_many_breakdowns", "the question has %d properties to break down by, it may have %d", n, maxBreakdowns)
	}
	r.q.Breakdown = slices.Clone(r.q.Breakdown)
	for i := range r.q.Breakdown {
		b := &r.q.Breakdown[i]
		field := fmt.Sprintf("breakdown[%d]", i)
		if b.Cohort != "" {
			if err := r.check.splits(b, field); err != nil {
				return err
			}
			continue
		}
		if b.PropertyRef, err = r.check.ref(b.PropertyRef, field); err != nil {
			return err
		}
		if err := checkGroups(b, field); err != nil {
			return err
		}
	}
	return nil
}

func checkGroups(b *Breakdown, field string) error {
	if len(b.Edges) == 0 && b.Quantiles == 0 {
		return nil
	}
	if len(b.Edges) > 0 && b.Quantiles != 0 {
		return invalid(field, "ambiguous_groups", "give edges or quantiles, not both")
	}
	if _, ok := builtInColumn(b.Property); ok && b.Of != ofPerson && b.As == "" {
		return invalid(field+".property", "not_numeric", "%s is always text and has no groups of numbers, unless it is read as a number", b.Property)
	}
	if len(b.Edges) == 0 {
		if b.Quantiles < 2 || b.Quantiles > maxQuantiles {
			return invalid(field+".quantiles", "bad_quantiles", "quantiles is %d, it must be 2 to %d", b.Quantiles, maxQuantiles)
		}
		return nil
	}
	if len(b.Edges) < 2 || len(b.Edges) > maxEdges {
		return invalid(field+".edges", "bad_edges", "there are %d edges, there must be 2 to %d", len(b.Edges), maxEdges)
	}
	for i, x := range b.Edges {
		if math.IsNaN(x) || math.IsInf(x, 0) || i > 0 && x <= b.Edges[i-1] {
			return invalid(fmt.Sprintf("%s.edges[%d]", field, i), "bad_edges", "edges must ascend")
		}
	}
	return nil
}

func (r *resolver) options() error {
	q := &r.q
	if q.BreakdownLimit < 0 || q.BreakdownLimit > maxBreakdownLimit {
		return invalid("breakdown_limit", "bad_limit", "breakdown_limit is %d, it must be 1 to %d", q.BreakdownLimit, maxBreakdownLimit)
	}
	if q.BreakdownLimit == 0 {
		q.BreakdownLimit = 25
	}
	if len(q.Breakdown) == 0 {
		q.BreakdownLimit = 0
	}
	if q.Compare != "" {
		if err := oneOf("compare", q.Compare, []string{"previous", "year"}); err != nil {
			return err
		}
	}
	if q.Rolling != 0 && (q.Rolling < 2 || q.Rolling > maxRolling) {
		return invalid("rolling", "bad_rolling", "rolling is %d, it must be 2 to %d buckets", q.Rolling, maxRolling)
	}
	if !q.Cumulative {
		return nil
	}
	if q.Rolling != 0 {
		return invalid("rolling", "ambiguous_smoothing", "cumulative and rolling exclude each other")
	}
	for i := range q.Series {
		if a := q.Series[i].Aggregate; isActive(a) || percentile(a) != 0 {
			return invalid(fmt.Sprintf("series[%d].aggregate", i), "not_cumulative", "%s has no cumulative form", a)
		}
	}
	return nil
}
