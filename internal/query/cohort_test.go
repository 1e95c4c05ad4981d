package query_test

import (
	"context"
	"slices"
	"strconv"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/query"
)

func drawDefinition(t *rapid.T, depth int, now time.Time) *query.CohortDefinition {
	var ranged *query.Range
	if rapid.Bool().Draw(t, "ranged") {
		r := drawRange(t, now)
		ranged = &r
	}
	kind := rapid.IntRange(0, 10).Draw(t, "kind")
	if depth == 0 && kind < 3 {
		kind += 3
	}
	switch kind {
	case 0:
		return &query.CohortDefinition{Not: drawDefinition(t, depth-1, now)}
	case 1, 2:
		var parts []*query.CohortDefinition
		for range rapid.IntRange(1, 3).Draw(t, "parts") {
			parts = append(parts, drawDefinition(t, depth-1, now))
		}
		if kind == 1 {
			return &query.CohortDefinition{And: parts}
		}
		return &query.CohortDefinition{Or: parts}
	case 3:
		s := &query.CohortSequence{Window: rapid.SampledFrom([]string{"10min", "1d", "30d"}).Draw(t, "window"), Range: ranged}
		for range rapid.IntRange(1, 3).Draw(t, "steps") {
			s.Steps = append(s.Steps, drawSelector(t))
		}
		return &query.CohortDefinition{Sequence: s}
	case 4:
		ref := query.PropertyRef{Property: rapid.SampledFrom([]string{"plan", "tier"}).Draw(t, "trait"), Of: "person"}
		f := drawFilter(t, 0)
		for f.Cohort != "" {
			f = drawFilter(t, 0)
		}
		f.PropertyRef = ref
		return &query.CohortDefinition{Property: f}
	case 5:
		l := &query.CohortList{}
		for range rapid.IntRange(1, 3).Draw(t, "listed") {
			switch rapid.IntRange(0, 3).Draw(t, "by") {
			case 0:
				l.UserIDs = append(l.UserIDs, rapid.SampledFrom([]string{"ann", "a1", "nobody"}).Draw(t, "user"))
			case 1:
				l.AnonymousIDs = append(l.AnonymousIDs, rapid.SampledFrom([]string{"ann", "a1", "nobody"}).Draw(t, "anonymous"))
			default:
				n := rapid.SampledFrom(append([]uint64{7 << 60}, numbers...)).Draw(t, "person")
				l.Persons = append(l.Persons, strconv.FormatUint(n, 10))
			}
		}
		return &query.CohortDefinition{List: l}
	case 6:
		c := rapid.SampledFrom(kept()).Draw(t, "cohort")
		return &query.CohortDefinition{Cohort: strconv.FormatUint(c.ID, 10)}
	case 7:
		return &query.CohortDefinition{Cell: drawCell(t, now)}
	case 8: // counted by one statement
		out := &query.CohortDefinition{}
		for range rapid.IntRange(2, 4).Draw(t, "counts") {
			out.Or = append(out.Or, &query.CohortDefinition{Did: drawDid(t, ranged)})
		}
		out.Or[0] = &query.CohortDefinition{Not: out.Or[0]}
		if rapid.Bool().Draw(t, "all") {
			out.And, out.Or = out.Or, nil
		}
		return out
	}
	return &query.CohortDefinition{Did: drawDid(t, ranged)}
}

func drawDid(t *rapid.T, ranged *query.Range) *query.CohortDid {
	d := &query.CohortDid{Selector: drawSelector(t), Range: ranged}
	n := func(name string) *int64 {
		n := rapid.Int64Range(0, 4).Draw(t, name)
		return &n
	}
	switch rapid.IntRange(0, 5).Draw(t, "count") {
	case 0:
		d.AtLeast = n("at least")
	case 1:
		d.AtMost = n("at most")
	case 2:
		d.Exactly = n("exactly")
	case 3:
		d.AtLeast, d.AtMost = n("at least"), n("at most")
	case 4:
		d.FirstTime = true
	}
	return d
}

// agreeCohort: a definition of any shape has the people of the oracle.
func agreeCohort(t *rapid.T, e *query.Engine, o *oracle, now time.Time) {
	d := drawDefinition(t, 3, now)
	o.behind = func(c *query.CohortCell) []uint64 {
		asked, err := readQuestion(e, o.scope, c.Question)
		if err != nil {
			t.Fatalf("%s: %v", c.Question, err)
		}
		people, _, err := e.People(context.Background(), o.scope, asked, c.Cell)
		if err != nil {
			t.Fatalf("%s of %s: %v", c.Cell, c.Question, err)
		}
		return people
	}
	o.attribute("")
	r, err := e.ResolveDefinition(o.scope, 0, d)
	var got []uint64
	if err == nil {
		got, _, err = e.CohortPeople(context.Background(), o.scope, r)
	}
	if event.KindOf(err) == event.Invalid {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	want := []uint64{}
	for person, in := range o.cohort(absolute(t, e, o.scope, d), span(t, e, o.scope)) {
		if in {
			want = append(want, person)
		}
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Fatalf("%s has the people %v, want %v", asJSON(d), got, want)
	}
}

// absolute is a definition whose conditions have the bounds in time that questions resolve them to, which is how the oracle
// reads them.
func absolute(t *rapid.T, e *query.Engine, s query.Scope, d *query.CohortDefinition) *query.CohortDefinition {
	where := func(f *query.Filter) *query.Filter {
		r, err := e.Resolve(s, &query.Trends{Series: []query.Series{{}}, Where: f})
		if err != nil {
			t.Fatal(err)
		}
		return r.Where
	}
	parts := func(list []*query.CohortDefinition) (out []*query.CohortDefinition) {
		for _, part := range list {
			out = append(out, absolute(t, e, s, part))
		}
		return out
	}
	out := *d
	out.And, out.Or, out.Property = parts(d.And), parts(d.Or), where(d.Property)
	if d.Not != nil {
		out.Not = absolute(t, e, s, d.Not)
	}
	if d.Did != nil {
		did := *d.Did
		did.Where = where(did.Where)
		out.Did = &did
	}
	if d.Sequence != nil {
		sequence := *d.Sequence
		sequence.Steps = slices.Clone(sequence.Steps)
		for i := range sequence.Steps {
			sequence.Steps[i].Where = where(sequence.Steps[i].Where)
		}
		out.Sequence = &sequence
	}
	return &out
}

// span resolves a range as questions do.
func span(t *rapid.T, e *query.Engine, s query.Scope) func(r query.Range) (from, to time.Time) {
	return func(r query.Range) (from, to time.Time) {
		q, err := e.Resolve(s, &query.Trends{Range: r, Series: []query.Series{{}}, Interval: "month"})
		if err != nil {
			t.Fatal(err)
		}
		for _, end := range []struct {
			text string
			at   *time.Time
		}{{q.Range.From, &from}, {q.Range.To, &to}} {
			if *end.at, err = time.Parse(time.RFC3339Nano, end.text); err != nil {
				t.Fatal(err)
			}
		}
		return from, to
	}
}
