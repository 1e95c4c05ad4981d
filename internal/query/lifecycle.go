package query

import (
	"context"
	"time"

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
	// SignedOut says whose the events of an id are that somebody has signed out of, one of SignedOuts.
	SignedOut string `json:"signed_out,omitempty"`
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
	// Breakdown splits people by values of their first active event in the range, or in the interval before it.
	Breakdown []Breakdown `json:"breakdown,omitempty"`
	// BreakdownLimit is how many values have a group, those with most people; all others have one together.
	BreakdownLimit int `json:"breakdown_limit,omitempty"`
}

const (
	newByActive = "active"
	newByAny    = "any"
)

// LifecycleNews lists what makes somebody new: the first active event ever, or the first event of any kind.
func LifecycleNews() []string { return []string{newByActive, newByAny} }

// LifecycleAnswer is what comes back for Lifecycle.
type LifecycleAnswer struct {
	Kind     string      `json:"kind"`
	Range    AnswerRange `json:"range"`
	Interval string      `json:"interval"`
	// Buckets are those of everybody.
	Buckets []LifecycleBucket `json:"buckets"`
	// Groups has one a value of the breakdown. They add up to Buckets.
	Groups []LifecycleGroup `json:"groups,omitempty"`
	// Unparsed has the properties that the question reads as numbers.
	Unparsed []Unparsed `json:"unparsed,omitempty"`
	Question Lifecycle  `json:"question"`
	// Watermark tells up to where the answer is complete.
	Watermark store.Watermark `json:"watermark"`
	Cached    bool            `json:"cached"`
	TookMS    float64         `json:"took_ms"`
}

// LifecycleGroup is the lifecycle of the people of one value of the breakdown.
type LifecycleGroup struct {
	Breakdown []any `json:"breakdown"`
	// People is how many are active in the range or in the interval before it.
	People  int64             `json:"people"`
	Buckets []LifecycleBucket `json:"buckets"`
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
	f, err := e.frameOf(s, frame{&q.Kind, &q.Preset, &q.Timezone, &q.SignedOut, &q.WeekStart, &q.Interval, &q.Range, &q.Where}, "lifecycle", RetentionIntervals())
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
	if err := f.breakdowns(&q.Breakdown, &q.BreakdownLimit); err != nil {
		return err
	}
	if err := f.cutRange(ctx); err != nil {
		return err
	}
	f.whole()
	if err := f.groupsFit(len(q.Breakdown), q.BreakdownLimit, f.buckets.len()); err != nil {
		return err
	}
	if err := f.properties(ctx); err != nil {
		return err
	}
	r.Resolution = Resolution{zone: f.zone, clocks: f.clocksOf(&f.buckets), known: f.known, buckets: f.buckets, casts: f.check.casts()}
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
	err := e.answering(ctx, "lifecycle", s, r.attribution(), &a.Watermark, &a.TookMS, func(ctx context.Context, cut *peopledCut) error {
		var err error
		if a.Unparsed, err = r.unparsed(ctx, e, cut); err != nil {
			return err
		}
		people, err := r.read(ctx, &ground{engine: e, cut: cut, scope: s})
		if err != nil {
			return err
		}
		defer people.events.Free()
		return r.walk(ctx, a, people)
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

// read gathers what the machine needs.
func (r *ResolvedLifecycle) read(ctx context.Context, g *ground) (*lined, error) {
	dimensions, err := r.grouped(ctx, g.engine, g.cut, g.scope, &r.Active, r.Where, r.Breakdown)
	if err != nil {
		return nil, err
	}
	return r.selection(g, dimensions).lined(ctx, r.BreakdownLimit, lineBy(r.machine))
}

func (r *ResolvedLifecycle) selection(g *ground, dimensions []*dimension) *selection {
	selectors := []Selector{r.Active}
	if r.NewBy == newByAny {
		selectors = append(selectors, Selector{})
	}
	return &selection{
		engine: g.engine, cut: g.cut, zone: r.zone, clocks: r.clocks, where: r.Where, selectors: selectors, dimensions: dimensions,
		to: r.buckets.to(), cuts: r.config.Edges,
	}
}

// machine makes one whose values count in the given lines.
func (r *ResolvedLifecycle) machine(lines []int32) *lifecycle.Machine {
	config := r.config
	config.Lines = lines
	return lifecycle.NewMachine(&config)
}

// walk fills in the numbers of an answer.
func (r *ResolvedLifecycle) walk(ctx context.Context, a *LifecycleAnswer, people *lined) error {
	tally, err := walkLines(ctx, people, r.machine, func(lines int) *lifecycle.Tally { return lifecycle.NewTally(&r.config, lines) })
	if err != nil {
		return err
	}
	for i, group := range people.shown {
		l := &tally.Lines[i]
		a.Groups = append(a.Groups, LifecycleGroup{labels(people.dimensions, group), l.Actors, r.bucketsOf(l)})
	}
	all := &lifecycle.NewTally(&r.config, 1).Lines[0]
	for i := range tally.Lines {
		all.Merge(&tally.Lines[i])
	}
	a.Buckets = r.bucketsOf(all)
	return nil
}

func (r *ResolvedLifecycle) bucketsOf(l *lifecycle.Line) []LifecycleBucket {
	out := make([]LifecycleBucket, r.buckets.len())
	for i := range out {
		n := l.Counts[i+1]
		out[i] = LifecycleBucket{
			Start: r.buckets.starts[i], Partial: i >= r.buckets.ended, Active: l.Active(i + 1),
			New: n[lifecycle.New], Returning: n[lifecycle.Returning], Resurrecting: n[lifecycle.Resurrecting],
		}
		if !out[i].Partial {
			out[i].Dormant = &n[lifecycle.Dormant]
			out[i].Pulse = share(out[i].New+out[i].Resurrecting, n[lifecycle.Dormant])
		}
	}
	return out
}
