package query

import (
	"context"

	"github.com/freshet/freshet/internal/query/history"
	"github.com/freshet/freshet/internal/query/path"
)

// pathed is what paths are found in.
type pathed struct {
	config *path.Config
	events *history.Builder
	node   *dimension
	// nodes are the values of steps.
	nodes [][]any
	// breakdown is that of the question, values are its values, and valueOf leads the value of an event to its place among them.
	// All are empty without a breakdown.
	breakdown []*dimension
	values    [][]any
	valueOf   []int32
}

// machine finds them.
func (p *pathed) machine() *path.Machine { return path.New(p.config) }

// label is the value of a step as it is shown.
func (p *pathed) label(code int32) any { return p.node.label(p.nodes[code][0]) }

// gather reads what paths are found in.
func (r *ResolvedPaths) gather(ctx context.Context, g *ground) (*pathed, error) {
	config := r.config
	if r.funnel != nil {
		var err error
		if config.Given, err = r.anchors(ctx, g); err != nil {
			return nil, err
		}
	}
	by, where := r.counted()
	breakdown, err := r.grouped(ctx, g.engine, g.cut, g.scope, by, where, r.Breakdown)
	if err != nil {
		return nil, err
	}
	sel := r.selection(g.engine, g.cut, breakdown)
	events, values, err := sel.read(ctx)
	if err != nil {
		return nil, err
	}
	p := &pathed{config: &config, events: events, node: sel.dimensions[0], nodes: values.groups}
	if len(breakdown) > 0 {
		p.breakdown = breakdown
		if err := p.part(values.groups); err != nil {
			events.Free()
			return nil, err
		}
	}
	return p, nil
}

// counted has the events that paths are counted from, whose values a breakdown takes.
func (r *ResolvedPaths) counted() (*Selector, *Filter) {
	if r.funnel != nil {
		return &r.funnel.Steps[r.Funnel.Step-1].Selector, r.funnel.Where
	}
	if anchor := r.anchor(); anchor != nil {
		return anchor, r.Where
	}
	return r.Steps, r.Where
}

// part takes what events have apart: the value of the step, and those of the breakdown.
func (p *pathed) part(together [][]any) error {
	nodes, values := map[any]int32{}, map[[maxBreakdowns]any]int32{}
	p.nodes, p.config.Nodes = nil, make([]int32, len(together))
	p.valueOf = make([]int32, len(together))
	for i, group := range together {
		node, known := nodes[group[0]]
		if !known {
			if len(nodes) == maxPathValues {
				return tooManyValues(fieldNode, maxPathValues)
			}
			node = int32(len(nodes))
			nodes[group[0]], p.nodes = node, append(p.nodes, group[:1])
		}
		var key [maxBreakdowns]any
		copy(key[:], group[1:])
		value, known := values[key]
		if !known {
			value = int32(len(values))
			values[key], p.values = value, append(p.values, group[1:])
		}
		p.config.Nodes[i], p.valueOf[i] = node, value
	}
	return nil
}

// walker finds paths, and tells of each the place of its value.
func (p *pathed) walker() func(*history.Actor) (paths, values []int32) {
	m := p.machine()
	if len(p.breakdown) == 0 {
		return func(a *history.Actor) ([]int32, []int32) { return m.Walk(a), nil }
	}
	var values []int32
	return func(a *history.Actor) ([]int32, []int32) {
		paths := m.Walk(a)
		values = values[:0]
		for _, anchor := range m.Anchors() {
			values = append(values, p.valueOf[anchor])
		}
		return paths, values
	}
}

// pathSteps counts what steps there are, and the paths of each value of the breakdown.
type pathSteps struct {
	*path.Steps
	totals ranking
}

func (p *pathed) steps() *pathSteps {
	return &pathSteps{path.NewSteps(p.config, len(p.nodes)), make(ranking, len(p.values))}
}

func (s *pathSteps) add(paths, values []int32) {
	s.Add(paths)
	for _, v := range values {
		s.totals[v]++
	}
}

// Merge adds another count of the same question.
func (s *pathSteps) Merge(o *pathSteps) {
	s.Steps.Merge(o.Steps)
	s.totals.Merge(o.totals)
}

// pathShown is what of the paths is shown: the values of every step, which are those of all paths together, and the values of
// the breakdown.
type pathShown struct {
	layers []path.Layer
	// groups are the values that have paths of their own, nil for the one of all others; lines leads every value to its place
	// among them. Both are nil without a breakdown.
	groups [][]any
	lines  []int32
}

func (r *ResolvedPaths) shown(p *pathed, s *pathSteps) *pathShown {
	out := &pathShown{layers: s.Layers(r.Nodes, func(a, b int32) int { return compareGroups(p.nodes[a], p.nodes[b]) })}
	if len(p.breakdown) > 0 {
		out.groups, out.lines = (&valueCodes{groups: p.values}).top(s.totals, r.BreakdownLimit)
	}
	return out
}

// pathTally counts the paths of each line, one without a breakdown.
type pathTally struct {
	*pathShown
	each []*path.Tally
}

func (s *pathShown) tally() *pathTally {
	t := &pathTally{pathShown: s}
	for range max(1, len(s.groups)) {
		t.each = append(t.each, path.NewTally(s.layers))
	}
	return t
}

func (t *pathTally) add(paths, values []int32) {
	if t.lines == nil {
		t.each[0].Add(paths)
		return
	}
	n := len(t.layers)
	for i, v := range values {
		t.each[t.lines[v]].Add(paths[i*n : (i+1)*n])
	}
}

// Merge adds another tally of the same question.
func (t *pathTally) Merge(o *pathTally) {
	for i := range t.each {
		t.each[i].Merge(o.each[i])
	}
}

// together is the sum of all lines.
func (t *pathTally) together() *path.Tally {
	if len(t.each) == 1 {
		return t.each[0]
	}
	out := path.NewTally(t.layers)
	for _, one := range t.each {
		out.Merge(one)
	}
	return out
}
