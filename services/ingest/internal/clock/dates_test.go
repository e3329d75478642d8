package clock

import "testing"

func TestDates(t *testing.T) {
	f := func(read func(string) (Stamp, int), in, want string, n int) {
		t.Helper()
		got, size := read(in)
		if got.String() != want || size != n {
			t.Errorf("%q = %q, %d bytes, want %q, %d", in, got, size, want, n)
		}
	}
	f(MonthSlash, "Mar/13/2007 10:24:52 \tDrop", "2007 Mar 13 10:24:52", 20)
	f(MonthSlash, "jan/02/2023 15:04:05 x", "2023 Jan 02 15:04:05", 20)
	f(MonthSlash, "jan/02 15:04:05 x", "Jan 02 15:04:05", 15)
	f(MonthSlash, "jan/32 15:04:05 x", "", 0)
	f(MonthSlash, "jan/02/2023", "", 0)
	f(MonthFirst, "09/16/2010  16:08:41 x", "2010 Sep 16 16:08:41", 20)
	f(MonthFirst, "07/11/2022-10:29:32.251216  [**]", "2022 Jul 11 10:29:32.251216", 26)
	f(MonthFirst, "16/09/2010  16:08:41 x", "", 0)
	f(DayFirst, "28/06/2020 18:57:52.179848 rge0", "2020 Jun 28 18:57:52.179848", 26)
	f(DayFirst, "30/02/2020 18:57:52", "", 0)
	f(Dotted, "2010.04.13 03:24:42 x", "2010 Apr 13 03:24:42", 19)
	f(Dotted, "2010.13.13 03:24:42 x", "", 0)
	f(TimeFirst, "11:27:10  15 Jan\tFIREWALL", "Jan 15 11:27:10", 16)
	f(TimeFirst, "11:27:10 5 Jan", "Jan 05 11:27:10", 14)
	f(TimeFirst, "11:27:10  15", "", 0)
	f(TimeFirst, "25:27:10  15 Jan", "", 0)
}

// No text makes a layout panic, or read beyond it.
func FuzzDates(f *testing.F) {
	for _, s := range []string{"jan/02 15:04:05", "09/16/2010  16:08:41", "2010.04.13 03:24:42", "11:27:10  15 Jan"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, read := range []func(string) (Stamp, int){YearSlash, MonthSlash, MonthFirst, DayFirst, Dotted, TimeFirst} {
			if got, n := read(s); n > len(s) || n > 0 && !got.possible() {
				t.Errorf("%q = %v, %d", s, got, n)
			}
		}
	})
}

func TestJoined(t *testing.T) {
	f := func(date, clock, zone, want string) {
		t.Helper()
		got, ok := Joined(date, clock, zone)
		if got.String() != want || ok != (want != "") {
			t.Errorf("Joined(%q, %q, %q) = %q, want %q", date, clock, zone, got, want)
		}
	}
	f("2023-10-23", "00:40:49", "+0200", "2023 Oct 23 00:40:49 +02:00")
	f("2023-10-23", "00:40:49", "UTC", "2023 Oct 23 00:40:49 +00:00")
	f("2023-10-23", "00:40:49.5", "CET", "2023 Oct 23 00:40:49.5")
	f("2023-02-30", "00:40:49", "", "")
	f("2023-02-3", "00:40:49", "", "")
	f("2023-10-23", "", "", "")
	if got, n := YearSlash("2023/07/06 08:11:40,x"); got.String() != "2023 Jul 06 08:11:40" || n != 19 {
		t.Errorf("YearSlash = %v, %d", got, n)
	}
}
