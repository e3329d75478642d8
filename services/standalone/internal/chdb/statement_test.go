package chdb

import "testing"

func TestParseStatementOutput(t *testing.T) {
	f := func(sql, head, format, tail string) {
		t.Helper()
		st := parseStatement(sql)
		if st.insert || st.head != head || st.format != format || st.tail != tail {
			t.Errorf("parseStatement(%q) = head %q, format %q, tail %q, insert %v", sql, st.head, st.format, st.tail, st.insert)
		}
	}
	f("SELECT 1", "SELECT 1", "", "")
	f(" SELECT 1 ; -- end", " SELECT 1", "", "")
	f("SELECT 1;;", "SELECT 1", "", "")
	f("SELECT 1 format JSON", "SELECT 1 ", "JSON", "format JSON")
	f("SELECT 1 FORMAT JSON SETTINGS max_threads = 1", "SELECT 1 ", "JSON", "FORMAT JSON SETTINGS max_threads = 1")
	f("SELECT 1 SETTINGS max_threads = 1 FORMAT JSON;", "SELECT 1 SETTINGS max_threads = 1 ", "JSON", "FORMAT JSON")
	f("SELECT 'x FORMAT JSON'", "SELECT 'x FORMAT JSON'", "", "")
	f("SELECT `FORMAT` FROM t -- FORMAT JSON", "SELECT `FORMAT` FROM t", "", "")
	f("SELECT format FROM t", "SELECT format FROM t", "", "")
	f("SELECT a AS format FORMAT CSV", "SELECT a AS format ", "CSV", "FORMAT CSV")
	f("SELECT a AS format", "SELECT a AS format", "", "")
	f("SELECT * FROM (SELECT 1 FORMAT JSON)", "SELECT * FROM (SELECT 1 FORMAT JSON)", "", "")
	f("SELECT * FROM format(CSV, 'a')", "SELECT * FROM format(CSV, 'a')", "", "")
	f("SELECT $x$ FORMAT JSON ' $x$ FORMAT TSV", "SELECT $x$ FORMAT JSON ' $x$ ", "TSV", "FORMAT TSV")
	f(`SELECT 'it''s \' FORMAT a' /* FORMAT b */ FORMAT c`, `SELECT 'it''s \' FORMAT a' /* FORMAT b */ `, "c", "FORMAT c")
	f("INSERT INTO t SELECT 1", "INSERT INTO t SELECT 1", "", "")
	f("INSERT INTO t (a) WITH x AS (SELECT 1) SELECT * FROM x", "INSERT INTO t (a) WITH x AS (SELECT 1) SELECT * FROM x", "", "")
	f("INSERT INTO t (SELECT 1)", "INSERT INTO t (SELECT 1)", "", "")
	f("INSERT INTO t FROM INFILE 'x' FORMAT CSV", "INSERT INTO t FROM INFILE 'x' ", "CSV", "FORMAT CSV")
	f("INSERT INTO t; DROP TABLE t; INSERT INTO t VALUES (1)", "INSERT INTO t; DROP TABLE t; INSERT INTO t VALUES (1)", "", "")
	f("", "", "", "")
	f("-- nothing", "", "", "")
	f("SELECT 'open", "SELECT 'open", "", "")
	f("FORMAT JSON", "FORMAT JSON", "", "")
}

func TestParseStatementInsert(t *testing.T) {
	f := func(sql, head, format, data string) {
		t.Helper()
		st := parseStatement(sql)
		if !st.insert || st.head != head || st.format != format || st.tail != data {
			t.Errorf("parseStatement(%q) = head %q, format %q, data %q, insert %v", sql, st.head, st.format, st.tail, st.insert)
		}
	}
	f("INSERT INTO t VALUES (1), (2)", "INSERT INTO t ", "Values", " (1), (2)")
	f("insert into d.t (a, b) values", "insert into d.t (a, b) ", "Values", "")
	f("INSERT INTO t FORMAT Native", "INSERT INTO t ", "Native", "")
	f("INSERT INTO t FORMAT Native\n\n\x00", "INSERT INTO t ", "Native", "\n\x00")
	f("INSERT INTO t (format, values) SETTINGS a = 1 FORMAT JSONEachRow {\"a\": 1}", "INSERT INTO t (format, values) SETTINGS a = 1 ", "JSONEachRow", "{\"a\": 1}")
	f("INSERT INTO format VALUES (1)", "INSERT INTO format ", "Values", " (1)")
	f("INSERT INTO `a b`.`values` (x) VALUES (1)", "INSERT INTO `a b`.`values` (x) ", "Values", " (1)")
	f("INSERT INTO TABLE FUNCTION null('a UInt8') VALUES (1)", "INSERT INTO TABLE FUNCTION null('a UInt8') ", "Values", " (1)")
	f("INSERT INTO t", "INSERT INTO t", "", "")
	f("/* hello */ INSERT INTO t (a) -- c\nFORMAT TSV\r\n1", "/* hello */ INSERT INTO t (a) -- c\n", "TSV", "1")
}

func FuzzParseStatement(f *testing.F) {
	for _, s := range []string{"SELECT 1 FORMAT JSON", "INSERT INTO t (a) VALUES (1)", "SELECT 'a\\'", "$a$", "/*", "((", "))"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		st := parseStatement(sql)
		if !st.insert && st.head+st.tail != st.text {
			t.Errorf("parseStatement(%q) lost text: %q and %q", sql, st.head, st.tail)
		}
	})
}
