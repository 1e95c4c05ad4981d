package query

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/query/history"
	"github.com/freshet/freshet/internal/query/path"
)

// alone is false: what a step shows depends on everybody.
func (r *ResolvedPaths) alone() bool { return false }

// pathCase is one person's paths, among those of everybody.
type pathCase struct {
	*ResolvedPaths
	*explaining
	*pathed
	cell  *PeopleOfPaths
	spot  *pathSpot
	shown *pathShown
	actor *history.Actor
	// through are the person's paths, values the places of their values of the breakdown.
	through, values []int32
	// nearStep is the step that is proposed, if one is.
	nearStep *int
}

func (r *ResolvedPaths) explain(ctx context.Context, g *ground, data json.RawMessage, x *explaining) error {
	c := &pathCase{ResolvedPaths: r, explaining: x}
	var err error
	if c.cell, err = decodeCell[PeopleOfPaths](data); err != nil {
		return err
	}
	if err := r.check(c.cell); err != nil {
		return err
	}
	if c.pathed, err = r.gather(ctx, x.all); err != nil {
		return err
	}
	defer c.events.Free()
	if c.shown, err = r.chosen(ctx, c.pathed); err != nil {
		return err
	}
	if c.spot, err = r.place(c.cell, c.shown, c.pathed); err != nil {
		return err
	}
	if err := c.walk(ctx); err != nil {
		return err
	}
	n := r.config.Steps()
	switch {
	case len(c.through) == 0:
		return c.none(ctx, g)
	case x.In:
		x.say(ReasonCounted, "has %d paths, at least one of them through the cell; the first one is %s", len(c.through)/n, c.told(c.through[:n]))
	case c.otherValue(n):
	default:
		x.say(ReasonNode, "has %d paths, none of them through the cell; the first one is %s", len(c.through)/n, c.told(c.through[:n]))
		c.elsewhere(n)
	}
	for _, e := range c.actor.Events {
		x.by(e.Seq, "match")
	}
	return nil
}

// walk finds the person's paths.
func (c *pathCase) walk(ctx context.Context) error {
	found, err := walkAll(ctx, c.events, func() (*unitEvents, func(*history.Actor)) {
		out := &unitEvents{}
		return out, func(a *history.Actor) {
			if a.ID == c.number {
				*out = append(*out, slices.Clone(a.Events))
			}
		}
	})
	if err != nil {
		return err
	}
	c.actor = &history.Actor{ID: c.number}
	for _, events := range *found {
		c.actor.Events = events
	}
	c.through, c.values = c.walker()(c.actor)
	return nil
}

// inGroup tells whether a path is one of the cell's group.
func (c *pathCase) inGroup(i int) bool {
	return c.spot.line < 0 || c.shown.lines[c.values[i]] == c.spot.line
}

// otherValue is for a group in which the person has no path, or none through the cell where another group has one.
func (c *pathCase) otherValue(n int) bool {
	anywhere := *c.spot
	anywhere.line = -1
	own := false
	for i := range len(c.through) / n {
		own = own || c.inGroup(i)
		if !c.inGroup(i) && anywhere.holds(c.shown, c.through[i*n:(i+1)*n], nil) {
			group, cell := labels(c.breakdown, c.shown.groups[c.shown.lines[c.values[i]]]), *c.cell
			cell.Breakdown = group
			c.say(ReasonValue, "has a path through the cell, but it counts at another value of the breakdown: %s", labelText(group))
			c.proved = true
			c.nearest(&cell, "cell.breakdown", group, "would be in for the value %s", labelText(group))
			return true
		}
	}
	if !own {
		c.say(ReasonValue, "has %d paths, all of them at other values of the breakdown", len(c.through)/n)
	}
	return !own
}

// told is a path in words.
func (p *pathed) told(steps []int32) string {
	var out []string
	for _, s := range steps {
		if s != path.End {
			out = append(out, fmt.Sprint(p.label(s)))
		}
	}
	return strings.Join(out, " > ")
}

