package query

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/freshet/freshet/internal/query/history"
	"github.com/freshet/freshet/internal/query/retention"
)

func (r *ResolvedRetention) alone() bool { return len(r.Breakdown) == 0 }

// retentionCase is one person's retention.
type retentionCase struct {
	*ResolvedRetention
	*explaining
	spot   *retentionSpot
	cell   PeopleOfRetention
	config retention.Config
	events []history.Event
}

func (r *ResolvedRetention) explain(ctx context.Context, g *ground, data json.RawMessage, x *explaining) error {
	cell, err := decodeCell[PeopleOfRetention](data)
	if err != nil {
		return err
	}
	spot, err := r.spot(cell)
	if err != nil {
		return err
	}
	if spot.averaged() {
		if err := r.among(ctx, g, spot, cell, x); err != nil {
			return err
		}
	}
	c := &retentionCase{ResolvedRetention: r, explaining: x, spot: spot, cell: *cell, config: r.config}
	// The values of a breakdown are left aside: what is told is how the person came into the cohort and back.
	c.config.Lines, c.config.SameValue = nil, false
	sel := r.selection(g.engine, g.cut, nil)
	sel.from, sel.to = time.Time{}, forever
	if c.events, err = sel.ownEvents(ctx); err != nil {
		return err
	}
	list := c.walk()
	at := c.chosen(list)
	switch {
	case at == nil:
		c.noCohort()
	case !spot.among(at.Cohort):
		c.otherCohort(at)
	default:
		c.inCohort(at)
	}
	if x.In && x.Reason != ReasonCounted {
		x.say(ReasonCounted, "is in the cell by the events below")
		x.Nearest = nil
	}
	if !x.In && (x.Reason == ReasonCounted || x.Reason == "") {
		x.say(ReasonValue, "is in the same cell of another value of the breakdown")
	}
	return nil
}

func (c *retentionCase) walk() []retention.Membership {
	return retention.New(&c.config).Walk(c.events)
}

// among finds the cohorts that a cell of the average takes in, for the person's own walk.
func (r *ResolvedRetention) among(ctx context.Context, g *ground, spot *retentionSpot, cell *PeopleOfRetention, x *explaining) error {
	if !r.alone() {
		g = x.all
	}
	events, _, err := r.locate(ctx, g, spot, cell.Breakdown)
	if err != nil {
		return err
	}
	events.Free()
	spot.line = 0
	return nil
}

// chosen is the membership that is in the cell, or else one in its cohort, or else the first one.
func (c *retentionCase) chosen(list []retention.Membership) *retention.Membership {
	var found *retention.Membership
	for i := range list {
		m := &list[i]
		if c.spot.among(m.Cohort) {
			if c.spot.column < 0 || m.In(c.spot.column) == c.spot.returned {
				return m
			}
			found = cmp.Or(found, m)
		}
	}
	if found == nil && len(list) > 0 {
		return &list[0]
	}
	return found
}

func (c *retentionCase) noCohort() {
	e, ok := firstIn(c.events, c.config.Start, -1<<63, 1<<63-1)
	if !ok {
		c.say(ReasonNoEvent, "never did a start event")
		return
	}
	c.by(e.Seq, "start")
	if c.config.Entry == retention.FirstEver && e.Time < c.config.From {
		c.say(ReasonBefore, "did the first start event ever at %s, before the range", momentText(e.Time, c.zone))
		c.config.Entry = retention.FirstInRange
		// With a clock of everybody's own, others would have a part in which cells are complete then.
		if (!c.spot.averaged() || !c.config.Rolling) && c.spot.holds(c.walk()) {
			q := c.Retention
			q.Cohort = cohortInRange
			resolve := func(e *Engine, s Scope) (counted, error) { return e.ResolveRetention(s, &q) }
			c.nearestQuestion(resolve, "cohort", cohortInRange, "would be in by the first start event in the range")
		}
		return
	}
	c.say(ReasonOutside, "did start events, but none in the range; the first one at %s", momentText(e.Time, c.zone))
}

