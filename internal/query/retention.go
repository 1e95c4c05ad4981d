package query

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/query/retention"
)

// Retention asks who came back: people enter a cohort by a start event in one of the range's intervals, and are looked
// for at offsets from it.
//
// A field that is left out takes its default, or that of the preset; the answer repeats the question with every field
// filled in.
type Retention struct {
	// Kind is "retention".
	Kind string `json:"kind,omitempty"`
	// Preset is one of Presets.
	Preset   string `json:"preset,omitempty"`
	Range    Range  `json:"range"`
	Timezone string `json:"timezone,omitempty"`
	// SignedOut says whose the events of an id are that somebody has signed out of, one of SignedOuts.
	SignedOut string `json:"signed_out,omitempty"`
	// WeekStart is a weekday; default the project's.
	WeekStart string `json:"week_start,omitempty"`
	// Interval is hour, day (default), week or month. By a rolling clock a month has 30 days.
	Interval string   `json:"interval,omitempty"`
	Start    Selector `json:"start"`
	// Return is the event that shows that somebody came back; default the start event.
	Return *Selector `json:"return,omitempty"`
	// Where holds for start and return events.
	Where *Filter `json:"where,omitempty"`
	// Cohort is one of RetentionCohorts.
	Cohort string `json:"cohort,omitempty"`
	// Clock is one of RetentionClocks.
	Clock string `json:"clock,omitempty"`
	// Type is one of RetentionTypes.
	Type string `json:"type,omitempty"`
	// Brackets are the columns of type brackets.
	Brackets []RetentionBracket `json:"brackets,omitempty"`
	// Periods is the last offset; default 24 hours, 14 days, 12 weeks or 12 months.
	Periods int `json:"periods,omitempty"`
	// Zero says who is there at offset 0: "all" of the cohort, or who "returned" after the start event.
	Zero string `json:"zero,omitempty"`
	// Breakdown splits the table by values of the start event.
	Breakdown []Breakdown `json:"breakdown,omitempty"`
	// BreakdownLimit is how many values have a table, those with most people; all others have one together.
	BreakdownLimit int `json:"breakdown_limit,omitempty"`
	// Attribution is "start": the value of the start event counts, or "both": start and return event must have the same
	// value, and somebody may be in several tables.
	Attribution string `json:"attribution,omitempty"`
}

// RetentionBracket is a column of the offsets From to To, both included.
type RetentionBracket struct {
	From int `json:"from"`
	To   int `json:"to"`
}

const (
	cohortInRange   = "first_in_range"
	cohortFirst     = "first_time"
	cohortRecurring = "recurring"

	clockCalendar = "calendar"
	clockRolling  = "rolling"
	clockHours    = "rolling_hour"

	typeOn       = "on"
	typeOnAfter  = "on_or_after"
	typeBrackets = "brackets"

	zeroAll      = "all"
	zeroReturned = "returned"

	attributeStart = "start"
	attributeBoth  = "both"

	maxPeriods  = 366
	maxBrackets = 100
)

// RetentionCohorts lists how a cohort is entered: by the first start event in the range, by the first one ever if that
// is in the range, or by the first one in every interval.
func RetentionCohorts() []string { return []string{cohortInRange, cohortFirst, cohortRecurring} }

// RetentionClocks lists how offsets are counted: in intervals of the calendar, in elapsed time from the start event on,
// or in elapsed time between full hours.
func RetentionClocks() []string { return []string{clockCalendar, clockRolling, clockHours} }

// RetentionTypes lists what a column counts: who came back at its offset, at its offset or any later one, or at any of
// several offsets.
func RetentionTypes() []string { return []string{typeOn, typeOnAfter, typeBrackets} }

// RetentionIntervals lists the intervals of a retention.
func RetentionIntervals() []string { return []string{"hour", "day", "week", "month"} }

// ResolvedRetention is a retention with every default filled in and every relative time made absolute.
type ResolvedRetention struct {
	Retention
	Resolution
	config retention.Config
}

