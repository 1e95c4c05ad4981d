package query

import (
	"context"
	"encoding/json"
	"math"
	"time"

	"github.com/freshet/freshet/internal/query/history"
)

func (r *Resolved) alone() bool {
	if len(r.Breakdown) > 0 {
		return false
	}
	for i := range r.Series {
		// Whether the ids of sessions can be trusted depends on the events of others.
		if r.Series[i].Aggregate == AggSessions {
			return false
		}
	}
	return true
}

// trendCase is one person's events of a series.
type trendCase struct {
	*Resolved
	*explaining
	spot *trendSpot
	// spans are the stretches of time, in their order, that the events behind the cell are from.
	spans    [][2]int64
	matching []history.Event
}

func (r *Resolved) explain(ctx context.Context, g *ground, data json.RawMessage, x *explaining) error {
	cell, err := decodeCell[PeopleOfTrends](data)
	if err != nil {
		return err
	}
	spot, err := r.spot(cell)
	if err != nil {
		return err
	}
	c := &trendCase{Resolved: r, explaining: x, spot: spot}
	s := &r.Series[spot.series]
	for i := spot.first; i <= spot.last; i++ {
		from, to := spot.buckets.edges[i], spot.buckets.edges[i+1]
		if isActive(s.Aggregate) {
			last := dayOf(to.Add(-time.Microsecond), r.zone)
			from, to = reachOf(s, g.scope.WeekStart).first(last).start(r.zone), last.add(1).start(r.zone)
		}
		c.spans = append(c.spans, [2]int64{from.UnixMicro(), to.UnixMicro()})
	}
	sel := &selection{engine: g.engine, cut: g.cut, zone: r.zone, clocks: r.clocks, where: r.Where, selectors: []Selector{{Events: s.Events, Where: s.Where}}, to: forever}
	if c.matching, err = sel.ownEvents(ctx); err != nil {
		return err
	}
	c.decide(s)
	if !x.In {
		return c.move(ctx, g)
	}
	return nil
}

// decide gives the reason by the matching events.
func (c *trendCase) decide(s *Series) {
	if s.Aggregate == AggFirstTime {
		c.decideFirst()
		return
	}
	n := 0
	for _, e := range c.matching {
		if c.away(e) < 0 {
			c.by(e.Seq, "match")
			n++
		}
	}
	switch {
	case c.In:
		c.say(ReasonCounted, "did %d matching events within the time of the cell", n)
	case n > 0 && len(c.Breakdown) > 0:
		c.say(ReasonValue, "did %d matching events within the time of the cell, of other values of the breakdown", n)
	case n > 0 && needsProperty(s.Aggregate):
		c.say(ReasonNoValue, "did %d matching events within the time of the cell, none with a value of %s that counts", n, s.Property)
	case n > 0:
		c.say(ReasonUncounted, "did %d matching events within the time of the cell, in no session that counts there", n)
	case len(c.matching) == 0:
		c.say(ReasonNoEvent, "never did a matching event")
	default:
		near := c.near()
		c.by(near.Seq, "match")
		c.say(ReasonOutside, "did %d matching events, none within the time of the cell; the nearest one at %s", len(c.matching), momentText(near.Time, c.zone))
	}
}

func (c *trendCase) decideFirst() {
	if len(c.matching) == 0 {
		c.say(ReasonNoEvent, "never did a matching event")
		return
	}
	first := c.matching[0]
	c.by(first.Seq, "first")
	switch {
	case c.In:
		c.say(ReasonCounted, "did the first matching event ever at %s", momentText(first.Time, c.zone))
	case c.away(first) < 0:
		c.say(ReasonValue, "did the first matching event ever at %s, of another value of the breakdown", momentText(first.Time, c.zone))
	default:
		c.say(ReasonOutside, "did the first matching event ever at %s", momentText(first.Time, c.zone))
	}
}

// near is the matching event nearest to the time of the cell.
func (c *trendCase) near() history.Event {
	best := c.matching[0]
	for _, e := range c.matching {
		if c.away(e) < c.away(best) {
			best = e
		}
	}
	return best
}

// away is how far an event is from the time of the cell, negative within.
func (c *trendCase) away(e history.Event) int64 {
	least := int64(math.MaxInt64)
	for _, s := range c.spans {
		away := max(s[0]-e.Time, e.Time-s[1])
		if e.Time >= s[0] && e.Time < s[1] {
			away = -1
		}
		least = min(least, away)
	}
	return least
}

// move looks for the bucket of the nearest event: is the person in there?
func (c *trendCase) move(ctx context.Context, g *ground) error {
	if c.spot.Bucket == nil || len(c.matching) == 0 || !c.alone() {
		return nil
	}
	near := c.near()
	if c.Series[c.spot.series].Aggregate == AggFirstTime {
		near = c.matching[0]
	}
	b := c.spot.buckets
	if near.Time < b.from().UnixMicro() || near.Time >= b.to().UnixMicro() {
		return nil
	}
	cell := *c.spot.PeopleOfTrends
	cell.Bucket = &c.buckets.starts[placeOfEntry(b, near.Time)]
	data, err := json.Marshal(cell)
	if err != nil {
		return err
	}
	people, err := c.people(ctx, g, data)
	if err == nil && len(people) > 0 {
		c.nearest(&cell, "cell.bucket", *cell.Bucket, "would be in for the bucket that starts at %s", cell.Bucket.Format(time.RFC3339))
	}
	return err
}
