package sheet

import (
	"strconv"

	"github.com/freshet/freshet/internal/query"
)

// What a row is about, in a column "span": one interval of the range, or all of it. Numbers of people cannot be added up,
// so that the whole range has rows of its own.
const (
	spanBucket = "bucket"
	spanRange  = "range"
	spanCohort = "cohort"
	spanAll    = "all"
)

func trends(a *query.Answer) *Sheet {
	s := of(len(a.Question.Breakdown), Column{"series", Text}, Column{"label", Text}, Column{"span", Text}, Column{"bucket", Time},
		Column{"partial", Truth}, Column{"value", Number}, Column{"compare", Number})
	for _, line := range a.Series {
		compare := line.Compare
		if compare == nil {
			compare = &query.CompareSeries{}
		}
		for i, b := range a.Buckets {
			s.add(line.Breakdown, []any{line.ID, line.Label, spanBucket, b.Start, b.Partial, at(line.Values, i), at(compare.Values, i)})
		}
		s.add(line.Breakdown, []any{line.ID, line.Label, spanRange, nil, nil, or(line.Total), or(compare.Total)})
	}
	return s
}

func retention(a *query.RetentionAnswer) *Sheet {
	s := of(len(a.Question.Breakdown), Column{"span", Text}, Column{"cohort", Time}, Column{"partial", Truth}, Column{"size", Integer},
		Column{"from", Integer}, Column{"to", Integer}, Column{"count", Integer}, Column{"rate", Number}, Column{"state", Text})
	for _, t := range a.Tables {
		for _, c := range t.Cohorts {
			for i, cell := range c.Cells {
				s.add(t.Breakdown, []any{
					spanCohort, c.Start, c.Partial, c.Size, int64(a.Columns[i].From), int64(a.Columns[i].To), or(cell.Count), or(cell.Rate), cell.State,
				})
			}
		}
		for i, m := range t.Average {
			s.add(t.Breakdown, []any{spanAll, nil, nil, m.Size, int64(a.Columns[i].From), int64(a.Columns[i].To), m.Count, or(m.Rate), nil})
		}
	}
	return s
}

// lifecycle has the buckets of every group of a breakdown, which add up to those of everybody.
func lifecycle(a *query.LifecycleAnswer) *Sheet {
	s := of(len(a.Question.Breakdown), Column{"bucket", Time}, Column{"partial", Truth}, Column{"active", Integer}, Column{"new", Integer}, Column{"returning", Integer},
		Column{"resurrecting", Integer}, Column{"dormant", Integer}, Column{"pulse", Number})
	groups := a.Groups
	if len(a.Question.Breakdown) == 0 {
		groups = []query.LifecycleGroup{{Buckets: a.Buckets}}
	}
	for _, g := range groups {
		for _, b := range g.Buckets {
			s.add(g.Breakdown, []any{b.Start, b.Partial, b.Active, b.New, b.Returning, b.Resurrecting, or(b.Dormant), or(b.Pulse)})
		}
	}
	return s
}

// stickiness has a row for each number of intervals in each window, or for a ratio one for each day; with a breakdown for
// every group.
func stickiness(a *query.StickinessAnswer) *Sheet {
	n, groups := len(a.Question.Breakdown), a.Groups
	if n == 0 {
		groups = []query.StickinessGroup{{Windows: a.Windows, Days: a.Days}}
	}
	if a.Question.Mode == "ratio" {
		s := of(n, Column{"day", Time}, Column{"partial", Truth}, Column{"active", Integer}, Column{"active_in_span", Integer}, Column{"ratio", Number})
		for _, g := range groups {
			for _, d := range g.Days {
				s.add(g.Breakdown, []any{d.Start, d.Partial, d.Day, d.Span, or(d.Ratio)})
			}
		}
		return s
	}
	s := of(n, Column{"window", Time}, Column{"partial", Truth}, Column{"people", Integer}, Column{"intervals", Integer}, Column{"count", Integer}, Column{"rate", Number})
	for _, g := range groups {
		for _, w := range g.Windows {
			for k, n := range w.Counts {
				s.add(g.Breakdown, []any{w.Start, w.Partial, w.People, int64(k + 1), n, at(w.Rates, k)})
			}
		}
	}
	return s
}

