package query

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"

	"github.com/freshet/freshet/internal/store"
)

// membership checks a condition on cohort.
func (c *checker) membership(f *Filter, field string) (*Filter, error) {
	if f.Property != "" || f.Of != "" || f.At != "" || f.As != "" || f.Value != nil {
		return nil, invalid(field, "ambiguous_filter", `a condition on a cohort has "cohort" and "op" only`)
	}
	if err := oneOf(field+".op", f.Op, []string{opIn, opNotIn}); err != nil {
		return nil, err
	}
	out := *f
	if f.cohort != nil { // it was checked before, at another moment
		c.keep(f.cohort)
		return &out, nil
	}
	var err error
	if out.cohort, err = c.bound(f.Cohort, field+".cohort"); err != nil {
		return nil, err
	}
	out.Cohort = strconv.FormatUint(out.cohort.id, 10)
	return &out, nil
}

// splits checks a breakdown by cohort.
func (c *checker) splits(b *Breakdown, field string) (err error) {
	if b.Property != "" || b.Of != "" || b.At != "" || b.As != "" || len(b.Edges) > 0 || b.Quantiles != 0 {
		return invalid(field, "ambiguous_breakdown", `a breakdown by a cohort has "cohort" only`)
	}
	if b.cohort, err = c.bound(b.Cohort, field+".cohort"); err != nil {
		return err
	}
	b.Cohort = strconv.FormatUint(b.cohort.id, 10)
	return nil
}

// bound finds a cohort, each once a question.
func (c *checker) bound(named, field string) (*boundCohort, error) {
	if b := c.cohorts[named]; b != nil {
		return b, nil
	}
	b, err := c.engine.bindNamed(c.scope, c.now, named, field)
	if err != nil {
		return nil, err
	}
	c.keep(b, named)
	return b, nil
}

// keep remembers a cohort of the question, by its number and by what else it was called.
func (c *checker) keep(b *boundCohort, names ...string) {
	if c.cohorts == nil {
		c.cohorts = map[string]*boundCohort{}
	}
	for _, name := range append(names, strconv.FormatUint(b.id, 10)) {
		c.cohorts[name] = b
	}
}

