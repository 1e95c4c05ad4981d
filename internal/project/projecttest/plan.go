package projecttest

import (
	"testing"

	"github.com/freshet/freshet/internal/project"
)

func planIs(t *testing.T, s project.Store, want project.Plan) {
	t.Helper()
	got, err := s.Plan(t.Context(), want.Project)
	must(t, err)
	equal(t, got, want)
}

func plansChangeByVersion(t *testing.T, s project.Store) {
	p, other := create(t, s, named("a")), create(t, s, named("b"))
	planIs(t, s, project.Plan{Project: p})
	first := project.Plan{Project: p, Document: []byte(`{"events": [ "☂'; --" ]}`), Version: 1, UpdatedAt: noon}
	oneOfTen(t, "plan_changed", func(int) error { return s.SetPlan(t.Context(), first, entry(p)) })
	planIs(t, s, first)
	planIs(t, s, project.Plan{Project: other})
	gone := project.Plan{Project: p, Version: 2, UpdatedAt: noon}
	must(t, s.SetPlan(t.Context(), gone, entry(p)))
	planIs(t, s, gone)
	refused(t, s.SetPlan(t.Context(), first, entry(p)), "plan_changed")
	again := first
	again.Version = 3
	must(t, s.SetPlan(t.Context(), again, entry(p)))
	planIs(t, s, again)
	refused(t, s.SetPlan(t.Context(), project.Plan{Project: 99, Document: first.Document, Version: 1, UpdatedAt: noon}, entry(99)), "no_such_project")
	equal(t, len(audit(t, s)), 5)
}
