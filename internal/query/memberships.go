package query

import (
	"context"
	"slices"
	"strconv"

	"github.com/freshet/freshet/internal/store"
)

// Memberships tells which of some cohorts have the person whom an id leads to, as Profile reads it. All of them are
// looked at on one cut.
func (e *Engine) Memberships(ctx context.Context, s Scope, id string, cohorts []*ResolvedCohort) (person string, in []bool, w store.Watermark, err error) {
	err = e.ask(ctx, "memberships", s, func(ctx context.Context, all *peopledCut) error {
		w = all.Watermark()
		number, err := all.ground().find(ctx, id)
		if err != nil {
			return err
		}
		person, in = strconv.FormatUint(number, 10), make([]bool, len(cohorts))
		own := &peopledCut{Cut: &ownCut{all, number}, ctx: ctx, engine: e, scope: s}
		for i, r := range cohorts {
			from := all
			if r.bound.alone() {
				from = own
			}
			set, err := from.set(ctx, r.bound)
			if err != nil {
				return err
			}
			_, listed := slices.BinarySearch(set.ids, number)
			in[i] = listed != set.except
		}
		return nil
	})
	return person, in, w, err
}

// alone tells whether the events of a person are enough to say whether the person is in a cohort.
func (b *boundCohort) alone() bool {
	for _, part := range b.parts {
		if !part.alone() {
			return false
		}
	}
	switch s := b.source.(type) {
	case *cellPeople:
		// The values that an answer shows may depend on everybody.
		return false
	case *didPeople:
		return s.Selector.Where.alone()
	}
	return true
}

// alone tells whether all cohorts in a filter are.
func (f *Filter) alone() bool {
	if f == nil {
		return true
	}
	for _, part := range slices.Concat(f.And, f.Or) {
		if !part.alone() {
			return false
		}
	}
	return f.cohort == nil || f.cohort.alone()
}
