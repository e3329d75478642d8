package store

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/whoknocks/whoknocks/services/internal/clickhouse"
)

type metrics struct {
	events       prometheus.Counter
	repeated     prometheus.Counter
	refused      prometheus.Counter
	unreadable   prometheus.Counter
	rejected     prometheus.Counter
	attributions prometheus.Counter
	reattributed prometheus.Counter
	troubles     *prometheus.CounterVec
	trimErrors   prometheus.Counter
	rollupErrors prometheus.Counter
	rollupTime   prometheus.Histogram
	staleMonths  prometheus.Gauge
	batchEvents  prometheus.Histogram
	insertTime   prometheus.Histogram
}

func newMetrics(reg prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "whoknocks", Subsystem: "store", Name: name, Help: help})
	}
	m := &metrics{
		events:       counter("stored_events_total", "Events that ClickHouse has kept, repeats included."),
		repeated:     counter("redelivered_messages_total", "Messages of events that the bus handed out more than once."),
		refused:      counter("refused_events_total", "Events that ClickHouse refused, moved to the rejected lines."),
		unreadable:   counter("unreadable_lines_total", "Lines in messages that are no event, moved to the rejected lines."),
		rejected:     counter("stored_rejected_lines_total", "Rejected lines that ClickHouse has kept, repeats included."),
		attributions: counter("stored_attributions_total", "Answers about blocks that ClickHouse has kept."),
		reattributed: counter("reattributed_events_total", "Stored events that got a new attribution."),
		trimErrors:   counter("trim_errors_total", "Times that a stream could not be cut back."),
		rollupErrors: counter("rollup_errors_total", "Times that roll-ups could not be brought up to date."),
		rollupTime: prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "whoknocks", Subsystem: "store",
			Name: "rollup_seconds", Help: "How long it took to build the roll-ups of a month.", Buckets: prometheus.ExponentialBuckets(0.05, 2, 10)}),
		staleMonths: prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "whoknocks", Subsystem: "store",
			Name: "stale_months", Help: "Months that are answered from the events, as their roll-ups have yet to be built."}),
		troubles: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "whoknocks", Subsystem: "store",
			Name: "insert_errors_total", Help: "Inserts that failed and were tried again, by what was wrong."}, []string{"trouble"}),
		batchEvents: prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "whoknocks", Subsystem: "store",
			Name: "batch_events", Help: "Events in one INSERT.", Buckets: prometheus.ExponentialBuckets(1, 4, 10)}),
		insertTime: prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "whoknocks", Subsystem: "store",
			Name: "insert_seconds", Help: "How long an INSERT of events took, retries included.", Buckets: prometheus.ExponentialBuckets(0.002, 3, 10)}),
	}
	for _, t := range []clickhouse.Trouble{clickhouse.Overloaded, clickhouse.Full, clickhouse.Denied, clickhouse.Schema, clickhouse.Away} {
		m.troubles.WithLabelValues(string(t)) // so that a rate can be told from the start
	}
	reg.MustRegister(m.events, m.repeated, m.refused, m.unreadable, m.rejected, m.attributions,
		m.reattributed, m.troubles, m.trimErrors, m.rollupErrors, m.rollupTime, m.staleMonths, m.batchEvents, m.insertTime)
	return m
}