// none is for somebody without a path: is there an anchor outside of the range?
func (c *pathCase) none(ctx context.Context, g *ground) error {
	if c.funnel != nil {
		c.say(ReasonNoEvent, "has no path: the funnel does not count the person there")
		return nil
	}
	c.say(ReasonNoEvent, "has no path: never did an event that paths lead from or to")
	anchor := c.anchor()
	if anchor == nil {
		anchor = c.Steps
	}
	sel := &selection{engine: g.engine, cut: g.cut, zone: c.zone, where: c.Where, selectors: []Selector{*anchor}, to: forever}
	events, err := sel.ownEvents(ctx)
	if err != nil || len(events) == 0 {
		return err
	}
	from, to := c.buckets.from(), c.buckets.to()
	away := func(e history.Event) int64 { return max(from.UnixMicro()-e.Time, e.Time-to.UnixMicro()+1) }
	near := events[0]
	for _, e := range events {
		if away(e) < away(near) {
			near = e
		}
	}
	c.by(near.Seq, "match")
	c.say(ReasonOutside, "has no path: did no event that paths lead from or to in the range; the nearest one at %s", momentText(near.Time, c.zone))
	if at := time.UnixMicro(near.Time).In(c.zone); at.Before(from) {
		from = at.Truncate(time.Second)
	} else {
		to = at.Truncate(time.Second).Add(time.Second)
	}
	q := c.Paths
	q.Range = Range{From: from.Format(time.RFC3339Nano), To: to.Format(time.RFC3339Nano)}
	resolve := func(e *Engine, s Scope) (counted, error) { return e.ResolvePaths(s, &q) }
	c.nearestQuestion(resolve, "range", q.Range, "would be in with the range from %s to %s", q.Range.From, q.Range.To)
	return nil
}

// elsewhere finds the cell nearest to one that a path of the person goes through: the same value at another step, or another
// node of the same step; of a link its other end. It goes by what everybody has at the steps and needs no proof.
func (c *pathCase) elsewhere(n int) {
	c.proved = true
	for i := range len(c.through) / n {
		if !c.inGroup(i) {
			continue
		}
		steps := c.through[i*n : (i+1)*n]
		c.node(steps)
		if c.cell.Next == nil {
			c.step(steps)
		}
	}
}

// node proposes the node of a path in the cell's layer, unless there is another proposal.
func (c *pathCase) node(steps []int32) {
	if c.Nearest != nil || c.spot.node < 0 {
		return
	}
	at, cell := c.spot.layer, *c.cell
	own := c.shown.layers[at].Node(steps[at])
	switch {
	case c.cell.Next == nil:
		cell.Node = c.placed(at, steps[at])
	case own == c.spot.node:
		cell.Next = c.placed(at+1, steps[at+1])
		c.nearest(&cell, "cell.next", cell.Next, "would be in for the link to %s", cell.Next)
		return
	case c.shown.layers[at+1].Node(steps[at+1]) == c.spot.next:
		cell.Node = c.placed(at, steps[at])
	default:
		return
	}
	c.nearest(&cell, "cell.node", cell.Node, "would be in for the node %s", cell.Node)
}

// step proposes the nearest step at which a path has the cell's value.
func (c *pathCase) step(steps []int32) {
	layer := &c.shown.layers[c.spot.layer]
	if c.spot.node < 0 || c.spot.node >= len(layer.Values) {
		return
	}
	for i, value := range steps {
		if value != layer.Values[c.spot.node] || c.shown.layers[i].Node(value) == c.shown.layers[i].Others() {
			continue
		}
		step := i - c.ResolvedPaths.config.Before
		if c.nearStep != nil && distance(step, c.cell.Step) >= distance(*c.nearStep, c.cell.Step) {
			continue
		}
		cell := *c.cell
		cell.Step, c.nearStep = step, &step
		c.nearest(&cell, "cell.step", step, "would be in for step %d", step)
	}
}

// placed names the node of a value as a cell does.
func (c *pathCase) placed(layer int, value int32) *PathPlace {
	l := &c.shown.layers[layer]
	switch at := l.Node(value); {
	case at == l.Ended() && layer < c.ResolvedPaths.config.Before:
		return &PathPlace{Sort: NodeStart}
	case at == l.Ended():
		return &PathPlace{Sort: NodeEnd}
	case at == l.Others():
		return &PathPlace{Sort: NodeOther}
	}
	return &PathPlace{Sort: NodeValue, Value: c.label(value)}
}
