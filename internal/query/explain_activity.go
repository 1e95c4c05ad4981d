package query

import (
	"context"
	"encoding/json"
	"time"

	"github.com/freshet/freshet/internal/query/history"
	"github.com/freshet/freshet/internal/query/lifecycle"
	"github.com/freshet/freshet/internal/query/stickiness"
)

// ownEvents reads the events of one person that a selection means, all of them and with their positions.
func (s *selection) ownEvents(ctx context.Context) ([]history.Event, error) {
	s.ordered, s.cuts, s.dimensions, s.clocks = true, nil, nil, s.clocks.always()
	events, _, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	actor, err := onlyActor(ctx, events)
	if err != nil {
		return nil, err
	}
	return actor.Events, nil
}

// firstIn is the first event that matches in a stretch of time.
func firstIn(events []history.Event, match uint64, from, to int64) (history.Event, bool) {
	for _, e := range events {
		if e.Match&match != 0 && e.Time >= from && e.Time < to {
			return e, true
		}
	}
	return history.Event{}, false
}

func (r *ResolvedLifecycle) alone() bool { return len(r.Breakdown) == 0 }

func (r *ResolvedLifecycle) explain(ctx context.Context, g *ground, data json.RawMessage, x *explaining) error {
	cell, err := decodeCell[PeopleOfLifecycle](data)
	if err != nil {
		return err
	}
	at, err := r.interval(cell)
	if err != nil {
		return err
	}
	events, err := r.selection(g, nil).ownEvents(ctx)
	if err != nil {
		return err
	}
	list := lifecycle.NewMachine(&r.config).Walk(events)
	edges, c := r.config.Edges, &r.config
	if e, ok := firstIn(events, c.First, -1<<63, edges[at+1]); ok {
		x.by(e.Seq, "first")
	}
	if e, ok := firstIn(events, c.Active, edges[at-1], edges[at]); ok {
		x.by(e.Seq, "before")
	}
	if e, ok := firstIn(events, c.Active, edges[at], edges[at+1]); ok {
		x.by(e.Seq, "active")
	}
	state := map[lifecycle.Status]string{
		lifecycle.New: "new", lifecycle.Returning: "returning", lifecycle.Resurrecting: "resurrecting", lifecycle.Dormant: "dormant",
	}[list[at]]
	says := map[string]string{
		"":             "was not active in this interval, nor in the one before",
		"new":          "was active, and it is the interval of the first event ever",
		"returning":    "was active in this interval and in the one before",
		"resurrecting": "was active in this interval and known from earlier, but not active in the one before",
		"dormant":      "was active in the interval before and not in this one",
	}[state]
	switch {
	case x.In:
		x.say(ReasonCounted, "%s", says)
	case state == "":
		x.say(ReasonNoEvent, "%s", says)
		r.otherInterval(list, at, *cell, x)
	case inState(list[at], cell.State):
		x.say(ReasonValue, "%s, but counts at another value of the breakdown", says)
	default:
		x.say(ReasonState, "%s", says)
		if state != "dormant" || at-1 < r.buckets.ended {
			changed := *cell
			changed.State = state
			x.nearest(&changed, "cell.state", state, "would be in as %s", state)
		}
	}
	return nil
}

// otherInterval finds the interval next to one in which the person has a state.
func (r *ResolvedLifecycle) otherInterval(list []lifecycle.Status, at int, cell PeopleOfLifecycle, x *explaining) {
	best := 0
	for i := 1; i < len(list); i++ {
		if inState(list[i], cell.State) && (cell.State != "dormant" || i-1 < r.buckets.ended) && (best == 0 || distance(i, at) < distance(best, at)) {
			best = i
		}
	}
	if best > 0 {
		start := r.buckets.starts[best-1]
		cell.Bucket = &start
		x.nearest(&cell, "cell.bucket", start, "would be in for the interval that starts at %s", start.Format(time.RFC3339))
	}
}

func distance(a, b int) int { return max(a-b, b-a) }

func (r *ResolvedStickiness) alone() bool { return len(r.Breakdown) == 0 }

func (r *ResolvedStickiness) explain(ctx context.Context, g *ground, data json.RawMessage, x *explaining) error {
	cell, err := decodeCell[PeopleOfStickiness](data)
	if err != nil {
		return err
	}
	at, err := r.place(cell)
	if err != nil {
		return err
	}
	events, err := r.selection(g, nil).ownEvents(ctx)
	if err != nil {
		return err
	}
	if r.Mode == stickyRatio {
		r.explainDay(events, at, cell, x)
		return nil
	}
	n := 0
	list := stickiness.NewMachine(&r.config).Walk(events)
	for _, c := range list {
		if int(c.Window) == at {
			n = int(c.Intervals)
		}
	}
	for i := range len(r.config.Edges) - 1 {
		if r.config.Windows == nil || int(r.config.Windows[i]) == at {
			if e, ok := firstIn(events, r.config.Active, r.config.Edges[i], r.config.Edges[i+1]); ok {
				x.by(e.Seq, "active")
			}
		}
	}
	switch {
	case x.In:
		x.say(ReasonCounted, "was active in %d of the %d intervals", n, r.intervalsOf(at))
	case n == 0:
		x.say(ReasonNoEvent, "was active in none of the %d intervals", r.intervalsOf(at))
	case r.inWindow(list, at, cell.Intervals):
		x.say(ReasonValue, "was active in %d of the %d intervals, but counts at another value of the breakdown", n, r.intervalsOf(at))
	default:
		x.say(ReasonIntervals, "was active in %d of the %d intervals, not in %d", n, r.intervalsOf(at), cell.Intervals)
		cell.Intervals = n
		x.nearest(cell, "cell.intervals", n, "would be in for %d intervals", n)
	}
	return nil
}

func (r *ResolvedStickiness) explainDay(events []history.Event, at int, cell *PeopleOfStickiness, x *explaining) {
	edges, last := r.days.Edges, at+r.days.Before
	first := max(0, last-r.days.Span+1)
	for i := first; i <= last; i++ {
		if e, ok := firstIn(events, r.days.Active, edges[i], edges[i+1]); ok {
			x.by(e.Seq, "active")
		}
	}
	switch {
	case x.In:
		x.say(ReasonCounted, "was active on the day, or within the %d days that end with it", r.days.Span)
	case len(x.order) == 0:
		x.say(ReasonNoEvent, "was not active within the %d days that end with this one", r.days.Span)
	case r.onDay(stickiness.NewDayMachine(&r.days).Walk(events), at, cell.Of):
		x.say(ReasonValue, "was active, but counts at another value of the breakdown")
	default:
		x.say(ReasonIntervals, "was active within the %d days that end with this one, but not on it", r.days.Span)
		cell.Of = ofSpan
		x.nearest(cell, "cell.of", ofSpan, "would be in for the days that end with this one")
	}
}
