package query

import (
	"context"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/query/path"
)

// Paths asks what people do step by step: after an event (From), before one (To), on both sides of one (Through), or
// from the first step in the range on.
//
// A field that is left out takes its default, or that of the preset; the answer repeats the question with every field
// filled in.
type Paths struct {
	// Kind is "paths".
	Kind string `json:"kind,omitempty"`
	// Preset is one of Presets.
	Preset string `json:"preset,omitempty"`
	// Range holds the events that paths lead from or to; their other steps may lie outside, within the window.
	Range    Range  `json:"range"`
	Timezone string `json:"timezone,omitempty"`
	// SignedOut says whose the events of an id are that somebody has signed out of, one of SignedOuts.
	SignedOut string `json:"signed_out,omitempty"`
	// Steps are the events that are steps; default all but those that happen without the person and those that only
	// tell who it is.
	Steps *Selector `json:"steps,omitempty"`
	Where *Filter   `json:"where,omitempty"`
	// Node is the property that names a step; default $event.
	Node *PropertyRef `json:"node,omitempty"`
	// At most one of From, To, Through and Funnel is given.
	From    *Selector `json:"from,omitempty"`
	To      *Selector `json:"to,omitempty"`
	Through *Selector `json:"through,omitempty"`
	// Funnel leads paths from or to the events by which people reached a step of a funnel.
	Funnel *PathsFunnel `json:"funnel,omitempty"`
	// Depth is how many steps follow or precede, 1 to 10; default 5, or 3 on either side.
	Depth int `json:"depth,omitempty"`
	// Unit is one of PathUnits.
	Unit string `json:"unit,omitempty"`
	// Window is how far from its first event, or the one of From, To or Through, a path may go, such as 30min, 24h or
	// 7d; default 7d for actors, 24h for others.
	Window string `json:"window,omitempty"`
	// Gap is the longest pause within a session; default the project's.
	Gap string `json:"gap,omitempty"`
	// CollapseRepeats makes one step of equal ones that follow each other.
	CollapseRepeats bool `json:"collapse_repeats,omitempty"`
	// Nodes is how many values a step shows, 1 to 100, default 10; all others are one more, "$other".
	Nodes int `json:"nodes,omitempty"`
	// Breakdown splits paths by values of the event that they lead from or to.
	Breakdown []Breakdown `json:"breakdown,omitempty"`
	// BreakdownLimit is how many values have paths of their own, those with most paths; all others have theirs together.
	BreakdownLimit int `json:"breakdown_limit,omitempty"`
}

const (
	unitActors      = "actors"
	unitSessions    = "sessions"
	unitTransitions = "transitions"

	maxPathDepth = 10
	maxPathNodes = 100
	// maxPathValues bounds the different steps that paths may have.
	maxPathValues = 100_000
	keptSteps     = 1 << 24
	fieldNode     = "node"
)

// PathUnits lists what has a path: every person, every session of one, or every event that paths lead from or to.
func PathUnits() []string { return []string{unitActors, unitSessions, unitTransitions} }

// ResolvedPaths is a question with every default filled in and every relative time made absolute.
type ResolvedPaths struct {
	Paths
	Resolution
	config path.Config
	// funnel is that of Funnel, spot its cell.
	funnel *ResolvedFunnel
	spot   *funnelSpot
	// room is how many steps of paths a worker keeps; where there are more, people are walked again.
	room int
}

