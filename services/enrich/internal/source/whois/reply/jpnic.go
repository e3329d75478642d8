package reply

import (
	"strings"

	"github.com/whoknocks/whoknocks/services/enrich/internal/block"
)

// jpnic takes a line of JPNIC, asked in English:
//
//	a. [Network Number]             192.0.2.0/28
//	b. [Network Name]               EXAMPLE-NET
//	g. [Organization]               Example Co., Ltd.
//
// and below that the block around it, under the line that says whose it is, and
// those inside:
//
//	Less Specific Info.
//	----------
//	Example Telecom
//	                     [Allocation]                192.0.2.0/24
//	More Specific Info.
//	----------
//	No match!!
func (d *document) jpnic(line string) bool {
	switch line {
	case "Network Information:":
		d.jp = jpNetwork
		return true
	case "Less Specific Info.":
		d.jpLess()
		return true
	case "More Specific Info.":
		d.flush()
		d.jp = jpMore
		return true
	}
	switch d.jp {
	case jpNetwork:
		key, value, ok := bracketed(line)
		if !ok {
			return false
		}
		if key == "network number" {
			d.flush()
		}
		d.add("jp:"+key, value)
		return true
	case jpLess:
		key, value, ok := bracketed(line)
		switch {
		case !ok:
			d.jpHolder = strings.TrimSpace(line)
		case key == "allocation" || key == "assignment" || key == "suballocation":
			if b, ok := Range(value); ok {
				n := net{Net: Net{Block: b, Country: "JP"}}
				d.fields = append(d.fields[:0], field{"name", d.jpHolder})
				n.Registrant = d.get("name")
				d.fields = d.fields[:0]
				d.keep(n)
			}
		}
		return true
	case jpMore:
		if strings.HasPrefix(line, "No match") && d.jpNet >= 0 && d.jpNet < len(d.nets) {
			d.nets[d.jpNet].Leaf = true // nothing smaller is registered inside
		}
		return true
	}
	return false
}

// The parts of a reply of JPNIC.
const (
	jpNetwork = iota + 1
	jpLess
	jpMore
)

// bracketed cuts "g. [Organization]    Example" into "organization" and "Example".
func bracketed(line string) (key, value string, ok bool) {
	line = strings.TrimSpace(line)
	if len(line) > 3 && line[1] == '.' && line[2] == ' ' {
		line = line[3:]
	}
	rest, ok := strings.CutPrefix(line, "[")
	if !ok {
		return "", "", false
	}
	key, value, ok = strings.Cut(rest, "]")
	return strings.ToLower(strings.TrimSpace(key)), strings.TrimSpace(value), ok && key != "" && len(key) <= 32
}

func (d *document) jpLess() {
	d.flush()
	d.jp = jpLess
}

// jpNetworkInfo reads the block that was asked for.
func (d *document) jpNetworkInfo() {
	b, err := block.Parse(d.get("jp:network number"))
	if err != nil {
		return
	}
	updatedAt, _, _ := strings.Cut(d.get("jp:last update"), " ")
	before := len(d.nets)
	d.keep(net{Net: Net{
		Block: b, Netname: d.get("jp:network name"), Registrant: d.get("jp:organization"), Country: "JP",
		Updated: updated(strings.ReplaceAll(updatedAt, "/", "-")),
	}})
	if len(d.nets) > before {
		d.jpNet = before
	}
}
