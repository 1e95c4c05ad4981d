package duckdb

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	commit, flush, compaction, checkpoint, vacuum prometheus.Histogram
	hotRows                                       prometheus.Gauge
	flushedRows, compactedRows, stalls, expired   prometheus.Counter
	relinked, vacuumedRows, expiredLetters        prometheus.Counter
	failures                                      *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) *metrics {
	seconds := func(name, help string) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "freshet_store_" + name + "_seconds", Help: help, Buckets: prometheus.ExponentialBuckets(0.001, 2, 16),
		})
	}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "freshet_store_" + name + "_total", Help: help})
	}
	m := &metrics{
		commit:         seconds("commit", "Time to make a batch visible."),
		flush:          seconds("flush", "Time to write a generation of rows to disk."),
		compaction:     seconds("compaction", "Time to rewrite a fragmented day."),
		checkpoint:     seconds("checkpoint", "Time to fold the database's write-ahead log into the file."),
		vacuum:         seconds("vacuum", "Time to clear away some of the rows that were rewritten elsewhere."),
		vacuumedRows:   counter("vacuumed_rows", "Dead rows cleared away."),
		hotRows:        prometheus.NewGauge(prometheus.GaugeOpts{Name: "freshet_store_hot_rows", Help: "Rows in memory only."}),
		flushedRows:    counter("flushed_rows", "Rows written to disk."),
		compactedRows:  counter("compacted_rows", "Rows rewritten by compaction."),
		stalls:         counter("stalls", "Commits that had to wait for a flush."),
		expired:        counter("expired_rows", "Rows removed by retention."),
		expiredLetters: counter("expired_dead_letters", "Dead letters removed because of their age."),
		relinked:       counter("relinked_persons", "Persons whose rows were rewritten after a link."),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "freshet_store_failures_total", Help: "Background work that failed and will be tried again.",
		}, []string{"work"}),
	}
	r.MustRegister(m.commit, m.flush, m.compaction, m.checkpoint, m.hotRows, m.flushedRows, m.compactedRows,
		m.stalls, m.expired, m.relinked, m.vacuum, m.vacuumedRows, m.expiredLetters, m.failures)
	return m
}

// watch adds what is asked for at each scrape: the memory that DuckDB has in use, what the ledger lacks, and how many days are of a
// former layout.
func (m *metrics) watch(r prometheus.Registerer, memory, difference, formerDays func() float64) {
	r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "freshet_store_duckdb_memory_bytes", Help: "Memory that DuckDB has in use, its cache of the file included.",
	}, memory), prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "freshet_ledger_difference", Help: "Accepted events of all projects and hours that the ledger has neither as stored nor as duplicate nor as dead letter, and those it has too many of. It must be 0.",
	}, difference), prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "freshet_store_former_days", Help: "Days on disk that are yet to be rewritten in the layout of this version.",
	}, formerDays))
}
