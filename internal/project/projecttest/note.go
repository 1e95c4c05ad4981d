package projecttest

import (
	"testing"

	"github.com/freshet/freshet/internal/project"
)

func note(p project.ID, kind project.NoteKind, name string) project.Note {
	return project.Note{
		Project: p, Subject: project.Subject{Kind: kind, Name: name}, Description: "two\nlines ☂", Owner: "'Growth'; --", Version: 1, UpdatedAt: noon,
	}
}

func write(t *testing.T, s project.Store, n project.Note) {
	t.Helper()
	must(t, s.SetNote(t.Context(), n, project.MaxNotes, entry(n.Project)))
}

func notes(t *testing.T, s project.Store, p project.ID) []project.Note {
	t.Helper()
	list, err := s.Notes(t.Context(), p)
	must(t, err)
	return list
}

func notesAreKept(t *testing.T, s project.Store) {
	p, other := create(t, s, named("a")), create(t, s, named("b"))
	equal(t, notes(t, s, p), nil)
	amount, bought, opened := note(p, project.NoteProperty, "amount"), note(p, project.NoteEvent, "bought/☂ %2F"), note(p, project.NoteEvent, "Opened")
	for _, n := range []project.Note{amount, bought, opened, note(p, project.NoteProperty, "bought/☂ %2F"), note(other, project.NoteEvent, "Opened")} {
		write(t, s, n)
	}
	equal(t, notes(t, s, p), []project.Note{opened, bought, amount, note(p, project.NoteProperty, "bought/☂ %2F")})
	got, err := s.Note(t.Context(), p, bought.Subject)
	must(t, err)
	equal(t, got, bought)
	nobody := project.Subject{Kind: project.NoteEvent, Name: "opened"}
	got, err = s.Note(t.Context(), p, nobody)
	must(t, err)
	equal(t, got, project.Note{Project: p, Subject: nobody})
	refused(t, s.SetNote(t.Context(), note(99, project.NoteEvent, "x"), 10, entry(99)), "no_such_project")
	equal(t, len(audit(t, s)), 7)
}

func notesChangeByVersion(t *testing.T, s project.Store) {
	p := create(t, s, named("a"))
	oneOfTen(t, "note_changed", func(int) error {
		return s.SetNote(t.Context(), note(p, project.NoteEvent, "x"), project.MaxNotes, entry(p))
	})
	emptied := project.Note{Project: p, Subject: project.Subject{Kind: project.NoteEvent, Name: "x"}, Version: 2, UpdatedAt: noon}
	write(t, s, emptied)
	equal(t, notes(t, s, p), nil)
	got, err := s.Note(t.Context(), p, emptied.Subject)
	must(t, err)
	equal(t, got, emptied)
	refused(t, s.SetNote(t.Context(), note(p, project.NoteEvent, "x"), 10, entry(p)), "note_changed")
	again := note(p, project.NoteEvent, "x")
	again.Version = 3
	write(t, s, again)
	equal(t, notes(t, s, p), []project.Note{again})
	equal(t, len(audit(t, s)), 4)
}

func notesAreLimited(t *testing.T, s project.Store) {
	p, other := create(t, s, named("a")), create(t, s, named("b"))
	write(t, s, note(p, project.NoteEvent, "x"))
	write(t, s, note(other, project.NoteEvent, "x"))
	must(t, s.SetNote(t.Context(), note(p, project.NoteProperty, "x"), 2, entry(p)))
	refused(t, s.SetNote(t.Context(), note(p, project.NoteEvent, "y"), 2, entry(p)), "too_many_notes")
	next := note(p, project.NoteEvent, "x")
	next.Version, next.Owner = 2, ""
	must(t, s.SetNote(t.Context(), next, 2, entry(p))) // it is described already
	next.Version, next.Description = 3, ""
	must(t, s.SetNote(t.Context(), next, 2, entry(p)))
	must(t, s.SetNote(t.Context(), note(p, project.NoteEvent, "y"), 2, entry(p)))
	next.Version, next.Owner = 4, "me"
	refused(t, s.SetNote(t.Context(), next, 2, entry(p)), "too_many_notes")
}
