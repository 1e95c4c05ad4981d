package projecttest

import (
	"strconv"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/project"
)

func cohort(p project.ID, name string) project.Cohort {
	return project.Cohort{
		Project: p, Name: name, Description: "two\nlines ☂", Definition: []byte(`{"did":  {"events":["'; --"]}}`),
		Version: 1, CreatedAt: noon, UpdatedAt: noon,
	}
}

func entryOfCohort(uint64) project.AuditEntry { return entry(1) }

func keep(t *testing.T, s project.Store, c project.Cohort, people ...uint64) project.Cohort {
	t.Helper()
	id, err := s.CreateCohort(t.Context(), c, people, project.MaxCohorts, entryOfCohort)
	must(t, err)
	c.ID = id
	return c
}

func cohortsAreKept(t *testing.T, s project.Store) {
	p := create(t, s, named("a"))
	one := keep(t, s, cohort(p, "B"))
	frozen := cohort(p, "A ☂")
	frozen.Static, frozen.Frozen, frozen.FrozenAt, frozen.Uses = true, 2, &[]time.Time{noon.Add(time.Second)}[0], []uint64{one.ID}
	frozen = keep(t, s, frozen, 1, 1<<63)
	for _, want := range []project.Cohort{one, frozen} {
		for _, name := range []string{want.Name, strconv.FormatUint(want.ID, 10)} {
			got, err := s.Cohort(t.Context(), p, name)
			must(t, err)
			if len(got.Uses) == 0 {
				got.Uses = nil
			}
			equal(t, got, want)
		}
	}
	list, err := s.Cohorts(t.Context(), p)
	must(t, err)
	for i, want := range []project.Cohort{frozen, one} {
		want.Definition = nil
		equal(t, list[i], want)
	}
	_, err = s.Cohort(t.Context(), p, "C")
	refused(t, err, "no_such_cohort")
	_, err = s.CreateCohort(t.Context(), cohort(p, "B"), nil, 10, entryOfCohort)
	refused(t, err, "name_taken")
	_, err = s.CreateCohort(t.Context(), cohort(99, "B"), nil, 10, entryOfCohort)
	refused(t, err, "no_such_project")
	equal(t, len(audit(t, s)), 3)
}

func cohortsAreOfOneProject(t *testing.T, s project.Store) {
	p, other := create(t, s, named("a")), create(t, s, named("b"))
	one := keep(t, s, cohort(p, "B"), 7)
	id := strconv.FormatUint(one.ID, 10)
	for _, name := range []string{"B", id} {
		_, err := s.Cohort(t.Context(), other, name)
		refused(t, err, "no_such_cohort")
	}
	_, err := s.FrozenPeople(t.Context(), other, one.ID)
	refused(t, err, "no_such_cohort")
	foreign := one
	foreign.Project, foreign.Version = other, 2
	refused(t, s.UpdateCohort(t.Context(), foreign, nil, entry(other)), "no_such_cohort")
	refused(t, s.DeleteCohort(t.Context(), other, one.ID, 1, entry(other)), "no_such_cohort")
	user := cohort(other, "B")
	user.Uses = []uint64{one.ID}
	_, err = s.CreateCohort(t.Context(), user, nil, 10, entryOfCohort)
	refused(t, err, "no_such_cohort")
	keep(t, s, cohort(other, "B"))
	equal(t, len(audit(t, s)), 4)
}

func cohortsAreLimited(t *testing.T, s project.Store) {
	p, other := create(t, s, named("a")), create(t, s, named("b"))
	keep(t, s, cohort(p, "A"))
	b := keep(t, s, cohort(p, "B"))
	_, err := s.CreateCohort(t.Context(), cohort(p, "C"), nil, 2, entryOfCohort)
	refused(t, err, "too_many_cohorts")
	_, err = s.CreateCohort(t.Context(), cohort(other, "C"), nil, 2, entryOfCohort)
	must(t, err)
	must(t, s.DeleteCohort(t.Context(), p, b.ID, 1, entry(p)))
	next, err := s.CreateCohort(t.Context(), cohort(p, "C"), nil, 2, entryOfCohort)
	must(t, err)
	if next <= b.ID {
		t.Fatalf("the number %d was given before", next)
	}
}

func cohortsChangeByVersion(t *testing.T, s project.Store) {
	p := create(t, s, named("a"))
	one := keep(t, s, cohort(p, "A"))
	keep(t, s, cohort(p, "taken"))
	entries := len(audit(t, s))
	changed := oneOfTen(t, "cohort_changed", func(n int) error {
		next := one
		next.Name, next.Version, next.Definition, next.UpdatedAt = string(rune('A'+n)), 2, []byte(`{"n":1}`), noon.Add(time.Hour)
		return s.UpdateCohort(t.Context(), next, nil, entry(p))
	})
	got, err := s.Cohort(t.Context(), p, strconv.FormatUint(one.ID, 10))
	must(t, err)
	equal(t, []any{got.Name, got.Version, string(got.Definition)}, []any{string(rune('A' + changed)), uint64(2), `{"n":1}`})
	got.Name, got.Version = "taken", 3
	refused(t, s.UpdateCohort(t.Context(), got, nil, entry(p)), "name_taken")
	refused(t, s.DeleteCohort(t.Context(), p, one.ID, 1, entry(p)), "cohort_changed")
	equal(t, len(audit(t, s)), entries+1)
	must(t, s.DeleteCohort(t.Context(), p, one.ID, 2, entry(p)))
	refused(t, s.DeleteCohort(t.Context(), p, one.ID, 2, entry(p)), "no_such_cohort")
}

func cohortsInUseStay(t *testing.T, s project.Store) {
	p := create(t, s, named("a"))
	one := keep(t, s, cohort(p, "A"))
	user := cohort(p, "B")
	user.Uses = []uint64{one.ID}
	user = keep(t, s, user)
	refused(t, s.DeleteCohort(t.Context(), p, one.ID, 1, entry(p)), "cohort_in_use")
	user.Uses, user.Version = []uint64{99}, 2
	refused(t, s.UpdateCohort(t.Context(), user, nil, entry(p)), "no_such_cohort")
	user.Uses = nil
	must(t, s.UpdateCohort(t.Context(), user, nil, entry(p)))
	must(t, s.DeleteCohort(t.Context(), p, one.ID, 1, entry(p)))
}

func frozenPeopleAreKept(t *testing.T, s project.Store) {
	p := create(t, s, named("a"))
	many := make([]uint64, 300_000)
	for i := range many {
		many[i] = uint64(i) << 40
	}
	c := cohort(p, "A")
	c.Static = true
	c = keep(t, s, c, many...)
	frozen := func(want []uint64) {
		t.Helper()
		got, err := s.FrozenPeople(t.Context(), p, c.ID)
		must(t, err)
		equal(t, got, want)
	}
	frozen(many)
	c.Version, c.Name = 2, "B"
	must(t, s.UpdateCohort(t.Context(), c, nil, entry(p)))
	frozen(many)
	c.Version = 3
	must(t, s.UpdateCohort(t.Context(), c, []uint64{5}, entry(p)))
	frozen([]uint64{5})
	c.Version = 4
	must(t, s.UpdateCohort(t.Context(), c, []uint64{}, entry(p)))
	frozen(nil)
	must(t, s.DeleteCohort(t.Context(), p, c.ID, 4, entry(p)))
	_, err := s.FrozenPeople(t.Context(), p, c.ID)
	refused(t, err, "no_such_cohort")
}
