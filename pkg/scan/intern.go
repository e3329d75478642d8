package scan

import "hash/maphash"

const (
	slots     = 4096 // 64 KiB of string headers a Decoder, made at first use
	maxIntern = 128  // longer texts hardly repeat; bounds the table's texts to 512 KiB
)

// intern returns b as a string, the one made before if it still has its slot. A
// text hashes to one slot and pushes out whatever is there: nothing to age, and
// the worst that unlucky texts cost is their copies. The seed is random, so
// texts cannot be chosen to be unlucky.
func (d *Decoder) intern(b []byte) string {
	if len(b) == 0 || len(b) > maxIntern || d.once {
		return string(b)
	}
	if d.table == nil {
		d.table, d.seed = new([slots]string), maphash.MakeSeed()
	}
	slot := &d.table[maphash.Bytes(d.seed, b)%slots]
	if *slot != string(b) {
		*slot = string(b)
	}
	return *slot
}
