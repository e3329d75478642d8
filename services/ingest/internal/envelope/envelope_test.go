package envelope

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestUnwrap(t *testing.T) {
	const p = "[UFW BLOCK] IN=eth0 OUT= SRC=192.0.2.7 DST=198.51.100.9 PROTO=2"
	f := func(in, stamp, host, tag, payload string) {
		t.Helper()
		var l Line
		Unwrap(in, &l)
		if got := l.Stamp.String(); got != stamp {
			t.Errorf("Unwrap(%q) Stamp = %q, want %q", in, got, stamp)
		}
		if l.Host != host || l.Tag != tag || l.Payload != payload {
			t.Errorf("Unwrap(%q)\n got host %q tag %q payload %q\nwant host %q tag %q payload %q", in, l.Host, l.Tag, l.Payload, host, tag, payload)
		}
	}
	// none
	f("", "", "", "", "")
	f(" \t\r", "", "", "", "")
	f(p, "", "", "", p)
	f("\uFEFF"+p+" \r", "", "", "", p)
	f(p+"\x00", "", "", "", p)
	f("[54386.628161] "+p, "", "", "", p)
	f("kernel: [ 1028.344235] "+p, "", "", "kernel", p)
	f("UDP Packet - Source:192.0.2.7", "", "", "", "UDP Packet - Source:192.0.2.7")

	// RFC 3164, whole and damaged
	f("<4>Jun  8 14:34:33 gw kernel: "+p, "Jun 08 14:34:33", "gw", "kernel", p)
	f("<9999>Jun  8 14:34:33 gw kernel: "+p, "Jun 08 14:34:33", "gw", "kernel", p)
	f("<4> Jun  8 14:34:33 gw kernel: "+p, "Jun 08 14:34:33", "gw", "kernel", p)
	f("Jun  8 14:34:33 gw kernel: [50028442.088484] "+p, "Jun 08 14:34:33", "gw", "kernel", p)
	f("Jun  8 14:34:33 gw kernel:   "+p, "Jun 08 14:34:33", "gw", "kernel", p)
	f("Jan 1 02:21:38 gw kernel: "+p, "Jan 01 02:21:38", "gw", "kernel", p)
	f("Aug 29 18:11:22 kernel: "+p, "Aug 29 18:11:22", "", "kernel", p)
	f("Aug 29 18:11:22 kernel:"+p, "Aug 29 18:11:22", "", "kernel", p)
	f("Aug 29 18:11:22 gw kernel:"+p, "Aug 29 18:11:22", "gw", "kernel", p)
	f("<134>Jul  3 19:10:30 filterlog[72237]: 146,,,1", "Jul 03 19:10:30", "", "filterlog", "146,,,1")
	f("Jul  3 19:10:30 pfSense filterlog: 146,,,1", "Jul 03 19:10:30", "pfSense", "filterlog", "146,,,1")
	f("Dec  5 16:44:12 ROUTER kern.warn kernel: "+p, "Dec 05 16:44:12", "ROUTER", "kernel", p)
	f("Jun  8 21:37:16 (none) user.alert kernel: "+p, "Jun 08 21:37:16", "(none)", "kernel", p)
	f("Jun 13 23:29:15 GW-1 GW-1 "+p, "Jun 13 23:29:15", "GW-1", "", p)
	f("Jun 13 23:29:15 GW-1 "+p, "Jun 13 23:29:15", "GW-1", "", p)
	f("Jun 13 23:29:15 GW-1 GW-1 sshd[12]: hello", "Jun 13 23:29:15", "GW-1", "sshd", "hello")
	f("May  5 17:34:24 UDP Packet - Source:192.0.2.7,1", "May 05 17:34:24", "", "", "UDP Packet - Source:192.0.2.7,1")
	f("May  5 17:34:24 192.168.0.1 UDP Packet - Source:192.0.2.7,1", "May 05 17:34:24", "192.168.0.1", "", "UDP Packet - Source:192.0.2.7,1")
	f("May  5 17:34:24 2001:db8::1 UDP Packet - Source:192.0.2.7,1", "May 05 17:34:24", "2001:db8::1", "", "UDP Packet - Source:192.0.2.7,1")
	f("Jun  8 14:34:33 gw DROP: IN=eth0", "Jun 08 14:34:33", "", "", "gw DROP: IN=eth0")
	f("Jun  8 14:34:33 DROP IN=eth0", "Jun 08 14:34:33", "", "", "DROP IN=eth0")
	f("<142>May 22 17:24:03 2026 192.0.2.1 src=1", "2026 May 22 17:24:03", "192.0.2.1", "", "src=1")
	f("Apr 15 2017 00:22:42 host : %FWSM-3-1: Deny", "2017 Apr 15 00:22:42", "host", "", "%FWSM-3-1: Deny")
	f("Jun  8 14:34:33 ", "Jun 08 14:34:33", "", "", "")

	// impossible dates are no dates
	f("Jun 31 14:34:33 gw kernel: x", "", "", "", "Jun 31 14:34:33 gw kernel: x")
	f("Jun  8 24:34:33 gw kernel: x", "", "", "", "Jun  8 24:34:33 gw kernel: x")
	f("Feb 29 14:34:33 gw kernel: x", "Feb 29 14:34:33", "gw", "kernel", "x")

	// others
	f("Mon Dec 25 13:31:15 2017 kern.warn kernel: [45020.393820] "+p, "2017 Dec 25 13:31:15", "", "kernel", p)
	f("lun Dec 25 13:31:15 2017 kern.warn kernel: "+p, "2017 Dec 25 13:31:15", "", "kernel", p)
	f("2015-03-07T05:09:30.045015+02:00 server kernel: "+p, "2015 Mar 07 05:09:30.045015 +02:00", "server", "kernel", p)
	f("2015-03-07T05:09:30Z SERVER kernel: "+p, "2015 Mar 07 05:09:30 +00:00", "SERVER", "kernel", p)
	f("2015-03-07T05:09:30-0330 server kernel: "+p, "2015 Mar 07 05:09:30 -03:30", "server", "kernel", p)
	f("2015-03-07 05:09:30 server kernel: "+p, "2015 Mar 07 05:09:30", "server", "kernel", p)
	f("2023-03-18T20:35:05.734637+01:00 192.0.2.1 firewall,info drop input: in:e", "2023 Mar 18 20:35:05.734637 +01:00", "192.0.2.1", "", "firewall,info drop input: in:e")
	f("1673277244.954105815 FW_MX_01 firewall deny src=192.0.2.1", "2023 Jan 09 15:14:04.954105815 +00:00", "FW_MX_01", "", "firewall deny src=192.0.2.1")
	f("<134>1 1673277244.954105815 FW_MX_01 firewall deny src=192.0.2.1", "2023 Jan 09 15:14:04.954105815 +00:00", "FW_MX_01", "", "firewall deny src=192.0.2.1")
	f("Jan  9 15:14:05 192.168.1.1 1 1673277244.954105815 MX84 flows deny src=192.0.2.1", "2023 Jan 09 15:14:04.954105815 +00:00", "MX84", "", "flows deny src=192.0.2.1")
	f("<166>:Jan 13 2012 15:51:28 MSK: %ASA-session-6-106015: Deny", "2012 Jan 13 15:51:28", "", "", "%ASA-session-6-106015: Deny")
	f("2024 Mar  4 11:45:20 nx01 %ACLLOG-6-X: Source", "2024 Mar 04 11:45:20", "nx01", "", "%ACLLOG-6-X: Source")
	f("<189>: 2024 Mar  4 11:45:20.123 UTC: %ACLLOG-6-X: Source", "2024 Mar 04 11:45:20.123", "", "", "%ACLLOG-6-X: Source")
	f("2024 03 04 11:45:20 +01:00 Security GW1 LocalBlock: x", "2024 Mar 04 11:45:20 +01:00", "", "", "Security GW1 LocalBlock: x")
	f("Sat, 2010-08-21 14:38:49 - UDP Packet", "2010 Aug 21 14:38:49", "", "", "UDP Packet")
	f("<12>Sat, 2010-08-21 14:38:49 router UDP Packet", "2010 Aug 21 14:38:49", "", "", "router UDP Packet")
	f("No.001  Sat, 2010-08-21 14:38:49 - UDP Packet", "2010 Aug 21 14:38:49", "", "", "UDP Packet")

	// RFC 5424
	f("<134>1 2022-09-06T18:37:34+02:00 fw filterlog 1 - - 7,,,1", "2022 Sep 06 18:37:34 +02:00", "fw", "filterlog", "7,,,1")
	f(`<134>1 2022-09-06T18:37:34+02:00 fw filterlog 1 - [meta sequenceId="1\"]" x="]"] 7,,,1`, "2022 Sep 06 18:37:34 +02:00", "fw", "filterlog", "7,,,1")
	f("<4>1 2022-09-06T18:37:34Z fw kernel - - - \uFEFF[1.5] "+p, "2022 Sep 06 18:37:34 +00:00", "fw", "kernel", p)
	f("<4>1 - - - - - - "+p, "", "", "", p)
	f(`1 2019-05-15T16:25:50Z HOST CheckPoint 19710 - [action:"Drop"; src:"192.0.2.1"]`, "2019 May 15 16:25:50 +00:00", "HOST", "CheckPoint", `[action:"Drop"; src:"192.0.2.1"]`)
	f(`<11>1 2018-07-19T18:17:02.309-05:00 r RT_IDS - RT_SCREEN_TCP [junos@2636.1 source-address="192.0.2.1"]`, "2018 Jul 19 18:17:02.309 -05:00", "r", "RT_IDS", `[junos@2636.1 source-address="192.0.2.1"]`)

	f("LEEF:2.0|Check Point|Firewall|1.0|Drop|cat=Firewall\tsrc=192.0.2.1", "", "", "", "cat=Firewall\tsrc=192.0.2.1")
	f("LEEF:2.0|Check Point|Firewall|1.0|Drop|x|cat=Firewallxsrc=192.0.2.1", "", "", "", "cat=Firewallxsrc=192.0.2.1")
	f("Jun  8 14:34:33 fw 0|Check Point|Product|1|Log|x|5|act=Drop", "Jun 08 14:34:33", "fw", "", "act=Drop") // a relay has dropped CEF:

	// two headers
	f("Jun 20 02:41:40 198.51.100.2 1663303: Jun 20 02:41:39.326: %SEC-6-X: list", "Jun 20 02:41:39.326", "198.51.100.2", "", "%SEC-6-X: list")
	f("Jun 20 02:41:40 198.51.100.2 1663303: Jun 20 02:41:39.326 UTC: %SEC-6-X: list", "Jun 20 02:41:39.326", "198.51.100.2", "", "%SEC-6-X: list")
	f("Jun 20 02:41:40 198.51.100.2 1663303: *Mar  1 02:41:39.326: %SEC-6-X: list", "Mar 01 02:41:39.326", "198.51.100.2", "", "%SEC-6-X: list")
	f("Apr 25 11:30:52 192.168.1.100 Fri Apr 24 10:30:07 2009 D-Link Systems DIR-655 System Log: Blocked", "2009 Apr 24 10:30:07", "192.168.1.100", "", "D-Link Systems DIR-655 System Log: Blocked")
	f("Aug 24 04:58:58 192.168.1.1 junos-ids: 2017-08-24T04:58:58.724Z srx-3 RT_IDS - RT_SCREEN_IP [junos@1", "2017 Aug 24 04:58:58.724 +00:00", "srx-3", "junos-ids", "RT_IDS - RT_SCREEN_IP [junos@1")

	// what grep puts first
	f("syslog.1:Jun  8 14:34:33 gw kernel: "+p, "Jun 08 14:34:33", "gw", "kernel", p)
	f("/var/log/syslog:17:Jun  8 14:34:33 gw kernel: "+p, "Jun 08 14:34:33", "gw", "kernel", p)
	f("17:Jun  8 14:34:33 gw kernel: "+p, "Jun 08 14:34:33", "gw", "kernel", p)

	f("gw: Oct 14 10:45:43.767 UTC: %SEC-6-X: list", "Oct 14 10:45:43.767", "", "", "%SEC-6-X: list")
	f("30: gw: 6340004: *Mar  4 11:45:20: %SEC-6-X: list", "Mar 04 11:45:20", "", "", "%SEC-6-X: list")

	// repeats
	f("Jun  8 14:34:33 gw last message repeated 3 times", "Jun 08 14:34:33", "gw", "", "")
	f("Jun  8 14:34:33 gw kernel: message repeated 2 times: [ [1.5] "+p+"]", "Jun 08 14:34:33", "gw", "kernel", p)
}

