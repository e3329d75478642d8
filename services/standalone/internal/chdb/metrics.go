package chdb

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

var (
	descUp         = prometheus.NewDesc("whoknocks_engine_up", "Whether the embedded engine answers.", nil, nil)
	descInfo       = prometheus.NewDesc("whoknocks_engine_info", "Always 1; the label is the embedded engine's version.", []string{"version"}, nil)
	descRestarts   = prometheus.NewDesc("whoknocks_engine_restarts_total", "Starts of the embedded engine after it had ended by itself.", nil, nil)
	descResident   = prometheus.NewDesc("whoknocks_engine_resident_bytes", "Memory of the embedded engine's process, its code included.", nil, nil)
	descRunning    = prometheus.NewDesc("whoknocks_engine_running_statements", "Statements the embedded engine runs now.", nil, nil)
	descStatements = prometheus.NewDesc("whoknocks_engine_statements_total", "Statements since the embedded engine's start, failed ones included.", nil, nil)
	descFailures   = prometheus.NewDesc("whoknocks_engine_failures_total", "Statements that failed since the embedded engine's start.", nil, nil)
)

// collector asks the engine when it is asked itself; there is nothing to keep up to date.
type collector struct{ s *Supervisor }

func (c collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descUp, descInfo, descRestarts, descResident, descRunning, descStatements, descFailures} {
		ch <- d
	}
}

func (c collector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v uint64) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v))
	}
	counter(descRestarts, c.s.Restarts())
	st, err := c.s.Status(ctx)
	if err != nil {
		gauge(descUp, 0)
		return
	}
	gauge(descUp, 1)
	gauge(descInfo, 1, st.Version)
	gauge(descResident, float64(st.ResidentBytes))
	gauge(descRunning, float64(st.Running))
	counter(descStatements, st.Statements)
	counter(descFailures, st.Failures)
}
