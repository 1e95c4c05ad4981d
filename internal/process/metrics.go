package process

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	commit, freshness          prometheus.Histogram
	events, stored, duplicates prometheus.Counter
	batches, retries, damaged  prometheus.Counter
	stuck, previewed           prometheus.Counter
	previewLag                 prometheus.Gauge
	dead                       *prometheus.CounterVec
	codes                      map[string]prometheus.Counter
}

// deadCodes bounds the label of the dead letters: codes come from the log.
const deadCodes = 100

func newMetrics(r prometheus.Registerer, p *Processor) (*metrics, error) {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "freshet_process_" + name + "_total", Help: help})
	}
	gauge := func(name, help string, f func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "freshet_process_" + name, Help: help}, f)
	}
	m := &metrics{
		commit: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "freshet_process_commit_seconds", Help: "Time of one commit of a batch to the store.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 14),
		}),
		freshness: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "freshet_process_freshness_seconds", Help: "Time from the receipt of a request until its events are visible.",
			Buckets: []float64{.005, .01, .025, .05, .1, .15, .2, .3, .5, .75, 1, 2, 5, 15, 60, 300},
		}),
		events:     counter("events", "Events taken from the log."),
		stored:     counter("stored", "Events stored as rows."),
		duplicates: counter("duplicates", "Events whose id was known already."),
		batches:    counter("batches", "Batches committed."),
		retries:    counter("retries", "Waits for something that was unavailable."),
		damaged:    counter("damaged_positions", "Positions of the log that could not be read."),
		stuck:      counter("stuck_events", "Events given up because processing did not come back from them."),
		previewed:  counter("previewed", "Events shown ahead of a backlog."),
		previewLag: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "freshet_process_preview_lag_events", Help: "Events that are not shown ahead yet while a backlog is processed, otherwise 0.",
		}),
		dead: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "freshet_process_dead_letters_total", Help: "Events set aside, by code.",
		}, []string{"code"}),
		codes: map[string]prometheus.Counter{},
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{
		m.commit, m.freshness, m.events, m.stored, m.duplicates, m.batches, m.retries, m.damaged, m.stuck, m.previewed, m.previewLag, m.dead,
		gauge("lag_events", "Events in the log that are not visible yet.", func() float64 {
			n, _ := p.Lag()
			return float64(n)
		}),
		gauge("lag_seconds", "Age of the newest visible event while others wait, otherwise 0.", func() float64 {
			_, s := p.Lag()
			return s
		}),
	} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics of process: %w", err)
		}
	}
	return m, nil
}

// count adds a committed batch.
func (m *metrics) count(b *batch) {
	m.events.Add(float64(b.total.Accepted))
	m.stored.Add(float64(b.total.Stored))
	m.duplicates.Add(float64(b.total.Duplicate))
}

func (m *metrics) deadLetter(code string) {
	c := m.codes[code]
	if c == nil {
		label := code
		if len(m.codes) >= deadCodes {
			label = "other"
		}
		c = m.dead.WithLabelValues(label)
		if label == code {
			m.codes[code] = c
		}
	}
	c.Inc()
}
