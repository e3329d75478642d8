package input

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const head5322 = "From: a@example.net\r\nTo: b@example.net\r\nDate: Tue, 14 Feb 2012 12:00:00 +0100\r\n"

// each returns the texts of the documents in content, and their names.
func each(t *testing.T, content string) (texts, names []string, err error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	var reopener Reopener
	defer reopener.Close()
	err = Each(path, nil, func(d *Document) error {
		var b strings.Builder
		err := d.Chunks(t.Context(), func(c Chunk) error { b.WriteString(c.Text); return nil })
		texts, names = append(texts, b.String()), append(names, filepath.Base(d.Name))
		if d.Mail && !d.Date().Equal(time.Date(2012, 2, 14, 11, 0, 0, 0, time.UTC)) {
			t.Errorf("Date() = %v", d.Date())
		}
		again, rerr := reopener.Open(d.Path)
		if rerr != nil {
			t.Errorf("Open(%s): %v", d.Path, rerr)
		} else if again.Name != d.Name {
			t.Errorf("Open(%s) = %s", d.Path, again.Name)
		}
		return err
	})
	return texts, names, err
}

func TestEach(t *testing.T) {
	f := func(content string, want ...string) {
		t.Helper()
		got, _, err := each(t, content)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("Each(%q) = %v mismatch (-want +got):\n%s", content, err, diff)
		}
	}
	f("plain log\n", "plain log\n")
	f("Date: not a mail\n", "Date: not a mail\n")
	f("2012-04-15 10:00:00 From: x To: y\n", "2012-04-15 10:00:00 From: x To: y\n")
	f(head5322+"\r\nline 1\r\nline 2\r\n", "line 1\r\nline 2\r\n")
	f(head5322+"Content-Transfer-Encoding: quoted-printable\r\n\r\nline=20=3D1", "line =1\n")
	f(head5322+"Content-Transfer-Encoding: base64\r\n\r\nbGluZQ==\r\n", "line\n")
	f(head5322+"Content-Type: text/plain; charset=iso-8859-1\r\n\r\n\xe4\r\n", "ä\r\n")
	f(head5322+"Content-Type: text/plain; charset=martian\r\n\r\nline\r\n", "line\r\n")
	f(head5322+"Content-Type: text/html\r\n\r\n<html><style>x</style><p>line&nbsp;1</p>line&lt;2<br>3</html>\r\n", "line 1\nline<2\n3\n")
	f(head5322+"Content-Type: multipart/alternative; boundary=X\r\n\r\n--X\r\nContent-Type: text/html\r\n\r\n<p>page</p>\r\n--X\r\nContent-Type: text/plain\r\n\r\nplain\r\n--X--\r\n", "plain\n")
	f(head5322+"Content-Type: multipart/mixed; boundary=X\r\n\r\n--X\r\nContent-Type: text/plain\r\n\r\nbody\r\n--X\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=a.log\r\n\r\nattached\r\n--X\r\nContent-Type: image/png\r\n\r\nno\r\n--X--\r\n", "body\nattached\n")
	f(head5322+"Content-Type: multipart/mixed; boundary=X\r\n\r\n--X\r\n\r\nHello\r\nline 1\r\nline 2\r\n\r\n--X\r\nContent-Disposition: attachment; filename=a.log\r\n\r\nline 1\nline 2\n\r\n--X\r\n\r\nline 3\r\n--X--\r\n", "Hello\r\nline 1\r\nline 2\r\nline 3\n")
	f(head5322+"Content-Type: multipart/mixed; boundary=X\r\n\r\n--X\r\n\r\nline 1\r\n--X\r\n\r\nline 1\r\nline 2\r\n--X--\r\n", "line 1\r\nline 2\n")
	long := strings.Repeat("x", 100<<10)
	f("From a Tue Feb 14 12:00:00 2012\n"+head5322+"\n"+long+"\n\nFrom a Tue Feb 14 12:00:00 2012\n"+head5322+"\nline 2\n", long+"\r\n", "line 2\r\n")
	box := "From a Tue Feb 14 12:00:00 2012\n" + head5322 + "\n>From here\nline 1\n\nFrom a Tue Feb 14 12:00:00 2012\n" + head5322 + "\nline 2\n"
	f(box, "From here\r\nline 1\r\n", "line 2\r\n")
	if _, names, _ := each(t, box); len(names) != 2 || names[1] != "file#2" {
		t.Errorf("names of mails = %q", names)
	}
}

func TestEachBad(t *testing.T) {
	f := func(content, want string, texts int) {
		t.Helper()
		got, _, err := each(t, content)
		if err == nil || !strings.Contains(err.Error(), want) || len(got) != texts {
			t.Errorf("Each(%.80q) = %q, %v; want %d texts and %q", content, got, err, texts, want)
		}
	}
	f(head5322+"\r\n", "no text", 0)
	f(head5322+"Content-Type: multipart/mixed; boundary=X\r\n\r\n--X\r\nContent-Type: text/plain\r\n\r\ncut", "damaged", 0)
	f(head5322+"Content-Type: multipart/mixed; boundary=X\r\n\r\n--X\r\nContent-Type: text/plain\r\n\r\nline 1\r\ncut", "damaged", 1)
	f("From a Tue Feb 14 12:00:00 2012\n"+head5322+"Content-Type: multipart/mixed; boundary=X\n\n--X\n\nFrom a Tue Feb 14 12:00:00 2012\n"+head5322+"\nline 2\n", "#1: the mail is damaged", 1)
	if _, err := new(Reopener).Open("no/box#1"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Open() of a mail in no mailbox = %v", err)
	}
	deep := head5322
	for range 200 {
		deep += "Content-Type: multipart/mixed; boundary=X\r\n\r\n--X\r\n"
	}
	f(deep, "", 0)
	stopped := errors.New("enough")
	calls := 0
	path := filepath.Join(t.TempDir(), "box")
	if err := os.WriteFile(path, []byte(strings.Repeat("From a Tue Feb 14 12:00:00 2012\n"+head5322+"\nline\n\n", 3)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Each(path, nil, func(*Document) error { calls++; return Stop(stopped) }); !errors.Is(err, stopped) || calls != 1 {
		t.Errorf("Each() = %v after %d calls, want it stopped", err, calls)
	}
}

// No mail makes the reader panic or hang.
func FuzzMail(f *testing.F) {
	f.Add(head5322 + "\r\nline\r\n")
	f.Add(head5322 + "Content-Type: multipart/mixed; boundary=X\r\n\r\n--X\r\nContent-Type: text/html\r\n\r\n<p>a<br>b\r\n--X--\r\n")
	f.Add("From a Tue Feb 14 12:00:00 2012\n" + head5322 + "Content-Transfer-Encoding: base64\n\nbGluZQ==\n")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, content string) {
		path := filepath.Join(dir, "mail")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		n := 0
		_ = Each(path, nil, func(d *Document) error {
			if n++; n > len(content) {
				t.Fatal("more documents than bytes")
			}
			return d.Chunks(t.Context(), func(Chunk) error { return nil })
		})
	})
}
