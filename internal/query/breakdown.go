package query

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/freshet/freshet/internal/store"
)

const (
	groupNone  = "$none"
	groupOther = "$other"
)

// dimension is one property of a breakdown, its groups of numbers worked out.
type dimension struct {
	Breakdown
	// bounds separate the groups of numbers, labels name them, one more than bounds.
	bounds []float64
	labels []string
}

// edgeGroups makes the groups of given edges.
func (d *dimension) edgeGroups() {
	d.bounds = d.Edges
	first, last := d.Edges[0], d.Edges[len(d.Edges)-1]
	d.labels = append(d.labels, "< "+short(first))
	for i := 1; i < len(d.Edges); i++ {
		d.labels = append(d.labels, "["+short(d.Edges[i-1])+", "+short(d.Edges[i])+")")
	}
	d.labels = append(d.labels, ">= "+short(last))
}

// quantileGroups makes groups between values that rise, the last of which includes its end.
func (d *dimension) quantileGroups(values []float64) {
	values = slices.Compact(values)
	n := len(values)
	if n == 0 {
		d.labels = []string{}
		return
	}
	if n == 1 {
		d.labels = []string{"[" + short(values[0]) + ", " + short(values[0]) + "]"}
		return
	}
	d.bounds = values[1 : n-1]
	for i := 1; i < n; i++ {
		end := ")"
		if i == n-1 {
			end = "]"
		}
		d.labels = append(d.labels, "["+short(values[i-1])+", "+short(values[i])+end)
	}
}

func short(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

func (d *dimension) grouped() bool { return d.labels != nil }

// sql is the group of an event as text, null for none.
func (d *dimension) sql(c *compiler) string {
	if d.cohort != nil {
		return "CASE WHEN " + c.member(d.cohort, false) + " THEN '" + groupIn + "' ELSE '" + groupNotIn + "' END"
	}
	v := c.value(d.PropertyRef)
	if !d.grouped() {
		return v.tagged()
	}
	if len(d.labels) == 0 {
		return c.dialect.Cast("NULL", store.Text)
	}
	x := v.numeric()
	var b strings.Builder
	b.WriteString("CASE WHEN (" + x + ") IS NULL THEN NULL")
	for i, bound := range d.bounds {
		fmt.Fprintf(&b, " WHEN %s < %s THEN '%03d'", x, c.bind(bound), i)
	}
	fmt.Fprintf(&b, " ELSE '%03d' END", len(d.bounds))
	return b.String()
}

// label is a group as the answer shows it.
func (d *dimension) label(group any) any {
	s, ok := group.(string)
	if !ok {
		return groupNone
	}
	if d.cohort != nil {
		return s + " " + d.cohort.name
	}
	if d.grouped() {
		if i, err := strconv.Atoi(s); err == nil && i < len(d.labels) {
			return d.labels[i]
		}
		return groupNone
	}
	if _, ok := builtInColumn(d.Property); ok && d.Of != ofPerson && d.As == "" {
		return s
	}
	return untag(s)
}

// untag reads what value.tagged has written.
func untag(s string) any {
	if s == "" {
		return groupNone
	}
	rest := s[1:]
	switch s[0] {
	case 'n':
		if f, err := strconv.ParseFloat(rest, 64); err == nil {
			return f
		}
	case 'b':
		return rest == "true"
	}
	return rest
}

// dimensions works out the groups of numbers of the question's breakdown, by the events of a series.
func (t *trend) dimensions(ctx context.Context, s *Series) ([]*dimension, error) {
	out := make([]*dimension, len(t.r.Breakdown))
	for i, b := range t.r.Breakdown {
		d := &dimension{Breakdown: b}
		out[i] = d
		if len(b.Edges) > 0 {
			d.edgeGroups()
		}
		if b.Quantiles > 0 {
			values, err := t.quantiles(ctx, s, b)
			if err != nil {
				return nil, err
			}
			d.quantileGroups(values)
		}
	}
	return out, nil
}

// quantiles are the bounds of groups of equal size, from the least to the greatest value.
func (t *trend) quantiles(ctx context.Context, s *Series, b Breakdown) (out []float64, err error) {
	p := t.plan(s, &t.r.buckets)
	x := p.value(b.PropertyRef).numeric()
	list := make([]string, b.Quantiles+1)
	for i := range list {
		list[i] = p.dialect.Quantile("x", float64(i)/float64(b.Quantiles))
	}
	q := "SELECT " + strings.Join(list, ", ") + " FROM (" + p.events(", "+x+" AS x") + ")"
	for row, err := range t.engine.rows(ctx, t.cut, "quantiles", q, p.args) {
		if err != nil {
			return nil, err
		}
		for _, v := range row {
			if f, ok := v.(float64); ok {
				out = append(out, f)
			}
		}
	}
	return out, nil
}
