package query

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/freshet/freshet/internal/query/funnel"
	"github.com/freshet/freshet/internal/query/history"
)

func (r *ResolvedFunnel) alone() bool { return r.Unit == unitPerson && len(r.Breakdown) == 0 }

// funnelCase is one person's funnel.
type funnelCase struct {
	*asking
	*explaining
	spot *funnelSpot
	// bars is the histogram, of a cell that is one of its bars.
	bars []FunnelBin
	// events are those of all units that the person has a part in, one after the other.
	units  [][]history.Event
	events []history.Event
}

// funnelResult is what the machine says of the person.
type funnelResult struct {
	funnel.Row
	times   []int64
	events  []uint64
	stop    uint64
	stopped bool
}

func (r *ResolvedFunnel) explain(ctx context.Context, g *ground, data json.RawMessage, x *explaining) error {
	cell, err := decodeCell[PeopleOfFunnel](data)
	if err != nil {
		return err
	}
	spot, err := r.spot(cell)
	if err != nil {
		return err
	}
	f := &asking{ResolvedFunnel: r, engine: g.engine, cut: g.cut, scope: g.scope, now: r.asOf, values: codesWithNone(0)}
	c := &funnelCase{asking: f, explaining: x, spot: spot}
	if err := c.read(ctx); err != nil {
		return err
	}
	if spot.Bin != nil {
		everybody := &asking{ResolvedFunnel: r, engine: g.engine, cut: x.all.cut, scope: g.scope, now: r.asOf}
		p, err := everybody.partOf(ctx, spot)
		if err != nil {
			return err
		}
		c.bars = everybody.times(p).Histogram
	}
	for _, events := range c.units {
		c.events = append(c.events, events...)
	}
	c.decide()
	if spot.Bin != nil && x.changedQuestion != nil {
		// With another question the bars begin and end elsewhere.
		x.Nearest, x.changedQuestion = nil, nil
	}
	return nil
}

// read has all events of the person that the funnel looks at, whenever they were. Of other units it has those of everybody, but
// none from before what the funnel reads: sessions are told apart by the first of their events that are read.
func (c *funnelCase) read(ctx context.Context) error {
	g := c.gathering(c.spot.buckets)
	g.to, g.inOrder, g.clocks = forever, true, g.clocks.always()
	if c.Unit == unitPerson {
		g.from = time.Time{}
	} else {
		var err error
		g.cut = c.all.cut
		if g.only, err = g.unitsOf(ctx, c.number); err != nil || len(g.only) == 0 {
			return err
		}
	}
	read, err := g.read(ctx)
	if err != nil {
		return err
	}
	defer read.Free()
	units, err := walkAll(ctx, read, func() (*unitEvents, func(*history.Actor)) {
		out := &unitEvents{}
		return out, func(a *history.Actor) { *out = append(*out, slices.Clone(a.Events)) }
	})
	if err != nil {
		return err
	}
	c.units = *units
	slices.SortFunc(c.units, func(a, b []history.Event) int { return history.Compare(a[0], b[0]) })
	return nil
}

// unitEvents are the events of some units.
type unitEvents [][]history.Event

// Merge adds those of others.
func (u *unitEvents) Merge(o *unitEvents) { *u = append(*u, *o...) }

// unitsOf are the units in which a person did something that the funnel looks at.
func (g *gathering) unitsOf(ctx context.Context, person uint64) (out []uint64, err error) {
	with, c := *g, newCompiler(g.cut)
	with.persons = true
	sql := "SELECT DISTINCT actor FROM (" + with.sql(c) + ") WHERE person = " + strconv.FormatUint(person, 10)
	for b, err := range g.cut.Batches(ctx, sql, c.args...) {
		if err != nil {
			return nil, fmt.Errorf("read the units of a person: %w", err)
		}
		out = append(out, b.Columns[0].Uint64...)
	}
	return out, nil
}

