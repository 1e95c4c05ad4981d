package projecttest

import (
	"cmp"
	"context"
	"slices"

	"github.com/freshet/freshet/internal/project"
)

// noteKey finds a note.
type noteKey struct {
	project project.ID
	project.Subject
}

// Notes implements project.Store.
func (m *Memory) Notes(ctx context.Context, p project.ID) ([]project.Note, error) {
	unlock, err := m.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	var out []project.Note
	for _, n := range m.notes {
		if n.Project == p && !n.Empty() {
			out = append(out, n)
		}
	}
	slices.SortFunc(out, func(a, b project.Note) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name)) })
	return out, nil
}

// Note implements project.Store.
func (m *Memory) Note(ctx context.Context, p project.ID, about project.Subject) (project.Note, error) {
	unlock, err := m.lock(ctx)
	if err != nil {
		return project.Note{}, err
	}
	defer unlock()
	return m.present(p, about), nil
}

func (m *Memory) present(p project.ID, about project.Subject) project.Note {
	if n, ok := m.notes[noteKey{p, about}]; ok {
		return n
	}
	return project.Note{Project: p, Subject: about}
}

// SetNote implements project.Store.
func (m *Memory) SetNote(ctx context.Context, n project.Note, limit int, audit project.AuditEntry) error {
	unlock, err := m.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if m.present(n.Project, n.Subject).Version != n.Version-1 {
		return project.NoteChanged(n.Subject)
	}
	others := 0
	for _, other := range m.notes {
		if other.Project == n.Project && other.Subject != n.Subject && !other.Empty() {
			others++
		}
	}
	if !n.Empty() && others >= limit {
		return project.TooManyNotes(limit)
	}
	if _, ok := m.projects[n.Project]; !ok {
		return project.NoSuchProject(n.Project)
	}
	m.notes[noteKey{n.Project, n.Subject}] = n
	m.note(audit)
	return nil
}
