package duckdb

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/freshet/freshet/internal/store"
)

// TestDifference: what one hour lacks does not hide behind what another has too much of, on disk or in memory, and the two parts
// of an hour belong together.
func TestDifference(t *testing.T) {
	r := prometheus.NewRegistry()
	s, err := Open(t.Context(), Options{Dir: t.TempDir(), Registerer: r})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	for i, c := range []struct {
		project store.ProjectID
		hour    int64
		counts  store.Counts
		want    float64
	}{
		{1, 3600, store.Counts{Accepted: 6, Stored: 3, Duplicate: 2, Dead: 1}, 0},
		{1, 7200, store.Counts{Accepted: 5, Stored: 3}, 2},
		{2, 7200, store.Counts{Stored: 2}, 4},
		{1, 7200, store.Counts{Dead: 2}, 2},
		{2, 7200, store.Counts{Accepted: 2}, 0},
	} {
		s.Count(c.project, c.hour, c.counts)
		if err := s.Commit(t.Context(), 10); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if got := gauge(t, r, "freshet_ledger_difference"); got != c.want {
				t.Errorf("after %d: %g, want %g", i, got, c.want)
			}
			if err := s.flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func gauge(t *testing.T, r *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}
