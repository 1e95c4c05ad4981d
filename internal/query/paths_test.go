package query_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/query"
)

// pathOracle finds paths event by event, as lists of groups; the empty tag with end set is an end.
type pathOracle struct {
	*oracle
	q             *query.Paths
	grouper       *grouper
	window, gap   int64
	before, after int
	from, to      int64
}

type pathStep struct {
	label any
	tag   string
	end   bool
}

func (o *pathOracle) isStep(e *event.Event) bool { return o.selects(e, *o.q.Steps, o.q.Where) }

func (o *pathOracle) isAnchor(e *event.Event) bool {
	for _, s := range []*query.Selector{o.q.From, o.q.To, o.q.Through} {
		if s != nil {
			return o.selects(e, *s, o.q.Where)
		}
	}
	return o.isStep(e)
}

func (o *pathOracle) step(e *event.Event) pathStep {
	g := o.grouper.of(e)
	return pathStep{label: g.labels[0], tag: g.tags[0]}
}

// apart tells whether there is a pause between two events of a list, or one is too far from the other.
func (o *pathOracle) apart(list []*event.Event, i, j int) bool {
	i, j = min(i, j), max(i, j)
	if list[j].Derived.Time-list[i].Derived.Time > o.window {
		return true
	}
	return o.q.Unit != "actors" && o.paused(list, i, j)
}

func (o *pathOracle) paused(list []*event.Event, i, j int) bool {
	for k := i; k < j; k++ {
		if list[k+1].Derived.Time-list[k].Derived.Time > o.gap {
			return true
		}
	}
	return false
}

func (o *pathOracle) side(list []*event.Event, anchor, direction, n int) (out []pathStep) {
	last := o.step(list[anchor])
	for i := anchor + direction; i >= 0 && i < len(list) && len(out) < n; i += direction {
		s := o.step(list[i])
		if !o.isStep(list[i]) || o.apart(list, anchor, i) || o.q.CollapseRepeats && s == last {
			continue
		}
		out, last = append(out, s), s
	}
	for len(out) < n {
		out = append(out, pathStep{end: true})
	}
	return out
}

func (o *pathOracle) paths() (out [][]pathStep) {
	for _, list := range o.histories(func(e *event.Event) bool { return o.isStep(e) || o.isAnchor(e) }) {
		last := -1
		for i, e := range list {
			if !o.isAnchor(e) || e.Derived.Time < o.from || e.Derived.Time >= o.to {
				continue
			}
			if last >= 0 && (o.q.Unit == "actors" || o.q.Unit == "sessions" && !o.paused(list, last, i)) {
				continue
			}
			last = i
			before := o.side(list, i, -1, o.before)
			slices.Reverse(before)
			out = append(out, append(append(before, o.step(e)), o.side(list, i, 1, o.after)...))
		}
	}
	return out
}

// show counts paths as text: the layers, and the links by their labels.
func (o *pathOracle) show(paths [][]pathStep) (layers, links []string) {
	n := o.before + 1 + o.after
	name := make([]func(pathStep) string, n)
	for i := range n {
		counts := map[pathStep]int{}
		for _, p := range paths {
			counts[p[i]]++
		}
		var order []pathStep
		for s := range counts {
			if !s.end {
				order = append(order, s)
			}
		}
		slices.SortFunc(order, func(a, b pathStep) int { return cmp.Or(counts[b]-counts[a], cmp.Compare(a.tag, b.tag)) })
		top := order[:min(len(order), o.q.Nodes)]
		name[i] = func(s pathStep) string {
			switch {
			case s.end && i < o.before:
				return "start $start"
			case s.end:
				return "end $end"
			case !slices.Contains(top, s):
				return "other $other"
			}
			return "value " + asJSON(s.label)
		}
		shown := map[string]int{}
		for s, k := range counts {
			shown[name[i](s)] += k
		}
		line := ""
		for _, s := range append(slices.Clone(top), pathStep{tag: "\x00none of them"}, pathStep{end: true}) {
			if k := shown[name[i](s)]; k > 0 {
				line += fmt.Sprintf("%s %d; ", name[i](s), k)
			}
		}
		layers = append(layers, line)
	}
	counts := map[string]int{}
	for _, p := range paths {
		for i := range n - 1 {
			counts[fmt.Sprint(i-o.before, " ", name[i](p[i]), " > ", name[i+1](p[i+1]))]++
		}
	}
	for k, c := range counts {
		links = append(links, fmt.Sprint(k, " ", c))
	}
	slices.Sort(links)
	return layers, links
}

