package input

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/mail"
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
		if err != nil {
			return err
		}
		return yield(m)
	}
	return yield(d)
}

// Reopen opens a document by the Path that it had: of a mail in a mailbox too.
func Reopen(path string) (*Document, error) {
	d, err := Open(path, nil)
	box, number, ok := cutNumber(path)
	if err == nil || !ok {
		if err == nil && isMail(d.Head()) {
			defer d.Close()
			return d.mail(d.source, 0)
		}
		return d, err
	}
	if d, err = Open(box, nil); err != nil {
		return nil, err
	}
	defer d.Close()
	messages := mbox.NewReader(d.source)
	for n := 1; ; n++ {
		m, err := messages.NextMessage()
		if err != nil {
			return nil, fmt.Errorf("read %s: mail %d: %w", box, number, err)
		}
		if n == number {
			return d.mail(m, n)
		}
	}
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
		if err == nil {
			err = yield(m)
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

// mail makes a document of the text of one mail, the n-th of its mailbox.
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
	var text bytes.Buffer
	parts := 0
	if err := texts(e, &text, &parts); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(bytes.TrimSpace(text.Bytes())) == 0 {
		return nil, fmt.Errorf("read %s: the mail has no text: %w", name, ErrEmpty)
	}
	m := &Document{Name: name, Path: path, Size: int64(text.Len()), Modified: dateOf(&e.Header, d.Modified), Mail: true, text: text.Bytes()}
	m.source = bufio.NewReaderSize(&counter{r: &text, n: &m.read}, 64<<10)
	return m, nil
}

// Again opens the document a second time, from its beginning; nil if it can be
// read only once.
func (d *Document) Again() (*Document, error) {
	switch {
	case d.text != nil:
		m := &Document{Name: d.Name, Path: d.Path, Size: d.Size, Modified: d.Modified, Mail: true, text: d.text}
		m.source = bufio.NewReaderSize(&counter{r: bytes.NewReader(d.text), n: &m.read}, 64<<10)
		return m, nil
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

// texts appends the plain texts of a mail, attached ones too, or where there is
// none, what its HTML shows.
func texts(e *message.Entity, out *bytes.Buffer, parts *int) error {
	if *parts++; *parts > maxParts {
		return errors.New("the mail has too many parts")
	}
	kind, _, err := e.Header.ContentType()
	if err != nil || kind == "" {
		kind = "text/plain"
	}
	if many := e.MultipartReader(); many != nil {
		plain := out.Len()
		var html bytes.Buffer
		for {
			part, err := many.NextPart()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil && (part == nil || !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err)) {
				return fmt.Errorf("the mail is damaged: %w", err)
			}
			to := out
			if kind, _, _ := part.Header.ContentType(); kind == "text/html" {
				to = &html
			}
			if err := texts(part, to, parts); err != nil {
				return err
			}
		}
		if out.Len() == plain {
			out.Write(html.Bytes())
		}
		return bounded(out)
	}
	switch {
	case kind == "text/html":
		if err := shown(e.Body, out); err != nil {
			return err
		}
	case strings.HasPrefix(kind, "text/"), isLog(&e.Header):
		if _, err := io.Copy(out, io.LimitReader(e.Body, maxMail+1)); err != nil {
			return fmt.Errorf("the mail is damaged: %w", err)
		}
	default:
		return nil
	}
	if n := out.Len(); n > 0 && out.Bytes()[n-1] != '\n' {
		out.WriteByte('\n')
	}
	return bounded(out)
}

func bounded(out *bytes.Buffer) error {
	if out.Len() > maxMail {
		return fmt.Errorf("the mail has more than %d bytes of text", maxMail)
	}
	return nil
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
