package projecttest

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/freshet/freshet/internal/project"
)

// Dashboards implements project.Store.
func (m *Memory) Dashboards(ctx context.Context, p project.ID) ([]project.Dashboard, error) {
	unlock, err := m.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	var out []project.Dashboard
	for _, d := range m.dashboards {
		if d.Project == p {
			d.Tiles = nil
			out = append(out, d)
		}
	}
	slices.SortFunc(out, func(a, b project.Dashboard) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	return out, nil
}

// Dashboard implements project.Store.
func (m *Memory) Dashboard(ctx context.Context, p project.ID, id string) (project.Dashboard, error) {
	unlock, err := m.lock(ctx)
	if err != nil {
		return project.Dashboard{}, err
	}
	defer unlock()
	return m.dashboard(p, id)
}

// SharedDashboard implements project.Store.
func (m *Memory) SharedDashboard(ctx context.Context, link project.Hash) (project.Dashboard, error) {
	unlock, err := m.lock(ctx)
	if err != nil {
		return project.Dashboard{}, err
	}
	defer unlock()
	for _, d := range m.dashboards {
		if d.Link != nil && d.Link.Hash == link {
			return m.dashboard(d.Project, d.ID)
		}
	}
	return project.Dashboard{}, project.NoSuchLink()
}

// dashboard finds one; the lock is held.
func (m *Memory) dashboard(p project.ID, id string) (project.Dashboard, error) {
	d, ok := m.dashboards[id]
	if !ok || d.Project != p {
		return project.Dashboard{}, project.NoSuchDashboard(id)
	}
	d.Tiles = slices.Clone(d.Tiles)
	return d, nil
}

// CreateDashboard implements project.Store.
func (m *Memory) CreateDashboard(ctx context.Context, d project.Dashboard, limit int, audit project.AuditEntry) error {
	unlock, err := m.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	n := 0
	for _, other := range m.dashboards {
		if other.Project == d.Project {
			n++
		}
	}
	if n >= limit {
		return project.TooManyDashboards(limit)
	}
	if _, ok := m.projects[d.Project]; !ok {
		return project.NoSuchProject(d.Project)
	}
	if _, ok := m.dashboards[d.ID]; ok {
		return errors.New("the id exists")
	}
	m.hang(d)
	m.note(audit)
	return nil
}

// UpdateDashboard implements project.Store.
func (m *Memory) UpdateDashboard(ctx context.Context, d project.Dashboard, audit project.AuditEntry) error {
	unlock, err := m.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	old, err := m.dashboard(d.Project, d.ID)
	if err != nil {
		return err
	}
	if old.Version != d.Version-1 {
		return project.DashboardChanged(d.ID)
	}
	d.CreatedAt = old.CreatedAt
	m.hang(d)
	m.note(audit)
	return nil
}

// DeleteDashboard implements project.Store.
func (m *Memory) DeleteDashboard(ctx context.Context, p project.ID, id string, version uint64, audit project.AuditEntry) error {
	unlock, err := m.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	old, err := m.dashboard(p, id)
	if err != nil {
		return err
	}
	if old.Version != version {
		return project.DashboardChanged(id)
	}
	delete(m.dashboards, id)
	m.note(audit)
	return nil
}

// hang keeps a dashboard; the lock is held.
func (m *Memory) hang(d project.Dashboard) {
	d.Tiles = slices.Clone(d.Tiles)
	m.dashboards[d.ID] = d
}
