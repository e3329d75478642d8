package reply

import (
	"strings"

	"github.com/whoknocks/whoknocks/services/enrich/internal/block"
	"github.com/whoknocks/whoknocks/services/enrich/internal/name"
)

// What follows are the rules by which a registration is judged. They are the
// same for WHOIS and for RDAP, whose answers would differ otherwise.

// Range reads "a - b", a prefix, a single address, and LACNIC's prefixes with
// the last zero octets left off: "200.57.128/19".
func Range(s string) (block.Block, bool) {
	if len(s) > 100 {
		return block.Block{}, false
	}
	if addr, bits, ok := strings.Cut(s, "/"); ok && !strings.Contains(addr, ":") {
		for strings.Count(addr, ".") < 3 {
			addr += ".0"
		}
		s = addr + "/" + bits
	}
	b, err := block.Parse(s)
	return b, err == nil
}

// NotMine says whether a block is so wide, 0.0.0.0/0 or ::/0, that a registry
// says with it that it holds no smaller one.
func NotMine(b block.Block) bool { return b.Wider(7, 7) }

// Leaf says whether a status (RPSL, LACNIC), a type of net (ARIN) or an RDAP
// type means that a block was assigned to its user.
func Leaf(status string) bool {
	status = strings.ToUpper(status)
	switch status {
	case "REASSIGNED", "REASSIGNMENT", "DIRECT ASSIGNMENT":
		return true
	}
	return strings.HasPrefix(status, "ASSIGNED")
}

// Placeholder says of a net name whether it stands for space of other
// registries, or is weak: an answer only if no other registry has one.
func Placeholder(netname string) (placeholder, weak bool) {
	switch up := strings.ToUpper(netname); {
	case up == "NON-RIPE-NCC-MANAGED-ADDRESS-BLOCK":
		return true, false
	case up == "ERX-NETBLOCK", strings.HasPrefix(up, "IANA-NETBLOCK-"), up == "IANA-BLK", up == "IANA-BLOCK":
		return false, true
	}
	return false, false
}

// AllocatedTo reads ARIN's types of blocks that other registries hold, "" for a
// registry whose name is not known: "Early Registrations, Transferred to RIPE
// NCC".
func AllocatedTo(kind string) (Registry, bool) {
	kind = strings.TrimPrefix(strings.ToLower(kind), "early registrations, ")
	for _, p := range []string{"allocated to ", "transferred to ", "maintained by "} {
		if rest, ok := strings.CutPrefix(kind, p); ok {
			return registryNamed(rest), true
		}
	}
	return "", false
}

// RegistryOrg reads the organisation handles under which ARIN keeps blocks that
// are a registry's and nobody's.
func RegistryOrg(handle string) (Registry, bool) {
	switch strings.ToUpper(handle) {
	case "RIPE":
		return RIPE, true
	case "APNIC":
		return APNIC, true
	case "AFRINIC":
		return AFRINIC, true
	case "LACNIC":
		return LACNIC, true
	case "ARIN":
		return ARIN, true
	}
	return "", false
}

// National is the national registry that holds the blocks in which APNIC names a
// maintainer, team or contact, "" for all others.
func National(handle string) Registry {
	switch strings.ToUpper(handle) {
	case "MAINT-JPNIC", "IRT-JPNIC-JP", "JNIC1-AP":
		return JPNIC
	case "MNT-KRNIC-AP", "IRT-KRNIC-KR":
		return KRNIC
	}
	return ""
}

// Stub says whether a maintainer is that of APNIC's own notes about blocks that
// went elsewhere.
func Stub(maintainer string) bool { return strings.EqualFold(maintainer, "APNIC-STUB") }

// TransferredTo reads "Transferred to the RIPE region on 2018-01-01". It may be
// believed of a Stub only: all others write there what they like.
func TransferredTo(descr []string) Registry {
	for _, l := range descr {
		if rest, ok := strings.CutPrefix(strings.ToLower(l), "transferred to the "); ok {
			return registryNamed(rest)
		}
	}
	return ""
}

// Describe is the first line of a description that is not part of a postal
// address: whose block it is, where no organisation is bound to it.
func Describe(lines []string) string {
	for _, l := range lines {
		if l = strings.Trim(l, " ,;*-="); l != "" && !name.IsAddress(l) {
			return l
		}
	}
	return ""
}

// Withheld says whether a registrant is a person whose name the registry keeps
// to itself.
func Withheld(registrant string) bool {
	switch strings.ToLower(registrant) {
	case "private customer", "not disclosed", "not shared", "private residence", "private person":
		return true
	}
	return false
}
