package query

import (
	"context"
	"errors"
	"slices"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/query/funnel"
	"github.com/freshet/freshet/internal/query/history"
	"github.com/freshet/freshet/internal/query/path"
)

// PathsFunnel leads paths from or to a step of a funnel: one for everybody whom the funnel counts there, at the very event
// that it counts. So there are as many paths as the funnel has people, or with entry every attempts, in the cell.
type PathsFunnel struct {
	// Question is a funnel of persons without a breakdown. Its range is that of the paths; one of the two may be left out.
	Question Funnel `json:"question"`
	// Step, from 1 on, is the step that was reached; default the first.
	Step int `json:"step,omitempty"`
	// State is one of FunnelStates; default entered.
	State string `json:"state,omitempty"`
	// Side is one of PathSides; default after.
	Side string `json:"side,omitempty"`
}

const (
	sideAfter   = "after"
	sideBefore  = "before"
	sideBetween = "between"
)

// PathSides lists what is shown of a funnel: what people do after the step, what they did before it, or what they do
// between it and the next one, of those who reached that.
func PathSides() []string { return []string{sideAfter, sideBefore, sideBetween} }

func (p *PathsFunnel) between() bool { return p != nil && p.Side == sideBetween }

// framed is a copy, which shares range and time zone with the question around it where one of them has none.
func (p *PathsFunnel) framed(q *Paths) *PathsFunnel {
	if p == nil {
		return nil
	}
	out := *p
	if q.Range == (Range{}) {
		q.Range = p.Question.Range
	}
	fill(&q.Timezone, p.Question.Timezone)
	fill(&out.Question.Timezone, q.Timezone)
	fill(&q.SignedOut, p.Question.SignedOut)
	fill(&out.Side, sideAfter)
	return &out
}

// ofFunnel resolves the funnel, if there is one. Given is the range of the paths as it was asked for.
func (r *ResolvedPaths) ofFunnel(e *Engine, s Scope, given Range, b *buckets) error {
	p := r.Funnel
	if p == nil {
		return nil
	}
	if err := oneOf("funnel.side", p.Side, PathSides()); err != nil {
		return err
	}
	if q := &p.Question; q.Range == (Range{}) || q.Range == given {
		q.Range = r.Range
	}
	if p.Question.Timezone == TimezoneDevice {
		return devicePaths("funnel.question.timezone")
	}
	fill(&p.Question.SignedOut, r.SignedOut)
	if p.Question.SignedOut != r.SignedOut {
		return invalid("funnel.question.signed_out", "misplaced_signed_out", "the funnel and its paths attribute events in one way; leave one of the two out")
	}
	f, err := e.ResolveFunnel(s, &p.Question)
	if err != nil {
		return within("funnel.question.", err)
	}
	switch {
	case f.Unit != unitPerson:
		return invalid("funnel.question.unit", "misplaced_unit", "paths are those of persons, and so must the funnel be, not of a %s", f.Unit)
	case len(f.Breakdown) > 0:
		return invalid("funnel.question.breakdown", "misplaced_breakdown", "the funnel of paths has no breakdown")
	case !f.buckets.from().Equal(b.from()) || !f.buckets.to().Equal(b.to()):
		return invalid("funnel.question.range", "misplaced_range", "the funnel and its paths have one range; leave one of the two out")
	}
	if p.Step == 0 {
		p.Step = 1
	}
	last := len(f.Steps)
	if p.between() {
		last--
	}
	if p.Step < 1 || p.Step > last {
		return invalid("funnel.step", "bad_step", "step is %d, it must be 1 to %d here", p.Step, last)
	}
	if r.spot, err = f.spot(&PeopleOfFunnel{Step: p.Step, State: p.State}); err != nil {
		var bad *event.Error
		if errors.As(err, &bad) {
			bad.Field = "funnel.state"
		}
		return err
	}
	p.State, p.Question, r.funnel = r.spot.State, f.Funnel, f
	return nil
}

// castsOfFunnel has the answer say what the funnel's casts have lost, too. Its range is the same.
func (r *ResolvedPaths) castsOfFunnel() {
	if r.funnel == nil {
		return
	}
	for _, ref := range r.funnel.casts {
		if !slices.Contains(r.casts, ref) {
			r.casts = append(r.casts, ref)
		}
	}
}

// within says of an error of a question that stands in another one where.
func within(prefix string, err error) error {
	var bad *event.Error
	if errors.As(err, &bad) && bad.Field != "" {
		inner := *bad
		inner.Field = prefix + bad.Field
		return &inner
	}
	return err
}

// selectFunnel has a selection read the events of the funnel's steps, too. What holds for the steps of paths does not have
// to hold for those.
func (r *ResolvedPaths) selectFunnel(s *selection) {
	s.selectors, s.where = []Selector{bothHold(*r.Steps, r.Where)}, nil
	for i := range r.funnel.Steps {
		s.selectors = append(s.selectors, bothHold(r.funnel.Steps[i].Selector, r.funnel.Where))
	}
	s.from, s.to = r.funnel.reads(&r.funnel.buckets)
}

// bothHold is a selector with another condition.
func bothHold(s Selector, where *Filter) Selector {
	switch {
	case where == nil:
	case s.Where == nil:
		s.Where = where
	default:
		s.Where = &Filter{And: []*Filter{s.Where, where}}
	}
	return s
}

// anchored are the anchors of everybody.
type anchored map[uint64][]path.Given

// Merge adds those of others.
func (a *anchored) Merge(o *anchored) {
	for actor, list := range *o {
		(*a)[actor] = append((*a)[actor], list...)
	}
}

// anchors runs the funnel, and has the events by which people reached the step.
func (r *ResolvedPaths) anchors(ctx context.Context, g *ground) (map[uint64][]path.Given, error) {
	f := &asking{ResolvedFunnel: r.funnel, engine: g.engine, cut: g.cut, scope: g.scope, now: r.funnel.asOf, values: codesWithNone(0)}
	gathered := f.gathering(&f.buckets)
	gathered.inOrder = true
	events, err := gathered.read(ctx)
	if err != nil {
		return nil, err
	}
	defer events.Free()
	config := f.machine(&f.buckets, f.now, f.config.Window)
	config.Times, config.Trace = true, true
	found, err := walkAll(ctx, events, func() (*anchored, func(*history.Actor)) {
		m, out, one := funnel.New(config, func() bool { return ctx.Err() != nil }), anchored{}, funnel.NewTally(&config, 1)
		return &out, func(a *history.Actor) {
			m.Run(a, func(result *funnel.Result) {
				one.Reset()
				one.Add(result)
				if given, ok := r.anchorOf(f, &one.Rows[0], result.Events); ok {
					out[a.ID] = append(out[a.ID], given)
				}
			})
		}
	})
	if err != nil {
		return nil, err
	}
	return *found, nil
}

// anchorOf is the anchor of a result, if it counts.
func (r *ResolvedPaths) anchorOf(f *asking, row *funnel.Row, events []uint64) (path.Given, bool) {
	if f.Mature && row.State == funnel.Open || !f.inState(row, r.spot) {
		return path.Given{}, false
	}
	given := path.Given{At: events[r.Funnel.Step-1]}
	if r.Funnel.between() {
		if !did(row, r.Funnel.Step) {
			return given, false
		}
		given.Until, given.Between = events[r.Funnel.Step], true
	}
	return given, true
}
