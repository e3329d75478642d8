package syslog

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
)

// ErrNoCounter is returned by Drops where the system does not tell.
var ErrNoCounter = errors.New("no drop counter for the socket")

// Drops returns how many datagrams the kernel has thrown away because the buffer
// of the UDP socket that listens on addr was full. Linux tells in /proc.
func Drops(addr netip.AddrPort) (uint64, error) {
	addr = netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
	for _, table := range [...]string{"/proc/net/udp", "/proc/net/udp6"} {
		b, err := os.ReadFile(table)
		if err != nil {
			continue
		}
		if n, ok := drops(b, addr); ok {
			return n, nil
		}
	}
	return 0, fmt.Errorf("%w %s", ErrNoCounter, addr)
}

// drops finds the line of a socket in the form of /proc/net/udp, where the local
// address is the second word and the drops the last one.
func drops(table []byte, addr netip.AddrPort) (uint64, bool) {
	for line := range bytes.Lines(table) {
		words := bytes.Fields(line)
		if len(words) < 10 {
			continue
		}
		local, err := procAddr(string(words[1]))
		if err != nil || local.Port() != addr.Port() || local.Addr().Unmap() != addr.Addr() && !bothUnspecified(local.Addr(), addr.Addr()) {
			continue
		}
		n, err := strconv.ParseUint(string(words[len(words)-1]), 10, 64)
		return n, err == nil
	}
	return 0, false
}

// bothUnspecified tells that two sockets listen everywhere: Go listens on :: for
// 0.0.0.0 as well.
func bothUnspecified(a, b netip.Addr) bool { return a.IsUnspecified() && b.IsUnspecified() }

// procAddr reads "0100007F:1538": each 32-bit word of the address in the
// machine's byte order, the port in the network's.
func procAddr(s string) (netip.AddrPort, error) {
	host, port, ok := bytes.Cut([]byte(s), []byte(":"))
	b, err := hex.DecodeString(string(host))
	p, perr := strconv.ParseUint(string(port), 16, 16)
	if !ok || err != nil || perr != nil || len(b)%4 != 0 {
		return netip.AddrPort{}, fmt.Errorf("address %q is not like 0100007F:0035", s)
	}
	for i := 0; i < len(b); i += 4 {
		binary.BigEndian.PutUint32(b[i:], binary.NativeEndian.Uint32(b[i:]))
	}
	a, ok := netip.AddrFromSlice(b)
	if !ok {
		return netip.AddrPort{}, fmt.Errorf("address %q has %d bytes", s, len(b))
	}
	return netip.AddrPortFrom(a.Unmap(), uint16(p)), nil
}
