package query

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
)

// listedPeople are those that numbers of ids or people have become.
type listedPeople struct{ numbers []uint64 }

func (l *listedPeople) people(ctx context.Context, c *peopledCut) (peopleSet, error) {
	ids, err := c.Resolve(ctx, l.numbers)
	return peopleSet{ids: ids}, err
}

// frozenPeople are those of a static cohort.
type frozenPeople struct{ id, version uint64 }

func (f *frozenPeople) people(ctx context.Context, c *peopledCut) (peopleSet, error) {
	frozen, err := c.engine.Cohorts.Frozen(ctx, c.scope.Project, f.id)
	if err != nil {
		return peopleSet{}, fmt.Errorf("read the people of cohort %d: %w", f.id, err)
	}
	ids, err := c.Resolve(ctx, frozen)
	return peopleSet{ids: ids}, err
}

// cellPeople are those behind a number of an answer.
type cellPeople struct {
	asked Asked
	cell  json.RawMessage
	field string
	// within has events attributed as they are around it, and not as the question says.
	within bool
}

func (p *cellPeople) people(ctx context.Context, c *peopledCut) (peopleSet, error) {
	people := c.engine.peopleOn
	if p.within {
		people = c.engine.peopleWithin
	}
	ids, err := people(ctx, c, c.scope, p.asked, p.cell)
	return peopleSet{ids: ids}, beneath(p.field, err)
}

// sequence binds a sequence to the funnel that it stands for.
func (b *cohortBinder) sequence(s *CohortSequence, field string) (*boundCohort, error) {
	q := &Funnel{Window: s.Window, Interval: "month"}
	// No event is two years ahead of its time of receipt.
	q.Range = Range{From: "all", To: strconv.Itoa(b.now.Year()+2) + "-01-01"}
	if s.Range != nil && *s.Range != (Range{}) {
		q.Range = *s.Range
	}
	for _, step := range s.Steps {
		q.Steps = append(q.Steps, FunnelStep{Selector: step})
	}
	asked, err := b.engine.ResolveFunnel(b.scope, q)
	if err != nil {
		return nil, beneath(field, err)
	}
	cell, err := json.Marshal(PeopleOfFunnel{State: stateConverted})
	if err != nil {
		return nil, fmt.Errorf("encode a cell: %w", err)
	}
	return keyed(&boundCohort{source: &cellPeople{asked: asked, cell: cell, field: field, within: true}}, "sequence", asked.Key())
}

// traitPeople are those whose latest value of a trait satisfies a comparison that nobody without a value satisfies.
type traitPeople struct {
	Ref   PropertyRef
	Op    string
	Value any
}

// property binds a condition on traits. Every comparison finds people of its own, so that those who never had the trait
// need not be looked for.
func (b *cohortBinder) property(f *Filter, field string) (*boundCohort, error) {
	checked, err := b.check.filter(ofPeople(f), field, 1)
	if err != nil {
		return nil, err
	}
	return b.traits(checked, field)
}

// ofPeople is a copy in which every comparison that leaves it open is of the person.
func ofPeople(f *Filter) *Filter {
	if f == nil {
		return nil
	}
	out := *f
	out.And, out.Or = nil, nil
	for _, part := range f.And {
		out.And = append(out.And, ofPeople(part))
	}
	for _, part := range f.Or {
		out.Or = append(out.Or, ofPeople(part))
	}
	if out.Property != "" && out.Of == "" {
		out.Of = ofPerson
	}
	return &out
}

func (b *cohortBinder) traits(f *Filter, field string) (*boundCohort, error) {
	op, list := opAnd, f.And
	if f.Or != nil {
		op, list = opOr, f.Or
	}
	switch {
	case list != nil:
		out, keys := &boundCohort{op: op}, make([]string, len(list))
		for i, part := range list {
			p, err := b.traits(part, fmt.Sprintf("%s.%s[%d]", field, op, i))
			if err != nil {
				return nil, err
			}
			out.parts, keys[i] = append(out.parts, p), p.key
		}
		return keyed(out, op, keys)
	case f.cohort != nil && f.Op == opIn:
		return f.cohort, nil
	case f.cohort != nil:
		return keyed(&boundCohort{op: opNot, parts: []*boundCohort{f.cohort}}, opNot, f.cohort.key)
	case f.Of != ofPerson || f.At != atNow:
		return nil, invalid(field, "not_of_people", "a cohort by property goes by the latest traits of people; use did for events")
	}
	positive, negative := positiveOf(f.Op)
	source := &traitPeople{f.PropertyRef, positive, f.Value}
	out, err := keyed(&boundCohort{source: source}, "trait", source)
	if err != nil || !negative {
		return out, err
	}
	return keyed(&boundCohort{op: opNot, parts: []*boundCohort{out}}, opNot, out.key)
}

func (p *traitPeople) people(ctx context.Context, c *peopledCut) (peopleSet, error) {
	q := newCompiler(c)
	const n = "1"
	name, relation := q.traitNow(p.Ref.Property, n)
	v := &value{json: name, dialect: q.dialect}
	if p.Ref.As != "" {
		v = v.asNumber()
	}
	sql := "SELECT w" + n + " FROM (" + relation + ") WHERE " + q.positive(v, p.Op, p.Value)
	ids, err := c.ground().numbersOf(ctx, sql, q.args)
	return peopleSet{ids: ids}, err
}

func (c *peopledCut) ground() *ground { return &ground{c.engine, c, c.scope} }
