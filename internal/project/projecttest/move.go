package projecttest

import (
	"reflect"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/project"
)

// Moves furnishes a store with some of everything, has it moved into an empty one, twice, and on into another, each of which must
// have everything as it was and go on numbering behind it. move tells whether there was nothing to do.
func Moves(t *testing.T, from, to, back project.Store, move func(from, to project.Store) (done bool, err error)) {
	p, other := create(t, from, named("a")), create(t, from, named("Füße"))
	createKey(t, from, key(p, 1))
	revoked := createKey(t, from, key(other, 2))
	must(t, from.RevokeKey(t.Context(), revoked, noon.Add(time.Hour), entry(other)))
	must(t, from.TouchKeys(t.Context(), map[uint64]time.Time{1: noon.Add(time.Minute)}))
	save(t, from, insight(p, "one", "B"))
	hang(t, from, dashboard(p, "one", "B"))
	static := cohort(other, "static")
	static.Static = true
	frozen := keep(t, from, static, 1, 5, 1<<60)
	gone := keep(t, from, cohort(other, "gone"))
	must(t, from.DeleteCohort(t.Context(), other, gone.ID, 1, entry(other)))
	keep(t, from, cohort(p, "rule"))
	write(t, from, note(p, project.NoteEvent, "buy"))
	must(t, from.SetPlan(t.Context(), project.Plan{Project: p, Document: []byte(`{"events": [ "☂'; --" ]}`), Version: 1, UpdatedAt: noon}, entry(p)))

	want := contents(t, from, frozen)
	for _, step := range []struct{ from, to project.Store }{{from, to}, {to, back}} {
		for _, wasDone := range []bool{false, true} {
			if done, err := move(step.from, step.to); err != nil || done != wasDone {
				t.Fatalf("moved: %v, %v", done, err)
			}
			if got := contents(t, step.to, frozen); !reflect.DeepEqual(got, want) {
				t.Fatalf("moved\n%+v\nwant\n%+v", got, want)
			}
		}
	}
	if id := create(t, back, named("next")); id != other+1 {
		t.Errorf("the next project has the number %d", id)
	}
	if id := createKey(t, back, key(p, 3)); id != revoked+1 {
		t.Errorf("the next key has the number %d", id)
	}
	createKey(t, from, key(p, 9))
	if _, err := move(from, to); err == nil {
		t.Error("a store that lacks a key passes for moved")
	}
}

// contents is everything that can be read.
func contents(t *testing.T, s project.Store, frozen project.Cohort) (out []any) {
	t.Helper()
	keep := func(v any, err error) {
		must(t, err)
		out = append(out, v)
	}
	keys, err := s.Keys(t.Context())
	keep(keys, err)
	projects, err := s.Projects(t.Context())
	keep(projects, err)
	out = append(out, audit(t, s))
	for _, p := range projects {
		insights, err := s.Insights(t.Context(), p.ID)
		keep(insights, err)
		for _, i := range insights {
			keep(s.Insight(t.Context(), p.ID, i.ID))
		}
		boards, err := s.Dashboards(t.Context(), p.ID)
		keep(boards, err)
		for _, d := range boards {
			keep(s.Dashboard(t.Context(), p.ID, d.ID))
		}
		keep(s.Cohorts(t.Context(), p.ID))
		keep(s.Notes(t.Context(), p.ID))
		keep(s.Plan(t.Context(), p.ID))
	}
	keep(s.FrozenPeople(t.Context(), frozen.Project, frozen.ID))
	return out
}
