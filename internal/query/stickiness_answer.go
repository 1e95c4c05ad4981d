package query

import (
	"context"
	"time"

	"github.com/freshet/freshet/internal/query/stickiness"
	"github.com/freshet/freshet/internal/store"
)

// StickinessAnswer is what comes back for Stickiness.
type StickinessAnswer struct {
	Kind     string      `json:"kind"`
	Range    AnswerRange `json:"range"`
	Interval string      `json:"interval"`
	// Windows has one entry a window, or a single one for the range; absent for a ratio.
	Windows []StickinessWindow `json:"windows,omitempty"`
	// Days has one entry a day of a ratio.
	Days []StickinessDay `json:"days,omitempty"`
	// Groups has one a value of the breakdown. They add up to Windows, or to Days.
	Groups []StickinessGroup `json:"groups,omitempty"`
	// Unparsed has the properties that the question reads as numbers.
	Unparsed  []Unparsed      `json:"unparsed,omitempty"`
	Question  Stickiness      `json:"question"`
	Watermark store.Watermark `json:"watermark"`
	Cached    bool            `json:"cached"`
	TookMS    float64         `json:"took_ms"`
}

// StickinessGroup are the people of one value of the breakdown.
type StickinessGroup struct {
	Breakdown []any `json:"breakdown"`
	// People is how many are active in the range, for a ratio with the days before it.
	People  int64              `json:"people"`
	Windows []StickinessWindow `json:"windows,omitempty"`
	Days    []StickinessDay    `json:"days,omitempty"`
}

// StickinessWindow is one window of time.
type StickinessWindow struct {
	// Start is where the window begins on the calendar; Partial tells that it is not over, or not all within the range.
	Start   time.Time `json:"start"`
	Partial bool      `json:"partial,omitempty"`
	// Intervals is how many of its intervals lie in the range.
	Intervals int `json:"intervals"`
	// People is how many are active in any of them.
	People int64 `json:"people"`
	// Counts has for k from 1 to Intervals the people who are active in exactly k intervals, or in k or more. Rates are
	// their shares of People, null when there are none.
	Counts []int64    `json:"counts"`
	Rates  []*float64 `json:"rates"`
}

// StickinessDay is one day of a ratio.
type StickinessDay struct {
	Start   time.Time `json:"start"`
	Partial bool      `json:"partial,omitempty"`
	// Day is how many are active on it, Span how many in the days that end with it, Ratio the one by the other.
	Day   int64    `json:"day"`
	Span  int64    `json:"span"`
	Ratio *float64 `json:"ratio"`
}

