package project_test

import (
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/project"
	"github.com/freshet/freshet/internal/project/projecttest"
)

func TestLinksAreMadeAndRevoked(t *testing.T) {
	s := open(t, projecttest.NewMemory())
	p := newProject(t, s, "a").ID
	name := "Health"
	d, err := s.CreateDashboard(t.Context(), "key 1 (admin)", p, project.DashboardChange{Name: &name})
	if err != nil || string(d.Tiles) != "[]" || d.Version != 1 {
		t.Fatalf("%+v %v", d, err)
	}
	opens := func(secret string) bool {
		found, err := s.SharedDashboard(t.Context(), secret)
		if err != nil && code(err) != "no_such_link" {
			t.Fatal(err)
		}
		return err == nil && found.ID == d.ID
	}
	share := func() string {
		shared, secret, err := s.ShareDashboard(t.Context(), "key 1 (admin)", p, d.ID)
		if err != nil || shared.Link == nil || !strings.HasPrefix(secret, "fd_") || !opens(secret) {
			t.Fatalf("%+v %v", shared, err)
		}
		return secret
	}
	first := share()
	if _, err := s.Authenticate(first); code(err) != "malformed_key" {
		t.Errorf("a link is taken for a key: %v", err)
	}
	second := share()
	if opens(first) || opens(second[:len(second)-1]) || opens(second+"x") || opens("") {
		t.Error("a link opens what it must not")
	}
	for range 2 {
		if d, err := s.UnshareDashboard(t.Context(), "key 1 (admin)", p, d.ID); err != nil || d.Link != nil || d.Version != 4 {
			t.Fatalf("%+v %v", d, err)
		}
	}
	third := share()
	if opens(second) {
		t.Error("a revoked link opens the dashboard again")
	}
	if err := s.DeleteDashboard(t.Context(), "key 1 (admin)", p, d.ID, 5); err != nil || opens(third) {
		t.Errorf("a deleted dashboard is still shown: %v", err)
	}
	entries, err := s.Audit(t.Context(), 0, 6)
	if err != nil {
		t.Fatal(err)
	}
	var actions []string
	for _, e := range entries {
		actions = append(actions, strings.TrimPrefix(e.Action, "dashboard."))
		if strings.Contains(e.Detail, "fd_") {
			t.Errorf("the audit has a link: %s", e.Detail)
		}
	}
	if got := strings.Join(actions, " "); got != "delete share unshare share share create" {
		t.Error(got)
	}
}

func TestWrongDashboards(t *testing.T) {
	s := open(t, projecttest.NewMemory())
	p := newProject(t, s, "a").ID
	good, bad, long := "a", "a\nb", strings.Repeat("x", 2001)
	for want, c := range map[string]project.DashboardChange{
		"bad_name":        {Name: &bad},
		"bad_description": {Name: &good, Description: &long},
		"tiles_too_large": {Name: &good, Tiles: make([]byte, 256<<10+1)},
	} {
		if _, err := s.CreateDashboard(t.Context(), "x", p, c); code(err) != want {
			t.Errorf("%s: %v", want, err)
		}
	}
	if _, err := s.CreateDashboard(t.Context(), "x", p, project.DashboardChange{}); code(err) != "bad_name" {
		t.Error(err)
	}
	d, err := s.CreateDashboard(t.Context(), "x", p, project.DashboardChange{Name: &good})
	if err != nil {
		t.Fatal(err)
	}
	same, err := s.UpdateDashboard(t.Context(), "x", p, d.ID, 0, project.DashboardChange{Name: &good, Tiles: d.Tiles})
	if err != nil || same.Version != 1 {
		t.Errorf("a change of nothing: %+v %v", same, err)
	}
	if _, err := s.UpdateDashboard(t.Context(), "x", p, d.ID, 2, project.DashboardChange{Name: &bad}); code(err) != "dashboard_changed" {
		t.Error(err)
	}
}
