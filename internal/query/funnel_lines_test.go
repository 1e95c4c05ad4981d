package query_test

import (
	"fmt"
	"strings"

	"github.com/freshet/freshet/internal/query"
)

// funnelLines has what is to be compared of an answer.
func funnelLines(groups []query.FunnelGroup, q *query.Funnel) string {
	var b strings.Builder
	for _, g := range groups {
		if len(g.Breakdown) > 0 && g.Breakdown[0] == "$other" {
			fmt.Fprint(&b, strings.Repeat("$other ", len(g.Breakdown)), "\n")
		} else {
			fmt.Fprint(&b, g.Breakdown, "\n")
		}
		b.WriteString(groupLines(&g, q))
		if g.Compare != nil {
			fmt.Fprint(&b, " compared\n", groupLines(g.Compare, q))
		}
	}
	return b.String()
}

func groupLines(g *query.FunnelGroup, q *query.Funnel) string {
	var b strings.Builder
	counted := func(c query.FunnelCounts) string {
		return fmt.Sprintf("%d: %d, %d dropped, %d open, %s %s", c.Entered, c.Converted, c.Dropped, c.Open, rounded(c.Rate), rounded(c.RateAll))
	}
	fmt.Fprintln(&b, " ", counted(g.FunnelCounts))
	b.WriteString("  steps ")
	for i, s := range g.Steps {
		fmt.Fprint(&b, s.Count, " ", rounded(s.Rate), " ")
		if i > 0 {
			b.WriteString(rounded(s.FromPrevious) + " ")
		}
		if i > 0 && (q.Show == "steps" || q.Show == "time_to_convert") {
			b.WriteString(rounded(s.AverageMS) + " " + rounded(s.MedianMS) + " ")
		}
	}
	b.WriteString("\n")
	for _, p := range g.Trend {
		fmt.Fprintln(&b, "  bucket", counted(p.FunnelCounts), p.Steps, p.Partial)
	}
	if t := g.TimeToConvert; t != nil {
		fmt.Fprint(&b, "  took ", t.Count)
		for _, p := range []*float64{t.AverageMS, t.MinMS, t.P25MS, t.MedianMS, t.P75MS, t.P90MS, t.P95MS, t.P99MS, t.MaxMS} {
			fmt.Fprint(&b, " ", rounded(p))
		}
		for _, bin := range t.Histogram {
			b.WriteString(binLine(bin.FromMS, bin.ToMS, bin.Count))
		}
		b.WriteString("\n")
	}
	for _, w := range g.Windows {
		fmt.Fprintln(&b, "  window", counted(w.FunnelCounts), rounded(w.KaplanMeier))
	}
	return b.String()
}

func binLine(from, to float64, n int64) string {
	return fmt.Sprintf(" [%s, %s): %d", rounded(&from), rounded(&to), n)
}

// rounded leaves out the digits in which the order of a sum shows.
func rounded(f *float64) string {
	if f == nil {
		return "-"
	}
	return fmt.Sprintf("%.12g", *f)
}