func TestKind(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		var l Line
		if Unwrap(in, &l); l.Kind != want {
			t.Errorf("Unwrap(%q) Kind = %q, want %q", in, l.Kind, want)
		}
	}
	f(`<11>1 2018-07-19T18:17:02.309-05:00 r RT_IDS - RT_SCREEN_TCP [junos@2636.1 source-address="192.0.2.1"]`, "RT_SCREEN_TCP")
	f("<134>1 2022-09-06T18:37:34+02:00 fw filterlog 1 - - 7,,,1", "")
	f("Jun  8 14:34:33 gw kernel: x", "")
}

func TestOuter(t *testing.T) {
	var l Line
	Unwrap("Jun 20 02:41:40 198.51.100.2 1663303: *Mar  1 02:41:39.326: %SEC-6-X: list", &l)
	if got := l.Outer.String(); got != "Jun 20 02:41:40" || !l.Stamp.Unset {
		t.Errorf("Outer = %q, Unset = %v; want the relay's time and a clock that is not set", got, l.Stamp.Unset)
	}
}

func TestRepeats(t *testing.T) {
	f := func(in string, want uint32, quotes bool) {
		t.Helper()
		var l Line
		Unwrap(in, &l)
		if l.Repeats != want || l.Repeated() != (want > 0 && !quotes) {
			t.Errorf("Unwrap(%q) Repeats = %d, Repeated() = %v; want %d, quotes %v", in, l.Repeats, l.Repeated(), want, quotes)
		}
	}
	f("last message repeated 3 times", 3, false)
	f("last message repeated 1 time", 1, false)
	f("-- last message repeated 12 times --", 12, false)
	f("message repeated 3 times: [ x ]", 3, true)
	f("last message repeated 0 times", 0, false)
	f("last message repeated 99999999999 times", 0, false)
	f("last message repeated many times", 0, false)
	f("last message", 0, false)
}