// cohortKeys stand for the cohorts of a question in its key: their names are shown, their people counted.
func (c *checker) cohortKeys() []string {
	if len(c.cohorts) == 0 {
		return nil
	}
	out := make([]string, 0, len(c.cohorts))
	for _, b := range c.cohorts {
		out = append(out, strconv.FormatUint(b.id, 10)+" "+b.key+" "+b.name)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// member is SQL, true or false, for the person of an event to be in a cohort, or not in it.
func (c *compiler) member(b *boundCohort, negative bool) string {
	relation, except := c.cut.relation(b)
	name := c.members[b.key]
	if name == "" {
		name = "member_" + strconv.Itoa(len(c.members)+1)
		c.members[b.key] = name
		c.column("person")
		c.joins = append(c.joins, "LEFT JOIN (SELECT person AS of_"+name+", TRUE AS "+name+" FROM "+relation+") ON of_"+name+" = person")
		c.derived = append(c.derived, name)
	}
	if negative != except {
		return name + " IS NULL"
	}
	return name + " IS NOT NULL"
}

// cohortCut is a cut on which the people of a question's cohorts are known.
type cohortCut interface {
	store.Cut
	// relation is SQL for the people of a cohort, or with except for all others. An error comes with the statement that reads it.
	relation(b *boundCohort) (sql string, except bool)
	// deviceZones are the names of time zones that the events of some days have.
	deviceZones(days string) []string
	// of has the events of one person only. Who is in a cohort is still a matter of all events.
	of(person uint64) cohortCut
	// under runs with events attributed in one way.
	under(a store.Attribution, run func() error) error
}

// peopledCut is a cut on which the cohorts of a question are evaluated, each once and not before it is needed. Like its
// statements it has one user at a time.
type peopledCut struct {
	store.Cut
	ctx    context.Context //nolint:containedctx // a cut lives as long as one question
	engine *Engine
	scope  Scope
	sets   map[string]peopleSet
	// relations have the people of sets.
	relations map[string]string
	// zones are the names of time zones, by the days of events that have them.
	zones map[string][]string
	// attribution is that of the events at the moment, and of the people of sets.
	attribution store.Attribution
	// failed is why a cohort or the zones could not be found.
	failed error
}

// set evaluates a cohort.
func (c *peopledCut) set(ctx context.Context, b *boundCohort) (peopleSet, error) {
	if s, ok := c.sets[b.key]; ok {
		return s, nil
	}
	s, err := c.evaluate(forCohort(ctx, b.name), b)
	if err != nil {
		return peopleSet{}, err
	}
	if c.sets == nil {
		c.sets = map[string]peopleSet{}
	}
	c.sets[b.key] = s
	return s, nil
}

// adopt takes people over who were found on an earlier cut, as what they have become.
func (c *peopledCut) adopt(ctx context.Context, sets map[string]peopleSet) error {
	if sets == nil {
		return nil
	}
	c.sets = make(map[string]peopleSet, len(sets))
	for key, s := range sets {
		ids, err := c.Resolve(ctx, s.ids)
		if err != nil {
			return fmt.Errorf("follow the people of a cohort: %w", err)
		}
		c.sets[key] = peopleSet{ids, s.except}
	}
	return nil
}

func (c *peopledCut) evaluate(ctx context.Context, b *boundCohort) (out peopleSet, err error) {
	if b.source != nil {
		return b.source.people(ctx, c)
	}
	if counts, ok := b.counts(); ok && counts.conditions > 1 {
		return counts.people(ctx, c)
	}
	for i, part := range b.together() {
		s, err := c.set(ctx, part)
		switch {
		case err != nil:
			return out, err
		case b.op == opNot:
			out = s.not()
		case i == 0:
			out = s
		case b.op == opAnd:
			out = out.and(s)
		default:
			out = out.or(s)
		}
	}
	return out, nil
}

func (c *peopledCut) under(a store.Attribution, run func() error) error {
	was, sets, relations := c.attribution, c.sets, c.relations
	if a != was {
		attribute := func(a store.Attribution) {
			c.attribution = a
			c.Attribute(a)
		}
		c.sets, c.relations = nil, nil
		attribute(a)
		defer func() {
			c.sets, c.relations = sets, relations
			attribute(was)
		}()
	}
	return run()
}

func (c *peopledCut) of(person uint64) cohortCut { return &ownCut{c, person} }

func (c *peopledCut) relation(b *boundCohort) (sql string, except bool) {
	s, err := c.set(c.ctx, b)
	if err != nil {
		c.failed = errors.Join(c.failed, err)
		return c.People(nil), false
	}
	sql, ok := c.relations[b.key]
	if !ok {
		if c.relations == nil {
			c.relations = map[string]string{}
		}
		sql = c.People(s.ids)
		c.relations[b.key] = sql
	}
	return sql, s.except
}

// Rows implements store.Cut.
func (c *peopledCut) Rows(ctx context.Context, sql string, args ...any) iter.Seq2[[]any, error] {
	if c.failed != nil {
		return func(yield func([]any, error) bool) { yield(nil, c.failed) }
	}
	return c.Cut.Rows(ctx, sql, args...)
}

// Batches implements store.Cut.
func (c *peopledCut) Batches(ctx context.Context, sql string, args ...any) iter.Seq2[*store.Batch, error] {
	if c.failed != nil {
		return func(yield func(*store.Batch, error) bool) { yield(nil, c.failed) }
	}
	return c.Cut.Batches(ctx, sql, args...)
}

// Spread implements store.Cut.
func (c *peopledCut) Spread(ctx context.Context, side func() func(*store.Batch) error, sql string, args ...any) error {
	if c.failed != nil {
		return c.failed
	}
	return c.Cut.Spread(ctx, side, sql, args...)
}
