package syslog

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func frames(r io.Reader) (out []string, err error) {
	f := NewFrames(r)
	for {
		msg, long, err := f.Next()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return out, err
		}
		if long > 0 {
			msg = fmt.Sprintf("<long %d, %d kept>", long, len(msg))
		}
		out = append(out, msg)
	}
}

func TestFrames(t *testing.T) {
	f := func(in string, want ...string) {
		t.Helper()
		for _, r := range []io.Reader{strings.NewReader(in), iotest.OneByteReader(strings.NewReader(in))} {
			got, err := frames(r)
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("messages of %.80q, %v, mismatch (-want +got):\n%s", in, err, diff)
			}
		}
	}
	f("")
	f("<4>one\n<4>two\n", "<4>one", "<4>two")
	f("<4>one\n<4>two", "<4>one", "<4>two") // closed without a line ending
	f("6 <4>one6 <4>two", "<4>one", "<4>two")
	f("7 <4>one\n6 <4>two<4>three\n", "<4>one", "<4>two", "<4>three")
	f("8 <4>o\nne\n<4>x\n", "<4>o\nne", "<4>x") // a count covers line endings
	f("1 2019-05-15T16:25:50Z host app - - - x\n", "1 2019-05-15T16:25:50Z host app - - - x")
	f("0 <4>x\n", "0 <4>x")
	f("99999999 <4>x\n", "99999999 <4>x")
	f("123456789012345 <4>x\n", "123456789012345 <4>x")
	f("12\n", "12")
	f("\n\n", "", "")
	long := strings.Repeat("y", MaxMessage+1)
	f(long[:MaxMessage]+"\n<4>x\n", long[:MaxMessage], "<4>x")
	f(long+"\n<4>x\n", fmt.Sprintf("<long %d, 4096 kept>", MaxMessage+1), "<4>x")
	f(strings.Repeat(long, 5)+"\n<4>x\n", fmt.Sprintf("<long %d, 4096 kept>", 5*(MaxMessage+1)), "<4>x")
	f(strings.Repeat(long, 5), fmt.Sprintf("<long %d, 4096 kept>", 5*(MaxMessage+1)))
	f(fmt.Sprintf("%d <4>%s<4>x\n", MaxMessage+4, long), fmt.Sprintf("<long %d, 4096 kept>", MaxMessage+4), "<4>x")
}

func TestFramesCutOff(t *testing.T) {
	f := func(in string) {
		t.Helper()
		if got, err := frames(strings.NewReader(in)); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("messages of %q = %q, %v; want an unexpected end", in, got, err)
		}
	}
	f("10 <4>one")
	f("70000 <4>one")
	broken := io.MultiReader(strings.NewReader("<4>o"), iotest.ErrReader(errors.New("reset")))
	if got, err := frames(broken); len(got) != 0 || err == nil {
		t.Errorf("messages of a broken connection = %q, %v; want none", got, err)
	}
}

func FuzzFrames(f *testing.F) {
	f.Add([]byte("<4>one\n6 <4>two"))
	f.Add([]byte("1 2019-05-15T16:25:50Z host\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		got, _ := frames(strings.NewReader(string(in)))
		n := 0
		for _, s := range got {
			n += len(s)
		}
		if n > len(in)+64*len(got) {
			t.Errorf("%d bytes of messages from %d", n, len(in))
		}
	})
}

func TestDrops(t *testing.T) {
	const table = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  402: 0100007F:1588 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 27 2 0000000000000000 17
  403: 00000000000000000000000000000000:0202 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 28 2 0 5
`
	f := func(addr string, want uint64, ok bool) {
		t.Helper()
		if n, got := drops([]byte(table), netip.MustParseAddrPort(addr)); n != want || got != ok {
			t.Errorf("drops(%s) = %d, %v; want %d, %v", addr, n, got, want, ok)
		}
	}
	f("127.0.0.1:5512", 17, true)
	f("0.0.0.0:514", 5, true)
	f("[::]:514", 5, true)
	f("127.0.0.1:514", 0, false)
	f("127.0.0.1:5513", 0, false)
}

func TestDropsOfSocket(t *testing.T) {
	if _, err := os.Stat("/proc/net/udp"); err != nil {
		t.Skip("this system has no /proc/net/udp")
	}
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetReadBuffer(4 << 10); err != nil {
		t.Fatal(err)
	}
	addr := c.LocalAddr().(*net.UDPAddr).AddrPort()
	if n, err := Drops(addr); n != 0 || err != nil {
		t.Fatalf("Drops() = %d, %v; want 0", n, err)
	}
	w, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(addr))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for range 100 {
		if _, err := w.Write(make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := Drops(addr); n == 0 || err != nil {
		t.Errorf("Drops() = %d, %v after more than the buffer holds", n, err)
	}
}
