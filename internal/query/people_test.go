package query_test

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/query"
)

// behind asks for the people of cells.
type behind struct {
	t     *rapid.T
	e     *query.Engine
	scope query.Scope
	r     query.Asked
}

func (b *behind) people(cell any) []uint64 {
	b.t.Helper()
	people, _, err := b.e.People(context.Background(), b.scope, b.r, json.RawMessage(asJSON(cell)))
	if err != nil {
		b.t.Fatalf("%s: %v", asJSON(cell), err)
	}
	if !slices.IsSorted(people) || len(slices.Compact(slices.Clone(people))) != len(people) {
		b.t.Fatalf("%s: %v", asJSON(cell), people)
	}
	return people
}

// count checks how many people there are behind a number, and returns them.
func (b *behind) count(cell any, want int64) []uint64 {
	b.t.Helper()
	people := b.people(cell)
	if int64(len(people)) != want {
		b.t.Fatalf("behind %s of %s are %v, want %d", asJSON(cell), asJSON(b.r), people, want)
	}
	return people
}

// union is everybody in some sets, which must not have anybody in common.
func (b *behind) union(sets ...[]uint64) (out []uint64) {
	b.t.Helper()
	for _, s := range sets {
		out = append(out, s...)
	}
	slices.Sort(out)
	if len(slices.Compact(slices.Clone(out))) != len(out) {
		b.t.Fatalf("%v have people in common", sets)
	}
	return out
}

func (b *behind) same(what string, got, want []uint64) {
	b.t.Helper()
	if !slices.Equal(got, want) {
		b.t.Fatalf("%s: %v, want %v", what, got, want)
	}
}

// subset checks that everybody of a set is in another.
func (b *behind) subset(what string, small, large []uint64) {
	b.t.Helper()
	for _, p := range small {
		if _, ok := slices.BinarySearch(large, p); !ok {
			b.t.Fatalf("%s: %v is not in %v", what, small, large)
		}
	}
}

// askPeople resolves and answers a question, and checks the people behind the answer.
func askPeople[Q any, R query.Asked, A any](
	rt *rapid.T, e *query.Engine, o *oracle, now time.Time,
	draw func(rt *rapid.T, now time.Time) *Q, resolve func(*query.Engine, query.Scope, *Q) (R, error),
	check func(b *behind, o *oracle, a A),
) {
	r, err := resolve(e, o.scope, draw(rt, now))
	if event.KindOf(err) == event.Invalid {
		return
	}
	if err != nil {
		rt.Fatal(err)
	}
	a, err := r.Ask(context.Background(), e, o.scope)
	if err != nil {
		rt.Fatal(err)
	}
	o.attributed(rt, r)
	check(&behind{rt, e, o.scope, r}, o, a.(A))
}

func peopleOfLifecycle(rt *rapid.T, e *query.Engine, o *oracle, now time.Time) {
	draw := func(rt *rapid.T, now time.Time) *query.Lifecycle {
		q := &query.Lifecycle{Range: drawRange(rt, now), Active: drawSelector(rt), NewBy: rapid.SampledFrom(query.LifecycleNews()).Draw(rt, "new by")}
		q.Breakdown, q.BreakdownLimit = drawBreakdown(rt), 2
		q.Timezone, q.Interval, q.Where = drawFrame(rt)
		q.SignedOut = drawSignedOut(rt)
		if q.Interval == "hour" {
			q.Range = drawHours(rt)
		}
		return q
	}
	askPeople(rt, e, o, now, draw, (*query.Engine).ResolveLifecycle, func(b *behind, _ *oracle, a *query.LifecycleAnswer) {
		i := rapid.IntRange(0, len(a.Buckets)-1).Draw(b.t, "bucket")
		at := func(i int, state string, want int64) []uint64 {
			return b.count(query.PeopleOfLifecycle{Bucket: &a.Buckets[i].Start, State: state}, want)
		}
		n := a.Buckets[i]
		active := at(i, "", n.Active)
		returning := at(i, "returning", n.Returning)
		b.same("active", b.union(at(i, "new", n.New), returning, at(i, "resurrecting", n.Resurrecting)), active)
		if i > 0 && n.Dormant != nil {
			b.same("before", b.union(returning, at(i, "dormant", *n.Dormant)), at(i-1, "active", a.Buckets[i-1].Active))
		}
		var parts [][]uint64
		for _, g := range a.Groups {
			parts = append(parts, b.count(query.PeopleOfLifecycle{Bucket: &n.Start, Breakdown: g.Breakdown}, g.Buckets[i].Active))
			b.count(query.PeopleOfLifecycle{Bucket: &n.Start, State: "new", Breakdown: g.Breakdown}, g.Buckets[i].New)
		}
		if parts != nil {
			b.same("groups", b.union(parts...), active)
		}
	})
}