// Stickiness answers a question, on one cut of the data.
func (e *Engine) Stickiness(ctx context.Context, s Scope, r *ResolvedStickiness) (*StickinessAnswer, error) {
	a := &StickinessAnswer{Kind: "stickiness", Range: answerRange(&r.buckets, r.zone), Interval: r.Interval, Question: r.Stickiness}
	err := e.answering(ctx, "stickiness", s, r.attribution(), &a.Watermark, &a.TookMS, func(ctx context.Context, cut *peopledCut) error {
		var err error
		if a.Unparsed, err = r.unparsed(ctx, e, cut); err != nil {
			return err
		}
		people, err := r.read(ctx, &ground{engine: e, cut: cut, scope: s})
		if err != nil {
			return err
		}
		defer people.events.Free()
		if r.Mode == stickyRatio {
			return r.walkDays(ctx, a, people)
		}
		return r.walk(ctx, a, people)
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

// read gathers what the machines need.
func (r *ResolvedStickiness) read(ctx context.Context, g *ground) (*lined, error) {
	dimensions, err := r.grouped(ctx, g.engine, g.cut, g.scope, &r.Active, r.Where, r.Breakdown)
	if err != nil {
		return nil, err
	}
	line := lineBy(r.machine)
	if r.Mode == stickyRatio {
		line = lineBy(r.dayMachine)
	}
	return r.selection(g, dimensions).lined(ctx, r.BreakdownLimit, line)
}

func (r *ResolvedStickiness) selection(g *ground, dimensions []*dimension) *selection {
	sel := &selection{
		engine: g.engine, cut: g.cut, zone: r.zone, clocks: r.clocks, where: r.Where, selectors: []Selector{r.Active}, dimensions: dimensions,
		from: r.buckets.from(), to: r.buckets.to(),
	}
	if r.Mode == stickyRatio {
		sel.from, sel.cuts = time.UnixMicro(r.days.Edges[0]).In(r.zone), r.days.Edges
	} else if r.Times == 1 {
		sel.cuts = r.config.Edges
	}
	return sel
}

// machine makes one whose values count in the given lines.
func (r *ResolvedStickiness) machine(lines []int32) *stickiness.Machine {
	config := r.config
	config.Lines = lines
	return stickiness.NewMachine(&config)
}

// dayMachine is machine for a ratio.
func (r *ResolvedStickiness) dayMachine(lines []int32) *stickiness.DayMachine {
	days := r.days
	days.Lines = lines
	return stickiness.NewDayMachine(&days)
}

// walk fills in the windows of an answer.
func (r *ResolvedStickiness) walk(ctx context.Context, a *StickinessAnswer, people *lined) error {
	tally, err := walkLines(ctx, people, r.machine, func(lines int) *stickiness.Tally { return stickiness.NewTally(&r.config, lines) })
	if err != nil {
		return err
	}
	for i, group := range people.shown {
		l := &tally.Lines[i]
		a.Groups = append(a.Groups, StickinessGroup{Breakdown: labels(people.dimensions, group), People: l.Actors, Windows: r.windowsOf(l)})
	}
	all := &stickiness.NewTally(&r.config, 1).Lines[0]
	for i := range tally.Lines {
		all.Merge(&tally.Lines[i])
	}
	a.Windows = r.windowsOf(all)
	return nil
}

func (r *ResolvedStickiness) windowsOf(l *stickiness.Line) []StickinessWindow {
	out := make([]StickinessWindow, len(l.Exact))
	for i, exact := range l.Exact {
		out[i] = r.window(i, exact)
	}
	return out
}

func (r *ResolvedStickiness) window(i int, exact []int64) StickinessWindow {
	start, end := r.windows[i], r.windows[i+1]
	w := StickinessWindow{Start: start, Intervals: r.intervalsOf(i)}
	w.Partial = end.After(r.known) || start.Before(r.buckets.from()) || end.After(r.buckets.to())
	if r.config.Windows == nil {
		w.Partial = r.buckets.ended < r.buckets.len()
	}
	atLeast := stickiness.AtLeast(exact)
	w.People, w.Counts = atLeast[0], exact[:w.Intervals]
	if r.Mode == stickyCumulative {
		w.Counts = atLeast[:w.Intervals]
	}
	for _, n := range w.Counts {
		w.Rates = append(w.Rates, share(n, w.People))
	}
	return w
}

// intervalsOf is how many intervals a window has in the range.
func (r *ResolvedStickiness) intervalsOf(window int) (n int) {
	if r.config.Windows == nil {
		return r.buckets.len()
	}
	for _, w := range r.config.Windows {
		if int(w) == window {
			n++
		}
	}
	return n
}

// walkDays fills in the days of an answer.
func (r *ResolvedStickiness) walkDays(ctx context.Context, a *StickinessAnswer, people *lined) error {
	tally, err := walkLines(ctx, people, r.dayMachine, func(lines int) *stickiness.DayTally { return stickiness.NewDayTally(&r.days, lines) })
	if err != nil {
		return err
	}
	for i, group := range people.shown {
		l := &tally.Lines[i]
		a.Groups = append(a.Groups, StickinessGroup{Breakdown: labels(people.dimensions, group), People: l.Actors, Days: r.daysOf(l)})
	}
	all := &stickiness.NewDayTally(&r.days, 1).Lines[0]
	for i := range tally.Lines {
		all.Merge(&tally.Lines[i])
	}
	a.Days = r.daysOf(all)
	return nil
}

func (r *ResolvedStickiness) daysOf(l *stickiness.DayLine) []StickinessDay {
	out := make([]StickinessDay, r.buckets.len())
	for i, n := range l.Counts(&r.days) {
		out[i] = StickinessDay{
			Start: r.buckets.starts[i], Partial: i >= r.buckets.ended, Day: n.Day, Span: n.Span, Ratio: share(n.Day, n.Span),
		}
	}
	return out
}
