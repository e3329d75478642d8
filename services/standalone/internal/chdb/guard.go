package chdb

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// A reader's statement runs in the reader's role with readonly = 1. The role bars other databases,
// every function and table that reaches out of the engine (file, url, s3, remote, executable …) and
// `SELECT * FROM "/etc/passwd"`; readonly bars writes and settings. Neither bars what is listed
// here, measured on 26.7: check does.

// deniedFunctions read files or call out, and need no grant in the engine.
var deniedFunctions = regexp.MustCompile(`^(?i:file|ai[A-Z_]\w*|getClientHTTPHeader|catboostEvaluate)$`)

// astFunction finds the functions in the output of EXPLAIN AST.
var astFunction = regexp.MustCompile(`(?m)^ *Function (\S+)`)

// suspicious finds what may name a denied function. A name stands in the text as it
// is, but where a backslash in quotes or a parameter spells it.
var suspicious = regexp.MustCompile(`(?i:file|ai[A-Z_]|getClientHTTPHeader|catboostEvaluate|identifier|\\)`)

// checkReader refuses a statement of a reader that the engine would run and should not.
func checkReader(s *session, sql string, params []pair) error {
	count, class := s.classify(sql)
	switch {
	case count > 1:
		return errSyntax("Multi-statements are not allowed.")
	case class == classControl && strings.Contains(strings.ToUpper(sql), "OUTFILE"):
		return errDenied("INTO OUTFILE is not for readers.")
	case count == 1 && class != classRead:
		return errReadOnly("Cannot execute this statement in readonly mode: only SELECT, SHOW, DESCRIBE, EXPLAIN and EXISTS are for readers.")
	}
	if count == 1 && !suspicious.MatchString(sql) {
		return nil // what follows costs a millisecond or two
	}
	// It also gives the engine's own words for what does not parse.
	const prefix = "EXPLAIN AST "
	tree, _, err := s.query(prefix+sql, "TabSeparated", params)
	if err != nil {
		return shiftPosition(err, len(prefix))
	}
	if count != 1 {
		return errReadOnly("Cannot execute this statement in readonly mode: the engine does not say what it does.")
	}
	for _, m := range astFunction.FindAllSubmatch(tree, -1) {
		if deniedFunctions.Match(m[1]) {
			return errDenied(fmt.Sprintf("Function %s is not for readers.", m[1]))
		}
	}
	return nil
}

var position = regexp.MustCompile(`failed at position (\d+)`)

// shiftPosition makes a syntax error point into the text the client sent.
func shiftPosition(err error, by int) error {
	var e *exception
	if !errors.As(err, &e) {
		return err
	}
	e.text = position.ReplaceAllStringFunc(e.text, func(m string) string {
		at, err := strconv.Atoi(position.FindStringSubmatch(m)[1])
		if err != nil {
			return m
		}
		return "failed at position " + strconv.Itoa(max(at-by, 1))
	})
	return e
}

// readerSettings are those a reader may choose: how values are written, and what makes the answer
// another but not dearer.
var readerSettings = regexp.MustCompile(`^(?:output_format_\w+|format_csv_\w+|format_tsv_\w+|format_display_\w+|date_time_\w+_format|` +
	`session_timezone|extremes|final|join_use_nulls|group_by_use_nulls|log_comment|max_block_size|max_threads)$`)

// checkReaderSettings lets a reader lower a limit, not raise it.
func checkReaderSettings(settings []pair, limits Limits) error {
	for _, p := range settings {
		var limit float64
		switch p.name {
		case "max_execution_time":
			limit = limits.Time.Seconds()
		case "max_memory_usage":
			limit = float64(limits.Memory)
		case "max_result_rows":
			limit = float64(limits.Rows)
		case "readonly": // it is, whatever the client wants to be sure of
			continue
		default:
			if p.name == "output_format_schema" || !readerSettings.MatchString(p.name) {
				return errReadOnly(fmt.Sprintf("Cannot modify '%s' setting in readonly mode.", p.name))
			}
			continue
		}
		v, err := strconv.ParseFloat(p.value, 64)
		if err != nil || limit > 0 && (v <= 0 || v > limit) {
			return errReadOnly(fmt.Sprintf("Cannot set '%s' to more than %g in readonly mode.", p.name, limit))
		}
	}
	return nil
}
