package disk

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	commit                        prometheus.Histogram
	records, bytes, torn, damaged prometheus.Counter
	end, failed                   prometheus.Gauge
}

func newMetrics(r prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "freshet_log_" + name + "_total", Help: help})
	}
	m := &metrics{
		commit: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "freshet_log_commit_seconds", Help: "Time of one group commit, fsync included.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 2, 18),
		}),
		records: counter("records", "Records made durable."),
		bytes:   counter("bytes", "Bytes written, compressed."),
		torn:    counter("torn_tails", "Torn tails cut at start."),
		damaged: counter("damaged_segments", "Segments found damaged in the middle."),
		end:     prometheus.NewGauge(prometheus.GaugeOpts{Name: "freshet_log_end", Help: "Position after the last durable event."}),
		failed:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "freshet_log_failed", Help: "1 after a failed fsync."}),
	}
	r.MustRegister(m.commit, m.records, m.bytes, m.torn, m.damaged, m.end, m.failed)
	return m
}
