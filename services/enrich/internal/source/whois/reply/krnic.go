package reply

import (
	"strings"
)

// krnic takes a line of KRNIC's English part:
//
//	IPv4 Address       : 192.0.2.0 - 192.0.2.63 (/26)
//	Organization Name  : Example
//	Network Type       : CUSTOMER
//
// and, after an empty line, how the network is reached.
func (d *document) krnic(line string) bool {
	key, value, ok := strings.Cut(line, ":")
	if !ok {
		return false
	}
	key, value = strings.TrimRight(key, " \t"), strings.TrimSpace(value)
	switch key {
	case "IPv4 Address", "IPv6 Address":
		d.flush()
		d.add("kr:address", value)
	case "Organization Name", "Service Name", "Network Type", "Registration Date":
		if len(d.fields) == 0 || d.fields[0].key != "kr:address" {
			return false
		}
		d.add("kr:"+strings.ToLower(key), value)
	case "E-Mail":
		d.flush()
		if d.krNet >= 0 && d.krNet < len(d.nets) && d.nets[d.krNet].Abuse == "" {
			d.nets[d.krNet].Abuse = Mailbox(value)
		}
	default:
		return false
	}
	return true
}

// krnicNet reads one of the blocks.
func (d *document) krnicNet() {
	d.krNet = -1
	blocks, _, _ := strings.Cut(d.get("kr:address"), " (")
	b, ok := Range(blocks)
	if !ok {
		return
	}
	before := len(d.nets)
	d.keep(net{Net: Net{
		Block: b, Netname: d.get("kr:service name"), Registrant: d.get("kr:organization name"), Country: "KR",
		Leaf: strings.EqualFold(d.get("kr:network type"), "CUSTOMER"), Updated: updated(d.get("kr:registration date")),
	}})
	if len(d.nets) > before {
		d.krNet = before
	}
}
