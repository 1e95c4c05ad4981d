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
	// Unparsed has the properties that the question reads as numbers.
	Unparsed  []Unparsed      `json:"unparsed,omitempty"`
	Question  Paths           `json:"question"`
	Watermark store.Watermark `json:"watermark"`
	Cached    bool            `json:"cached"`
	TookMS    float64         `json:"took_ms"`
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
	err := e.timed(ctx, "paths", s, &a.Watermark, &a.TookMS, func(ctx context.Context, cut *peopledCut) error {
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
	steps *path.Steps
	paths []int32
	// room is for how many steps of paths; more tells that not all were kept.
	room int
	more bool
}

func (w *walked) add(paths []int32) {
	w.steps.Add(paths)
	if w.more = w.more || len(w.paths)+len(paths) > w.room; !w.more {
		w.paths = append(w.paths, paths...)
	}
}

// walk chooses the values of every step first, and then counts what leads from which to which.
func (r *ResolvedPaths) walk(ctx context.Context, a *PathsAnswer, p *pathed) error {
	var found []*walked
	err := p.events.Each(ctx, func() func(*history.Actor) {
		m, w := p.machine(), &walked{steps: path.NewSteps(p.config, len(p.values.groups)), room: r.room}
		found = append(found, w)
		return func(a *history.Actor) { w.add(m.Walk(a)) }
	})
	if err != nil {
		return err
	}
	steps, more := found[0].steps, found[0].more
	for _, w := range found[1:] {
		steps.Merge(w.steps)
		more = more || w.more
	}
	layers := p.layers(steps, r.Nodes)
	tally := path.NewTally(layers)
	if more {
		err = p.again(ctx, layers, tally)
	} else {
		for _, w := range found {
			tally.Add(w.paths)
		}
	}
	if err != nil {
		return err
	}
	a.Paths = steps.Paths
	r.show(a, layers, tally, p.label)
	return nil
}

// layers are the values that every step shows.
func (p *pathed) layers(steps *path.Steps, limit int) []path.Layer {
	return steps.Layers(limit, func(a, b int32) int { return compareGroups(p.values.groups[a], p.values.groups[b]) })
}

// again walks the people a second time.
func (p *pathed) again(ctx context.Context, layers []path.Layer, tally *path.Tally) error {
	var tallies []*path.Tally
	err := p.events.Each(ctx, func() func(*history.Actor) {
		m, t := p.machine(), path.NewTally(layers)
		tallies = append(tallies, t)
		return func(a *history.Actor) { t.Add(m.Walk(a)) }
	})
	for _, t := range tallies {
		tally.Merge(t)
	}
	return err
}

// show leaves out nodes of no path.
func (r *ResolvedPaths) show(a *PathsAnswer, layers []path.Layer, t *path.Tally, label func(code int32) any) {
	a.Layers, a.Links = make([]PathLayer, len(layers)), []PathLink{}
	places := make([][]int, len(layers))
	for i, l := range layers {
		layer := &a.Layers[i]
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
					a.Links = append(a.Links, PathLink{Step: a.Layers[i].Step, From: places[i][from], To: places[i+1][to], Count: n})
				}
			}
		}
	}
}
