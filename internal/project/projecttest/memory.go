package projecttest

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/freshet/freshet/internal/project"
)

// Memory is a project.Store that keeps nothing beyond its own life. It passes the suite, and is there for the tests
// of rooms that need a control plane. Closing it only makes it refuse its work.
type Memory struct {
	mu       sync.Mutex
	closed   bool
	projects map[project.ID]project.Project
	keys     map[uint64]project.StoredKey
	insights map[string]project.Insight
	cohorts  map[uint64]keptCohort
	// dashboards are by ID.
	dashboards map[string]project.Dashboard
	notes      map[noteKey]project.Note
	plans      map[project.ID]project.Plan
	// lastCohort is the highest number given so far.
	lastCohort uint64
	audit      []project.AuditEntry
}

var _ project.Store = (*Memory)(nil)

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{
		projects: map[project.ID]project.Project{}, keys: map[uint64]project.StoredKey{}, insights: map[string]project.Insight{},
		cohorts: map[uint64]keptCohort{}, dashboards: map[string]project.Dashboard{}, notes: map[noteKey]project.Note{},
		plans: map[project.ID]project.Plan{},
	}
}

// lock takes the lock, or refuses when the context has ended or the store is closed.
func (m *Memory) lock(ctx context.Context) (unlock func(), err error) {
	m.mu.Lock()
	if err = ctx.Err(); err == nil && m.closed {
		err = errors.New("the store is closed")
	}
	if err != nil {
		m.mu.Unlock()
		return nil, err
	}
	return m.mu.Unlock, nil
}

func (m *Memory) note(e project.AuditEntry) {
	e.ID = uint64(len(m.audit) + 1)
	m.audit = append(m.audit, e)
}

func (m *Memory) taken(p project.Project) bool {
	for _, other := range m.projects {
		if other.Name == p.Name && other.ID != p.ID {
			return true
		}
	}
	return false
}

// Projects implements project.Store.
func (m *Memory) Projects(ctx context.Context) ([]project.Project, error) {
	unlock, err := m.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	return slices.SortedFunc(maps.Values(m.projects), func(a, b project.Project) int { return cmp.Compare(a.ID, b.ID) }), nil
}

// CreateProject implements project.Store.
func (m *Memory) CreateProject(ctx context.Context, p project.Project, audit func(project.ID) project.AuditEntry) (project.ID, error) {
	unlock, err := m.lock(ctx)
	if err != nil {
		return 0, err
	}
	defer unlock()
	p.ID = 0
	if m.taken(p) {
		return 0, project.NameTaken(p.Name)
	}
	p.ID = project.ID(len(m.projects) + 1)
	m.projects[p.ID] = p
	m.note(audit(p.ID))
	return p.ID, nil
}

// UpdateProject implements project.Store.
func (m *Memory) UpdateProject(ctx context.Context, p project.Project, audit project.AuditEntry) error {
	unlock, err := m.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	old, ok := m.projects[p.ID]
	switch {
	case !ok:
		return project.NoSuchProject(p.ID)
	case m.taken(p):
		return project.NameTaken(p.Name)
	}
	p.CreatedAt, p.Spent = old.CreatedAt, old.Spent
	if p.EventsPerMonth != old.EventsPerMonth {
		p.Spent = 0
	}
	m.projects[p.ID] = p
	m.note(audit)
	return nil
}

// Spend implements project.Store.
func (m *Memory) Spend(ctx context.Context, id project.ID, month project.Month, of int, audit project.AuditEntry) (done bool, err error) {
	unlock, err := m.lock(ctx)
	if err != nil {
		return false, err
	}
	defer unlock()
	p, ok := m.projects[id]
	if !ok || p.EventsPerMonth != of {
		return false, nil
	}
	p.Spent = month
	m.projects[id] = p
	m.note(audit)
	return true, nil
}

// AddAudit implements project.Store.
func (m *Memory) AddAudit(ctx context.Context, entry project.AuditEntry) error {
	unlock, err := m.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	m.note(entry)
	return nil
}

// Audit implements project.Store.
func (m *Memory) Audit(ctx context.Context, before uint64, limit int) ([]project.AuditEntry, error) {
	unlock, err := m.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	end := len(m.audit)
	if before != 0 {
		end = int(min(before-1, uint64(end)))
	}
	out := slices.Clone(m.audit[max(end-limit, 0):end])
	slices.Reverse(out)
	return out, nil
}

// Keys implements project.Store.
func (m *Memory) Keys(ctx context.Context) ([]project.StoredKey, error) {
	unlock, err := m.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	return slices.SortedFunc(maps.Values(m.keys), func(a, b project.StoredKey) int { return cmp.Compare(a.ID, b.ID) }), nil
}

// CreateKey implements project.Store.
func (m *Memory) CreateKey(ctx context.Context, k project.StoredKey, audit func(uint64) project.AuditEntry) (uint64, error) {
	unlock, err := m.lock(ctx)
	if err != nil {
		return 0, err
	}
	defer unlock()
	if _, ok := m.projects[k.Project]; !ok {
		return 0, project.NoSuchProject(k.Project)
	}
	for _, other := range m.keys {
		if other.Hash == k.Hash {
			return 0, errors.New("the hash exists")
		}
	}
	k.ID = uint64(len(m.keys) + 1)
	m.keys[k.ID] = k
	m.note(audit(k.ID))
	return k.ID, nil
}

// RevokeKey implements project.Store.
func (m *Memory) RevokeKey(ctx context.Context, id uint64, at time.Time, audit project.AuditEntry) error {
	unlock, err := m.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	k, ok := m.keys[id]
	switch {
	case !ok:
		return project.NoSuchKey(id)
	case k.RevokedAt != nil:
		return nil
	}
	k.RevokedAt = &at
	m.keys[id] = k
	m.note(audit)
	return nil
}

// TouchKeys implements project.Store.
func (m *Memory) TouchKeys(ctx context.Context, used map[uint64]time.Time) error {
	unlock, err := m.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	for id, at := range used {
		k, ok := m.keys[id]
		if ok && (k.LastUsedAt == nil || k.LastUsedAt.Before(at)) {
			k.LastUsedAt = &at
			m.keys[id] = k
		}
	}
	return nil
}

// Close implements project.Store.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}