// paths has a row for each link, with the nodes at both of its ends; with a breakdown for every group.
func paths(a *query.PathsAnswer) *Sheet {
	s := of(len(a.Question.Breakdown), Column{"step", Integer}, Column{"from_sort", Text}, Column{"from", Text}, Column{"from_count", Integer},
		Column{"to_sort", Text}, Column{"to", Text}, Column{"to_count", Integer}, Column{"count", Integer})
	groups := a.Groups
	if len(a.Question.Breakdown) == 0 {
		groups = []query.PathGroup{{Layers: a.Layers, Links: a.Links}}
	}
	for _, g := range groups {
		links(s, &g)
	}
	return s
}

func links(s *Sheet, g *query.PathGroup) {
	layers := map[int]query.PathLayer{}
	for _, l := range g.Layers {
		layers[l.Step] = l
	}
	for _, l := range g.Links {
		from, to := layers[l.Step].Nodes[l.From], layers[l.Step+1].Nodes[l.To]
		s.add(g.Breakdown, []any{int64(l.Step), from.Sort, words(from.Value), from.Count, to.Sort, words(to.Value), to.Count, l.Count})
	}
}

// sessions has a row for each bucket of each group, and one for the range; or for lengths a row for each group of the histogram.
func sessions(a *query.SessionsAnswer) *Sheet {
	if a.Question.Show == "duration" {
		return lengths(a)
	}
	s := of(len(a.Question.Breakdown), Column{"span", Text}, Column{"bucket", Time}, Column{"partial", Truth}, Column{"sessions", Integer},
		Column{"bounces", Integer}, Column{"bounce_rate", Number}, Column{"events_per_session", Number}, Column{"average_seconds", Number},
		Column{"median_seconds", Number}, Column{"p90_seconds", Number})
	for i := range a.Question.Measures {
		name := "measure_" + strconv.Itoa(i+1) + "_"
		s.Columns = append(s.Columns, Column{name + "sessions", Integer}, Column{name + "total", Number}, Column{name + "average", Number},
			Column{name + "median", Number}, Column{name + "p90", Number})
	}
	numbers := func(n query.SessionsNumbers) []any {
		out := make([]any, 0, 7+5*len(n.Measures))
		out = append(out, n.Sessions, n.Bounces, or(n.BounceRate), or(n.EventsPerSession), or(n.AverageSeconds), or(n.MedianSeconds), or(n.P90Seconds))
		for _, m := range n.Measures {
			out = append(out, m.Sessions, or(m.Total), or(m.Average), or(m.Median), or(m.P90))
		}
		return out
	}
	for _, g := range a.Groups {
		for i, n := range g.Buckets {
			s.add(g.Breakdown, []any{spanBucket, a.Buckets[i].Start, a.Buckets[i].Partial}, numbers(n))
		}
		s.add(g.Breakdown, []any{spanRange, nil, nil}, numbers(g.Total))
	}
	return s
}

func lengths(a *query.SessionsAnswer) *Sheet {
	s := of(len(a.Question.Breakdown), Column{"from_ms", Number}, Column{"to_ms", Number}, Column{"count", Integer}, Column{"all", Integer},
		Column{"average_seconds", Number}, Column{"median_seconds", Number}, Column{"p90_seconds", Number})
	for _, g := range a.Groups {
		for _, bin := range g.Histogram {
			s.add(g.Breakdown, []any{bin.FromMS, bin.ToMS, bin.Count, g.Total.Sessions, or(g.Total.AverageSeconds), or(g.Total.MedianSeconds), or(g.Total.P90Seconds)})
		}
	}
	return s
}