// nodeName tells a text from a number.
func nodeName(n query.PathNode) string {
	if n.Sort == query.NodeValue {
		return n.Sort + " " + asJSON(n.Value)
	}
	return fmt.Sprint(n.Sort, " ", n.Value)
}

func shownPaths(a *query.PathsAnswer) (layers, links []string) {
	first := a.Layers[0].Step
	for _, l := range a.Layers {
		line := ""
		for _, n := range l.Nodes {
			line += fmt.Sprintf("%s %d; ", nodeName(n), n.Count)
		}
		layers = append(layers, line)
	}
	node := func(step, place int) string {
		return nodeName(a.Layers[step-first].Nodes[place])
	}
	for _, l := range a.Links {
		links = append(links, fmt.Sprint(l.Step, " ", node(l.Step, l.From), " > ", node(l.Step+1, l.To), " ", l.Count))
	}
	slices.Sort(links)
	return layers, links
}

func TestPathsAgreeWithOracle(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		askHistory(t, rt, 6, func(e *query.Engine, o *oracle, now time.Time) {
			r, err := e.ResolvePaths(o.scope, drawPaths(rt, now))
			if event.KindOf(err) == event.Invalid {
				return
			}
			if err != nil {
				rt.Fatal(err)
			}
			if rapid.Bool().Draw(rt, "walk again") {
				r.KeepSteps(0)
			}
			a, err := e.Paths(context.Background(), o.scope, r)
			if err != nil {
				rt.Fatal(err)
			}
			p := &pathOracle{
				oracle: o, q: &a.Question, grouper: &grouper{o: o, breakdown: []query.Breakdown{{PropertyRef: *r.Node}}, boundaries: make([][]float64, 1)},
				from: a.Range.From.UnixMicro(), to: a.Range.To.UnixMicro(),
				window: map[string]int64{"30min": 1800e6, "24h": 86400e6, "7d": 7 * 86400e6, "30d": 30 * 86400e6}[r.Window],
				gap:    map[string]int64{"30min": 1800e6, "2h": 7200e6}[r.Gap],
			}
			if r.To == nil {
				p.after = r.Depth
			}
			if r.To != nil || r.Through != nil {
				p.before = r.Depth
			}
			paths := p.paths()
			layers, links := shownPaths(a)
			wantLayers, wantLinks := p.show(paths)
			if a.Paths != int64(len(paths)) || !slices.Equal(layers, wantLayers) || !slices.Equal(links, wantLinks) {
				rt.Fatalf("%s\n%d paths, want %d\n%q\nwant\n%q\n%q\nwant\n%q", asJSON(a.Question), a.Paths, len(paths), layers, wantLayers, links, wantLinks)
			}
			if again, err := e.ResolvePaths(o.scope, &a.Question); err != nil || again.Key() != r.Key() {
				rt.Fatalf("the question in the answer is another one: %v %s", err, asJSON(a.Question))
			}
		})
	})
}

func drawPaths(t *rapid.T, now time.Time) *query.Paths {
	q := &query.Paths{
		Preset: rapid.SampledFrom(append([]string{""}, query.Presets()...)).Draw(t, "preset"), Range: drawRange(t, now),
		Depth: rapid.IntRange(0, 3).Draw(t, "depth"), Nodes: rapid.IntRange(0, 3).Draw(t, "nodes"),
		Unit:            rapid.SampledFrom(append([]string{""}, query.PathUnits()...)).Draw(t, "unit"),
		Window:          rapid.SampledFrom([]string{"", "30min", "24h", "7d"}).Draw(t, "window"),
		CollapseRepeats: rapid.Bool().Draw(t, "collapse"),
	}
	q.Timezone, _, q.Where = drawFrame(t)
	if q.Unit == "sessions" || q.Unit == "transitions" {
		q.Gap = rapid.SampledFrom([]string{"", "30min", "2h"}).Draw(t, "gap")
	}
	anchor := drawSelector(t)
	switch rapid.IntRange(0, 3).Draw(t, "direction") {
	case 0:
		q.From = &anchor
	case 1:
		q.To = &anchor
	case 2:
		q.Through = &anchor
	}
	if rapid.IntRange(0, 2).Draw(t, "steps?") == 0 {
		steps := drawSelector(t)
		q.Steps = &steps
	}
	if rapid.IntRange(0, 2).Draw(t, "node?") == 0 {
		ref := drawRef(t)
		q.Node = &ref
	}
	return q
}
