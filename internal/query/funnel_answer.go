package query

import (
	"context"
	"time"

	"github.com/freshet/freshet/internal/query/funnel"
	"github.com/freshet/freshet/internal/query/history"
)

// Funnel answers a question, on one cut of the data.
func (e *Engine) Funnel(ctx context.Context, s Scope, r *ResolvedFunnel) (*FunnelAnswer, error) {
	a := &FunnelAnswer{Kind: "funnel", Range: answerRange(&r.buckets, r.zone), AsOf: r.asOf.In(r.clocks.zoneOr(r.zone)), Question: r.Funnel}
	if r.compare != nil {
		c := answerRange(r.compare, r.zone)
		a.CompareRange = &c
	}
	err := e.answering(ctx, "funnel", s, r.attribution(), &a.Watermark, &a.TookMS, func(ctx context.Context, cut *peopledCut) error {
		var err error
		if a.Unparsed, err = r.unparsed(ctx, e, cut); err != nil {
			return err
		}
		f := &asking{ResolvedFunnel: r, engine: e, cut: cut, scope: s, now: r.asOf}
		a.Groups, err = f.answer(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

// asking is one funnel being answered. Now is up to when events are known.
type asking struct {
	*ResolvedFunnel
	engine     *Engine
	cut        cohortCut
	scope      Scope
	now        time.Time
	dimensions []*dimension
	values     *valueCodes
}

func (f *asking) answer(ctx context.Context) ([]FunnelGroup, error) {
	own, err := f.prepared(ctx)
	if err != nil {
		return nil, err
	}
	g := f.group(own)
	out := f.groups(g, own, &f.buckets)
	for i := range out {
		if len(f.dimensions) > 0 {
			out[i].Breakdown = labels(f.dimensions, g.shown[i])
		}
	}
	if f.compare == nil {
		return out, nil
	}
	earlier, err := f.over(ctx, f.compare)
	if err != nil {
		return nil, err
	}
	g.extend(len(f.values.groups))
	compared := f.groups(g, earlier, f.compare)
	for i := range out {
		out[i].Compare = &compared[i]
	}
	return out, nil
}

// prepared works out the groups of numbers of the breakdown, and has the results over the question's own range.
func (f *asking) prepared(ctx context.Context) ([]*funnel.Tally, error) {
	var err error
	if f.dimensions, err = f.grouped(ctx, f.engine, f.cut, f.scope, &f.Steps[0].Selector, f.Where, f.Breakdown); err != nil {
		return nil, err
	}
	f.values = codesWithNone(len(f.dimensions))
	return f.over(ctx, &f.buckets)
}

// gathering reads the events of one range.
func (f *asking) gathering(b *buckets) *gathering {
	g := &gathering{
		ResolvedFunnel: f.ResolvedFunnel, engine: f.engine, cut: f.cut, scope: f.scope, dimensions: f.dimensions,
		values: f.values, held: codesWithNone(len(f.Hold)),
		clocks: f.clocks,
	}
	g.from, g.to = f.reads(b)
	return g
}

// over has the results over one range: first those of the question's own window, then those of the others.
func (f *asking) over(ctx context.Context, b *buckets) ([]*funnel.Tally, error) {
	events, err := f.gathering(b).read(ctx)
	if err != nil {
		return nil, err
	}
	defer events.Free()
	windows := []int64{f.config.Window}
	for _, w := range f.windows {
		windows = append(windows, w.Microseconds())
	}
	var out []*funnel.Tally
	for _, w := range windows {
		t, err := walkFunnel(ctx, events, f.machine(b, f.now, w))
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// walkFunnel lets machines go over all actors.
func walkFunnel(ctx context.Context, events *history.Builder, c funnel.Config) (*funnel.Tally, error) {
	actors := events.Actors()
	room := actors // the first worker's tally will have the results of all
	return walkAll(ctx, events, func() (*funnel.Tally, func(*history.Actor)) {
		m, t := funnel.New(c, func() bool { return ctx.Err() != nil }), funnel.NewTally(&c, room)
		room = actors / events.Workers()
		return t, func(a *history.Actor) { m.Run(a, t.Add) }
	})
}

// groups are the groups of an answer, out of the results over a range.
func (f *asking) groups(g *grouping, results []*funnel.Tally, b *buckets) []FunnelGroup {
	own := g.parts(results[0])
	out := make([]FunnelGroup, len(own))
	for i := range own {
		out[i] = f.show(&own[i], b)
	}
	for w, t := range results[1:] {
		d := f.windows[w]
		for i, p := range g.parts(t) {
			out[i].Windows = append(out[i].Windows, FunnelWindow{
				Window: f.Windows[w], FunnelCounts: counts(&p), KaplanMeier: f.survival(&own[i], d),
			})
		}
	}
	return out
}