// ResolveRetention checks a question and fills in its defaults. The question is not changed.
func (e *Engine) ResolveRetention(s Scope, q *Retention) (*ResolvedRetention, error) {
	out := &ResolvedRetention{Retention: *q}
	err := e.resolving(func(ctx context.Context) error { return out.resolve(ctx, e, s) })
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (r *ResolvedRetention) resolve(ctx context.Context, e *Engine, s Scope) error {
	q := &r.Retention
	f, err := e.frameOf(s, frame{&q.Kind, &q.Preset, &q.Timezone, &q.SignedOut, &q.WeekStart, &q.Interval, &q.Range, &q.Where}, "retention", RetentionIntervals())
	if err != nil {
		return err
	}
	q.defaults()
	if q.Clock != clockCalendar && isWallClock(f.zone) {
		return invalid("clock", "device_rolling", "the clock %s goes by elapsed time, and the clocks of devices cut days; take the clock calendar, or a time zone", quoteShort(q.Clock))
	}
	for _, step := range []func() error{
		func() error { return q.selectors(&f.check) }, q.words, q.columns,
		func() error { return f.breakdowns(&q.Breakdown, &q.BreakdownLimit) },
		func() error { return f.cutRange(ctx) },
		func() error { return q.size(f.buckets.len()) },
		func() error { return f.properties(ctx) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	r.configure(f)
	r.key, err = f.keyOf(q, r.moment())
	return err
}

// defaults fills in what the preset or we would.
func (q *Retention) defaults() {
	switch q.Preset {
	case presetPostHog:
		fill(&q.Cohort, cohortRecurring)
		// Whoever came for the first time stays with the value of that event.
		if len(q.Breakdown) > 0 && q.Cohort != cohortFirst {
			fill(&q.Attribution, attributeBoth)
		}
	case presetMixpanel, presetAmplitude:
		fill(&q.Cohort, cohortRecurring)
		fill(&q.Clock, map[string]string{presetMixpanel: clockRolling, presetAmplitude: clockHours}[q.Preset])
		if len(q.Brackets) == 0 {
			fill(&q.Type, typeOnAfter)
		}
		fill(&q.Zero, zeroReturned)
	}
	fill(&q.Cohort, cohortInRange)
	fill(&q.Clock, clockCalendar)
	if len(q.Brackets) > 0 {
		fill(&q.Type, typeBrackets)
	}
	fill(&q.Type, typeOn)
	fill(&q.Zero, zeroAll)
	if len(q.Breakdown) > 0 {
		fill(&q.Attribution, attributeStart)
	}
	if q.Return == nil {
		q.Return = &q.Start
	}
}

func (q *Retention) selectors(c *checker) (err error) {
	if q.Start, err = c.selector(q.Start, "start"); err != nil {
		return err
	}
	back, err := c.selector(*q.Return, "return")
	q.Return = &back
	return err
}

func (q *Retention) words() error {
	if err := oneOf("cohort", q.Cohort, RetentionCohorts()); err != nil {
		return err
	}
	if err := oneOf("clock", q.Clock, RetentionClocks()); err != nil {
		return err
	}
	if err := oneOf("type", q.Type, RetentionTypes()); err != nil {
		return err
	}
	if len(q.Breakdown) > 0 {
		if err := oneOf("attribution", q.Attribution, []string{attributeStart, attributeBoth}); err != nil {
			return err
		}
	} else if q.Attribution != "" {
		return invalid("attribution", "misplaced_attribution", "attribution is for a breakdown only")
	}
	return oneOf("zero", q.Zero, []string{zeroAll, zeroReturned})
}

// columns checks which offsets are asked for.
func (q *Retention) columns() error {
	if q.Type != typeBrackets {
		if len(q.Brackets) > 0 {
			return invalid("brackets", "misplaced_brackets", "brackets are for the type brackets only")
		}
		if q.Periods == 0 {
			q.Periods = map[string]int{"hour": 24, "day": 14, "week": 12, "month": 12}[q.Interval]
		}
		if q.Periods < 1 || q.Periods > maxPeriods {
			return invalid("periods", "bad_periods", "periods is %d, it must be 1 to %d", q.Periods, maxPeriods)
		}
		return nil
	}
	if q.Periods != 0 {
		return invalid("periods", "misplaced_periods", "brackets say themselves how far they go")
	}
	if n := len(q.Brackets); n == 0 || n > maxBrackets {
		return invalid("brackets", "bad_brackets", "there are %d brackets, there must be 1 to %d", n, maxBrackets)
	}
	before := -1
	for i, b := range q.Brackets {
		if b.From <= before || b.To < b.From || b.To > maxPeriods {
			return invalid(fmt.Sprintf("brackets[%d]", i), "bad_brackets",
				"the bracket %d to %d must begin after the one before it and end at %d or earlier", b.From, b.To, maxPeriods)
		}
		before = b.To
	}
	return nil
}

// size bounds the answer.
func (q *Retention) size(cohorts int) error {
	lines, columns := 1, max(q.Periods+1, len(q.Brackets))
	if len(q.Breakdown) > 0 {
		lines = q.BreakdownLimit + 1
	}
	if n := lines * cohorts * columns; n > maxNumbers {
		return &event.Error{
			Kind: event.TooLarge, Code: "answer_too_large", Field: "periods",
			Message: fmt.Sprintf("the answer could have %d numbers (%d tables of %d cohorts and %d columns), it may have %d",
				n, lines, cohorts, columns, maxNumbers),
		}
	}
	return nil
}

// configure sets the machine up.
func (r *ResolvedRetention) configure(f *framed) {
	q, b := &r.Retention, &f.buckets
	r.Resolution = Resolution{zone: f.zone, clocks: f.clocksOf(b), known: f.known, buckets: *b, casts: f.check.casts()}
	c := &r.config
	*c = retention.Config{
		Cohorts: b.len(), From: b.from().UnixMicro(), To: b.to().UnixMicro(), Periods: q.Periods,
		Entry:   map[string]retention.Entry{cohortInRange: retention.FirstInRange, cohortFirst: retention.FirstEver, cohortRecurring: retention.Recurring}[q.Cohort],
		Rolling: q.Clock != clockCalendar, OrAfter: q.Type == typeOnAfter, ZeroReturned: q.Zero == zeroReturned,
		Unit:  time.Hour.Microseconds() * map[string]int64{"hour": 1, "day": 24, "week": 7 * 24, "month": 30 * 24}[q.Interval],
		Start: 1, Return: 2, SameValue: q.Attribution == attributeBoth,
	}
	for _, b := range q.Brackets {
		c.Brackets = append(c.Brackets, retention.Bracket{From: b.From, To: b.To})
	}
	more := c.Deepest()
	if c.OrAfter {
		more++ // for the state of the last column
	}
	c.Edges = f.edges(more)
	if q.Clock == clockHours {
		c.Floor = hourFloor(f.zone, b.starts[0], latest(f.now, b.to()).AddDate(3, 0, 0))
	}
	if r.oneSelector() {
		c.Return = 1
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// oneSelector tells that start and return events are the same.
func (r *ResolvedRetention) oneSelector() bool { return sameSelector(r.Start, *r.Return) }

// moment is what the answer depends on of the time up to which everything is known: which intervals are over, or for elapsed time
// the minute until nothing is open any more.
func (r *ResolvedRetention) moment() int64 {
	c := &r.config
	if !c.Rolling {
		return passed(c.Edges, r.known)
	}
	now := r.minute()
	if last := c.To + int64(c.Deepest()+3)*c.Unit; now > last {
		return last
	}
	return now
}

// minute is the moment up to which everything is known, rounded down to the minute, in microseconds.
func (r *ResolvedRetention) minute() int64 { return r.known.Truncate(time.Minute).UnixMicro() }

// asked is the moment that the states of cells are told for.
func (r *ResolvedRetention) asked() int64 {
	if r.config.Rolling {
		return r.minute()
	}
	return r.known.UnixMicro()
}

// selection reads what the machine needs.
func (r *ResolvedRetention) selection(e *Engine, cut cohortCut, dimensions []*dimension) *selection {
	c := &r.config
	s := &selection{
		engine: e, cut: cut, zone: r.zone, clocks: r.clocks, where: r.Where, selectors: []Selector{r.Start, *r.Return}, dimensions: dimensions,
		from: r.buckets.from(), to: forever,
	}
	if r.oneSelector() {
		s.selectors = s.selectors[:1]
	}
	if c.Entry == retention.FirstEver {
		s.from = time.Time{}
	}
	s.ordered = len(dimensions) > 0 || c.ZeroReturned && len(s.selectors) > 1
	if !c.Rolling && !c.ZeroReturned {
		s.cuts = append(slices.Clone(c.Edges), c.From, c.To)
		slices.Sort(s.cuts)
	}
	if c.OrAfter {
		return s
	}
	s.to = time.UnixMicro(c.Edges[len(c.Edges)-1]).In(r.zone)
	if c.Rolling {
		// With hours rounded down something may be up to one later.
		s.to = time.UnixMicro(c.To + int64(c.Deepest()+1)*c.Unit + time.Hour.Microseconds()).In(r.zone)
	}
	return s
}
