package query_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/query/funnel"
	"github.com/freshet/freshet/internal/query/funnel/funneltest"
)

// pathOracle finds paths event by event, as lists of groups; the empty tag with end set is an end.
type pathOracle struct {
	*oracle
	q             *query.Paths
	grouper       *grouper
	window, gap   int64
	before, after int
	from, to      int64
	// given are, for paths of a funnel, the positions of two steps' events of each result; the second one only between steps.
	given map[uint64][][2]uint64
	// anchors are the events that the paths found so far are counted from.
	anchors []*event.Event
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
	if f := o.q.Funnel; f != nil {
		return slices.ContainsFunc(f.Question.Steps, func(s query.FunnelStep) bool { return o.selects(e, s.Selector, f.Question.Where) })
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

// ofFunnel finds the events of the results that count in the funnel's cell. It is false where that would take too long.
func (o *pathOracle) ofFunnel(edges []time.Time, asOf time.Time) bool {
	p := o.q.Funnel
	f := &funnelOracle{oracle: o.oracle, q: &p.Question, asOf: asOf}
	if f.chains(edges) > maxChains {
		return false
	}
	f.held = map[string]int32{}
	o.given = map[uint64][][2]uint64{}
	config := f.config(edges, p.Question.Window)
	config.Trace = true
	for unit, tape := range f.tapes() {
		person, _ := strconv.ParseUint(unit, 10, 64)
		for _, a := range funneltest.Answers(config, tape) {
			done := func(step int) bool { return step <= len(a.Times) && a.Times[step-1] != funnel.None }
			later := false
			for s := p.Step + 1; s <= len(a.Times); s++ {
				later = later || done(s)
			}
			in := map[string]bool{
				"entered": true, "converted": a.State == funnel.Converted, "dropped": a.State == funnel.Dropped,
				"open": a.State == funnel.Open, "stopped_here": !later,
			}[p.State]
			if !in || !done(p.Step) || p.Question.Mature && a.State == funnel.Open || p.Side == "between" && !done(p.Step+1) {
				continue
			}
			pair := [2]uint64{a.Events[p.Step-1]}
			if p.Side == "between" {
				pair[1] = a.Events[p.Step]
			}
			o.given[person] = append(o.given[person], pair)
		}
	}
	return true
}

// between is a path from one step's event to the next one's.
func (o *pathOracle) between(list []*event.Event, from, to int) []pathStep {
	out := []pathStep{o.step(list[from])}
	add := func(e *event.Event) {
		if s := o.step(e); len(out) <= o.after && (!o.q.CollapseRepeats || s != out[len(out)-1]) {
			out = append(out, s)
		}
	}
	for i := from + 1; i < to; i++ {
		if o.isStep(list[i]) {
			add(list[i])
		}
	}
	add(list[to])
	for len(out) <= o.after {
		out = append(out, pathStep{end: true})
	}
	return out
}

// givenPaths are the paths of a funnel.
func (o *pathOracle) givenPaths() (out [][]pathStep) {
	lists := o.histories("", func(e *event.Event) bool { return o.isStep(e) || o.isAnchor(e) })
	for person, pairs := range o.given {
		list := lists[person]
		at := func(position uint64) int {
			return slices.IndexFunc(list, func(e *event.Event) bool { return e.Derived.Position == position })
		}
		for _, p := range pairs {
			i := at(p[0])
			o.anchors = append(o.anchors, list[i])
			if o.q.Funnel.Side == "between" {
				out = append(out, o.between(list, i, at(p[1])))
				continue
			}
			before := o.side(list, i, -1, o.before)
			slices.Reverse(before)
			out = append(out, append(append(before, o.step(list[i])), o.side(list, i, 1, o.after)...))
		}
	}
	return out
}

func (o *pathOracle) paths() (out [][]pathStep) {
	if o.q.Funnel != nil {
		return o.givenPaths()
	}
	for _, list := range o.histories("", func(e *event.Event) bool { return o.isStep(e) || o.isAnchor(e) }) {
		last := -1
		for i, e := range list {
			if !o.isAnchor(e) || e.Derived.Time < o.from || e.Derived.Time >= o.to {
				continue
			}
			if last >= 0 && (o.q.Unit == "actors" || o.q.Unit == "sessions" && !o.paused(list, last, i)) {
				continue
			}
			last = i
			o.anchors = append(o.anchors, e)
			before := o.side(list, i, -1, o.before)
			slices.Reverse(before)
			out = append(out, append(append(before, o.step(e)), o.side(list, i, 1, o.after)...))
		}
	}
	return out
}

// show counts paths as text: the layers, and the links by their labels. Which values a step shows is a matter of all paths.
func (o *pathOracle) show(all, paths [][]pathStep) (layers, links []string) {
	n := o.before + 1 + o.after
	name := make([]func(pathStep) string, n)
	for i := range n {
		counts, own := map[pathStep]int{}, map[pathStep]int{}
		for _, p := range all {
			counts[p[i]]++
		}
		for _, p := range paths {
			own[p[i]]++
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
		for s, k := range own {
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

func shownPaths(all []query.PathLayer, between []query.PathLink) (layers, links []string) {
	first := all[0].Step
	for _, l := range all {
		line := ""
		for _, n := range l.Nodes {
			line += fmt.Sprintf("%s %d; ", nodeName(n), n.Count)
		}
		layers = append(layers, line)
	}
	node := func(step, place int) string {
		return nodeName(all[step-first].Nodes[place])
	}
	for _, l := range between {
		links = append(links, fmt.Sprint(l.Step, " ", node(l.Step, l.From), " > ", node(l.Step+1, l.To), " ", l.Count))
	}
	slices.Sort(links)
	return layers, links
}

func agreePaths(rt *rapid.T, e *query.Engine, o *oracle, now time.Time) {
	r, err := e.ResolvePaths(o.scope, drawPaths(rt, now))
	if event.KindOf(err) == event.Invalid {
		return
	}
	if err != nil {
		rt.Fatal(err)
	}
	o.attribute(r.SignedOut)
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
	to := r.To != nil || r.Funnel != nil && r.Funnel.Side == "before"
	if !to {
		p.after = r.Depth
	}
	if to || r.Through != nil {
		p.before = r.Depth
	}
	if r.Funnel != nil && !p.ofFunnel([]time.Time{a.Range.From, a.Range.To}, r.FunnelAsOf()) {
		return
	}
	paths := p.paths()
	layers, links := shownPaths(a.Layers, a.Links)
	wantLayers, wantLinks := p.show(paths, paths)
	if a.Paths != int64(len(paths)) || !slices.Equal(layers, wantLayers) || !slices.Equal(links, wantLinks) {
		rt.Fatalf("%s\n%d paths, want %d\n%q\nwant\n%q\n%q\nwant\n%q", asJSON(a.Question), a.Paths, len(paths), layers, wantLayers, links, wantLinks)
	}
	p.agreeGroups(rt, a, paths)
	if again, err := e.ResolvePaths(o.scope, &a.Question); err != nil || again.Key() != r.Key() {
		rt.Fatalf("the question in the answer is another one: %v %s", err, asJSON(a.Question))
	}
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
	q.SignedOut = drawSignedOut(t)
	if q.Breakdown = drawBreakdown(t); len(q.Breakdown) > 0 {
		q.BreakdownLimit = rapid.IntRange(0, 3).Draw(t, "limit")
	}
	if q.Unit == "sessions" || q.Unit == "transitions" {
		q.Gap = rapid.SampledFrom([]string{"", "30min", "2h"}).Draw(t, "gap")
	}
	anchor := drawSelector(t)
	switch rapid.IntRange(0, 5).Draw(t, "direction") {
	case 4, 5:
		q.Funnel = drawPathsFunnel(t, q, now)
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

// drawPathsFunnel makes the rest of the question fit.
func drawPathsFunnel(t *rapid.T, q *query.Paths, now time.Time) *query.PathsFunnel {
	f := drawFunnel(t, now)
	f.Unit, f.UnitBy, f.Breakdown, f.BreakdownLimit, f.Attribution, f.AttributionStep = "", nil, nil, 0, "", 0
	if rapid.Bool().Draw(t, "plain funnel") {
		// Of the few people there are, more get somewhere.
		f.Where, f.Hold, f.HoldCounts = nil, nil, ""
	}
	f.Range = rapid.SampledFrom([]query.Range{{}, q.Range}).Draw(t, "funnel range")
	q.Unit, q.Gap = "", ""
	p := &query.PathsFunnel{
		Question: *f, Step: rapid.IntRange(0, len(f.Steps)).Draw(t, "step"),
		State: rapid.SampledFrom(append([]string{""}, query.FunnelStates()...)).Draw(t, "state"),
		Side:  rapid.SampledFrom(append([]string{""}, query.PathSides()...)).Draw(t, "side"),
	}
	if p.Side == "between" {
		q.Window = ""
	}
	return p
}
