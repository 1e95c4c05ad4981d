// Package memory keeps results in the process's own memory, bounded by bytes. What is used often stays longest.
package memory

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/maypok86/otter/v2"
	"github.com/prometheus/client_golang/prometheus"
)

// overhead is what an entry costs beside its key and value, roughly.
const overhead = 128

// Cache implements cache.Cache.
type Cache struct {
	entries *otter.Cache[string, []byte]
	// largest is the size beyond which a value is not kept: one answer must not push out all others.
	largest int
}

// Options configure a Cache.
type Options struct {
	// MaxBytes bounds keys and values together.
	MaxBytes int64
	// Registerer takes the metrics.
	Registerer prometheus.Registerer
}

// New makes an empty cache.
func New(o Options) (*Cache, error) {
	if o.MaxBytes <= 0 {
		return nil, fmt.Errorf("make result cache: %d bytes are no size", o.MaxBytes)
	}
	m := newMetrics(o.Registerer)
	entries, err := otter.New(&otter.Options[string, []byte]{
		MaximumWeight: uint64(o.MaxBytes),
		Weigher:       func(k string, v []byte) uint32 { return uint32(min(len(k)+len(v)+overhead, math.MaxUint32)) },
		StatsRecorder: m,
	})
	if err != nil {
		return nil, fmt.Errorf("make result cache: %w", err)
	}
	o.Registerer.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "freshet_cache_bytes", Help: "Bytes of the results that are kept.",
	}, func() float64 { return float64(entries.WeightedSize()) }))
	return &Cache{entries: entries, largest: int(min(o.MaxBytes/8, math.MaxUint32/2))}, nil
}

// Get implements cache.Cache.
func (c *Cache) Get(_ context.Context, key string) ([]byte, bool) { return c.entries.GetIfPresent(key) }

// Begin implements cache.Cache: no other process can see what this one keeps.
func (*Cache) Begin(context.Context, string) (value []byte, done func()) { return nil, func() {} }

// Set implements cache.Cache.
func (c *Cache) Set(key string, value []byte) {
	if len(key)+len(value) <= c.largest {
		c.entries.Set(key, value)
	}
}

// metrics is otter's stats.Recorder.
type metrics struct{ hits, misses, evictions prometheus.Counter }

func newMetrics(r prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "freshet_cache_" + name + "_total", Help: help})
	}
	m := &metrics{
		hits:      counter("hits", "Results that were answered from memory."),
		misses:    counter("misses", "Results that were not in memory."),
		evictions: counter("evictions", "Results that were dropped to make room."),
	}
	r.MustRegister(m.hits, m.misses, m.evictions)
	return m
}

func (m *metrics) RecordHits(n int)                { m.hits.Add(float64(n)) }
func (m *metrics) RecordMisses(n int)              { m.misses.Add(float64(n)) }
func (m *metrics) RecordEviction(uint32)           { m.evictions.Inc() }
func (m *metrics) RecordLoadSuccess(time.Duration) {}
func (m *metrics) RecordLoadFailure(time.Duration) {}
