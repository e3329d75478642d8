package checkpoint

import (
	"strings"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// same reads the packets that the accelerated path dropped, several in a line:
//
//	packets:" <192.0.2.7,21718,198.51.100.9,1990,6;eth0> <192.0.2.7,34098,198.51.100.9,999,6;eth0>"
//
// What all of them have in common becomes that of the event. A line cannot be the
// event of several sources.
func (r *record) same(ev *scan.Event) error {
	n := uint32(0)
	for rest := r.packets; ; n++ {
		_, after, ok := strings.Cut(rest, "<")
		if !ok {
			break
		}
		packet, after, ok := strings.Cut(after, ">")
		if !ok {
			break
		}
		rest = after
		packet, _, _ = strings.Cut(packet, ";")
		var f [5]string // source, port, destination, port, protocol
		if parse.Split(f[:], packet, ',') < len(f) {
			return parse.Reject("packet is damaged: %s", parse.Quote(packet))
		}
		if n == 0 {
			r.src, r.srcPort, r.dst, r.dstPort, r.proto = f[0], f[1], f[2], f[3], f[4]
			continue
		}
		if f[0] != r.src {
			return parse.Reject("packets of several sources in one line: %s and %s", parse.Quote(r.src), parse.Quote(f[0]))
		}
		for i, common := range [...]*string{nil, &r.srcPort, &r.dst, &r.dstPort, &r.proto} {
			if common != nil && *common != f[i] {
				*common = ""
			}
		}
	}
	if r.sourced = n > 0; r.sourced {
		ev.Packets = n
	}
	return nil
}
