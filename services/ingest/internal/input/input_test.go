package input

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// collect reads a document to the end and puts the text together again; long
// lines come out as "<long N>" and a line ending.
func collect(t *testing.T, d *Document) (string, error) {
	t.Helper()
	var b strings.Builder
	next := int64(0)
	err := d.Chunks(t.Context(), func(c Chunk) error {
		if c.Offset != next {
			t.Errorf("chunk at %d, want %d", c.Offset, next)
		}
		if c.Long > 0 {
			fmt.Fprintf(&b, "<long %d>\n", c.Long)
			next += c.Long + 1
			return nil
		}
		b.WriteString(c.Text)
		next += int64(len(c.Text))
		return nil
	})
	return b.String(), err
}

func open(t *testing.T, name string, content []byte) *Document {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := Open(path, nil)
	if err != nil {
		t.Fatalf("Open(%s) error = %v", name, err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func gzipped(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	write(t, w, text)
	w.Close()
	return b.Bytes()
}

func write(t *testing.T, w io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(w, text); err != nil {
		t.Error(err)
	}
}

func lines(n int) string {
	r := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%d %s\n", i, strings.Repeat("x", r.IntN(300)))
	}
	return b.String()
}

// Whatever a document is compressed with, its text is the same.
func TestCompression(t *testing.T) {
	text := lines(5000) + "no line ending"
	var zst, xzs bytes.Buffer
	z, err := zstd.NewWriter(&zst)
	if err != nil {
		t.Fatal(err)
	}
	write(t, z, text)
	z.Close()
	x, err := xz.NewWriter(&xzs)
	if err != nil {
		t.Fatal(err)
	}
	write(t, x, text)
	x.Close()
	half := len(text) / 2
	for name, content := range map[string][]byte{
		"plain": []byte(text), "a.gz": gzipped(t, text), "a.zst": zst.Bytes(), "a.xz": xzs.Bytes(),
		"two.gz": append(gzipped(t, text[:half]), gzipped(t, text[half:])...),
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t, name, content)
			if head := d.Head(); string(head) != text[:len(head)] || len(head) != 4096 {
				t.Errorf("Head() has %d bytes, want the first 4096", len(head))
			}
			got, err := collect(t, d)
			if err != nil || got != text {
				t.Errorf("text of %d bytes, %v; want %d", len(got), err, len(text))
			}
			if d.Read() != int64(len(content)) || d.Size != int64(len(content)) {
				t.Errorf("read %d of %d stored bytes, want all %d", d.Read(), d.Size, len(content))
			}
		})
	}
}

// bzip2 has no writer in the standard library: this is "log line one\nlog line two\n".
var bzip2Sample = []byte("\x42\x5a\x68\x39\x31\x41\x59\x26\x53\x59\xb9\xe8\xdb\xf1\x00\x00\x07\xd1\x80\x00\x10\x40\x00\x02\xa5\x84\x80\x20\x00\x31\x00\x30\x12\x93\x6a\x7a\x6a\x69\x17\x4e\x12\x91\x0c\x30\x50\xd6\x33\x7e\x2e\xe4\x8a\x70\xa1\x21\x73\xd1\xb7\xe2")

func TestBzip2(t *testing.T) {
	got, err := collect(t, open(t, "a.bz2", bzip2Sample))
	if err != nil || got != "log line one\nlog line two\n" {
		t.Errorf("text = %q, %v", got, err)
	}
}

func TestBadInput(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	f := func(path, want string) {
		t.Helper()
		d, err := Open(path, nil)
		if err == nil {
			d.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("Open(%s) error = %v, want the path and %q", path, err, want)
		}
	}
	f(filepath.Join(dir, "missing.log"), "no such file")
	f(dir, "it is a directory")
	f(write("empty.log", nil), "it is empty")
	f(write("empty.gz", gzipped(t, "")), "it is empty")
	f(write("short.gz", gzipped(t, "x")[:5]), "cut off")
	f(write("a.zip", []byte("PK\x03\x04...")), "unpack it first")
	// xz header whose first block asks for a dictionary of 4 GiB
	f(write("bomb.xz", append([]byte("\xfd7zXZ\x00\x00\x04\xe6\xd6\xb4\x46\x02\x00\x21\x01\x28\x00"), make([]byte, 64)...)), "more than the 128 MiB allowed")
	if _, err := Open(Stdin, nil); err == nil {
		t.Error("Open(stdin) without one is accepted")
	}
	if _, err := Open(Stdin, strings.NewReader("")); !errors.Is(err, ErrEmpty) {
		t.Errorf("Open(stdin) of nothing error = %v, want ErrEmpty", err)
	}
}

// A stream that is cut off keeps every whole line before the cut and says where
// it is. The line that was cut is not handed out: it may read as another one.
func TestTruncated(t *testing.T) {
	text := lines(5000)
	whole := gzipped(t, text)
	for _, n := range []int{20, 100, len(whole) / 3, len(whole) - 8, len(whole) - 1} {
		d := open(t, "a.gz", whole[:n])
		got, err := collect(t, d)
		var re *ReadError
		if !errors.As(err, &re) || !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), "cut off") {
			t.Fatalf("cut to %d bytes: error = %v, want a ReadError that says so", n, err)
		}
		if re.Offset != int64(len(got)) || !strings.HasPrefix(text, got) || got != "" && !strings.HasSuffix(got, "\n") {
			t.Errorf("cut to %d bytes: position %d after %d bytes of text", n, re.Offset, len(got))
		}
	}
}

