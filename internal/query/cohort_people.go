package query

import (
	"context"

	"github.com/freshet/freshet/internal/store"
)

// ResolvedCohort is a cohort with every relative time made absolute.
type ResolvedCohort struct {
	bound *boundCohort
	// check has the properties of a definition that is looked at for the first time, nil for a cohort that is kept.
	check *checker
	uses  []uint64
}

// Key is equal for cohorts that mean the same, and differs otherwise. It does not hold the project.
func (r *ResolvedCohort) Key() string { return r.bound.key }

// Uses are the numbers of the cohorts that the definition names, ascending.
func (r *ResolvedCohort) Uses() []uint64 { return r.uses }

// ResolveDefinition checks the definition of a cohort, whose number is 0 if it is not kept yet. Errors point at fields below
// "definition".
func (e *Engine) ResolveDefinition(s Scope, id uint64, d *CohortDefinition) (*ResolvedCohort, error) {
	b := e.binder(s, id, e.Now())
	bound, err := b.definition(d, "definition", 1)
	if err != nil {
		return nil, err
	}
	return &ResolvedCohort{bound, &b.check, b.used()}, nil
}

// ResolveCohort finds a cohort by its number or name. A static one stands for the people that were frozen.
func (e *Engine) ResolveCohort(s Scope, named string) (*ResolvedCohort, error) {
	bound, err := e.bindNamed(s, e.Now(), named, "cohort")
	if err != nil {
		return nil, err
	}
	return &ResolvedCohort{bound: bound}, nil
}

// CohortPeople returns the numbers of the people in a cohort who have events, ascending and each once.
func (e *Engine) CohortPeople(ctx context.Context, s Scope, r *ResolvedCohort) (people []uint64, w store.Watermark, err error) {
	err = e.ask(ctx, "cohort", s, func(ctx context.Context, cut *peopledCut) error {
		w = cut.Watermark()
		if r.check != nil {
			if err := e.checkRefs(ctx, cut, s, r.check); err != nil {
				return err
			}
		}
		set, err := cut.set(ctx, r.bound)
		if err != nil || !set.except && !r.bound.named() {
			people = set.ids
			return err
		}
		all, err := cut.ground().numbersOf(ctx, "SELECT DISTINCT person FROM "+cut.Events("person"), nil)
		people = set.and(peopleSet{ids: all}).ids
		return err
	})
	if err != nil {
		return nil, w, err
	}
	return people, w, nil
}

// named tells that there may be people in a cohort who have no events.
func (b *boundCohort) named() bool {
	switch b.source.(type) {
	case *listedPeople, *frozenPeople:
		return true
	}
	for _, part := range b.parts {
		if part.named() {
			return true
		}
	}
	return false
}
