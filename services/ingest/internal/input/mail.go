package input

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/mail"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-mbox"
	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset" // mails are in any
)

const (
	// maxMail bounds the text that is taken of one mail; a router's log is a
	// hundredth of that.
	maxMail = 32 << 20
	// maxParts bounds the parts of one mail that are looked at.
	maxParts = 100
)

// Each opens path as Open does and calls yield with each document in it: with
// every mail of a mailbox, or of a file that is one mail, and otherwise with the
// one that the file is. It closes them. Errors of yield are joined; what comes
// after a mail that cannot be read is read all the same.
func Each(path string, stdin io.Reader, yield func(*Document) error) error {
	d, err := Open(path, stdin)
	if err != nil {
		return err
	}
	defer d.Close()
	switch head := d.Head(); {
	case isMailbox(head):
		return d.mailbox(yield)
	case isMail(head):
		m, err := d.mail(d.source, 0)
		if m != nil {
			err = errors.Join(yield(m), err)
		}
		return err
	}
	return yield(d)
}

// Reopener opens documents again by the Path that they had, of mails in a mailbox
// too: those are quick in the order in which they stand. It serves one goroutine.
type Reopener struct {
	box    *Document // that was opened last
	stored os.FileInfo
	mails  *mbox.Reader
	number int // of the mail that was read last
}

// Open opens the document that had this Path.
func (r *Reopener) Open(path string) (*Document, error) {
	d, err := Open(path, nil)
	box, number, ok := cutNumber(path)
	if err == nil || !ok {
		if err == nil && isMail(d.Head()) {
			defer d.Close()
			return undamaged(d.mail(d.source, 0))
		}
		return d, err
	}
	if err := r.turn(box, number); err != nil {
		return nil, err
	}
	for {
		m, err := r.mails.NextMessage()
		if err != nil {
			r.Close()
			return nil, fmt.Errorf("read %s: mail %d: %w", box, number, err)
		}
		if r.number++; r.number == number {
			return undamaged(r.box.mail(m, number))
		}
	}
}

// undamaged passes over what was told before.
func undamaged(m *Document, err error) (*Document, error) {
	if m != nil {
		return m, nil
	}
	return nil, err
}

// turn opens the mailbox, unless it is open before the mail.
func (r *Reopener) turn(box string, number int) error {
	stored, err := os.Stat(box)
	if err != nil {
		return fileError("open", box, err)
	}
	if r.box != nil && r.box.Name == box && r.number < number && os.SameFile(stored, r.stored) {
		return nil
	}
	r.Close()
	d, err := Open(box, nil)
	if err != nil {
		return err
	}
	r.box, r.stored, r.mails, r.number = d, stored, mbox.NewReader(d.source), 0
	return nil
}

// Close closes the mailbox that is open, if any.
func (r *Reopener) Close() {
	if r.box != nil {
		_ = r.box.Close()
		r.box = nil
	}
}

// ByMailbox orders paths of documents such that Reopener is quick.
func ByMailbox(a, b string) int {
	x, m, _ := cutNumber(a)
	y, n, _ := cutNumber(b)
	return cmp.Or(strings.Compare(x, y), m-n)
}

// cutNumber cuts "#12" off the Path of a mail.
func cutNumber(path string) (box string, number int, ok bool) {
	i := strings.LastIndexByte(path, '#')
	if i < 0 {
		return path, 0, false
	}
	n, err := strconv.Atoi(path[i+1:])
	return path[:i], n, err == nil && n > 0
}

func (d *Document) mailbox(yield func(*Document) error) error {
	var errs []error
	messages := mbox.NewReader(d.source)
	for n := 1; ; n++ {
		r, err := messages.NextMessage()
		if errors.Is(err, io.EOF) {
			return errors.Join(errs...)
		}
		if err != nil {
			return errors.Join(append(errs, fmt.Errorf("read %s: mail %d: %w", d.Name, n, err))...)
		}
		m, err := d.mail(r, n)
		if errors.Is(err, ErrEmpty) {
			continue // pictures and the like
		}
		if m != nil {
			err = errors.Join(yield(m), err)
		}
		if errors.Is(err, errStop) {
			return errors.Join(append(errs, err)...)
		}
		errs = append(errs, err)
	}
}

// errStop is wrapped by an error of yield that ends Each.
var errStop = errors.New("stop")

// Stop makes of err one that ends Each.
func Stop(err error) error { return &stop{err} }

type stop struct{ error }

func (s *stop) Unwrap() []error { return []error{s.error, errStop} }

// mail makes a document of the text of one mail, the n-th of its mailbox. Of a
// damaged one there is a document as well as an error, if any text is left.
func (d *Document) mail(r io.Reader, n int) (*Document, error) {
	name, path := d.Name, d.Path
	if n > 0 {
		name += "#" + strconv.Itoa(n)
		if path != "" {
			path += "#" + strconv.Itoa(n)
		}
	}
	e, err := message.Read(io.LimitReader(r, 2*maxMail))
	if err != nil && (e == nil || !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err)) {
		return nil, fmt.Errorf("read %s: it is no mail: %w", name, err)
	}
	var found parts
	damage := found.read(e)
	text := found.join()
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, fmt.Errorf("read %s: %w", name, cmp.Or(damage, errNoText))
	}
	m := d.ofMail(name, path, text, dateOf(&e.Header, d.Modified))
	if damage != nil {
		damage = fmt.Errorf("read %s: %w", name, damage)
	}
	return m, damage
}

// errNoText is of a mail without any.
var errNoText = fmt.Errorf("the mail has no text: %w", ErrEmpty)

