package report

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts what the page does. Labels come from fixed sets only.
type metrics struct {
	requests *prometheus.CounterVec   // by route and status
	refused  prometheus.Counter       // foreign Host headers
	queries  *prometheus.HistogramVec // by query and result
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "whoknocks_report_http_requests_total",
			Help: "Requests for the page, by route and status.",
		}, []string{"route", "status"}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "whoknocks_report_refused_hosts_total",
			Help: "Requests refused because of a foreign Host header.",
		}),
		queries: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "whoknocks_report_query_seconds",
			Help:    "Time until a query of the page was read to its end, by query and result.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"query", "result"}),
	}
	for _, c := range []prometheus.Collector{m.requests, m.refused, m.queries} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// query notes how long a query took that began at start.
func (m *metrics) query(name string, start time.Time, err error) {
	result := "ok"
	if err != nil {
		result = "error"
	}
	m.queries.WithLabelValues(name, result).Observe(time.Since(start).Seconds())
}
