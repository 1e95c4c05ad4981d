package projecttest

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/freshet/freshet/internal/project"
)

// Insights implements project.Store.
func (m *Memory) Insights(ctx context.Context, p project.ID) ([]project.Insight, error) {
	unlock, err := m.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	out := []project.Insight{}
	for _, i := range m.insights {
		if i.Project == p {
			i.Question = nil
			out = append(out, i)
		}
	}
	slices.SortFunc(out, func(a, b project.Insight) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return out, nil
}

// Insight implements project.Store.
func (m *Memory) Insight(ctx context.Context, p project.ID, id string) (project.Insight, error) {
	unlock, err := m.lock(ctx)
	if err != nil {
		return project.Insight{}, err
	}
	defer unlock()
	return m.insight(p, id)
}

func (m *Memory) insight(p project.ID, id string) (project.Insight, error) {
	i, ok := m.insights[id]
	if !ok || i.Project != p {
		return project.Insight{}, project.NoSuchInsight(id)
	}
	i.Question = slices.Clone(i.Question)
	return i, nil
}

// CreateInsight implements project.Store.
func (m *Memory) CreateInsight(ctx context.Context, i project.Insight, limit int, audit project.AuditEntry) error {
	unlock, err := m.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	n := 0
	for _, other := range m.insights {
		if other.Project == i.Project {
			n++
		}
	}
	if n >= limit {
		return project.TooManyInsights(limit)
	}
	if _, ok := m.projects[i.Project]; !ok {
		return project.NoSuchProject(i.Project)
	}
	if _, ok := m.insights[i.ID]; ok {
		return errors.New("the id exists")
	}
	m.put(i)
	m.note(audit)
	return nil
}

// UpdateInsight implements project.Store.
func (m *Memory) UpdateInsight(ctx context.Context, i project.Insight, audit project.AuditEntry) error {
	unlock, err := m.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	old, err := m.insight(i.Project, i.ID)
	if err != nil {
		return err
	}
	if old.Version != i.Version-1 {
		return project.InsightChanged(i.ID)
	}
	i.CreatedAt = old.CreatedAt
	m.put(i)
	m.note(audit)
	return nil
}

// DeleteInsight implements project.Store.
func (m *Memory) DeleteInsight(ctx context.Context, p project.ID, id string, version uint64, audit project.AuditEntry) error {
	unlock, err := m.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	old, err := m.insight(p, id)
	if err != nil {
		return err
	}
	if old.Version != version {
		return project.InsightChanged(id)
	}
	delete(m.insights, id)
	m.note(audit)
	return nil
}

func (m *Memory) put(i project.Insight) {
	i.Question = slices.Clone(i.Question)
	m.insights[i.ID] = i
}
