package query

import (
	"context"
	"slices"
	"time"

	"github.com/freshet/freshet/internal/query/stickiness"
)

// Stickiness asks in how many intervals people are active. By Mode it is counted who is active in exactly so many of
// the range's intervals, or in so many and more; with a Window by each week or month of the range; or as ratio, how
// many of the people of the last days are there on each day.
//
// A field that is left out takes its default; the answer repeats the question with every field filled in.
type Stickiness struct {
	// Kind is "stickiness".
	Kind string `json:"kind,omitempty"`
	// Preset is one of Presets.
	Preset   string `json:"preset,omitempty"`
	Range    Range  `json:"range"`
	Timezone string `json:"timezone,omitempty"`
	// SignedOut says whose the events of an id are that somebody has signed out of, one of SignedOuts.
	SignedOut string `json:"signed_out,omitempty"`
	// WeekStart is a weekday; default the project's.
	WeekStart string `json:"week_start,omitempty"`
	// Interval is hour, day (default), week or month.
	Interval string `json:"interval,omitempty"`
	// Active is the event that makes somebody active.
	Active Selector `json:"active"`
	Where  *Filter  `json:"where,omitempty"`
	// Mode is one of StickinessModes.
	Mode string `json:"mode,omitempty"`
	// Times is how many such events make somebody active in an interval; default 1.
	Times int `json:"times,omitempty"`
	// Window is week or month: each is counted for itself. For hours it may be a day as well.
	Window string `json:"window,omitempty"`
	// Days is for ratio what a day is compared with: the last 7 or 30 (default) days, itself included.
	Days int `json:"days,omitempty"`
	// Breakdown splits people by values of their first active event in the range, for a ratio with the days before it.
	Breakdown []Breakdown `json:"breakdown,omitempty"`
	// BreakdownLimit is how many values have a group, those with most people; all others have one together.
	BreakdownLimit int `json:"breakdown_limit,omitempty"`
}

const (
	stickyExact      = "exact"
	stickyCumulative = "cumulative"
	stickyRatio      = "ratio"

	maxTimes = 1000
)

// StickinessModes lists what is counted: people active in exactly k intervals, in k or more, or on a day against those
// of the last days.
func StickinessModes() []string { return []string{stickyExact, stickyCumulative, stickyRatio} }

// ResolvedStickiness is a stickiness with every default filled in and every relative time made absolute.
type ResolvedStickiness struct {
	Stickiness
	Resolution
	config stickiness.Config
	days   stickiness.Days
	// windows are where the windows begin, and the end of the last one.
	windows []time.Time
}

// ResolveStickiness checks a question and fills in its defaults. The question is not changed.
func (e *Engine) ResolveStickiness(s Scope, q *Stickiness) (*ResolvedStickiness, error) {
	out := &ResolvedStickiness{Stickiness: *q}
	err := e.resolving(func(ctx context.Context) error { return out.resolve(ctx, e, s) })
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (r *ResolvedStickiness) resolve(ctx context.Context, e *Engine, s Scope) error {
	q := &r.Stickiness
	f, err := e.frameOf(s, frame{&q.Kind, &q.Preset, &q.Timezone, &q.SignedOut, &q.WeekStart, &q.Interval, &q.Range, &q.Where}, "stickiness", RetentionIntervals())
	if err != nil {
		return err
	}
	if err := q.options(); err != nil {
		return err
	}
	if q.Active, err = f.check.selector(q.Active, "active"); err != nil {
		return err
	}
	if err := f.breakdowns(&q.Breakdown, &q.BreakdownLimit); err != nil {
		return err
	}
	if err := f.cutRange(ctx); err != nil {
		return err
	}
	if err := f.groupsFit(len(q.Breakdown), q.BreakdownLimit, f.buckets.len()); err != nil {
		return err
	}
	if err := f.properties(ctx); err != nil {
		return err
	}
	if q.Mode == stickyRatio {
		f.whole()
		r.configureDays(f)
	} else {
		r.configure(f)
	}
	r.Resolution = Resolution{zone: f.zone, clocks: f.clocksOf(&f.buckets), known: f.known, buckets: f.buckets, casts: f.check.casts()}
	r.key, err = f.keyOf(q, int64(f.buckets.ended))
	return err
}

// options fills in and checks what is counted.
func (q *Stickiness) options() error {
	fill(&q.Mode, stickyExact)
	if err := oneOf("mode", q.Mode, StickinessModes()); err != nil {
		return err
	}
	if q.Times == 0 {
		q.Times = 1
	}
	if q.Times < 1 || q.Times > maxTimes {
		return invalid("times", "bad_times", "times is %d, it must be 1 to %d", q.Times, maxTimes)
	}
	if q.Mode == stickyRatio {
		return q.ratio()
	}
	if q.Days != 0 {
		return invalid("days", "misplaced_days", "days are for the mode ratio only")
	}
	if q.Window == "" {
		return nil
	}
	longer := map[string][]string{"hour": {"day", "week", "month"}, "day": {"week", "month"}}[q.Interval]
	if longer == nil {
		return invalid("window", "bad_window", "the interval %s has no window; take day or hour", q.Interval)
	}
	return oneOf("window", q.Window, longer)
}

func (q *Stickiness) ratio() error {
	if q.Days == 0 {
		q.Days = 30
	}
	switch {
	case q.Days != 7 && q.Days != 30:
		return invalid("days", "bad_days", "days is %d, it must be 7 or 30", q.Days)
	case q.Interval != "day":
		return invalid("interval", "bad_interval", "a ratio is by day")
	case q.Window != "":
		return invalid("window", "misplaced_window", "a ratio has no window")
	case q.Times != 1:
		return invalid("times", "misplaced_times", "a ratio counts whoever is active once")
	}
	return nil
}

func (r *ResolvedStickiness) configure(f *framed) {
	b := &f.buckets
	r.config = stickiness.Config{Times: r.Times, Active: 1}
	for _, e := range b.edges {
		r.config.Edges = append(r.config.Edges, e.UnixMicro())
	}
	if r.Window == "" {
		r.windows = []time.Time{b.from(), b.to()}
		return
	}
	windows := &calendar{interval: r.Window, zone: f.zone, weekStart: f.scope.WeekStart}
	for i := range b.len() {
		start := windows.floor(b.edges[i])
		if n := len(r.windows); n == 0 || !r.windows[n-1].Equal(start) {
			r.windows = append(r.windows, start)
		}
		r.config.Windows = append(r.config.Windows, int32(len(r.windows)-1))
	}
	r.windows = append(r.windows, windows.next(b.to().Add(-time.Microsecond)))
}

func (r *ResolvedStickiness) configureDays(f *framed) {
	first := dayOf(f.buckets.from(), f.zone)
	r.days = stickiness.Days{Span: r.Days, Active: 1}
	for back := r.Days - 1; back > 0; back-- {
		r.days.Edges = append(r.days.Edges, first.add(-back).start(f.zone).UnixMicro())
	}
	r.days.Edges = slices.Compact(append(r.days.Edges, f.edges(0)...))
	// A zone that left a day out has one less before the range.
	r.days.Before = len(r.days.Edges) - 1 - f.buckets.len()
}
