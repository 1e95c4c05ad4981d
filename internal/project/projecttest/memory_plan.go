package projecttest

import (
	"context"
	"slices"

	"github.com/freshet/freshet/internal/project"
)

// Plan implements project.Store.
func (m *Memory) Plan(ctx context.Context, p project.ID) (project.Plan, error) {
	unlock, err := m.lock(ctx)
	if err != nil {
		return project.Plan{}, err
	}
	defer unlock()
	plan := m.plans[p]
	plan.Project, plan.Document = p, slices.Clone(plan.Document)
	return plan, nil
}

// SetPlan implements project.Store.
func (m *Memory) SetPlan(ctx context.Context, p project.Plan, audit project.AuditEntry) error {
	unlock, err := m.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if m.plans[p.Project].Version != p.Version-1 {
		return project.PlanChanged()
	}
	if _, ok := m.projects[p.Project]; !ok {
		return project.NoSuchProject(p.Project)
	}
	p.Document = slices.Clone(p.Document)
	m.plans[p.Project] = p
	m.note(audit)
	return nil
}
