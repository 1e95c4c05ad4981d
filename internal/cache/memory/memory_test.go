package memory

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/freshet/freshet/internal/cache"
	"github.com/freshet/freshet/internal/cache/cachetest"
)

var _ cache.Cache = (*Cache)(nil)

func open(t *testing.T, size int64) (*Cache, *prometheus.Registry) {
	t.Helper()
	r := prometheus.NewRegistry()
	c, err := New(Options{MaxBytes: size, Registerer: r})
	if err != nil {
		t.Fatal(err)
	}
	return c, r
}

func TestSuite(t *testing.T) {
	const size = 8 << 20
	cachetest.Run(t, size/4, func(t *testing.T) (one, other cache.Cache) {
		c, _ := open(t, size)
		return c, c
	})
}

func TestKeepsWhatItWasGiven(t *testing.T) {
	defer goleak.VerifyNone(t)
	c, _ := open(t, 1<<20)
	if _, ok := c.Get(t.Context(), "a"); ok {
		t.Error("something in an empty cache")
	}
	c.Set("a", []byte("1"))
	c.Set("a", []byte("2"))
	if v, ok := c.Get(t.Context(), "a"); !ok || string(v) != "2" {
		t.Errorf("%q %v", v, ok)
	}
}

func TestIsBoundedByBytes(t *testing.T) {
	const size = 1 << 20
	c, _ := open(t, size)
	for i := range 1000 {
		c.Set(fmt.Sprint(i), make([]byte, 10<<10))
	}
	c.entries.CleanUp()
	if n := c.entries.WeightedSize(); n > size || n < size/2 {
		t.Errorf("%d bytes", n)
	}
	c.Set("large", bytes.Repeat([]byte("x"), size/2))
	if _, ok := c.Get(t.Context(), "large"); ok {
		t.Error("one value took half of the cache")
	}
}

func TestCountsHitsAndMisses(t *testing.T) {
	c, r := open(t, 1<<20)
	c.Get(t.Context(), "a")
	c.Set("a", nil)
	c.Get(t.Context(), "a")
	c.Get(t.Context(), "a")
	for name, want := range map[string]float64{"freshet_cache_hits_total": 2, "freshet_cache_misses_total": 1} {
		if got := value(t, r, name); got != want {
			t.Errorf("%s is %v", name, got)
		}
	}
}

func value(t *testing.T, r *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

func TestRefusesNoSize(t *testing.T) {
	if _, err := New(Options{Registerer: prometheus.NewRegistry()}); err == nil {
		t.Error("a cache without room")
	}
}
