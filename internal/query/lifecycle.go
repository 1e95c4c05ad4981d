package query

import (
	"context"
	"time"

	"github.com/freshet/freshet/internal/query/history"
	"github.com/freshet/freshet/internal/query/lifecycle"
	"github.com/freshet/freshet/internal/store"
)

// Lifecycle asks in each interval who is new, who returned, who came back after a longer time, and who stayed away. The
// range is widened to whole intervals.
//
// A field that is left out takes its default, or that of the preset; the answer repeats the question with every field
// filled in.
type Lifecycle struct {
	// Kind is "lifecycle".
	Kind string `json:"kind,omitempty"`
	// Preset is one of Presets.
	Preset   string `json:"preset,omitempty"`
	Range    Range  `json:"range"`
	Timezone string `json:"timezone,omitempty"`
	// WeekStart is a weekday; default the project's.
	WeekStart string `json:"week_start,omitempty"`
	// Interval is hour, day (default), week or month.
	Interval string `json:"interval,omitempty"`
	// Active is the event that makes somebody active.
	Active Selector `json:"active"`
	// Where holds for the active events, and for those that NewBy goes by.
	Where *Filter `json:"where,omitempty"`
	// NewBy is one of LifecycleNews.
	NewBy string `json:"new_by,omitempty"`
}

const (
	newByActive = "active"
	newByAny    = "any"
)

// LifecycleNews lists what makes somebody new: the first active event ever, or the first event of any kind.
func LifecycleNews() []string { return []string{newByActive, newByAny} }

// LifecycleAnswer is what comes back for Lifecycle.
type LifecycleAnswer struct {
	Kind     string            `json:"kind"`
	Range    AnswerRange       `json:"range"`
	Interval string            `json:"interval"`
	Buckets  []LifecycleBucket `json:"buckets"`
	Question Lifecycle         `json:"question"`
	// Watermark tells up to where the answer is complete.
	Watermark store.Watermark `json:"watermark"`
	Cached    bool            `json:"cached"`
	TookMS    float64         `json:"took_ms"`
}

// LifecycleBucket is one interval. Active = New + Returning + Resurrecting, and Returning + Dormant are those who were
// active in the interval before.
type LifecycleBucket struct {
	Start        time.Time `json:"start"`
	Partial      bool      `json:"partial,omitempty"`
	Active       int64     `json:"active"`
	New          int64     `json:"new"`
	Returning    int64     `json:"returning"`
	Resurrecting int64     `json:"resurrecting"`
	// Dormant is null until the interval is over: somebody may still come.
	Dormant *int64 `json:"dormant"`
	// Pulse is (New + Resurrecting) / Dormant, null without a dormant person.
	Pulse *float64 `json:"pulse"`
}

// ResolvedLifecycle is a lifecycle with every default filled in and every relative time made absolute.
type ResolvedLifecycle struct {
	Lifecycle
	Resolution
	config lifecycle.Config
}

// ResolveLifecycle checks a question and fills in its defaults. The question is not changed.
func (e *Engine) ResolveLifecycle(s Scope, q *Lifecycle) (*ResolvedLifecycle, error) {
	out := &ResolvedLifecycle{Lifecycle: *q}
	err := e.resolving(func(ctx context.Context) error { return out.resolve(ctx, e, s) })
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (r *ResolvedLifecycle) resolve(ctx context.Context, e *Engine, s Scope) error {
	q := &r.Lifecycle
	f, err := e.frameOf(s, frame{&q.Kind, &q.Preset, &q.Timezone, &q.WeekStart, &q.Interval, &q.Range, &q.Where}, "lifecycle", RetentionIntervals())
	if err != nil {
		return err
	}
	if q.Preset == presetPostHog || q.Preset == presetAmplitude {
		fill(&q.NewBy, newByAny)
	}
	fill(&q.NewBy, newByActive)
	if err := oneOf("new_by", q.NewBy, LifecycleNews()); err != nil {
		return err
	}
	if q.Active, err = f.check.selector(q.Active, "active"); err != nil {
		return err
	}
	if err := f.cutRange(ctx); err != nil {
		return err
	}
	f.whole()
	if err := f.properties(ctx); err != nil {
		return err
	}
	r.Resolution = Resolution{zone: f.zone, now: f.now, buckets: f.buckets}
	before := f.calendar().floor(f.buckets.from().Add(-time.Microsecond))
	r.config = lifecycle.Config{Edges: append([]int64{before.UnixMicro()}, f.edges(0)...), Active: 1, First: 1}
	if r.NewBy == newByAny {
		r.config.First = 2
	}
	r.key, err = f.keyOf(q, int64(f.buckets.ended))
	return err
}

// Lifecycle answers a question, on one cut of the data.
func (e *Engine) Lifecycle(ctx context.Context, s Scope, r *ResolvedLifecycle) (*LifecycleAnswer, error) {
	a := &LifecycleAnswer{Kind: "lifecycle", Range: answerRange(&r.buckets, r.zone), Interval: r.Interval, Question: r.Lifecycle}
	err := e.timed(ctx, "lifecycle", s, &a.Watermark, &a.TookMS, func(ctx context.Context, cut store.Cut) error {
		selectors := []Selector{r.Active}
		if r.NewBy == newByAny {
			selectors = append(selectors, Selector{})
		}
		sel := &selection{engine: e, cut: cut, zone: r.zone, where: r.Where, selectors: selectors, to: r.buckets.to(), cuts: r.config.Edges}
		events, _, err := sel.read(ctx)
		if err != nil {
			return err
		}
		a.Buckets, err = r.walk(ctx, events)
		return err
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

func (r *ResolvedLifecycle) walk(ctx context.Context, events *history.Builder) ([]LifecycleBucket, error) {
	tally, err := walkAll(ctx, events, func() (*lifecycle.Tally, func(*history.Actor)) {
		m, t := lifecycle.NewMachine(&r.config), lifecycle.NewTally(&r.config)
		return t, func(a *history.Actor) { t.Add(m.Walk(a.Events)) }
	})
	if err != nil {
		return nil, err
	}
	out := make([]LifecycleBucket, r.buckets.len())
	for i := range out {
		n := tally.Counts[i+1]
		out[i] = LifecycleBucket{
			Start: r.buckets.starts[i], Partial: i >= r.buckets.ended, Active: tally.Active(i + 1),
			New: n[lifecycle.New], Returning: n[lifecycle.Returning], Resurrecting: n[lifecycle.Resurrecting],
		}
		if !out[i].Partial {
			out[i].Dormant = &n[lifecycle.Dormant]
			out[i].Pulse = share(out[i].New+out[i].Resurrecting, n[lifecycle.Dormant])
		}
	}
	return out, nil
}
