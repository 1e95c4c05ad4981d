package project_test

import (
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/project"
	"github.com/freshet/freshet/internal/project/projecttest"
)

func TestDescribe(t *testing.T) {
	s := open(t, projecttest.NewMemory())
	p := newProject(t, s, "a").ID
	bought := project.Subject{Kind: project.NoteEvent, Name: "bought"}
	text := func(s string) *string { return &s }
	version := func(v uint64) *uint64 { return &v }
	for _, c := range []struct {
		name    string
		about   project.Subject
		seen    *uint64
		change  project.NoteChange
		code    string
		version uint64
	}{
		{"a version before the first", bought, version(1), project.NoteChange{Owner: text("me")}, "note_changed", 0},
		{"the first", bought, version(0), project.NoteChange{Owner: text(" Growth ")}, "", 1},
		{"nothing is different", bought, nil, project.NoteChange{Owner: text("Growth")}, "", 1},
		{"one that was not seen", bought, version(0), project.NoteChange{Owner: text("me")}, "note_changed", 0},
		{"the rest stays", bought, version(1), project.NoteChange{Description: text("Paid.\nOnce.")}, "", 2},
		{"another kind", project.Subject{Kind: "cohort", Name: "x"}, nil, project.NoteChange{}, "bad_subject", 0},
		{"no name", project.Subject{Kind: project.NoteEvent}, nil, project.NoteChange{}, "bad_subject", 0},
		{"a long name", project.Subject{Kind: project.NoteEvent, Name: strings.Repeat("x", 513)}, nil, project.NoteChange{}, "bad_subject", 0},
		{"not UTF-8", project.Subject{Kind: project.NoteProperty, Name: "\xff"}, nil, project.NoteChange{}, "bad_subject", 0},
		{"a long owner", bought, nil, project.NoteChange{Owner: text(strings.Repeat("x", 101))}, "bad_owner", 0},
		{"an owner in two lines", bought, nil, project.NoteChange{Owner: text("a\nb")}, "bad_owner", 0},
		{"a long description", bought, nil, project.NoteChange{Description: text(strings.Repeat("x", 2001))}, "bad_description", 0},
		{"emptied", bought, version(2), project.NoteChange{Owner: text(""), Description: text("")}, "", 3},
		{"said again", bought, version(3), project.NoteChange{Owner: text("me")}, "", 4},
	} {
		got, err := s.Describe(t.Context(), "key 1 (admin)", p, c.about, c.seen, c.change)
		if code(err) != c.code || got.Version != c.version {
			t.Errorf("%s: %+v %v", c.name, got, err)
		}
	}
	list, err := s.Notes(t.Context(), p)
	if err != nil || len(list) != 1 || list[0].Owner != "me" || list[0].Description != "" {
		t.Errorf("%+v %v", list, err)
	}
	entries, err := s.Audit(t.Context(), 0, 4)
	if err != nil {
		t.Fatal(err)
	}
	if e := entries[3]; e.Action != "note.update" || e.Detail != `event "bought": owner "Growth"` || e.Project != p {
		t.Errorf("%+v", e)
	}
}