// plain is the configuration for the cell's own window and range.
func (c *funnelCase) plain() funnel.Config {
	window := c.config.Window
	if c.spot.window > 0 {
		window = c.windows[c.spot.window-1].Microseconds()
	}
	config := c.machine(c.spot.buckets, c.now, window)
	config.Trace, config.Times = true, true
	if config.Attribution != funnel.AllEqual {
		config.Attribution = funnel.FirstStep
	}
	return config
}

// run lets a machine tell what becomes of the person, or of each of the units that the person has a part in.
func (c *funnelCase) run(config funnel.Config) (out []funnelResult) {
	tally := funnel.NewTally(&config, 1)
	for _, events := range c.units {
		funnel.New(config, nil).Run(&history.Actor{Events: slices.Clone(events)}, func(r *funnel.Result) {
			tally.Add(r)
			out = append(out, funnelResult{times: slices.Clone(r.Times), events: slices.Clone(r.Events), stop: r.Stop, stopped: r.Stopped})
		})
	}
	for i := range out {
		out[i].Row = tally.Rows[i]
	}
	return out
}

// fits tells whether one of some results counts in the cell, and which.
func (c *funnelCase) fits(list []funnelResult) *funnelResult {
	for i := range list {
		if c.fit(&list[i], true) {
			return &list[i]
		}
	}
	return nil
}

func (c *funnelCase) fit(r *funnelResult, inBucket bool) bool {
	if c.Mature && r.State == funnel.Open || !c.inState(&r.Row, c.spot) {
		return false
	}
	if c.spot.Bin != nil && c.barOf(r) != *c.spot.Bin {
		return false
	}
	return !inBucket || c.spot.bucket < 0 || placeOfEntry(c.spot.buckets, entryOf(&r.Row)) == c.spot.bucket
}

// barOf is the bar of the histogram that a result is in, -1 if it does not have both steps.
func (c *funnelCase) barOf(r *funnelResult) int {
	from, to := c.ConvertFrom-1, c.ConvertTo-1
	if !did(&r.Row, from) || !did(&r.Row, to) {
		return -1
	}
	return binOf(c.bars, millisBetween(r.times[from], r.times[to]))
}

// decide gives the reason.
func (c *funnelCase) decide() {
	list := c.run(c.plain())
	fits := c.fits(list)
	switch {
	case c.In && fits != nil:
		c.tell(ReasonCounted, fits)
	case c.In:
		c.say(ReasonCounted, "is in the cell by one of several values")
	case fits != nil && len(c.Breakdown) > 0:
		c.tell(ReasonValue, fits)
		c.Sentence += "; but at another value of the breakdown"
	case fits != nil:
		c.tell(ReasonUncounted, fits)
	case len(list) > 0:
		c.entered(list)
	default:
		c.notEntered()
	}
}

// used notes the events of a result.
func (c *funnelCase) used(r *funnelResult) {
	for i := range r.events {
		if r.times[i] != funnel.None {
			c.by(c.clocks.plain(r.events[i]), "step "+strconv.Itoa(i+1))
		}
	}
	if r.stopped {
		c.by(c.clocks.plain(r.stop), "exclusion")
	}
}

// tell is how far somebody came, in words.
func (c *funnelCase) tell(reason string, r *funnelResult) {
	c.used(r)
	c.say(reason, "%sentered at %s, came to %s and %s", c.whose(), momentText(entryOf(&r.Row), c.zone), c.reachedText(r), c.stateText(r))
}

func (c *funnelCase) reachedText(r *funnelResult) string {
	last := 0
	for i, at := range r.times {
		if at != funnel.None {
			last = i
		}
	}
	if c.Order == orderAny {
		return fmt.Sprintf("%d of %d steps", r.Reached, len(c.Steps))
	}
	return c.stepName(last)
}

func (c *funnelCase) stateText(r *funnelResult) string {
	switch r.State {
	case funnel.Converted:
		return "converted after " + (time.Duration(max(0, r.Completed-r.Entry)) * time.Microsecond).Round(time.Second).String()
	case funnel.Open:
		return "may still convert"
	case funnel.Dropped:
	}
	return "dropped out"
}

