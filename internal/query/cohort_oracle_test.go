package query_test

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/store"
)

// keptCohorts are cohorts that questions of all tests may name.
type keptCohorts struct{}

func kept() []query.Cohort {
	list := []struct{ name, definition string }{
		{"buyers", `{"did":{"events":["buy"],"at_least":2}}`},
		{"no viewers", `{"not":{"did":{"events":["view"],"where":{"property":"$country","op":"is","value":"DE"}}}}`},
		{"not pro", `{"property":{"property":"plan","of":"person","op":"is_not","value":"pro"}}`},
		{"came to buy", `{"sequence":{"steps":[{"events":["view"]},{"events":["buy"]}],"window":"2d"}}`},
		{"frozen", ``},
		{"mixed", `{"or":[{"and":[{"cohort":"1"},{"not":{"cohort":"5"}}]},{"list":{"persons":["1152921504606846976","3458764513820540928"]}}]}`},
	}
	out := make([]query.Cohort, len(list))
	for i, c := range list {
		out[i] = query.Cohort{ID: uint64(i + 1), Name: c.name, Definition: json.RawMessage(c.definition), Static: c.definition == ""}
	}
	return out
}

func frozenPeople() []uint64 { return []uint64{1 << 60, 2 << 60, 5 << 60} }

func keptNamed(name string) query.Cohort {
	for _, c := range kept() {
		if c.Name == name || strconv.FormatUint(c.ID, 10) == name {
			return c
		}
	}
	return query.Cohort{}
}

func (keptCohorts) Cohort(_ context.Context, _ store.ProjectID, named string) (query.Cohort, bool, error) {
	c := keptNamed(named)
	return c, c.ID != 0, nil
}

func (keptCohorts) Frozen(context.Context, store.ProjectID, uint64) ([]uint64, error) {
	return frozenPeople(), nil
}

func drawKept(t *rapid.T) string {
	c := rapid.SampledFrom(kept()).Draw(t, "cohort")
	if rapid.Bool().Draw(t, "by name") {
		return c.Name
	}
	return strconv.FormatUint(c.ID, 10)
}

// inKept tells whether the person of an event is in a cohort.
func (o *oracle) inKept(e *event.Event, named string) bool {
	c := keptNamed(named)
	if o.kept == nil {
		o.kept = map[uint64]map[uint64]bool{}
	}
	people := o.kept[c.ID]
	if people == nil {
		if c.Static {
			people = o.resolved(frozenPeople())
		} else {
			d := new(query.CohortDefinition)
			if err := json.Unmarshal(c.Definition, d); err != nil {
				panic(err)
			}
			people = o.cohort(d, nil)
		}
		o.kept[c.ID] = people
	}
	return people[o.person(e)]
}

// resolved are the people with events that numbers have become.
func (o *oracle) resolved(numbers []uint64) map[uint64]bool {
	out := map[uint64]bool{}
	for i := range o.events {
		for _, n := range numbers {
			for to, ok := o.merged[n]; ok; to, ok = o.merged[n] {
				n = to
			}
			if n == o.person(&o.events[i]) {
				out[n] = true
			}
		}
	}
	return out
}

// cohort are the people of a definition; span resolves its ranges.
func (o *oracle) cohort(d *query.CohortDefinition, span func(query.Range) (from, to time.Time)) map[uint64]bool {
	parts := func(list []*query.CohortDefinition) (out []map[uint64]bool) {
		for _, part := range list {
			out = append(out, o.cohort(part, span))
		}
		return out
	}
	and, or := parts(d.And), parts(d.Or)
	var not map[uint64]bool
	if d.Not != nil {
		not = o.cohort(d.Not, span)
	}
	var list map[uint64]bool
	if d.List != nil {
		var numbers []uint64
		for _, s := range d.List.Persons {
			n, _ := strconv.ParseUint(s, 10, 64)
			numbers = append(numbers, n)
		}
		for _, id := range d.List.UserIDs {
			numbers = append(numbers, event.IDNumber(event.SpaceUser, id))
		}
		for _, id := range d.List.AnonymousIDs {
			numbers = append(numbers, event.IDNumber(event.SpaceAnonymous, id))
		}
		list = o.resolved(numbers)
	}
	if d.Cell != nil {
		list = o.resolved(o.behind(d.Cell))
	}
	out := map[uint64]bool{}
	for i := range o.events {
		e := &o.events[i]
		person := o.person(e)
		in := func(people map[uint64]bool) bool { return people[person] }
		switch {
		case d.And != nil:
			out[person] = !slices.ContainsFunc(and, func(people map[uint64]bool) bool { return !in(people) })
		case d.Or != nil:
			out[person] = slices.ContainsFunc(or, in)
		case d.Not != nil:
			out[person] = !in(not)
		case d.Did != nil:
			out[person] = o.did(person, d.Did, span)
		case d.Sequence != nil:
			out[person] = o.sequence(person, d.Sequence, span)
		case d.Property != nil:
			out[person] = o.matches(e, d.Property)
		case d.List != nil || d.Cell != nil:
			out[person] = in(list)
		case d.Cohort != "":
			out[person] = o.inKept(e, d.Cohort)
		}
	}
	return out
}

func spanOf(r *query.Range, span func(query.Range) (from, to time.Time)) (from, to int64) {
	if r == nil {
		return longAgo.UnixMicro(), longAfter.UnixMicro()
	}
	a, b := span(*r)
	return a.UnixMicro(), b.UnixMicro()
}

// of are the times of a person's events that a selector means.
func (o *oracle) of(person uint64, s query.Selector) (out []int) {
	for i := range o.events {
		e := &o.events[i]
		if o.person(e) == person && (len(s.Events) == 0 || slices.Contains(s.Events, e.Name)) && o.matches(e, s.Where) {
			out = append(out, i)
		}
	}
	return out
}

func (o *oracle) did(person uint64, d *query.CohortDid, span func(query.Range) (from, to time.Time)) bool {
	from, to := spanOf(d.Range, span)
	n, first := int64(0), longAfter.UnixMicro()
	for _, i := range o.of(person, d.Selector) {
		at := o.events[i].Derived.Time
		first = min(first, at)
		if at >= from && at < to {
			n++
		}
	}
	switch {
	case d.FirstTime:
		return first >= from && first < to
	case d.Exactly != nil:
		return n == *d.Exactly
	case d.AtLeast == nil && d.AtMost == nil:
		return n > 0
	}
	return (d.AtLeast == nil || n >= *d.AtLeast) && (d.AtMost == nil || n <= *d.AtMost)
}

// sequence looks for events, one a step, that follow each other within the window.
func (o *oracle) sequence(person uint64, s *query.CohortSequence, span func(query.Range) (from, to time.Time)) bool {
	from, to := spanOf(s.Range, span)
	used := map[int]bool{}
	var follow func(step int, after, until int64) bool
	follow = func(step int, after, until int64) bool {
		if step == len(s.Steps) {
			return true
		}
		for _, i := range o.of(person, s.Steps[step]) {
			at := o.events[i].Derived.Time
			if used[i] || at < after || at > until || step == 0 && (at < from || at >= to) {
				continue
			}
			end := until
			if step == 0 {
				end = at + micros(s.Window)
			}
			used[i] = true
			found := follow(step+1, at, end)
			delete(used, i)
			if found {
				return true
			}
		}
		return false
	}
	return follow(0, longAgo.UnixMicro(), longAfter.UnixMicro())
}
