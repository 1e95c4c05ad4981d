package query

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/freshet/freshet/internal/event"
)

type metrics struct {
	questions        *prometheus.CounterVec
	seconds          *prometheus.HistogramVec
	running, waiting prometheus.Gauge
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		questions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "freshet_query_questions_total", Help: "Questions, by kind and outcome.",
		}, []string{"kind", "outcome"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "freshet_query_seconds", Help: "Time from a question to its answer, the wait for a turn included.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}, []string{"kind"}),
		running: prometheus.NewGauge(prometheus.GaugeOpts{Name: "freshet_query_running", Help: "Questions being answered."}),
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{Name: "freshet_query_waiting", Help: "Questions waiting for their turn."}),
	}
	for _, c := range []prometheus.Collector{m.questions, m.seconds, m.running, m.waiting} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics of query: %w", err)
		}
	}
	return m, nil
}

func (m *metrics) observe(kind string, err error, took time.Duration) {
	m.questions.WithLabelValues(kind, outcomeOf(err)).Inc()
	m.seconds.WithLabelValues(kind).Observe(took.Seconds())
}

func outcomeOf(err error) string {
	if err == nil {
		return "ok"
	}
	switch event.KindOf(err) {
	case event.Invalid, event.TooLarge, event.NotFound:
		return "invalid"
	case event.Overloaded:
		return "overloaded"
	case event.Timeout:
		return "timeout"
	default:
		return "error"
	}
}
