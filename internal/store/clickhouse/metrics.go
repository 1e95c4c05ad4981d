package clickhouse

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	commit   prometheus.Histogram
	seal     prometheus.Histogram
	failures prometheus.Counter
	behind   prometheus.Collector
	// lastLook is when it was seen last what the writer has done, in microseconds since 1970.
	lastLook atomic.Int64
}

// looked notes that what is known of the database is what it says.
func (m *metrics) looked(at time.Time) { m.lastLook.Store(at.UnixMicro()) }

// newMetrics makes them; without a difference those of one who follows.
func newMetrics(r prometheus.Registerer, difference, unsealed, links func() float64) *metrics {
	m := &metrics{
		commit: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "freshet_store_commit_seconds", Help: "Time of a commit to ClickHouse.", Buckets: prometheus.ExponentialBuckets(0.002, 2, 12),
		}),
		seal: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "freshet_store_seal_seconds", Help: "Time of writing rows anew, with the people whose they have become, in ClickHouse.", Buckets: prometheus.ExponentialBuckets(0.1, 2, 14),
		}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "freshet_store_failures_total", Help: "Background work that failed and will be tried again.",
		}),
	}
	if difference == nil {
		m.behind = prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "freshet_store_look_age_seconds", Help: "Time since it was seen last what the process that writes has committed.",
		}, func() float64 { return time.Since(time.UnixMicro(m.lastLook.Load())).Seconds() })
		r.MustRegister(m.failures)
		return m
	}
	r.MustRegister(m.commit, m.seal, m.failures, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "freshet_ledger_difference", Help: "Accepted events of all projects and hours that the ledger has neither as stored nor as duplicate nor as dead letter, and those it has too many of. It must be 0.",
	}, difference), prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "freshet_store_unsealed_rows", Help: "Rows in ClickHouse that wait to be written anew, with the people whose they have become.",
	}, unsealed), prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "freshet_store_unsealed_links", Help: "Links that have come since rows in ClickHouse were sealed, which questions look up, as far as they are counted.",
	}, links))
	return m
}
