package projecttest

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"github.com/freshet/freshet/internal/project"
)

type keptCohort struct {
	project.Cohort
	people []uint64
}

// Cohorts implements project.Store.
func (m *Memory) Cohorts(ctx context.Context, p project.ID) ([]project.Cohort, error) {
	unlock, err := m.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	out := []project.Cohort{}
	for _, c := range m.cohorts {
		if c.Project == p {
			c.Definition = nil
			out = append(out, c.Cohort)
		}
	}
	slices.SortFunc(out, func(a, b project.Cohort) int { return cmp.Compare(a.Name, b.Name) })
	return out, nil
}

// Cohort implements project.Store.
func (m *Memory) Cohort(ctx context.Context, p project.ID, named string) (project.Cohort, error) {
	unlock, err := m.lock(ctx)
	if err != nil {
		return project.Cohort{}, err
	}
	defer unlock()
	c, err := m.cohort(p, named)
	return c.Cohort, err
}

func (m *Memory) cohort(p project.ID, named string) (keptCohort, error) {
	for _, c := range m.cohorts {
		if c.Project == p && (c.Name == named || strconv.FormatUint(c.ID, 10) == named) {
			return c, nil
		}
	}
	return keptCohort{}, project.NoSuchCohort(named)
}

func (m *Memory) cohortAt(p project.ID, id, version uint64) (keptCohort, error) {
	named := strconv.FormatUint(id, 10)
	c, err := m.cohort(p, named)
	if err == nil && c.Version != version {
		return c, project.CohortChanged(named)
	}
	return c, err
}

// FrozenPeople implements project.Store.
func (m *Memory) FrozenPeople(ctx context.Context, p project.ID, id uint64) ([]uint64, error) {
	unlock, err := m.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	c, err := m.cohort(p, strconv.FormatUint(id, 10))
	return slices.Clone(c.people), err
}

// CreateCohort implements project.Store.
func (m *Memory) CreateCohort(ctx context.Context, c project.Cohort, people []uint64, limit int, audit func(uint64) project.AuditEntry) (uint64, error) {
	unlock, err := m.lock(ctx)
	if err != nil {
		return 0, err
	}
	defer unlock()
	n := 0
	for _, other := range m.cohorts {
		if other.Project == c.Project {
			n++
		}
	}
	if n >= limit {
		return 0, project.TooManyCohorts(limit)
	}
	if _, ok := m.projects[c.Project]; !ok {
		return 0, project.NoSuchProject(c.Project)
	}
	if err := m.fits(c); err != nil {
		return 0, err
	}
	m.lastCohort++
	c.ID = m.lastCohort
	m.cohorts[c.ID] = keptCohort{c, slices.Clone(people)}
	m.note(audit(c.ID))
	return c.ID, nil
}

// fits checks the name of a cohort and what it uses.
func (m *Memory) fits(c project.Cohort) error {
	for _, other := range m.cohorts {
		if other.Project == c.Project && other.Name == c.Name && other.ID != c.ID {
			return project.CohortNameTaken(c.Name)
		}
	}
	for _, id := range c.Uses {
		if _, err := m.cohort(c.Project, strconv.FormatUint(id, 10)); err != nil {
			return err
		}
	}
	return nil
}

// UpdateCohort implements project.Store.
func (m *Memory) UpdateCohort(ctx context.Context, c project.Cohort, people []uint64, audit project.AuditEntry) error {
	unlock, err := m.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	old, err := m.cohortAt(c.Project, c.ID, c.Version-1)
	if err == nil {
		err = m.fits(c)
	}
	if err != nil {
		return err
	}
	c.CreatedAt, c.Static = old.CreatedAt, old.Static
	if people == nil {
		people = old.people
	}
	m.cohorts[c.ID] = keptCohort{c, slices.Clone(people)}
	m.note(audit)
	return nil
}

// DeleteCohort implements project.Store.
func (m *Memory) DeleteCohort(ctx context.Context, p project.ID, id, version uint64, audit project.AuditEntry) error {
	unlock, err := m.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := m.cohortAt(p, id, version); err != nil {
		return err
	}
	by := uint64(0)
	for _, other := range m.cohorts {
		if slices.Contains(other.Uses, id) && (by == 0 || other.ID < by) {
			by = other.ID
		}
	}
	if by != 0 {
		return project.CohortInUse(id, by)
	}
	delete(m.cohorts, id)
	m.note(audit)
	return nil
}