// start notes the start event of a membership.
func (c *retentionCase) start(m *retention.Membership) history.Event {
	e, _ := firstIn(c.events, c.config.Start, m.First, m.First+1)
	c.by(e.Seq, "start")
	return e
}

func (c *retentionCase) otherCohort(m *retention.Membership) {
	e := c.start(m)
	began := c.buckets.starts[m.Cohort]
	c.say(ReasonCohort, "is in the cohort of %s, by the start event at %s", began.Format(time.DateOnly), momentText(e.Time, c.zone))
	if c.spot.averaged() {
		c.Sentence += fmt.Sprintf("; the time of column %d is not over for it", c.spot.column)
	}
	if c.spot.column < 0 || m.In(c.spot.column) == c.spot.returned {
		c.cell.Cohort = &began
		c.nearest(&c.cell, "cell.cohort", began, "would be in for the cohort of %s", began.Format(time.DateOnly))
	}
	if next, ok := c.nextStart(e); ok && next.Seq < e.Seq && c.config.Entry != retention.Recurring {
		c.by(next.Seq, "start")
		c.Sentence += fmt.Sprintf("; that event arrived later than the one at %s, which the person was counted by until then",
			momentText(next.Time, c.zone))
	}
}

func (c *retentionCase) nextStart(e history.Event) (history.Event, bool) {
	return firstIn(c.events, c.config.Start, e.Time+1, c.config.To)
}

// inCohort is for somebody who is in the cohort: did they come back?
func (c *retentionCase) inCohort(m *retention.Membership) {
	e := c.start(m)
	began := c.buckets.starts[m.Cohort].Format(time.DateOnly)
	if c.spot.column < 0 {
		c.say(ReasonCounted, "is in the cohort of %s, by the start event at %s", began, momentText(e.Time, c.zone))
		return
	}
	came := m.In(c.spot.column)
	near, back := c.returnNear(e, int(m.Cohort))
	if back {
		c.by(near.Seq, "return")
	}
	switch {
	case came && c.spot.returned:
		c.say(ReasonCounted, "is in the cohort of %s and counts as returned in column %d", began, c.spot.column)
	case came:
		c.say(ReasonBack, "counts as returned in column %d", c.spot.column)
		c.cell.Returned = nil
		c.nearest(&c.cell, "cell.returned", true, "would be in among those who returned")
	case !c.spot.returned:
		c.say(ReasonCounted, "is in the cohort of %s and did not return in column %d", began, c.spot.column)
	default:
		c.say(ReasonNotBack, "is in the cohort of %s but did not return in column %d", began, c.spot.column)
		if k, ok := c.columnNear(m); ok {
			c.cell.Column = &k
			c.nearest(&c.cell, "cell.column", k, "would be in for column %d", k)
		}
	}
}

// returnNear is the return event in the cell's column, or else the one nearest to it.
func (c *retentionCase) returnNear(start history.Event, cohort int) (best history.Event, ok bool) {
	m := retention.New(&c.config)
	b := c.config.Column(c.spot.column)
	least := 0
	after := false
	for _, e := range c.events {
		if e == start {
			after = true
			continue
		}
		if !after || e.Match&c.config.Return == 0 {
			continue
		}
		n := m.Offset(e.Time, start.Time, cohort)
		away := max(0, b.From-n, n-b.To)
		if !ok || away < least {
			best, ok, least = e, true, away
		}
	}
	return best, ok
}

// columnNear is the column nearest to the cell's in which the person counts. Those of the average have to be complete, which
// is known of what ends no later.
func (c *retentionCase) columnNear(m *retention.Membership) (best int, ok bool) {
	for k := range c.config.Columns() {
		if c.spot.averaged() && c.config.Column(k).To > c.config.Column(c.spot.column).To {
			continue
		}
		if m.In(k) && (!ok || distance(k, c.spot.column) < distance(best, c.spot.column)) {
			best, ok = k, true
		}
	}
	return best, ok
}
