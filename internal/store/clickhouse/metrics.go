package clickhouse

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	commit   prometheus.Histogram
	failures prometheus.Counter
}

func newMetrics(r prometheus.Registerer, difference func() float64) *metrics {
	m := &metrics{
		commit: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "freshet_store_commit_seconds", Help: "Time of a commit to ClickHouse.", Buckets: prometheus.ExponentialBuckets(0.002, 2, 12),
		}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "freshet_store_failures_total", Help: "Background work that failed and will be tried again.",
		}),
	}
	r.MustRegister(m.commit, m.failures, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "freshet_ledger_difference", Help: "Accepted events of all projects and hours that the ledger has neither as stored nor as duplicate nor as dead letter, and those it has too many of. It must be 0.",
	}, difference))
	return m
}