// The message is what identity is made from: it keeps the kernel's uptime, which
// tells equal packets apart in a dmesg without dates.
func TestMessage(t *testing.T) {
	var a, b Line
	Unwrap("Jun  8 14:34:33 gw kernel: [5.5] DROP IN=", &a)
	Unwrap("[5.5] DROP IN=", &b)
	if a.Message != b.Message || a.Message != "[5.5] DROP IN=" {
		t.Errorf("Message = %q and %q, want both with the uptime", a.Message, b.Message)
	}
}

func FuzzUnwrap(f *testing.F) {
	for _, s := range []string{
		"<4>Jun  8 14:34:33 gw kern.warn kernel: [5.5] DROP IN=eth0",
		"Mon Dec 25 13:31:15 2017 kern.warn kernel: [45020.393820] x",
		"<134>1 2022-09-06T18:37:34+02:00 fw filterlog 1 - [meta a=\"b\"] 7,,,1",
		"Jun 20 02:41:40 198.51.100.2 1663303: *Mar  1 02:41:39.326: %SEC-6-X: list",
		"No.001  Sat, 2010-08-21 14:38:49 - UDP Packet", "1673277244.954105815 a b", "x:1:Jun  8 14:34:33 a",
		"message repeated 3 times: [ x ]",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		var l Line
		Unwrap(in, &l)
		for _, part := range []string{l.Host, l.Tag, l.Level, l.Message, l.Payload} {
			if !strings.Contains(in, part) {
				t.Errorf("%q is no part of the line", part)
			}
			if utf8.ValidString(in) && !utf8.ValidString(part) {
				t.Errorf("%q was cut within a character", part)
			}
		}
	})
}

func BenchmarkUnwrap(b *testing.B) {
	const line = "Jun  8 14:34:33 gw kernel: [50028442.088484] [UFW BLOCK] IN=eth0 OUT= SRC=192.0.2.7 DST=198.51.100.9 PROTO=2"
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	var l Line
	for b.Loop() {
		Unwrap(line, &l)
	}
}
