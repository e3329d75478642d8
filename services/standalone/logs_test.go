package standalone_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// netfilterLog makes a log of n dropped packets in the form of Linux netfilter,
// the same every time: 762 sources, some of them often, and now and
// then two lines that are equal to the letter.
func netfilterLog(n int) []byte {
	r := rand.New(rand.NewPCG(2012, 4))
	at := time.Date(2026, 1, 10, 0, 0, 0, 0, time.UTC)
	var b bytes.Buffer
	b.Grow(n * 230)
	var line string
	for range n {
		if r.IntN(50) != 0 || line == "" {
			at = at.Add(time.Duration(r.IntN(2000)) * time.Millisecond)
			host := min(r.IntN(762), r.IntN(762))
			line = fmt.Sprintf("%s router kernel: [%d.%06d] DROP IN=eth0 OUT= MAC=02:00:5e:00:53:01:02:00:5e:00:53:02:08:00 SRC=%s.%d DST=192.0.2.1 LEN=40 TOS=0x00 PREC=0x00 TTL=%d ID=%d PROTO=TCP SPT=%d DPT=%d WINDOW=1024 RES=0x00 SYN URGP=0\n",
				at.Format("Jan _2 15:04:05"), at.Unix()%1_000_000, r.IntN(1_000_000),
				[]string{"192.0.2", "198.51.100", "203.0.113"}[host%3], 1+host/3, 40+r.IntN(200), r.IntN(65536), 1024+r.IntN(60000), []int{22, 23, 80, 443, 445, 3389, 5060, 8080}[r.IntN(8)])
		}
		b.WriteString(line)
	}
	return b.Bytes()
}

func gzipped(t *testing.T, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