// ResolvePaths checks a question and fills in its defaults. The question is not changed.
func (e *Engine) ResolvePaths(s Scope, q *Paths) (*ResolvedPaths, error) {
	out := &ResolvedPaths{Paths: *q}
	err := e.resolving(func(ctx context.Context) error { return out.resolve(ctx, e, s) })
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (r *ResolvedPaths) resolve(ctx context.Context, e *Engine, s Scope) error {
	q := &r.Paths
	var week, interval string
	q.Funnel = q.Funnel.framed(q)
	f, err := e.frameOf(s, frame{&q.Kind, &q.Preset, &q.Timezone, &q.SignedOut, &week, &interval, &q.Range, &q.Where}, "paths", []string{"day"})
	if err != nil {
		return err
	}
	given := q.Range
	for _, step := range []func() error{
		func() error { return q.selectors(&f.check) }, q.options,
		func() error { return q.durations(&r.config, s.SessionGap) },
		func() error { return f.breakdowns(&q.Breakdown, &q.BreakdownLimit) },
		func() error { return f.groupsFit(len(q.Breakdown), q.BreakdownLimit, q.numbers()) },
		func() error { return f.cutRange(ctx) },
		func() error { return r.ofFunnel(e, s, given, &f.buckets) },
		func() error { return f.properties(ctx) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	r.Resolution = Resolution{zone: f.zone, known: f.known, buckets: f.buckets, casts: f.check.casts()}
	r.castsOfFunnel()
	r.configure()
	if r.funnel == nil {
		r.key, err = f.keyOf(q, 0)
		return err
	}
	r.key, err = f.keyOf(struct {
		Paths  *Paths
		Funnel string
	}{q, r.funnel.key}, 0)
	return err
}

// anchor is the selector of the events that paths lead from or to, nil for the first steps.
func (q *Paths) anchor() *Selector {
	for _, s := range []*Selector{q.From, q.To, q.Through} {
		if s != nil {
			return s
		}
	}
	return nil
}

func (q *Paths) selectors(c *checker) error {
	if q.Steps == nil {
		q.Steps = &Selector{Where: &Filter{PropertyRef: PropertyRef{Property: "$event"}, Op: "not_in", Value: notSteps()}}
	}
	given := 0
	for _, s := range []struct {
		field string
		at    **Selector
	}{{"steps", &q.Steps}, {"from", &q.From}, {"to", &q.To}, {"through", &q.Through}} {
		if *s.at == nil {
			continue
		}
		checked, err := c.selector(**s.at, s.field)
		if err != nil {
			return err
		}
		*s.at = &checked
		if given++; given > 2 {
			// One besides the steps.
			return invalid(s.field, "ambiguous_direction", "give one of from, to, through and funnel, not several")
		}
	}
	if given > 1 && q.Funnel != nil {
		return invalid("funnel", "ambiguous_direction", "give one of from, to, through and funnel, not several")
	}
	if q.Node == nil {
		q.Node = &PropertyRef{Property: "$event"}
	}
	node, err := c.ref(*q.Node, "node")
	q.Node = &node
	return err
}

// notSteps are the names of events that are no steps unless asked for.
func notSteps() []any {
	names := append([]string{event.NameIdentify, event.NameGroup, event.NameAlias}, silentEvents()...)
	out := make([]any, len(names))
	for i, name := range names {
		out[i] = name
	}
	return out
}

func (q *Paths) options() error {
	if q.Preset == presetPostHog && q.Funnel == nil {
		fill(&q.Unit, unitTransitions)
	}
	fill(&q.Unit, unitActors)
	if err := oneOf("unit", q.Unit, PathUnits()); err != nil {
		return err
	}
	if q.Funnel != nil && q.Unit != unitActors {
		return invalid("unit", "misplaced_unit", "a funnel of people has the paths of people; unit must be actors")
	}
	if q.Depth == 0 {
		q.Depth = 5
		if q.Through != nil {
			q.Depth = 3
		}
	}
	if q.Depth < 1 || q.Depth > maxPathDepth {
		return invalid("depth", "bad_depth", "depth is %d, it must be 1 to %d", q.Depth, maxPathDepth)
	}
	if q.Nodes == 0 {
		q.Nodes = 10
	}
	if q.Nodes < 1 || q.Nodes > maxPathNodes {
		return invalid("nodes", "bad_nodes", "nodes is %d, it must be 1 to %d", q.Nodes, maxPathNodes)
	}
	return nil
}

// numbers bounds the links of a group. A layer has two nodes more than values: those of all others, and what has ended.
func (q *Paths) numbers() int {
	steps := q.Depth
	if q.Through != nil {
		steps *= 2
	}
	return steps * (q.Nodes + 2) * (q.Nodes + 2)
}

// durations fills in and reads the lengths of time.
func (q *Paths) durations(c *path.Config, gap time.Duration) error {
	window := "24h"
	if q.Unit == unitActors {
		window = "7d"
		if q.Preset == presetMixpanel {
			window = "30d"
		}
		if q.Gap != "" {
			return invalid("gap", "misplaced_gap", "actors have paths of any length; a gap is for sessions and transitions")
		}
	} else if q.Preset != "" {
		fill(&q.Gap, spell(30*time.Minute))
	} else {
		fill(&q.Gap, spell(gap))
	}
	if q.Funnel.between() {
		if q.Window != "" {
			return invalid("window", "misplaced_window", "between two steps a path ends with the second one, and goes by no window")
		}
		return nil
	}
	fill(&q.Window, window)
	d, err := duration("window", q.Window)
	if err != nil {
		return err
	}
	c.Window = d.Microseconds()
	if q.Gap == "" {
		return nil
	}
	d, err = duration("gap", q.Gap)
	c.Gap = d.Microseconds()
	return err
}

// configure sets the machine up.
func (r *ResolvedPaths) configure() {
	c := &r.config
	r.room = keptSteps
	c.Unit = map[string]path.Unit{unitActors: path.Actors, unitSessions: path.Sessions, unitTransitions: path.Transitions}[r.Unit]
	c.Step, c.Anchor, c.Collapse = 1, 2, r.CollapseRepeats
	if r.anchor() == nil {
		c.Anchor = c.Step
	}
	c.From, c.To = r.buckets.from().UnixMicro(), r.buckets.to().UnixMicro()
	if to := r.To != nil || r.Funnel != nil && r.Funnel.Side == sideBefore; !to {
		c.After = r.Depth
	} else {
		c.Before = r.Depth
	}
	if r.Through != nil {
		c.Before = r.Depth
	}
}

// selection reads what the machine needs.
func (r *ResolvedPaths) selection(e *Engine, cut cohortCut, breakdown []*dimension) *selection {
	node := &dimension{Breakdown: Breakdown{PropertyRef: *r.Node}}
	s := &selection{
		engine: e, cut: cut, zone: r.zone, where: r.Where, selectors: []Selector{*r.Steps}, ordered: true,
		from: r.buckets.from(), to: r.buckets.to(), dimensions: append([]*dimension{node}, breakdown...),
	}
	if len(breakdown) == 0 {
		s.field, s.maxValues = fieldNode, maxPathValues
	}
	if anchor := r.anchor(); anchor != nil {
		s.selectors = append(s.selectors, *anchor)
	}
	if r.funnel != nil {
		r.selectFunnel(s)
	}
	window := time.Duration(r.config.Window) * time.Microsecond
	if r.config.Before > 0 {
		s.from = s.from.Add(-window)
	}
	if r.config.After > 0 {
		s.to = s.to.Add(window)
	}
	return s
}
