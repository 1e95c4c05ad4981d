package project_test

import (
	"path/filepath"
	"testing"

	"github.com/freshet/freshet/internal/project"
	"github.com/freshet/freshet/internal/project/projecttest"
	"github.com/freshet/freshet/internal/project/sqlite"
)

// TestFill makes a store of a copy: the same projects under the same numbers, the same secrets open them, and a revoked key stays
// revoked.
func TestFill(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "copy.json")
	from := &shared{Store: projecttest.NewMemory()}
	original := follower(t, from, "")
	name, days := "one", 30
	first, err := original.CreateProject(t.Context(), "test", project.Change{Name: &name, RetentionDays: &days})
	if err != nil {
		t.Fatal(err)
	}
	name = "two"
	second, err := original.CreateProject(t.Context(), "test", project.Change{Name: &name})
	if err != nil {
		t.Fatal(err)
	}
	_, write, err := original.CreateKey(t.Context(), "test", second.ID, project.Write, "good")
	if err != nil {
		t.Fatal(err)
	}
	bad, revoked, err := original.CreateKey(t.Context(), "test", first.ID, project.Write, "bad")
	if err == nil {
		err = original.RevokeKey(t.Context(), "test", bad.ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	end(t, original)
	end(t, follower(t, from, path)) // which begins by copying

	store, err := sqlite.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := project.Fill(t.Context(), store, path); err != nil {
		t.Fatal(err)
	}
	if err := project.Fill(t.Context(), store, path); err == nil {
		t.Error("filled a store that has projects")
	}
	s := follower(t, store, "")
	defer end(t, s)
	if got := s.Projects(); len(got) != 2 || got[0].ID != first.ID || got[0].RetentionDays != 30 || got[1].Name != "two" {
		t.Errorf("the projects are %+v", got)
	}
	if id, err := s.Authenticate(write); err != nil || id.Project != second.ID {
		t.Errorf("the key opens %+v: %v", id, err)
	}
	if _, err := s.Authenticate(revoked); err == nil {
		t.Error("a revoked key opens the copy")
	}
	if err := project.Fill(t.Context(), store, path+".gone"); err == nil {
		t.Error("filled from a copy that is not there")
	}
}