func peopleOfStickiness(rt *rapid.T, e *query.Engine, o *oracle, now time.Time) {
	draw := func(rt *rapid.T, now time.Time) *query.Stickiness {
		q := &query.Stickiness{Range: drawRange(rt, now), Active: drawSelector(rt), Mode: rapid.SampledFrom(query.StickinessModes()).Draw(rt, "mode")}
		q.Breakdown, q.BreakdownLimit = drawBreakdown(rt), 2
		q.Timezone, q.Interval, q.Where = drawFrame(rt)
		q.SignedOut = drawSignedOut(rt)
		if q.Interval == "hour" {
			q.Range = drawHours(rt)
		}
		if q.Mode == "ratio" {
			q.Interval = ""
		} else if q.Times = rapid.IntRange(1, 2).Draw(rt, "times"); q.Interval == "day" {
			q.Window = rapid.SampledFrom([]string{"", "week", "month"}).Draw(rt, "window")
		}
		return q
	}
	askPeople(rt, e, o, now, draw, (*query.Engine).ResolveStickiness, func(b *behind, _ *oracle, a *query.StickinessAnswer) {
		for i := range a.Days {
			d := &a.Days[i]
			day := b.count(query.PeopleOfStickiness{Day: &d.Start}, d.Day)
			b.subset("day", day, b.count(query.PeopleOfStickiness{Day: &d.Start, Of: "span"}, d.Span))
		}
		for i := range a.Windows {
			w := &a.Windows[i]
			people := b.count(query.PeopleOfStickiness{Window: &w.Start}, w.People)
			var all [][]uint64
			for k, n := range w.Counts {
				all = append(all, b.count(query.PeopleOfStickiness{Window: &w.Start, Intervals: k + 1}, n))
			}
			if a.Question.Mode == "exact" {
				b.same("people", b.union(all...), people)
			}
			var parts [][]uint64
			for _, g := range a.Groups {
				parts = append(parts, b.count(query.PeopleOfStickiness{Window: &w.Start, Breakdown: g.Breakdown}, g.Windows[i].People))
			}
			if parts != nil {
				b.same("groups", b.union(parts...), people)
			}
		}
		for _, g := range a.Groups {
			if k := len(g.Days) - 1; k >= 0 {
				b.count(query.PeopleOfStickiness{Day: &g.Days[k].Start, Of: "span", Breakdown: g.Breakdown}, g.Days[k].Span)
			}
		}
	})
}

func peopleOfRetention(rt *rapid.T, e *query.Engine, o *oracle, now time.Time) {
	askPeople(rt, e, o, now, drawRetention, (*query.Engine).ResolveRetention, func(b *behind, _ *oracle, a *query.RetentionAnswer) {
		for _, table := range a.Tables {
			all := b.count(query.PeopleOfRetention{Breakdown: table.Breakdown}, table.People)
			c := rapid.SampledFrom(table.Cohorts).Draw(b.t, "cohort")
			cohort := b.count(query.PeopleOfRetention{Cohort: &c.Start, Breakdown: table.Breakdown}, c.Size)
			b.subset("cohort", cohort, all)
			k := rapid.IntRange(0, len(c.Cells)-1).Draw(b.t, "column")
			if c.Cells[k].Count == nil {
				continue
			}
			cell := query.PeopleOfRetention{Cohort: &c.Start, Column: &k, Breakdown: table.Breakdown}
			came := b.count(cell, *c.Cells[k].Count)
			no := false
			cell.Returned = &no
			b.same("cohort", b.union(came, b.count(cell, c.Size-*c.Cells[k].Count)), cohort)
			peopleOfAverage(b, a, &table, k)
		}
	})
}

