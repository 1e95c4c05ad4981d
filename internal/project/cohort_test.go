package project_test

import (
	"strconv"
	"testing"

	"github.com/freshet/freshet/internal/project"
	"github.com/freshet/freshet/internal/project/projecttest"
)

// TestFrozenPeopleAreBounded: a static cohort needs people, not too many, and others take none.
func TestFrozenPeopleAreBounded(t *testing.T) {
	s := open(t, projecttest.NewMemory())
	p := newProject(t, s, "Shop")
	name := "Regulars"
	wish := project.CohortChange{Name: &name, Definition: []byte(`{}`)}
	if _, err := s.CreateCohort(t.Context(), "system", p.ID, true, wish); code(err) != "missing_people" {
		t.Error(err)
	}
	wish.People = make([]uint64, project.MaxFrozen+1)
	if _, err := s.CreateCohort(t.Context(), "system", p.ID, true, wish); code(err) != "too_many_people" {
		t.Error(err)
	}
	wish.People = []uint64{1, 2}
	if _, err := s.CreateCohort(t.Context(), "system", p.ID, false, wish); code(err) != "not_static" {
		t.Error(err)
	}
	c, err := s.CreateCohort(t.Context(), "system", p.ID, true, wish)
	if err != nil || c.Frozen != 2 || c.FrozenAt == nil {
		t.Fatal(c, err)
	}
	id := strconv.FormatUint(c.ID, 10)
	same, err := s.UpdateCohort(t.Context(), "system", p.ID, id, 0, project.CohortChange{Name: &name})
	if err != nil || same.Version != c.Version {
		t.Errorf("a change that changes nothing made version %d: %v", same.Version, err)
	}
	audit, err := s.Audit(t.Context(), 0, 10)
	if err != nil || len(audit) != 2 || audit[0].Detail != "cohort "+id+`, "Regulars"` {
		t.Error(audit, err)
	}
}
