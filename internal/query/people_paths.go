package query

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"

	"github.com/freshet/freshet/internal/query/history"
	"github.com/freshet/freshet/internal/query/path"
)

// PeopleOfPaths is a cell of a PathsAnswer: a node of one of its layers, or with Next a link to a node of the next layer.
// Without a node it is all paths.
type PeopleOfPaths struct {
	// Step is that of the layer.
	Step int        `json:"step,omitempty"`
	Node *PathPlace `json:"node,omitempty"`
	Next *PathPlace `json:"next,omitempty"`
	// Breakdown has the values of a group; without it all paths.
	Breakdown []any `json:"breakdown,omitempty"`
}

// PathPlace names a node as the answer does.
type PathPlace struct {
	// Sort is value (default), other, end or start.
	Sort string `json:"sort,omitempty"`
	// Value is for sort value only.
	Value any `json:"value,omitempty"`
}

// String is for sentences.
func (p *PathPlace) String() string {
	if p.Sort == NodeValue {
		return labelText([]any{p.Value})
	}
	return "$" + p.Sort
}

// PathSorts lists the sorts of nodes.
func PathSorts() []string { return []string{NodeValue, NodeOther, NodeEnd, NodeStart} }

// pathSpot is a checked cell: the places of nodes in the layer at a place and in the next, and the line of the group; -1 for any.
type pathSpot struct {
	layer, node, next int
	line              int32
}

// holds tells whether one of an actor's paths goes through the cell.
func (s *pathSpot) holds(shown *pathShown, paths, values []int32) bool {
	layers := shown.layers
	n := len(layers)
	for i := 0; len(paths) > 0; i, paths = i+1, paths[n:] {
		if (s.line < 0 || shown.lines[values[i]] == s.line) &&
			(s.node < 0 || layers[s.layer].Node(paths[s.layer]) == s.node) &&
			(s.next < 0 || layers[s.layer+1].Node(paths[s.layer+1]) == s.next) {
			return true
		}
	}
	return false
}

func (r *ResolvedPaths) people(ctx context.Context, g *ground, data json.RawMessage) ([]uint64, error) {
	cell, err := decodeCell[PeopleOfPaths](data)
	if err != nil {
		return nil, err
	}
	if err := r.check(cell); err != nil {
		return nil, err
	}
	p, err := r.gather(ctx, g)
	if err != nil {
		return nil, err
	}
	shown, err := r.chosen(ctx, p)
	if err != nil {
		return nil, err
	}
	spot, err := r.place(cell, shown, p)
	if err != nil {
		return nil, err
	}
	return collect(ctx, p.events, func() func(*history.Actor) bool {
		walk := p.walker()
		return func(a *history.Actor) bool {
			paths, values := walk(a)
			return spot.holds(shown, paths, values)
		}
	})
}

// check is for what can be said without the data.
func (r *ResolvedPaths) check(cell *PeopleOfPaths) error {
	last := r.config.After
	if cell.Next != nil {
		last--
	}
	if cell.Step < -r.config.Before || cell.Step > last {
		return unknownCell("step", "the answer has steps %d to %d there", -r.config.Before, last)
	}
	if cell.Next != nil && cell.Node == nil {
		return invalid("cell.node", "missing_field", "a link leads from a node")
	}
	for field, p := range map[string]*PathPlace{"cell.node": cell.Node, "cell.next": cell.Next} {
		if p == nil {
			continue
		}
		fill(&p.Sort, NodeValue)
		if err := oneOf(field+".sort", p.Sort, PathSorts()); err != nil {
			return err
		}
	}
	return nil
}

// chosen walks everybody for what is shown.
func (r *ResolvedPaths) chosen(ctx context.Context, p *pathed) (*pathShown, error) {
	steps, err := walkAll(ctx, p.events, func() (*pathSteps, func(*history.Actor)) {
		walk, s := p.walker(), p.steps()
		return s, func(a *history.Actor) { s.add(walk(a)) }
	})
	if err != nil {
		return nil, err
	}
	return r.shown(p, steps), nil
}

func (r *ResolvedPaths) place(cell *PeopleOfPaths, shown *pathShown, p *pathed) (*pathSpot, error) {
	out := &pathSpot{layer: cell.Step + r.config.Before, node: -1, next: -1, line: -1}
	if len(cell.Breakdown) > 0 {
		i, err := placeOfGroup(p.breakdown, shown.groups, cell.Breakdown)
		if err != nil {
			return nil, err
		}
		out.line = int32(i)
	}
	var err error
	if cell.Node != nil {
		if out.node, err = placeOfNode("node", &shown.layers[out.layer], cell.Node, p.label); err != nil {
			return nil, err
		}
	}
	if cell.Next != nil {
		out.next, err = placeOfNode("next", &shown.layers[out.layer+1], cell.Next, p.label)
	}
	return out, err
}

func placeOfNode(field string, l *path.Layer, p *PathPlace, label func(int32) any) (int, error) {
	switch p.Sort {
	case NodeOther:
		return l.Others(), nil
	case NodeEnd, NodeStart:
		return l.Ended(), nil
	}
	i := slices.IndexFunc(l.Values, func(code int32) bool { return reflect.DeepEqual(label(code), p.Value) })
	if i < 0 {
		return 0, unknownCell(field+".value", "the layer does not show %s", labelText([]any{p.Value}))
	}
	return i, nil
}
