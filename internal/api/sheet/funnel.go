package sheet

import (
	"strconv"

	"github.com/freshet/freshet/internal/query"
)

// counted are the columns of query.FunnelCounts.
var counted = [...]Column{
	{"entered", Integer}, {"converted", Integer}, {"dropped", Integer}, {"open", Integer}, {"conversion", Number}, {"conversion_of_all", Number},
}

func counts(c query.FunnelCounts) []any {
	return []any{c.Entered, c.Converted, c.Dropped, c.Open, or(c.Rate), or(c.RateAll)}
}

// funnel has, by what the question shows, a row for each step, interval, window or group of times. The column "period"
// tells the funnel that was asked for from the one that it is compared with.
func funnel(a *query.FunnelAnswer) *Sheet {
	n := len(a.Question.Breakdown)
	rows := stepRows
	var s *Sheet
	switch a.Question.Show {
	case "trend":
		rows = trendRows
		s = of(n, append([]Column{{"period", Text}, {"bucket", Time}, {"partial", Truth}}, counted[:]...)...)
		for i := range a.Question.Steps {
			s.Columns = append(s.Columns, Column{"step_" + strconv.Itoa(i+1), Integer})
		}
	case "time_to_convert":
		rows = timeRows
		s = of(n, Column{"period", Text}, Column{"from_step", Integer}, Column{"to_step", Integer}, Column{"from_ms", Number}, Column{"to_ms", Number},
			Column{"count", Integer}, Column{"all", Integer}, Column{"average_ms", Number}, Column{"min_ms", Number}, Column{"p25_ms", Number},
			Column{"median_ms", Number}, Column{"p75_ms", Number}, Column{"p90_ms", Number}, Column{"p95_ms", Number}, Column{"p99_ms", Number},
			Column{"max_ms", Number})
	case "window":
		rows = windowRows
		s = of(n, append(append([]Column{{"period", Text}, {"window", Text}}, counted[:]...), Column{"kaplan_meier", Number})...)
	default:
		s = of(n, append([]Column{
			{"period", Text},
			{"step", Integer},
			{"label", Text},
			{"count", Integer},
			{"rate", Number},
			{"from_previous", Number},
			{"median_ms", Number},
			{"average_ms", Number},
		}, counted[:]...)...)
	}
	for i := range a.Groups {
		g := &a.Groups[i]
		rows(s, g.Breakdown, "asked", g)
		if g.Compare != nil {
			rows(s, g.Breakdown, "compare", g.Compare)
		}
	}
	return s
}

func stepRows(s *Sheet, breakdown []any, period string, g *query.FunnelGroup) {
	for i, step := range g.Steps {
		s.add(breakdown, []any{
			period, int64(i + 1), step.Label, step.Count, or(step.Rate), or(step.FromPrevious), or(step.MedianMS), or(step.AverageMS),
		}, counts(g.FunnelCounts))
	}
}

func trendRows(s *Sheet, breakdown []any, period string, g *query.FunnelGroup) {
	for _, p := range g.Trend {
		reached := make([]any, len(p.Steps))
		for i, n := range p.Steps {
			reached[i] = n
		}
		s.add(breakdown, []any{period, p.Start, p.Partial}, counts(p.FunnelCounts), reached)
	}
}

func timeRows(s *Sheet, breakdown []any, period string, g *query.FunnelGroup) {
	t := g.TimeToConvert
	if t == nil {
		return
	}
	for _, bin := range t.Histogram {
		s.add(breakdown, []any{
			period, int64(t.From), int64(t.To), bin.FromMS, bin.ToMS, bin.Count, t.Count, or(t.AverageMS), or(t.MinMS), or(t.P25MS),
			or(t.MedianMS), or(t.P75MS), or(t.P90MS), or(t.P95MS), or(t.P99MS), or(t.MaxMS),
		})
	}
}

func windowRows(s *Sheet, breakdown []any, period string, g *query.FunnelGroup) {
	for _, w := range g.Windows {
		s.add(breakdown, []any{period, w.Window}, counts(w.FunnelCounts), []any{or(w.KaplanMeier)})
	}
}
