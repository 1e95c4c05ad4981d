package query

import (
	"strconv"
	"strings"

	"github.com/freshet/freshet/internal/store"
)

// run is a stretch of a staircase whose edges are equally far apart and rise by the same number of steps each.
type run struct {
	start, step int64
	edges, rise int64
	// below is the value before the run.
	below int64
}

// stair is SQL for how many of the ascending edges are at or below x, a whole number, plus a constant. x is known to
// be at or above the first edge and below end. Edges that are equally far apart, as most are, cost one division; where clocks or
// months break the rhythm a tree of comparisons finds the place.
func stair(d store.Dialect, x string, edges []int64, end, plus int64) string {
	var b strings.Builder
	writeStairs(d, &b, x, stretches(edges, plus), end)
	return b.String()
}

// stretches finds the runs of ascending edges; equal edges are one edge with a higher rise.
func stretches(edges []int64, plus int64) []run {
	var runs []run
	for i := 0; i < len(edges); {
		rise := int64(1)
		for i+int(rise) < len(edges) && edges[i+int(rise)] == edges[i] {
			rise++
		}
		last := len(runs) - 1
		if last >= 0 && runs[last].rise == rise {
			r := &runs[last]
			if r.edges == 1 {
				r.step = edges[i] - r.start
			}
			if edges[i] == r.start+r.edges*r.step {
				r.edges++
				i += int(rise)
				continue
			}
		}
		runs = append(runs, run{start: edges[i], edges: 1, rise: rise, below: int64(i) + plus})
		i += int(rise)
	}
	return settle(runs)
}

// settle gives single edges no step, so that they do not claim one from their neighbour.
func settle(runs []run) []run {
	for i := range runs {
		if runs[i].edges == 1 {
			runs[i].step = 0
		}
	}
	return runs
}

func writeStairs(d store.Dialect, b *strings.Builder, x string, runs []run, end int64) {
	if len(runs) > 1 {
		half := len(runs) / 2
		b.WriteString("CASE WHEN " + x + " < " + strconv.FormatInt(runs[half].start, 10) + " THEN ")
		writeStairs(d, b, x, runs[:half], runs[half].start)
		b.WriteString(" ELSE ")
		writeStairs(d, b, x, runs[half:], end)
		b.WriteString(" END")
		return
	}
	r := runs[0]
	if r.step == 0 {
		b.WriteString(strconv.FormatInt(r.below+r.rise, 10))
		return
	}
	steps := "(" + x + " - " + strconv.FormatInt(r.start, 10) + ")"
	if r.step != 1 {
		steps = d.Quotient(steps, r.step)
	}
	if r.start+r.edges*r.step < end {
		steps = "least(" + steps + ", " + strconv.FormatInt(r.edges-1, 10) + ")"
	}
	if r.rise != 1 {
		steps = "(" + steps + ") * " + strconv.FormatInt(r.rise, 10)
	}
	if base := r.below + r.rise; base != 0 {
		steps += " + " + strconv.FormatInt(base, 10)
	}
	b.WriteString("(" + steps + ")")
}