// stateOf is the state of a result as a cell names it.
func stateOf(r *funnelResult) string {
	return map[funnel.State]string{funnel.Converted: stateConverted, funnel.Open: stateOpen, funnel.Dropped: stateDropped}[r.State]
}

// entered is for somebody who is in the funnel, but not in the cell.
func (c *funnelCase) entered(list []funnelResult) {
	for i := range list {
		if r := &list[i]; c.fit(r, false) {
			c.tell(ReasonBucket, r)
			start := c.spot.buckets.starts[placeOfEntry(c.spot.buckets, entryOf(&r.Row))]
			cell := *c.spot.PeopleOfFunnel
			cell.Bucket = &start
			c.nearest(&cell, "cell.bucket", start, "would be in for the bucket that starts at %s", start.Format(time.RFC3339))
			return
		}
	}
	r := &list[0]
	if c.spot.Bin != nil && c.otherBar(list) {
		return
	}
	reach := c.spot.State == stateEntered || c.spot.State == stateConverted
	if !reach || c.spot.Step > 0 && c.spot.State == stateEntered && did(&r.Row, c.spot.Step-1) {
		c.tell(ReasonState, r)
		own := *c.spot
		cell := *c.spot.PeopleOfFunnel
		own.PeopleOfFunnel, cell.State = &cell, stateOf(r)
		if other := (&funnelCase{asking: c.asking, spot: &own}); other.fit(r, true) {
			c.nearest(&cell, "cell.state", cell.State, "would be in as %s", cell.State)
		}
		return
	}
	c.tell(ReasonMissing, r)
	c.miss(r)
}

// otherBar is for somebody who would be in the cell if it were not for the bar.
func (c *funnelCase) otherBar(list []funnelResult) bool {
	own, cell := *c.spot, *c.spot.PeopleOfFunnel
	own.PeopleOfFunnel, cell.Bin = &cell, nil
	r := (&funnelCase{asking: c.asking, spot: &own}).fits(list)
	if r == nil {
		return false
	}
	c.tell(ReasonBucket, r)
	bar := c.barOf(r)
	if bar < 0 {
		c.Sentence += "; without both of the steps whose time is measured"
		return true
	}
	cell.Bin = &bar
	c.Sentence += fmt.Sprintf("; the time is in bar %d of the histogram", bar)
	c.nearest(&cell, "cell.bin", bar, "would be in for bar %d", bar)
	return true
}

// notEntered is for somebody who never was at the first step in the range, or was removed from it.
func (c *funnelCase) notEntered() {
	config := c.plain()
	if config.Drop {
		config.Drop = false
		if list := c.run(config); len(list) > 0 {
			c.tell(ReasonExclusion, &list[0])
			c.Sentence += "; an excluded event took the person out of the funnel"
			c.tryExclusions()
			return
		}
	}
	if len(c.entries(c.events, func(history.Event) bool { return true })) == 0 {
		c.say(ReasonNoEvent, "%snever did %s", c.whose(), c.firstSteps())
		return
	}
	c.say(ReasonOutside, "%sdid %s, but not in the range", c.whose(), c.firstSteps())
	c.tryRange()
}

// whose begins a sentence about a unit that is no person.
func (c *funnelCase) whose() string {
	switch {
	case c.Unit == unitPerson:
		return ""
	case len(c.units) == 0:
		return "has a part in no " + c.Unit + " that the funnel looks at, and so "
	}
	return "the " + c.Unit + " with events of this person "
}

func (c *funnelCase) firstSteps() string {
	if c.Order == orderAny {
		return "one of the steps that may come first"
	}
	return c.stepName(0)
}

// stands is where an event stands on the line of the question.
func (c *funnelCase) stands(e history.Event) int64 {
	if clock := c.clocks.clock(); clock != nil {
		return clock(e.Time, e.Seq)
	}
	return e.Time
}

// entries are those of some events that may begin a funnel.
func (c *funnelCase) entries(events []history.Event, in func(history.Event) bool) (out []history.Event) {
	for _, e := range events {
		if funnel.Opens(c.config, e.Match) && in(e) {
			out = append(out, e)
		}
	}
	return out
}