func TestDamaged(t *testing.T) {
	whole := gzipped(t, lines(5000))
	copy(whole[len(whole)/2:], "garbage garbage garbage")
	_, err := collect(t, open(t, "a.gz", whole))
	if err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("error = %v, want it to say that the data is damaged", err)
	}
}

// Lines of every length around the bounds come out whole or as too long, and
// what follows them is not lost.
func TestLongLines(t *testing.T) {
	f := func(sizes ...int) {
		t.Helper()
		var text, want strings.Builder
		for _, n := range sizes {
			line := strings.Repeat("y", n)
			text.WriteString("before\n" + line + "\nafter\n")
			want.WriteString("before\n")
			if n > chunkSize-8 && n > MaxLine {
				fmt.Fprintf(&want, "<long %d>\n", n)
			} else {
				want.WriteString(line + "\n")
			}
			want.WriteString("after\n")
		}
		got, err := collect(t, open(t, "long.log", []byte(text.String())))
		normal := func(s string) string { // a long line that fits a chunk may come either way
			all := strings.Split(s, "\n")
			for i, line := range all {
				if len(line) > MaxLine {
					all[i] = fmt.Sprintf("<long %d>", len(line))
				}
			}
			return strings.Join(all, "\n")
		}
		if err != nil || normal(got) != normal(want.String()) {
			t.Errorf("lines of %v bytes: %d bytes, %v; want %d", sizes, len(got), err, want.Len())
		}
	}
	f(MaxLine-1, MaxLine, MaxLine+1)
	f(chunkSize-20, chunkSize-1, chunkSize, chunkSize+1, 2*chunkSize, 2*chunkSize+7)
	f(3 << 20)
	for range 5 {
		f(rand.IntN(4*chunkSize), rand.IntN(4*chunkSize), rand.IntN(4*chunkSize))
	}
	got, err := collect(t, open(t, "end.log", bytes.Repeat([]byte("y"), 1<<20))) // no line ending at all
	if err != nil || got != "<long 1048576>\n" {
		t.Errorf("a line without an ending: %.40q, %v", got, err)
	}
}

// endless gives one line of any length in no memory.
type endless struct{ left int64 }

func (e *endless) Read(p []byte) (int, error) {
	if e.left <= 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), e.left)
	for i := range p[:n] {
		p[i] = 'z'
	}
	e.left -= n
	return int(n), nil
}

func TestEndlessLine(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 256 MiB")
	}
	d, err := Open(Stdin, &endless{left: 1 << 28})
	if err != nil {
		t.Fatal(err)
	}
	allocs := testing.Benchmark(func(b *testing.B) {
		b.Helper()
		if b.N > 1 {
			return
		}
		var got []Chunk
		b.ReportAllocs()
		if err := d.Chunks(t.Context(), func(c Chunk) error { got = append(got, c); return nil }); err != nil {
			t.Error(err)
		}
		if len(got) != 1 || got[0].Long != 1<<28 || len(got[0].Text) != keepLong {
			t.Errorf("chunks %d, want one long line", len(got))
		}
	})
	if allocs.MemBytes > 4<<20 {
		t.Errorf("a line of 256 MiB takes %d bytes of memory", allocs.MemBytes)
	}
}

// What a live source has written is handed out while it pauses.
func TestLive(t *testing.T) {
	r, w := io.Pipe()
	go write(t, w, "one\ntwo\nthr")
	d, err := Open(Stdin, r)
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 10)
	done := make(chan error, 1)
	go func() {
		done <- d.Chunks(context.Background(), func(c Chunk) error { got <- c.Text; return nil })
	}()
	if s := <-got; s != "one\ntwo\n" {
		t.Errorf("chunk = %q while the source pauses, want the two whole lines", s)
	}
	write(t, w, "ee\n")
	w.Close()
	if s := <-got; s != "three\n" {
		t.Errorf("chunk = %q, want the rest", s)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestChunksStops(t *testing.T) {
	d := open(t, "a.log", []byte(lines(20_000)))
	want := errors.New("enough")
	if err := d.Chunks(t.Context(), func(Chunk) error { return want }); !errors.Is(err, want) {
		t.Errorf("Chunks() error = %v, want that of yield", err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	r, w := io.Pipe()
	defer w.Close()
	go write(t, w, "a line\nand more")
	live, err := Open(Stdin, r)
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(10*time.Millisecond, func() { cancel(want) })
	if err := live.Chunks(ctx, func(Chunk) error { return nil }); !errors.Is(err, want) {
		t.Errorf("Chunks() error = %v, want why ctx ended", err)
	}
}

func TestBinary(t *testing.T) {
	f := func(in string, want int) {
		t.Helper()
		if got := Binary([]byte(in)); got != want {
			t.Errorf("Binary(%q) = %d, want %d", in, got, want)
		}
	}
	f("Jun  8 \tx\r\n", -1)
	f("caf\xe9", -1)
	f("\x1b[31mred", -1)
	f("ab\x00c", 2)
	f("", -1)
}

func BenchmarkChunks(b *testing.B) {
	text := []byte(lines(50_000))
	path := filepath.Join(b.TempDir(), "a.log")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		d, err := Open(path, nil)
		if err != nil {
			b.Fatal(err)
		}
		if err := d.Chunks(b.Context(), func(Chunk) error { return nil }); err != nil {
			b.Fatal(err)
		}
		d.Close()
	}
}