func (d *Document) ofMail(name, path string, text []byte, date time.Time) *Document {
	m := &Document{Name: name, Path: path, Size: int64(len(text)), Modified: date, Mail: true, text: text}
	m.source = bufio.NewReaderSize(&counter{r: bytes.NewReader(text), n: &m.read}, 64<<10)
	return m
}

// Again opens the document a second time, from its beginning; nil if it can be
// read only once.
func (d *Document) Again() (*Document, error) {
	switch {
	case d.text != nil:
		return d.ofMail(d.Name, d.Path, d.text, d.Modified), nil
	case d.tailed != nil:
		return d.tailedAgain()
	case d.Path == "":
		return nil, nil
	}
	return Open(d.Path, nil)
}

// dateOf is when the mail was written, or else when it was received.
func dateOf(h *message.Header, file time.Time) time.Time {
	if t, err := mail.ParseDate(h.Get("Date")); err == nil {
		return t
	}
	received := h.Get("Received")
	if i := strings.LastIndexByte(received, ';'); i >= 0 {
		if t, err := mail.ParseDate(strings.TrimSpace(received[i+1:])); err == nil {
			return t
		}
	}
	return file
}

// parts are the texts of a mail.
type parts struct {
	texts [][]byte
	size  int // of all that was read
	seen  int // parts that were looked at
}

// read adds the plain texts of a mail, attached ones too, or where there is none,
// what its HTML shows. With an error, what was read before it is there.
func (p *parts) read(e *message.Entity) error {
	if p.seen++; p.seen > maxParts {
		return errors.New("the mail has too many parts")
	}
	kind, _, err := e.Header.ContentType()
	if err != nil || kind == "" {
		kind = "text/plain"
	}
	many := e.MultipartReader()
	switch {
	case many != nil:
		return p.multipart(many)
	case kind == "text/html":
		var page bytes.Buffer
		err = shown(e.Body, &page)
		return p.add(page.Bytes(), err)
	case strings.HasPrefix(kind, "text/"), isLog(&e.Header):
		text, err := io.ReadAll(io.LimitReader(e.Body, maxMail+1))
		return p.add(text, err)
	}
	return nil
}

func (p *parts) multipart(many message.MultipartReader) error {
	html := parts{size: p.size}
	plain := len(p.texts)
	var failed error
	for failed == nil {
		part, err := many.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil && (part == nil || !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err)) {
			failed = fmt.Errorf("the mail is damaged: %w", err)
			break
		}
		to := p
		if kind, _, _ := part.Header.ContentType(); kind == "text/html" {
			to = &html
		}
		html.seen, html.size = p.seen, p.size
		failed = to.read(part)
		p.seen, p.size = max(p.seen, html.seen), max(p.size, html.size)
	}
	if len(p.texts) == plain {
		p.texts = append(p.texts, html.texts...)
	}
	return failed
}

// add takes one text. Of a damaged one, what stands behind the last line ending is
// left out.
func (p *parts) add(text []byte, err error) error {
	if err != nil {
		text, err = text[:bytes.LastIndexByte(text, '\n')+1], fmt.Errorf("the mail is damaged: %w", err)
	}
	if p.size += len(text); p.size > maxMail {
		return fmt.Errorf("the mail has more than %d bytes of text", maxMail)
	}
	p.texts = append(p.texts, text)
	return err
}

// join returns the texts one after the other, without those that another contains,
// whatever its line endings: routers send one log in the body and attached.
func (p *parts) join() []byte {
	plain := make([][]byte, len(p.texts))
	for i, text := range p.texts {
		plain[i] = bytes.TrimSpace(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")))
	}
	var out []byte
	for i, text := range p.texts {
		copied := false
		for j, other := range plain {
			longer := len(other) > len(plain[i]) || len(other) == len(plain[i]) && j < i
			copied = copied || longer && bytes.Contains(other, plain[i])
		}
		if copied {
			continue
		}
		if out = append(out, text...); len(text) > 0 && text[len(text)-1] != '\n' {
			out = append(out, '\n')
		}
	}
	return out
}

// isLog reports whether an attachment is a log by its name, whatever its type.
func isLog(h *message.Header) bool {
	_, params, err := h.ContentDisposition()
	if err != nil {
		return false
	}
	ext := strings.ToLower(filepath.Ext(params["filename"]))
	return ext == ".log" || ext == ".txt"
}

// isMailbox fits the beginning of an mbox file (RFC 4155).
func isMailbox(head []byte) bool {
	line, rest, ok := bytes.Cut(head, []byte("\n"))
	return ok && bytes.HasPrefix(line, []byte("From ")) && isMail(rest)
}

// isMail fits the beginning of a message with headers (RFC 5322): two of those
// that every mail has, among nothing but headers.
func isMail(head []byte) bool {
	known := 0
	for n := 0; n < 64; n++ {
		line, rest, ok := bytes.Cut(head, []byte("\n"))
		if !ok {
			break
		}
		head = rest
		line = bytes.TrimRight(line, "\r")
		if len(line) == 0 {
			break
		}
		if line[0] == ' ' || line[0] == '\t' {
			if n == 0 {
				return false
			}
			continue
		}
		name, _, ok := bytes.Cut(line, []byte(":"))
		if !ok || bytes.ContainsAny(name, " \t[](){}<>@,;\"/=") {
			return false
		}
		switch strings.ToLower(string(name)) {
		case "from", "to", "date", "subject", "received", "message-id", "return-path", "mime-version", "delivered-to", "content-type":
			known++
		}
	}
	return known >= 2
}
