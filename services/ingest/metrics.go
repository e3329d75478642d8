package ingest

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/whoknocks/whoknocks/services/ingest/internal/stream"
)

// metrics are what ingest counts. They are made even where nobody registers
// them.
type metrics struct {
	lines       *prometheus.CounterVec // by outcome
	event       prometheus.Counter
	unrecog     prometheus.Counter
	rejected    prometheus.Counter
	packets     prometheus.Counter
	bytes       prometheus.Counter
	documents   *prometheus.CounterVec // by result
	formats     *prometheus.CounterVec // by format and outcome
	following   prometheus.Gauge
	rotations   prometheus.Counter
	messages    *prometheus.CounterVec // by listener
	dropped     prometheus.Counter
	notAllowed  *prometheus.CounterVec // by listener
	limited     prometheus.Counter
	handshakes  prometheus.Counter
	connections prometheus.Gauge
	refused     prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "whoknocks", Subsystem: "ingest", Name: name, Help: help})
	}
	vector := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "whoknocks", Subsystem: "ingest", Name: name, Help: help}, []string{label})
	}
	m := &metrics{
		lines:     vector("lines_total", "Lines read, by what they became: event, unrecognised or rejected.", "outcome"),
		packets:   counter("packets_total", "Packets that the events stand for."),
		bytes:     counter("read_bytes_total", "Bytes of text read from files and listeners."),
		documents: vector("documents_total", "Files and other inputs imported, by result: done or failed.", "result"),
		formats: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "whoknocks", Subsystem: "ingest", Name: "format_lines_total",
			Help: "Lines of imported files that a format has claimed, by format and outcome: event or rejected."}, []string{"format", "outcome"}),
		following: prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "whoknocks", Subsystem: "ingest", Name: "followed_files",
			Help: "Files that are read while they grow."}),
		rotations:  counter("followed_rotations_total", "Followed files that were rotated away or truncated."),
		messages:   vector("syslog_messages_total", "Syslog messages received, by listener: udp, tcp or tls.", "listener"),
		dropped:    counter("syslog_dropped_packets_total", "Datagrams that the kernel threw away because the UDP listener did not keep up."),
		notAllowed: vector("syslog_not_allowed_total", "Datagrams and connections of senders that are not allowed, by listener: udp, tcp or tls.", "listener"),
		limited:    counter("syslog_limited_messages_total", "Datagrams that were not taken because their sender exceeded its rate."),
		handshakes: counter("syslog_failed_handshakes_total", "TLS connections whose handshake failed."),
		connections: prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "whoknocks", Subsystem: "ingest", Name: "syslog_connections",
			Help: "Open syslog connections over TCP."}),
		refused: counter("syslog_refused_connections_total", "Syslog connections over TCP closed at once because there were too many."),
	}
	m.event = m.lines.WithLabelValues("event")
	m.unrecog = m.lines.WithLabelValues("unrecognised")
	m.rejected = m.lines.WithLabelValues("rejected")
	for _, l := range []string{"udp", "tcp", "tls"} {
		m.messages.WithLabelValues(l)
		m.notAllowed.WithLabelValues(l)
	}
	for _, l := range []string{"done", "failed"} {
		m.documents.WithLabelValues(l)
	}
	if reg == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.lines, m.packets, m.bytes, m.documents, m.formats, m.following, m.rotations, m.messages, m.dropped, m.notAllowed, m.limited, m.handshakes, m.connections, m.refused} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// count adds what a stream has counted since before.
func (m *metrics) count(before, now stream.Counts, bytes int) {
	m.event.Add(float64(now.Events - before.Events))
	m.unrecog.Add(float64(now.Unrecognised - before.Unrecognised))
	m.rejected.Add(float64(now.Rejected - before.Rejected))
	m.packets.Add(float64(now.Packets - before.Packets))
	m.bytes.Add(float64(bytes))
}
