package query

import (
	"context"
	"time"

	"github.com/freshet/freshet/internal/query/history"
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
	Days      []StickinessDay `json:"days,omitempty"`
	Question  Stickiness      `json:"question"`
	Watermark store.Watermark `json:"watermark"`
	Cached    bool            `json:"cached"`
	TookMS    float64         `json:"took_ms"`
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
	err := e.timed(ctx, "stickiness", s, &a.Watermark, &a.TookMS, func(ctx context.Context, cut store.Cut) error {
		sel := &selection{
			engine: e, cut: cut, zone: r.zone, where: r.Where, selectors: []Selector{r.Active}, from: r.buckets.from(), to: r.buckets.to(),
		}
		if r.Mode == stickyRatio {
			sel.from, sel.cuts = time.UnixMicro(r.days.Edges[0]).In(r.zone), r.days.Edges
		} else if r.Times == 1 {
			sel.cuts = r.config.Edges
		}
		events, _, err := sel.read(ctx)
		if err != nil {
			return err
		}
		if r.Mode == stickyRatio {
			a.Days, err = r.walkDays(ctx, events)
			return err
		}
		a.Windows, err = r.walk(ctx, events)
		return err
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

func (r *ResolvedStickiness) walk(ctx context.Context, events *history.Builder) ([]StickinessWindow, error) {
	tally, err := walkAll(ctx, events, func() (*stickiness.Tally, func(*history.Actor)) {
		m, t := stickiness.NewMachine(&r.config), stickiness.NewTally(&r.config)
		return t, func(a *history.Actor) { t.Add(m.Walk(a.Events)) }
	})
	if err != nil {
		return nil, err
	}
	out := make([]StickinessWindow, len(tally.Exact))
	for i, exact := range tally.Exact {
		out[i] = r.window(i, exact)
	}
	return out, nil
}

func (r *ResolvedStickiness) window(i int, exact []int64) StickinessWindow {
	start, end := r.windows[i], r.windows[i+1]
	w := StickinessWindow{Start: start, Intervals: r.buckets.len()}
	w.Partial = end.After(r.now) || start.Before(r.buckets.from()) || end.After(r.buckets.to())
	if r.config.Windows == nil {
		w.Partial = r.buckets.ended < r.buckets.len()
	} else {
		w.Intervals = 0
		for _, window := range r.config.Windows {
			if int(window) == i {
				w.Intervals++
			}
		}
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

func (r *ResolvedStickiness) walkDays(ctx context.Context, events *history.Builder) ([]StickinessDay, error) {
	tally, err := walkAll(ctx, events, func() (*stickiness.DayTally, func(*history.Actor)) {
		m, t := stickiness.NewDayMachine(&r.days), stickiness.NewDayTally(&r.days)
		return t, func(a *history.Actor) { t.Add(m.Walk(a.Events)) }
	})
	if err != nil {
		return nil, err
	}
	out := make([]StickinessDay, r.buckets.len())
	for i, n := range tally.Counts() {
		out[i] = StickinessDay{
			Start: r.buckets.starts[i], Partial: i >= r.buckets.ended, Day: n.Day, Span: n.Span, Ratio: share(n.Day, n.Span),
		}
	}
	return out, nil
}
