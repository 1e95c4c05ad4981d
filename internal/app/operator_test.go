package app

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/freshet/freshet/internal/api/rest"
	"github.com/freshet/freshet/internal/config"
	"github.com/freshet/freshet/internal/project"
	"github.com/freshet/freshet/internal/project/projecttest"
)

func TestFiguresAreThoseOfTheMetrics(t *testing.T) {
	r := prometheus.NewRegistry()
	accepted := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "freshet_ingest_accepted_events_total"}, []string{"protocol"})
	acks := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "freshet_ingest_ack_seconds", Buckets: []float64{1, 2}}, []string{"protocol"})
	r.MustRegister(accepted, acks)
	accepted.WithLabelValues("a").Add(3)
	accepted.WithLabelValues("b").Add(4)
	for protocol, seconds := range map[string]float64{"a": 0.5, "b": 1.5, "c": 9} {
		acks.WithLabelValues(protocol).Observe(seconds)
	}
	f, err := gather(r)
	if err != nil {
		t.Fatal(err)
	}
	o := f.operations()
	if o.Accepted != 7 || o.Acks.Count != 3 || o.Acks.Sum != 11 || len(o.Acks.Buckets) != 2 || o.Acks.Buckets[0].Count != 1 || o.Acks.Buckets[1].Count != 2 ||
		o.Questions.Buckets == nil {
		t.Errorf("%+v", o)
	}
}

func TestFoldersAreMeasured(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "a"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"x", "a/y"} {
		if err := os.WriteFile(filepath.Join(dir, name), make([]byte, 50), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if n := sizeOf(dir); n != 100 {
		t.Error(n)
	}
	if n := sizeOf(filepath.Join(dir, "none")); n != 0 {
		t.Error(n)
	}
	if free, total := diskSpace(dir); free == 0 || total < free {
		t.Error(free, total)
	}
}

func TestLimitsAreThoseOfTheConfiguration(t *testing.T) {
	c := config.Default()
	c.Limits.MaxDepth, c.Limits.Weights = 7, []string{"2=4"}
	c.Limits.ProjectRate = 50
	projects, err := project.Open(t.Context(), projecttest.NewMemory(), project.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer projects.Close()
	for _, p := range []struct {
		name        string
		rate, quota int
	}{{"first", 0, 0}, {"second", 200, 1000}} {
		if _, err := projects.CreateProject(t.Context(), "system", project.Change{Name: &p.name, EventsPerSecond: &p.rate, EventsPerMonth: &p.quota}); err != nil {
			t.Fatal(err)
		}
	}
	o := newOperator(&app{Options: Options{Config: c}, registry: prometheus.NewRegistry(), projects: projects})
	for p, weight := range map[project.ID]float64{1: 1, 2: 4} {
		list, err := o.Limits(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]rest.Limit{}
		for _, l := range list {
			if l.What == "" || !slices.Contains(rest.LimitUnits(), l.Unit) || !slices.Contains(rest.LimitScopes(), l.Scope) {
				t.Errorf("%+v", l)
			}
			found[l.Name] = l
		}
		if *found["event_depth"].Value != 7 || found["event_depth"].Key != "limits.max_depth" || *found["weight"].Value != weight {
			t.Errorf("%+v", found)
		}
		rate, key := 50.0, "limits.project_rate"
		if p == 2 {
			rate, key = 200, "events_per_second"
		}
		if l := found["project_quota"]; (p == 1) != (l.Value == nil) || p == 2 && *l.Value != 1000 || l.Used != nil { // there is no store
			t.Errorf("project %d: %+v", p, l)
		}
		if l := found["project_rate"]; *l.Value != rate || l.Key != key {
			t.Errorf("project %d: %+v", p, l)
		}
	}
}
