package query

import (
	"cmp"
	"slices"

	"github.com/freshet/freshet/internal/query/funnel"
)

// grouping leads the values of a breakdown to the groups of the answer.
type grouping struct {
	// shown are the values of the groups; nil is all others.
	shown [][]any
	// lines leads every value to its group, or behind the last one when it has none.
	lines []int32
	// rest is the group of all others, -1 when there is none.
	rest int
	// single tells that there is no breakdown.
	single bool
	// repeated tells that a unit may have several results in the rest; entry which of them counts.
	repeated, mature bool
	entry            funnel.Entry
}

// group chooses the values with most units in the first of some results.
func (f *asking) group(results []*funnel.Tally) *grouping {
	g := &grouping{
		rest: -1, single: len(f.dimensions) == 0, entry: f.config.Entry, mature: f.Mature,
		repeated: f.Attribution == attributeEqual && f.Entry != entryEvery,
	}
	if g.single {
		g.shown = [][]any{nil}
		return g
	}
	// Values that only other windows have come after those that the question's own has.
	totals := make([]int64, len(f.values.groups))
	for i, t := range results {
		for r := range t.Rows {
			row := &t.Rows[r]
			switch {
			case g.mature && row.State == funnel.Open:
			case i == 0:
				totals[row.Value] = totals[row.Value]&^1 + 3
			default:
				totals[row.Value] |= 1
			}
		}
	}
	g.shown, g.lines = f.values.top(totals, f.BreakdownLimit)
	if n := len(g.shown); n > f.BreakdownLimit {
		g.rest = n - 1
	}
	for i, n := range totals {
		if n == 0 {
			g.lines[i] = int32(len(g.shown))
		}
	}
	return g
}

// extend makes room for values that were met later: they belong to the rest, if there is one.
func (g *grouping) extend(values int) {
	rest := int32(g.rest)
	if g.rest < 0 {
		rest = int32(len(g.shown))
	}
	for i := range g.lines {
		if int(g.lines[i]) == len(g.shown) {
			g.lines[i] = rest
		}
	}
	for len(g.lines) < values {
		g.lines = append(g.lines, rest)
	}
}

// part are the results of one group, as places of rows.
type part struct {
	*funnel.Tally
	rows []int
}

// parts sorts results by group.
func (g *grouping) parts(t *funnel.Tally) []part {
	out := make([]part, len(g.shown)+1)
	sizes := make([]int, len(out))
	for i := range t.Rows {
		sizes[g.line(&t.Rows[i])]++
	}
	for i, n := range sizes {
		out[i] = part{t, make([]int, 0, n)}
	}
	for i := range t.Rows {
		p := &out[g.line(&t.Rows[i])]
		p.rows = append(p.rows, i)
	}
	if g.rest >= 0 && g.repeated {
		out[g.rest].once(g.entry)
	}
	if g.mature {
		for i := range out {
			out[i].rows = slices.DeleteFunc(out[i].rows, func(r int) bool { return t.Rows[r].State == funnel.Open })
		}
	}
	return out[:len(g.shown)]
}

// line is the group of a result.
func (g *grouping) line(r *funnel.Row) int {
	if g.single {
		return 0
	}
	return int(g.lines[r.Value])
}

// once keeps one result of every unit, the one that counts.
func (p *part) once(e funnel.Entry) {
	slices.SortFunc(p.rows, func(a, b int) int {
		x, y := &p.Rows[a], &p.Rows[b]
		return cmp.Or(cmp.Compare(x.Actor, y.Actor), cmp.Compare(x.Hold, y.Hold), funnel.Better(e, x, y))
	})
	kept := p.rows[:0]
	for _, r := range p.rows {
		row := &p.Rows[r]
		if n := len(kept); n > 0 {
			best := &p.Rows[kept[n-1]]
			if best.Actor == row.Actor && best.Hold == row.Hold {
				if e == funnel.Best && best.State == funnel.Dropped {
					best.State = row.State
				}
				continue
			}
		}
		kept = append(kept, r)
	}
	p.rows = kept
}
