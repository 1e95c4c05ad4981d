package query

import (
	"context"

	"github.com/freshet/freshet/internal/query/history"
	"github.com/freshet/freshet/internal/query/path"
	"github.com/freshet/freshet/internal/store"
)

// PathsAnswer is what comes back for Paths.
type PathsAnswer struct {
	Kind  string      `json:"kind"`
	Range AnswerRange `json:"range"`
	// Paths is how many paths there are: people, sessions or events, by the unit.
	Paths int64 `json:"paths"`
	// Layers has the steps in order. Each layer has all paths: those that have ended are one node of it.
	Layers []PathLayer `json:"layers"`
	// Links lead from a node of a layer to one of the next.
	Links []PathLink `json:"links"`
	// Groups has one a value of the breakdown. They add up to Paths, Layers and Links, node by node.
	Groups []PathGroup `json:"groups,omitempty"`
	// Unparsed has the properties that the question reads as numbers.
	Unparsed  []Unparsed      `json:"unparsed,omitempty"`
	Question  Paths           `json:"question"`
	Watermark store.Watermark `json:"watermark"`
	Cached    bool            `json:"cached"`
	TookMS    float64         `json:"took_ms"`
}

// PathGroup has the paths of one value of the breakdown. Its steps show the values that those of all paths do; a node of no
// path is left out.
type PathGroup struct {
	Breakdown []any       `json:"breakdown"`
	Paths     int64       `json:"paths"`
	Layers    []PathLayer `json:"layers"`
	Links     []PathLink  `json:"links"`
}

// PathLayer is one step of all paths.
type PathLayer struct {
	// Step is 0 at the event that paths lead from or to, 1 for the step after it, -1 for the one before.
	Step  int        `json:"step"`
	Nodes []PathNode `json:"nodes"`
}

// The sorts of nodes.
const (
	NodeValue = "value"
	NodeOther = "other"
	NodeEnd   = "end"
	NodeStart = "start"
)

// PathNode is one value of a step.
type PathNode struct {
	// Sort is value, other (all other values), end (the path ended before this step) or start (it begins after it).
	Sort string `json:"sort"`
	// Value is a text, a number, a boolean or "$none"; for other sorts "$other", "$end" or "$start".
	Value any   `json:"value"`
	Count int64 `json:"count"`
}

// PathLink has the paths that have one node at a step and another at the next.
type PathLink struct {
	// Step is that of the first node.
	Step int `json:"step"`
	// From and To are the places of the nodes in their layers.
	From  int   `json:"from"`
	To    int   `json:"to"`
	Count int64 `json:"count"`
}

// Paths answers a question, on one cut of the data.
func (e *Engine) Paths(ctx context.Context, s Scope, r *ResolvedPaths) (*PathsAnswer, error) {
	a := &PathsAnswer{Kind: "paths", Range: answerRange(&r.buckets, r.zone), Question: r.Paths}
	err := e.answering(ctx, "paths", s, r.attribution(), &a.Watermark, &a.TookMS, func(ctx context.Context, cut *peopledCut) error {
		var err error
		if a.Unparsed, err = r.unparsed(ctx, e, cut); err != nil {
			return err
		}
		p, err := r.gather(ctx, &ground{e, cut, s})
		if err != nil {
			return err
		}
		defer p.events.Free()
		return r.walk(ctx, a, p)
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

// walked is what one worker found.
type walked struct {
	steps         *pathSteps
	paths, values []int32
	// room is for how many steps of paths; more tells that not all were kept.
	room int
	more bool
}

func (w *walked) add(paths, values []int32) {
	w.steps.add(paths, values)
	if w.more = w.more || len(w.paths)+len(paths) > w.room; !w.more {
		w.paths, w.values = append(w.paths, paths...), append(w.values, values...)
	}
}

// walk chooses the values of every step first, and then counts what leads from which to which.
func (r *ResolvedPaths) walk(ctx context.Context, a *PathsAnswer, p *pathed) error {
	var found []*walked
	err := p.events.Each(ctx, func() func(*history.Actor) {
		walk, w := p.walker(), &walked{steps: p.steps(), room: r.room}
		found = append(found, w)
		return func(a *history.Actor) { w.add(walk(a)) }
	})
	if err != nil {
		return err
	}
	steps, more := found[0].steps, found[0].more
	for _, w := range found[1:] {
		steps.Merge(w.steps)
		more = more || w.more
	}
	shown := r.shown(p, steps)
	var tally *pathTally
	if more {
		tally, err = p.again(ctx, shown)
	} else {
		tally = shown.tally()
		for _, w := range found {
			tally.add(w.paths, w.values)
		}
	}
	if err != nil {
		return err
	}
	a.Paths = steps.Paths
	a.Layers, a.Links = r.show(shown.layers, tally.together(), p.label)
	if len(p.breakdown) == 0 {
		return nil
	}
	a.Groups = []PathGroup{}
	counts := make([]int64, len(shown.groups))
	for v, n := range steps.totals {
		if n > 0 {
			counts[shown.lines[v]] += n
		}
	}
	for i, group := range shown.groups {
		g := PathGroup{Breakdown: labels(p.breakdown, group), Paths: counts[i]}
		g.Layers, g.Links = r.show(shown.layers, tally.each[i], p.label)
		a.Groups = append(a.Groups, g)
	}
	return nil
}

// again walks the people a second time.
func (p *pathed) again(ctx context.Context, shown *pathShown) (*pathTally, error) {
	return walkAll(ctx, p.events, func() (*pathTally, func(*history.Actor)) {
		walk, t := p.walker(), shown.tally()
		return t, func(a *history.Actor) { t.add(walk(a)) }
	})
}

// show leaves out nodes of no path.
func (r *ResolvedPaths) show(layers []path.Layer, t *path.Tally, label func(code int32) any) ([]PathLayer, []PathLink) {
	out, between := make([]PathLayer, len(layers)), []PathLink{}
	places := make([][]int, len(layers))
	for i, l := range layers {
		layer := &out[i]
		layer.Step, layer.Nodes, places[i] = i-r.config.Before, []PathNode{}, make([]int, l.Nodes())
		for k, n := range t.Nodes[i] {
			if places[i][k] = len(layer.Nodes); n == 0 {
				continue
			}
			node := PathNode{Sort: NodeValue, Count: n}
			switch {
			case k < len(l.Values):
				node.Value = label(l.Values[k])
			case k == len(l.Values):
				node.Sort, node.Value = NodeOther, groupOther
			case layer.Step < 0:
				node.Sort, node.Value = NodeStart, "$start"
			default:
				node.Sort, node.Value = NodeEnd, "$end"
			}
			layer.Nodes = append(layer.Nodes, node)
		}
	}
	for i, links := range t.Links {
		for from, list := range links {
			for to, n := range list {
				if n > 0 {
					between = append(between, PathLink{Step: out[i].Step, From: places[i][from], To: places[i+1][to], Count: n})
				}
			}
		}
	}
	return out, between
}
