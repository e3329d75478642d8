package enrich

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source/whois"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source/whois/reply"
)

type metrics struct {
	events      *prometheus.CounterVec // by basis
	causes      *prometheus.CounterVec
	rejected    prometheus.Counter
	lookups     prometheus.Counter
	published   prometheus.Counter
	redelivered prometheus.Counter
	learnt      prometheus.Counter
	unqueued    prometheus.Counter
	unshared    prometheus.Counter
	questions   *prometheus.CounterVec // by registry and outcome
	names       prometheus.Counter
	reloads     *prometheus.CounterVec // by outcome
}

func newMetrics(reg prometheus.Registerer, s *Service) *metrics {
	opts := func(name, help string) prometheus.Opts {
		return prometheus.Opts{Namespace: "whoknocks", Subsystem: "enrich", Name: name, Help: help}
	}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts(opts(name, help)))
	}
	vec := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts(opts(name, help)), labels)
	}
	gauge := func(name, help string, f func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts(opts(name, help)), f)
	}
	m := &metrics{
		events:      vec("events_total", "Events enriched, by what their owner rests on; empty for events that make no source.", "basis"),
		causes:      vec("causes_total", "Events enriched, by their likely cause.", "cause"),
		rejected:    counter("rejected_lines_total", "Lines of the bus that are no event, passed on as rejected."),
		lookups:     counter("lookups_total", "Times that the owner of an address was worked out, not remembered."),
		published:   counter("published_messages_total", "Messages of enriched events that the bus has on disk."),
		redelivered: counter("redelivered_messages_total", "Messages of events that the bus handed out more than once."),
		learnt:      counter("learnt_blocks_total", "Answers of registries that were learnt, here or by another enrich."),
		unqueued:    counter("unqueued_addresses_total", "Addresses that no registry will be asked about until they are seen again."),
		unshared:    counter("unshared_answers_total", "Answers of registries that could not be kept in the bus."),
		names:       counter("reverse_names_total", "Addresses whose name in the DNS was found and confirmed."),
		questions:   vec("whois_questions_total", "Questions to registries, by how they ended; .rdap behind the name of a registry where it was asked by RDAP.", "registry", "outcome"),
		reloads:     vec("reloads_total", "Times that changed files of rules or IP data were read again, by how it ended: loaded or failed.", "outcome"),
	}
	m.reloads.WithLabelValues("loaded")
	m.reloads.WithLabelValues("failed")
	for _, b := range []scan.Basis{scan.BasisOverride, scan.BasisWHOIS, scan.BasisRDAP, scan.BasisASN, scan.BasisNone, ""} {
		m.events.WithLabelValues(string(b)) // so that a rate can be told from the start
	}
	reg.MustRegister(m.events, m.causes, m.rejected, m.lookups, m.published, m.redelivered, m.learnt, m.unqueued, m.unshared, m.questions, m.names, m.reloads,
		gauge("cached_blocks", "Prefixes whose WHOIS answers are in memory.", func() float64 { return float64(s.answers.Len()) }),
		gauge("whois_pending_addresses", "Addresses that wait for a registry's answer.", func() float64 { return float64(s.pending()) }))
	for _, what := range []string{dataMMDB, dataASN, dataCountry} {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "whoknocks", Subsystem: "enrich", Name: "data_age_seconds",
			Help: "Age of the IP data; 0 if there is none.", ConstLabels: prometheus.Labels{"data": what}},
			func() float64 { return s.known.Load().age(what).Seconds() }))
	}
	return m
}

// servers registers how much of each server's budget is used, and how long it will
// be left alone.
func (m *metrics) servers(reg prometheus.Registerer, clients []*whois.Client, budget int) {
	opts := func(name, help, server string) prometheus.GaugeOpts {
		return prometheus.GaugeOpts{Namespace: "whoknocks", Subsystem: "enrich", Name: name, Help: help, ConstLabels: prometheus.Labels{"registry": server}}
	}
	for _, r := range whois.Registries() {
		for _, c := range clients {
			if !c.Asks(reply.Registry(r)) || r == string(reply.RWHOIS) {
				continue
			}
			name := c.Name(reply.Registry(r))
			reg.MustRegister(
				prometheus.NewGaugeFunc(opts("whois_paused_seconds", "How long the server of a registry will still be left alone.", name),
					func() float64 { return max(0, time.Until(c.PausedUntil(reply.Registry(r))).Seconds()) }),
				prometheus.NewGaugeFunc(opts("whois_asked_questions", "Questions in the current 24 hours, by all services, as of the last one from here.", name),
					func() float64 { return float64(c.Asked(reply.Registry(r))) }),
				prometheus.NewGaugeFunc(opts("whois_budget_questions", "Questions that a registry may be asked in 24 hours.", name),
					func() float64 { return float64(budget) }))
		}
	}
}
