package duckdb

import (
	"math/rand/v2"
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

// TestDifferenceIsTheSum: what is kept along with the ledger is what a walk over all of it finds, at any time of its history, and
// after it was read anew.
func TestDifferenceIsTheSum(t *testing.T) {
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 0))
		o := Options{Dir: t.TempDir()}
		s, err := Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		for act := range 40 {
			switch n := r.IntN(20); {
			case n == 0:
				if err = s.Close(); err == nil {
					s, err = Open(t.Context(), o)
				}
			case n < 5:
				err = s.flush(t.Context())
			case n < 7:
				// What is counted now and written next is of a generation of its own.
				s.seal()
			default:
				for range 1 + r.IntN(3) {
					s.Count(store.ProjectID(1+r.IntN(2)), 3600*r.Int64N(3), store.Counts{
						Accepted: r.Int64N(4), Stored: r.Int64N(4), Duplicate: r.Int64N(4), Dead: r.Int64N(4),
					})
				}
				err = s.Commit(t.Context(), s.Watermark().Position+1)
			}
			if err != nil {
				t.Fatal(err)
			}
			want := int64(0)
			for _, project := range []store.ProjectID{1, 2} {
				hours, err := s.Ledger(t.Context(), project, 0, 1<<40)
				if err != nil {
					t.Fatal(err)
				}
				for _, h := range hours {
					want += h.Difference()
				}
			}
			if got := s.difference(); got != float64(want) {
				t.Fatalf("seed %d, after act %d: %g, the sum is %d", seed, act, got, want)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
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
