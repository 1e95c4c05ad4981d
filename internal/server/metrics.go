package server

import (
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	inFlight prometheus.Gauge
	panics   prometheus.Counter
	// series caches the label look-ups of (route, status).
	series sync.Map
}

type routeStatus struct {
	route  string
	status int
}

type series struct {
	count   prometheus.Counter
	seconds prometheus.Observer
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "freshet_http_requests_total", Help: "Requests answered, by route and status.",
		}, []string{"route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "freshet_http_request_seconds", Help: "Time from a request's header to the end of its answer.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"route"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "freshet_http_requests_in_flight", Help: "Requests being served.",
		}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "freshet_http_panics_total", Help: "Requests whose handler panicked and that were answered 500.",
		}),
	}
	r.MustRegister(m.requests, m.seconds, m.inFlight, m.panics)
	return m
}

// observe counts a request. Routes are patterns of the mux, so there are few; what matched none is one route.
func (m *metrics) observe(route string, status int, took time.Duration) {
	if route == "" {
		route = "unmatched"
	}
	key := routeStatus{route, status}
	v, ok := m.series.Load(key)
	if !ok {
		v, _ = m.series.LoadOrStore(key, series{
			m.requests.WithLabelValues(route, strconv.Itoa(status)), m.seconds.WithLabelValues(route),
		})
	}
	s := v.(series)
	s.count.Inc()
	s.seconds.Observe(took.Seconds())
}
