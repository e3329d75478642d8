package chdb

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// exception is an error as ClickHouse states it: a number, a text, and usually the number's name.
type exception struct {
	code int
	text string
	name string
}

func (e *exception) Error() string {
	s := fmt.Sprintf("Code: %d. DB::Exception: %s", e.code, e.text)
	if e.name != "" {
		s += " (" + e.name + ")"
	}
	return s
}

// Exceptions this front makes itself, under ClickHouse's numbers.
func errSyntax(text string) error       { return &exception{62, text, "SYNTAX_ERROR"} }
func errNotSupported(text string) error { return &exception{48, text, "NOT_IMPLEMENTED"} }
func errReadOnly(text string) error     { return &exception{164, text, "READONLY"} }
func errDenied(text string) error       { return &exception{497, text, "ACCESS_DENIED"} }
func errBadRequest(text string) error   { return &exception{36, text, "BAD_ARGUMENTS"} }

var (
	exceptionStart = regexp.MustCompile(`^(?:Code: (\d+)\. DB::Exception: )+`)
	exceptionEnd   = regexp.MustCompile(`\s(?:\(version [^()]*\)\.?|\(([A-Z][A-Z0-9_]*)\))\s*$`)
)

// parseException reads the engine's error text. Errors of inner layers arrive wrapped in the same
// form two or three times over; the wrapping goes.
func parseException(text string) error {
	start := exceptionStart.FindStringSubmatch(text)
	if start == nil {
		return &exception{1002, strings.TrimSpace(text), "UNKNOWN_EXCEPTION"}
	}
	code, err := strconv.Atoi(start[1])
	if err != nil {
		code = 1002
	}
	e := &exception{code: code, text: text[len(start[0]):]}
	for {
		end := exceptionEnd.FindStringSubmatchIndex(e.text)
		if end == nil {
			break
		}
		if end[2] >= 0 {
			e.name = e.text[end[2]:end[3]]
		}
		e.text = e.text[:end[0]]
	}
	e.text = strings.TrimSpace(e.text)
	return e
}

// status is the HTTP status ClickHouse sends with an error number.
func (e *exception) status() int {
	switch e.code {
	case 194: // REQUIRED_PASSWORD
		return http.StatusUnauthorized
	case 192, 193, 497, 516: // unknown user, wrong password, access denied, authentication failed
		return http.StatusForbidden
	case 6, 7, 26, 27, 28, 32, 33, 36, 38, 41, 43, 44, 53, 62, 67, 69, 70, 72, 117, 130, 131, 168, 171, 441, 456, 457:
		return http.StatusBadRequest // the statement or its data does not parse or fit
	case 16, 46, 47, 50, 56, 60, 63, 73, 81, 83, 115:
		return http.StatusNotFound // an unknown table, database, column, function, setting …
	case 48: // NOT_IMPLEMENTED
		return http.StatusNotImplemented
	case 202, 209, 439: // too many statements, timeouts, no thread
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}
