package query

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/query/funnel"
	"github.com/freshet/freshet/internal/store"
)

const (
	maxExclusions = 20
	maxHold       = 3
	maxUnitBy     = 3
	maxIgnored    = 100
	maxWindows    = 20
)

// ResolvedFunnel is a funnel with every default filled in and every relative time made absolute.
type ResolvedFunnel struct {
	Funnel
	Resolution
	config  funnel.Config
	compare *buckets
	windows []time.Duration
	// asOf is the moment that states are told for. Past the last deadline it no longer matters.
	asOf time.Time
}

// ResolveFunnel checks a question and fills in its defaults. The question is not changed.
func (e *Engine) ResolveFunnel(s Scope, q *Funnel) (*ResolvedFunnel, error) {
	out := &ResolvedFunnel{Funnel: *q}
	err := e.resolving(func(ctx context.Context) error { return out.resolve(ctx, e, s) })
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (r *ResolvedFunnel) resolve(ctx context.Context, e *Engine, s Scope) error {
	q := &r.Funnel
	f, err := e.frameOf(s, frame{&q.Kind, &q.Preset, &q.Timezone, &q.SignedOut, &q.WeekStart, &q.Interval, &q.Range, &q.Where}, "funnel", RetentionIntervals())
	if err != nil {
		return err
	}
	q.defaults()
	for _, step := range []func() error{
		q.words, q.seen, func() error { return r.steps(&f.check) }, func() error { return r.exclusions(&f.check) }, r.durations,
		func() error { return q.unitOf(&f.check) }, func() error { return q.held(&f.check) }, q.between, q.attributed,
		func() error { f.q.Compare = q.Compare; return f.breakdowns(&q.Breakdown, &q.BreakdownLimit) },
		func() error { return f.cutRange(ctx) },
		func() error { return r.size(f) },
		func() error { return f.properties(ctx) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	r.Resolution = Resolution{zone: f.zone, known: f.known, buckets: f.buckets, casts: f.check.casts()}
	if q.Compare != "" {
		r.compare = compareRange(f.calendar(), &f.buckets, q.Compare)
	}
	r.configure()
	r.clocks = f.clocksOf(&r.buckets, r.compare)
	r.asOf = asOf(e.of(s.Project).Watermark(), r.clocks.after(r.buckets.to()), r.longest())
	r.key, err = f.keyOf(q, r.asOf.UnixMicro())
	return err
}

// asOf is the moment that states are told for: that of the watermark, but not past the last deadline.
func asOf(w store.Watermark, to time.Time, window time.Duration) time.Time {
	at, last := w.Time.Truncate(time.Minute), to.Add(window+time.Minute).Truncate(time.Minute)
	if at.After(last) {
		return last
	}
	return at
}

// defaults fills in what the preset or we would.
func (q *Funnel) defaults() {
	switch q.Preset {
	case presetPostHog:
		fill(&q.Window, "14d")
		fill(&q.Within, withinAll)
		fill(&q.ExclusionEffect, effectDrop)
	case presetMixpanel:
		fill(&q.Entry, entryFirst)
		fill(&q.Tie, tieTwo)
		if len(q.Breakdown) > 0 {
			fill(&q.Attribution, attributeDefined)
		}
	case presetAmplitude:
		fill(&q.Window, "1d")
		fill(&q.Tie, tieSecond)
		if len(q.Hold) > 0 {
			fill(&q.HoldCounts, holdValue)
		}
	}
	fill(&q.Order, orderSequential)
	if q.Order == orderStrict {
		if q.Preset == presetPostHog {
			fill(&q.Visible, visibleAll)
		}
		fill(&q.Visible, visibleActions)
	}
	fill(&q.Window, "7d")
	fill(&q.Within, withinEntry)
	fill(&q.Entry, entryBest)
	fill(&q.Tie, tieNone)
	fill(&q.ExclusionEffect, effectStop)
	fill(&q.Unit, unitPerson)
	fill(&q.Show, showSteps)
	if len(q.Hold) > 0 {
		fill(&q.HoldCounts, holdUnit)
	}
	if len(q.Breakdown) > 0 {
		fill(&q.Attribution, attributeFirst)
	}
}

func (q *Funnel) words() error {
	for _, w := range []struct {
		field, value string
		allowed      []string
	}{
		{"order", q.Order, FunnelOrders()},
		{"within", q.Within, []string{withinEntry, withinAll}},
		{"entry", q.Entry, FunnelEntries()},
		{"tie", q.Tie, FunnelTies()},
		{"exclusion_effect", q.ExclusionEffect, FunnelEffects()},
		{"unit", q.Unit, FunnelUnits()},
		{"show", q.Show, FunnelViews()},
	} {
		if err := oneOf(w.field, w.value, w.allowed); err != nil {
			return err
		}
	}
	return nil
}

// seen checks what disturbs a strict order. Nothing disturbs another one: the fields are left out of it, and not refused, so that
// a question that is answered may be asked again with another order.
func (q *Funnel) seen() error {
	if q.Order != orderStrict {
		q.Visible, q.Ignore = "", nil
		return nil
	}
	if err := oneOf("visible", q.Visible, FunnelSights()); err != nil {
		return err
	}
	if n := len(q.Ignore); n > maxIgnored {
		return invalid("ignore", "too_many_events", "there are %d names, there may be %d", n, maxIgnored)
	}
	for i, name := range q.Ignore {
		if err := text(fmt.Sprintf("ignore[%d]", i), name, maxNameBytes); err != nil {
			return err
		}
	}
	return nil
}

func (r *ResolvedFunnel) steps(c *checker) error {
	q := &r.Funnel
	if n := len(q.Steps); n == 0 || n > funnel.MaxSteps {
		return invalid("steps", "bad_steps", "the funnel has %d steps, it may have 1 to %d", n, funnel.MaxSteps)
	}
	q.Steps = slices.Clone(q.Steps)
	for i := range q.Steps {
		s, field := &q.Steps[i], fmt.Sprintf("steps[%d]", i)
		var err error
		if s.Selector, err = c.selector(s.Selector, field); err != nil {
			return err
		}
		if s.Label == "" {
			s.Label = nameOf(s.Events)
		}
		if err := text(field+".label", s.Label, maxNameBytes); err != nil {
			return err
		}
		if err := q.stepOptions(s, i, field); err != nil {
			return err
		}
	}
	return nil
}

func (q *Funnel) stepOptions(s *FunnelStep, i int, field string) error {
	switch {
	case s.Optional && (i == 0 || q.Order != orderSequential):
		return invalid(field+".optional", "misplaced_optional", "only a step after the first of a sequential funnel may be optional")
	case s.Anchored && q.Order != orderAny:
		return invalid(field+".anchored", "misplaced_anchor", "a step is anchored only when the order is any")
	case s.Window != "" && (i == 0 || s.Optional || q.Order == orderAny):
		return invalid(field+".window", "misplaced_window", "a step has a window of its own only after another one, when it is not optional, and not when the order is any")
	}
	return nil
}

// nameOf is what a selector is called when it has no label.
func nameOf(events []string) string {
	if len(events) == 0 {
		return "All events"
	}
	label := strings.Join(events, ", ")
	return strings.ToValidUTF8(label[:min(len(label), maxNameBytes)], "")
}

func (r *ResolvedFunnel) exclusions(c *checker) error {
	q := &r.Funnel
	if n := len(q.Exclusions); n > maxExclusions {
		return invalid("exclusions", "too_many_exclusions", "the funnel has %d exclusions, it may have %d", n, maxExclusions)
	}
	q.Exclusions = slices.Clone(q.Exclusions)
	last := len(q.Steps)
	for last > 1 && q.Steps[last-1].Optional {
		last--
	}
	for i := range q.Exclusions {
		x, field := &q.Exclusions[i], fmt.Sprintf("exclusions[%d]", i)
		if q.Order == orderAny && (x.From != 0 || x.To != 0) {
			return invalid(field, "misplaced_exclusion", "when the order is any, an exclusion counts from the first event to the last")
		}
		if q.Order != orderAny && x.From == 0 {
			x.From = 1
		}
		if q.Order != orderAny && x.To == 0 {
			x.To = last
		}
		if q.Order != orderAny && !q.excludes(x) {
			return invalid(field, "bad_exclusion", "an exclusion lies between two steps that are not optional, such as from 1 to 2")
		}
		var err error
		if x.Selector, err = c.selector(x.Selector, field); err != nil {
			return err
		}
	}
	return nil
}

func (q *Funnel) excludes(x *FunnelExclusion) bool {
	return x.From >= 1 && x.From < x.To && x.To <= len(q.Steps) && !q.Steps[x.From-1].Optional && !q.Steps[x.To-1].Optional
}

// durations reads the windows, and writes them in one form.
func (r *ResolvedFunnel) durations() error {
	q, c := &r.Funnel, &r.config
	read := func(field string, s *string) (int64, error) {
		d, err := duration(field, *s)
		if err == nil {
			*s = spell(d)
		}
		return d.Microseconds(), err
	}
	var err error
	if c.Window, err = read("window", &q.Window); err != nil {
		return err
	}
	for i := range q.Steps {
		if q.Steps[i].Window == "" {
			continue
		}
		if c.StepWindow == nil {
			c.StepWindow = make([]int64, len(q.Steps))
		}
		if c.StepWindow[i], err = read(fmt.Sprintf("steps[%d].window", i), &q.Steps[i].Window); err != nil {
			return err
		}
	}
	if (q.Show == showWindow) != (len(q.Windows) > 0) || len(q.Windows) > maxWindows {
		return invalid("windows", "bad_windows", "show window takes 1 to %d windows, nothing else takes any", maxWindows)
	}
	q.Windows = slices.Clone(q.Windows)
	for i := range q.Windows {
		us, err := read(fmt.Sprintf("windows[%d]", i), &q.Windows[i])
		if err != nil {
			return err
		}
		r.windows = append(r.windows, time.Duration(us)*time.Microsecond)
	}
	return nil
}

// unitOf checks the properties that a unit goes by.
func (q *Funnel) unitOf(c *checker) error {
	switch n := len(q.UnitBy); {
	case q.Unit != unitValue && n > 0:
		return invalid("unit_by", "misplaced_unit_by", "unit_by is for the unit expression only")
	case q.Unit == unitValue && (n == 0 || n > maxUnitBy):
		return invalid("unit_by", "bad_unit_by", "the unit expression goes by 1 to %d properties, not by %d", maxUnitBy, n)
	}
	q.UnitBy = slices.Clone(q.UnitBy)
	for i := range q.UnitBy {
		var err error
		if q.UnitBy[i], err = c.ref(q.UnitBy[i], fmt.Sprintf("unit_by[%d]", i)); err != nil {
			return err
		}
	}
	return nil
}

func (q *Funnel) held(c *checker) error {
	if len(q.Hold) > maxHold {
		return invalid("hold", "too_many_held", "the funnel holds %d properties, it may hold %d", len(q.Hold), maxHold)
	}
	if len(q.Hold) == 0 {
		if q.HoldCounts != "" {
			return invalid("hold_counts", "misplaced_hold_counts", "hold_counts is for held properties only")
		}
		return nil
	}
	q.Hold = slices.Clone(q.Hold)
	for i := range q.Hold {
		var err error
		if q.Hold[i], err = c.ref(q.Hold[i], fmt.Sprintf("hold[%d]", i)); err != nil {
			return err
		}
	}
	return oneOf("hold_counts", q.HoldCounts, []string{holdUnit, holdValue})
}

// between checks the steps that time to convert is measured between.
func (q *Funnel) between() error {
	if q.Show != showTime {
		if q.ConvertFrom != 0 || q.ConvertTo != 0 {
			return invalid("convert_from", "misplaced_convert", "convert_from and convert_to are for show time_to_convert only")
		}
		return nil
	}
	if q.ConvertFrom == 0 {
		q.ConvertFrom = 1
	}
	if q.ConvertTo == 0 {
		q.ConvertTo = len(q.Steps)
	}
	if q.ConvertFrom < 1 || q.ConvertFrom >= q.ConvertTo || q.ConvertTo > len(q.Steps) {
		return invalid("convert_to", "bad_convert", "time is measured from one step to a later one of %d; these are %d and %d",
			len(q.Steps), q.ConvertFrom, q.ConvertTo)
	}
	return nil
}

func (q *Funnel) attributed() error {
	if len(q.Breakdown) == 0 {
		if q.Attribution != "" || q.AttributionStep != 0 {
			return invalid("attribution", "misplaced_attribution", "attribution is for a breakdown only")
		}
		return nil
	}
	if err := oneOf("attribution", q.Attribution, FunnelAttributions()); err != nil {
		return err
	}
	if (q.Attribution == attributeStep) != (q.AttributionStep != 0) || q.AttributionStep < 0 || q.AttributionStep > len(q.Steps) {
		return invalid("attribution_step", "bad_attribution_step", "attribution step, and only that one, needs an attribution_step from 1 to %d", len(q.Steps))
	}
	return nil
}
