package chdb

import (
	"errors"
	"testing"
)

func TestParseException(t *testing.T) {
	f := func(in, want string, status int) {
		t.Helper()
		var e *exception
		if !errors.As(parseException(in), &e) {
			t.Fatalf("parseException(%q) is no exception", in)
		}
		if e.Error() != want || e.status() != status {
			t.Errorf("parseException(%q) = %q with status %d, want %q with %d", in, e.Error(), e.status(), want, status)
		}
	}
	f("Code: 60. DB::Exception: Unknown table 'x'. (UNKNOWN_TABLE)", "Code: 60. DB::Exception: Unknown table 'x'. (UNKNOWN_TABLE)", 404)
	f("Code: 164. DB::Exception: Code: 164. DB::Exception: Cannot modify 'x' setting in readonly mode. (READONLY) (version 26.7.2.1). (READONLY)",
		"Code: 164. DB::Exception: Cannot modify 'x' setting in readonly mode. (READONLY)", 500)
	f("Code: 62. DB::Exception: Syntax error (line 1). (SYNTAX_ERROR)\n", "Code: 62. DB::Exception: Syntax error (line 1). (SYNTAX_ERROR)", 400)
	f("Code: 395. DB::Exception: two\nlines (of text): while executing. (X_Y)", "Code: 395. DB::Exception: two\nlines (of text): while executing. (X_Y)", 500)
	f("Code: 48. DB::Exception: no name here", "Code: 48. DB::Exception: no name here", 501)
	f("something else", "Code: 1002. DB::Exception: something else (UNKNOWN_EXCEPTION)", 500)
	f("Code: 99999999999999999999. DB::Exception: x", "Code: 1002. DB::Exception: x", 500)
	f("Code: 1. DB::Exception: ", "Code: 1. DB::Exception: ", 500)
}
