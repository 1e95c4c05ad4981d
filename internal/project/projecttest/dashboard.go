package projecttest

import (
	"testing"
	"time"

	"github.com/freshet/freshet/internal/project"
)

func dashboard(p project.ID, id, name string) project.Dashboard {
	return project.Dashboard{
		ID: id, Project: p, Name: name, Description: "two\nlines ☂", Tiles: []byte(`[{"id": "a",  "text":"'; --"}]`),
		Version: 1, CreatedAt: noon, UpdatedAt: noon,
	}
}

func hang(t *testing.T, s project.Store, d project.Dashboard) {
	t.Helper()
	must(t, s.CreateDashboard(t.Context(), d, project.MaxDashboards, entry(d.Project)))
}

// boards has the ids of a project's dashboards in order, and checks that the list leaves out their tiles.
func boards(t *testing.T, s project.Store, p project.ID) (out []string) {
	t.Helper()
	list, err := s.Dashboards(t.Context(), p)
	must(t, err)
	for _, d := range list {
		if d.Tiles != nil {
			t.Errorf("the list has the tiles of %s", d.ID)
		}
		out = append(out, d.ID)
	}
	return out
}

func dashboardsAreKept(t *testing.T, s project.Store) {
	p := create(t, s, named("a"))
	want := dashboard(p, "one", "B")
	hang(t, s, want)
	hang(t, s, dashboard(p, "two", "A"))
	hang(t, s, dashboard(p, "three", "B"))
	got, err := s.Dashboard(t.Context(), p, "one")
	must(t, err)
	equal(t, got, want)
	equal(t, boards(t, s, p), []string{"two", "one", "three"})
	if err := s.CreateDashboard(t.Context(), dashboard(p, "one", "C"), 10, entry(p)); err == nil {
		t.Fatal("two dashboards with one id")
	}
	refused(t, s.CreateDashboard(t.Context(), dashboard(99, "four", "C"), 10, entry(99)), "no_such_project")
	must(t, s.DeleteDashboard(t.Context(), p, "one", 1, entry(p)))
	equal(t, boards(t, s, p), []string{"two", "three"})
	equal(t, len(audit(t, s)), 5)
}

func dashboardsAreOfOneProject(t *testing.T, s project.Store) {
	p, other := create(t, s, named("a")), create(t, s, named("b"))
	hang(t, s, dashboard(p, "one", "B"))
	equal(t, boards(t, s, other), nil)
	_, err := s.Dashboard(t.Context(), other, "one")
	refused(t, err, "no_such_dashboard")
	foreign := dashboard(other, "one", "C")
	foreign.Version = 2
	refused(t, s.UpdateDashboard(t.Context(), foreign, entry(other)), "no_such_dashboard")
	refused(t, s.DeleteDashboard(t.Context(), other, "one", 1, entry(other)), "no_such_dashboard")
	equal(t, boards(t, s, p), []string{"one"})
	equal(t, len(audit(t, s)), 3)
}

func dashboardsAreLimited(t *testing.T, s project.Store) {
	p, other := create(t, s, named("a")), create(t, s, named("b"))
	hang(t, s, dashboard(p, "one", "A"))
	hang(t, s, dashboard(p, "two", "A"))
	refused(t, s.CreateDashboard(t.Context(), dashboard(p, "three", "A"), 2, entry(p)), "too_many_dashboards")
	must(t, s.CreateDashboard(t.Context(), dashboard(other, "three", "A"), 2, entry(p)))
}

func dashboardsChangeByVersion(t *testing.T, s project.Store) {
	p := create(t, s, named("a"))
	hang(t, s, dashboard(p, "one", "A"))
	entries := len(audit(t, s))
	next := func(n int) project.Dashboard {
		d := dashboard(p, "one", string(rune('A'+n)))
		d.Version, d.Tiles, d.CreatedAt, d.UpdatedAt = 2, []byte(`[]`), noon.Add(time.Minute), noon.Add(time.Hour)
		return d
	}
	changed := oneOfTen(t, "dashboard_changed", func(n int) error { return s.UpdateDashboard(t.Context(), next(n), entry(p)) })
	got, err := s.Dashboard(t.Context(), p, "one")
	must(t, err)
	want := next(changed)
	want.CreatedAt = noon
	equal(t, got, want)
	refused(t, s.DeleteDashboard(t.Context(), p, "one", 1, entry(p)), "dashboard_changed")
	equal(t, len(audit(t, s)), entries+1)
	must(t, s.DeleteDashboard(t.Context(), p, "one", 2, entry(p)))
	refused(t, s.DeleteDashboard(t.Context(), p, "one", 2, entry(p)), "no_such_dashboard")
}

func linksOpenOneDashboard(t *testing.T, s project.Store) {
	p := create(t, s, named("a"))
	hang(t, s, dashboard(p, "one", "A"))
	hang(t, s, dashboard(p, "two", "B"))
	shared := dashboard(p, "one", "A")
	shared.Version, shared.Link = 2, &project.Link{Hash: project.Hash{7, 0xff}, Since: noon.Add(time.Second)}
	must(t, s.UpdateDashboard(t.Context(), shared, entry(p)))
	got, err := s.SharedDashboard(t.Context(), project.Hash{7, 0xff})
	must(t, err)
	equal(t, got, shared)
	list, err := s.Dashboards(t.Context(), p)
	must(t, err)
	equal(t, []*project.Link{list[0].Link, list[1].Link}, []*project.Link{shared.Link, nil})
	_, err = s.SharedDashboard(t.Context(), project.Hash{7})
	refused(t, err, "no_such_link")
	shared.Version, shared.Link = 3, nil
	must(t, s.UpdateDashboard(t.Context(), shared, entry(p)))
	_, err = s.SharedDashboard(t.Context(), project.Hash{7, 0xff})
	refused(t, err, "no_such_link")
	_, err = s.SharedDashboard(t.Context(), project.Hash{})
	refused(t, err, "no_such_link")
}
