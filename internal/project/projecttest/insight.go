package projecttest

import (
	"testing"
	"time"

	"github.com/freshet/freshet/internal/project"
)

func insight(p project.ID, id, name string) project.Insight {
	return project.Insight{
		ID: id, Project: p, Name: name, Description: "two\nlines ☂", Kind: "funnel", Question: []byte(`{"kind": "funnel",  "x":"'; --"}`),
		Version: 1, CreatedAt: noon, UpdatedAt: noon,
	}
}

func save(t *testing.T, s project.Store, i project.Insight) {
	t.Helper()
	must(t, s.CreateInsight(t.Context(), i, project.MaxInsights, entry(i.Project)))
}

// names has the ids of a project's insights in order, and checks that the list leaves out their questions.
func names(t *testing.T, s project.Store, p project.ID) (out []string) {
	t.Helper()
	list, err := s.Insights(t.Context(), p)
	must(t, err)
	for _, i := range list {
		if i.Question != nil {
			t.Errorf("the list has the question of %s", i.ID)
		}
		out = append(out, i.ID)
	}
	return out
}

func insightsAreKept(t *testing.T, s project.Store) {
	p := create(t, s, named("a"))
	want := insight(p, "one", "B")
	save(t, s, want)
	save(t, s, insight(p, "two", "A"))
	save(t, s, insight(p, "three", "B"))
	got, err := s.Insight(t.Context(), p, "one")
	must(t, err)
	equal(t, got, want)
	equal(t, names(t, s, p), []string{"two", "one", "three"})
	list, err := s.Insights(t.Context(), p)
	must(t, err)
	want.Question = nil
	equal(t, list[1], want)
	if err := s.CreateInsight(t.Context(), insight(p, "one", "C"), 10, entry(p)); err == nil {
		t.Fatal("two insights with one id")
	}
	refused(t, s.CreateInsight(t.Context(), insight(99, "four", "C"), 10, entry(99)), "no_such_project")
	must(t, s.DeleteInsight(t.Context(), p, "one", 1, entry(p)))
	equal(t, names(t, s, p), []string{"two", "three"})
	equal(t, len(audit(t, s)), 5)
}

func insightsAreOfOneProject(t *testing.T, s project.Store) {
	p, other := create(t, s, named("a")), create(t, s, named("b"))
	save(t, s, insight(p, "one", "B"))
	equal(t, names(t, s, other), nil)
	_, err := s.Insight(t.Context(), other, "one")
	refused(t, err, "no_such_insight")
	foreign := insight(other, "one", "C")
	foreign.Version = 2
	refused(t, s.UpdateInsight(t.Context(), foreign, entry(other)), "no_such_insight")
	refused(t, s.DeleteInsight(t.Context(), other, "one", 1, entry(other)), "no_such_insight")
	equal(t, names(t, s, p), []string{"one"})
	equal(t, len(audit(t, s)), 3)
}

func insightsAreLimited(t *testing.T, s project.Store) {
	p, other := create(t, s, named("a")), create(t, s, named("b"))
	save(t, s, insight(p, "one", "A"))
	save(t, s, insight(p, "two", "A"))
	refused(t, s.CreateInsight(t.Context(), insight(p, "three", "A"), 2, entry(p)), "too_many_insights")
	must(t, s.CreateInsight(t.Context(), insight(other, "three", "A"), 2, entry(p)))
	must(t, s.DeleteInsight(t.Context(), p, "two", 1, entry(p)))
	must(t, s.CreateInsight(t.Context(), insight(p, "four", "A"), 2, entry(p)))
}

func insightsChangeByVersion(t *testing.T, s project.Store) {
	p := create(t, s, named("a"))
	save(t, s, insight(p, "one", "A"))
	entries := len(audit(t, s))
	changed := oneOfTen(t, "insight_changed", func(n int) error {
		next := insight(p, "one", string(rune('A'+n)))
		next.Version, next.Question, next.CreatedAt, next.UpdatedAt = 2, []byte(`{"n":1}`), noon.Add(time.Minute), noon.Add(time.Hour)
		return s.UpdateInsight(t.Context(), next, entry(p))
	})
	got, err := s.Insight(t.Context(), p, "one")
	must(t, err)
	want := insight(p, "one", string(rune('A'+changed)))
	want.Version, want.Question, want.UpdatedAt = 2, []byte(`{"n":1}`), noon.Add(time.Hour)
	equal(t, got, want)
	refused(t, s.DeleteInsight(t.Context(), p, "one", 1, entry(p)), "insight_changed")
	equal(t, len(audit(t, s)), entries+1)
	must(t, s.DeleteInsight(t.Context(), p, "one", 2, entry(p)))
	refused(t, s.DeleteInsight(t.Context(), p, "one", 2, entry(p)), "no_such_insight")
	gone := insight(p, "one", "A")
	gone.Version = 3
	refused(t, s.UpdateInsight(t.Context(), gone, entry(p)), "no_such_insight")
}
