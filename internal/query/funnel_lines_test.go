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
		return fmt.Sprintf("%d: %d, %d dropped, %d open", c.Entered, c.Converted, c.Dropped, c.Open)
	}
	fmt.Fprintln(&b, " ", counted(g.FunnelCounts))
	b.WriteString("  steps ")
	for i, s := range g.Steps {
		fmt.Fprint(&b, s.Count, " ")
		if i > 0 && (q.Show == "steps" || q.Show == "time_to_convert") {
			b.WriteString(rounded(s.MedianMS) + " ")
		}
	}
	b.WriteString("\n")
	for _, p := range g.Trend {
		fmt.Fprintln(&b, "  bucket", counted(p.FunnelCounts), p.Steps, p.Partial)
	}
	if t := g.TimeToConvert; t != nil {
		fmt.Fprint(&b, "  took ", t.Count)
		for _, p := range []*float64{t.MinMS, t.P25MS, t.MedianMS, t.P75MS, t.P90MS, t.P95MS, t.P99MS, t.MaxMS} {
			fmt.Fprint(&b, " ", rounded(p))
		}
		b.WriteString("\n")
	}
	for _, w := range g.Windows {
		fmt.Fprintln(&b, "  window", counted(w.FunnelCounts))
	}
	return b.String()
}
