package enrich

import "github.com/whoknocks/whoknocks/pkg/scan"

// counts are added to the metrics once a group.
type counts struct {
	lookups, rejected, unqueued int
	basis                       tally[scan.Basis]
	cause                       tally[scan.Cause]
}

// tally counts a few different words, faster than a map does: two are one word
// mostly when they are one constant.
type tally[W ~string] struct {
	words []W
	n     []int
}

func (t *tally[W]) add(w W) {
	for i, have := range t.words {
		if have == w {
			t.n[i]++
			return
		}
	}
	t.words, t.n = append(t.words, w), append(t.n, 1)
}

func (t *tally[W]) reset() { t.words, t.n = t.words[:0], t.n[:0] }

func (w *worker) count() {
	m := w.s.metrics
	for i, basis := range w.counts.basis.words {
		m.events.WithLabelValues(string(basis)).Add(float64(w.counts.basis.n[i]))
	}
	for i, cause := range w.counts.cause.words {
		m.causes.WithLabelValues(string(cause)).Add(float64(w.counts.cause.n[i]))
	}
	m.lookups.Add(float64(w.counts.lookups))
	m.rejected.Add(float64(w.counts.rejected))
	m.unqueued.Add(float64(w.counts.unqueued))
	m.published.Add(float64(len(w.enriched.batches)))
}