// peopleOfAverage: a column of all cohorts has the people of its complete cells, each of them once.
func peopleOfAverage(b *behind, a *query.RetentionAnswer, table *query.RetentionTable, k int) {
	var came []uint64
	for i := range table.Cohorts {
		if c := &table.Cohorts[i]; c.Cells[k].State == query.CellComplete {
			came = append(came, b.people(query.PeopleOfRetention{Cohort: &c.Start, Column: &k, Breakdown: table.Breakdown})...)
		}
	}
	slices.Sort(came)
	all := b.people(query.PeopleOfRetention{Column: &k, Breakdown: table.Breakdown})
	b.same("average", all, slices.Compact(came))
	// With attribution both somebody may be in several cohorts of one table, by several values.
	if a.Question.Cohort != "recurring" && a.Question.Attribution != "both" && int64(len(all)) != table.Average[k].Count {
		b.t.Fatalf("column %d of all cohorts has %d people, its average counts %d", k, len(all), table.Average[k].Count)
	}
}

func peopleOfFunnel(rt *rapid.T, e *query.Engine, o *oracle, now time.Time) {
	askPeople(rt, e, o, now, drawFunnel, (*query.Engine).ResolveFunnel, func(b *behind, _ *oracle, a *query.FunnelAnswer) {
		for i := range a.Groups {
			g := &a.Groups[i]
			cell := query.PeopleOfFunnel{Breakdown: g.Breakdown}
			checkFunnelPeople(b, a, g, cell)
			if g.Compare != nil {
				cell.Compare = true
				checkFunnelPeople(b, a, g.Compare, cell)
			}
			for _, w := range g.Windows {
				checkCounts(b, a, w.FunnelCounts, query.PeopleOfFunnel{Breakdown: g.Breakdown, Window: w.Window})
			}
		}
	})
}

// single tells that a funnel counts people, each of them once.
func single(q *query.Funnel) bool {
	return q.Unit == "person" && q.Entry != "every" && (q.Attribution != "all_equal") && q.HoldCounts != "value"
}

// checkCounts compares people with what became of them.
func checkCounts(b *behind, a *query.FunnelAnswer, n query.FunnelCounts, cell query.PeopleOfFunnel) []uint64 {
	of := func(state string, want int64) []uint64 {
		cell.State = state
		if !single(&a.Question) {
			return b.people(cell)
		}
		return b.count(cell, want)
	}
	all, converted := of("entered", n.Entered), of("converted", n.Converted)
	dropped, open := of("dropped", n.Dropped), of("open", n.Open)
	if single(&a.Question) {
		b.same("entered", b.union(converted, dropped, open), all)
	}
	return all
}

func checkFunnelPeople(b *behind, a *query.FunnelAnswer, g *query.FunnelGroup, cell query.PeopleOfFunnel) {
	all := checkCounts(b, a, g.FunnelCounts, cell)
	last := all
	for i, s := range g.Steps {
		step := cell
		step.Step = i + 1
		people := b.people(step)
		if single(&a.Question) && int64(len(people)) != s.Count {
			b.t.Fatalf("%v are behind step %d of %s", people, i+1, asJSON(g))
		}
		if !a.Question.Steps[i].Optional {
			b.subset("step", people, last)
			last = people
		}
		if (a.Question.Order == "any" || !optional(a.Question.Steps)) && i+1 < len(g.Steps) && single(&a.Question) {
			step.State = "stopped_here"
			b.count(step, s.Count-g.Steps[i+1].Count)
		}
	}
	if len(g.Trend) > 0 {
		p := rapid.SampledFrom(g.Trend).Draw(b.t, "point")
		cell.Bucket = &p.Start
		b.subset("bucket", checkCounts(b, a, p.FunnelCounts, cell), all)
	}
	if g.TimeToConvert != nil {
		for i, bin := range g.TimeToConvert.Histogram {
			cell.Bin = &i
			if people := b.people(cell); single(&a.Question) && int64(len(people)) != bin.Count {
				b.t.Fatalf("%v are in bin %d of %s", people, i, asJSON(g.TimeToConvert))
			}
		}
	}
}

func optional(steps []query.FunnelStep) bool {
	return slices.ContainsFunc(steps, func(s query.FunnelStep) bool { return s.Optional })
}
