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

// pathSpot is a checked cell: the places of nodes in the layer at a place and in the next; -1 for any.
type pathSpot struct{ layer, node, next int }

// holds tells whether one of an actor's paths goes through the cell.
func (s *pathSpot) holds(layers []path.Layer, paths []int32) bool {
	n := len(layers)
	for ; len(paths) > 0; paths = paths[n:] {
		if (s.node < 0 || layers[s.layer].Node(paths[s.layer]) == s.node) &&
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
	layers, err := r.layers(ctx, p)
	if err != nil {
		return nil, err
	}
	spot, err := r.place(cell, layers, p.label)
	if err != nil {
		return nil, err
	}
	return collect(ctx, p.events, func() func(*history.Actor) bool {
		m := p.machine()
		return func(a *history.Actor) bool { return spot.holds(layers, m.Walk(a)) }
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

// layers chooses the values of every step.
func (r *ResolvedPaths) layers(ctx context.Context, p *pathed) ([]path.Layer, error) {
	steps, err := walkAll(ctx, p.events, func() (*path.Steps, func(*history.Actor)) {
		m, s := p.machine(), path.NewSteps(p.config, len(p.values.groups))
		return s, func(a *history.Actor) { s.Add(m.Walk(a)) }
	})
	if err != nil {
		return nil, err
	}
	return p.layers(steps, r.Nodes), nil
}

func (r *ResolvedPaths) place(cell *PeopleOfPaths, layers []path.Layer, label func(int32) any) (*pathSpot, error) {
	out := &pathSpot{layer: cell.Step + r.config.Before, node: -1, next: -1}
	var err error
	if cell.Node != nil {
		if out.node, err = placeOfNode("node", &layers[out.layer], cell.Node, label); err != nil {
			return nil, err
		}
	}
	if cell.Next != nil {
		out.next, err = placeOfNode("next", &layers[out.layer+1], cell.Next, label)
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
