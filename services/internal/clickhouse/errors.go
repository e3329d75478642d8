package clickhouse

import (
	"context"
	"errors"
	"strings"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/ClickHouse/clickhouse-go/v2/lib/proto"
)

// Trouble says what to do about an error of ClickHouse. It is also a metric
// label, so its values are few and stay as they are.
type Trouble string

// The troubles.
const (
	None       Trouble = ""
	Data       Trouble = "refused"    // the rows themselves are refused: the same rows will be refused again
	Overloaded Trouble = "overloaded" // too many parts or queries, out of memory, too slow: try again, slower
	Full       Trouble = "full"       // no space left: try again when somebody has made room
	Denied     Trouble = "denied"     // user, password or rights: somebody has to change the configuration
	Schema     Trouble = "schema"     // no such table or column: the database is not migrated, or by other code
	Ended      Trouble = "ended"      // the caller's context ended
	Away       Trouble = "away"       // everything else, mostly no answer: try again
)

// Refused reports whether the server understood the rows and refused them, so
// that sending the same rows again is useless. Every other error may heal.
func Refused(err error) bool { return Classify(err) == Data }

// Error codes of ClickHouse (ErrorCodes.cpp). They are never reused there.
const codeUnknownDatabase = 81

var troubles = map[int32]Trouble{
	6:   Data, // CANNOT_PARSE_TEXT
	25:  Data, // CANNOT_PARSE_ESCAPE_SEQUENCE
	26:  Data, // CANNOT_PARSE_QUOTED_STRING
	27:  Data, // CANNOT_PARSE_INPUT_ASSERTION_FAILED
	38:  Data, // CANNOT_PARSE_DATE
	41:  Data, // CANNOT_PARSE_DATETIME
	53:  Data, // TYPE_MISMATCH
	69:  Data, // ARGUMENT_OUT_OF_BOUND
	70:  Data, // CANNOT_CONVERT_TYPE
	72:  Data, // CANNOT_PARSE_NUMBER
	117: Data, // INCORRECT_DATA
	131: Data, // TOO_LARGE_STRING_SIZE
	190: Data, // SIZES_OF_ARRAYS_DONT_MATCH
	321: Data, // VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
	349: Data, // CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
	407: Data, // DECIMAL_OVERFLOW
	441: Data, // CANNOT_PARSE_DOMAIN_VALUE_FROM_STRING
	469: Data, // VIOLATED_CONSTRAINT
	675: Data, // CANNOT_PARSE_IPV4
	676: Data, // CANNOT_PARSE_IPV6
	691: Data, // UNKNOWN_ELEMENT_OF_ENUM

	159: Overloaded, // TIMEOUT_EXCEEDED
	160: Overloaded, // TOO_SLOW
	202: Overloaded, // TOO_MANY_SIMULTANEOUS_QUERIES
	203: Overloaded, // NO_FREE_CONNECTION
	241: Overloaded, // MEMORY_LIMIT_EXCEEDED
	252: Overloaded, // TOO_MANY_PARTS
	290: Overloaded, // LIMIT_EXCEEDED
	394: Overloaded, // QUERY_WAS_CANCELLED
	439: Overloaded, // CANNOT_SCHEDULE_TASK

	243: Full, // NOT_ENOUGH_SPACE

	164: Denied, // READONLY
	192: Denied, // UNKNOWN_USER
	193: Denied, // WRONG_PASSWORD
	194: Denied, // REQUIRED_PASSWORD
	195: Denied, // IP_ADDRESS_NOT_ALLOWED
	497: Denied, // ACCESS_DENIED
	516: Denied, // AUTHENTICATION_FAILED

	10:                  Schema, // NOT_FOUND_COLUMN_IN_BLOCK
	16:                  Schema, // NO_SUCH_COLUMN_IN_TABLE
	47:                  Schema, // UNKNOWN_IDENTIFIER
	60:                  Schema, // UNKNOWN_TABLE
	codeUnknownDatabase: Schema,
}

// Classify tells the trouble behind err, None for nil. An error that nobody has
// foreseen is Away: trying again loses nothing, giving rows up would.
func Classify(err error) Trouble {
	if err == nil {
		return None
	}
	if t, known := troubles[code(err)]; known {
		return t
	}
	if strings.Contains(err.Error(), "No space left on device") {
		return Full
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return Ended
	}
	var (
		convert *column.ColumnConverterError
		value   *column.Error
		block   *proto.BlockError
	)
	if errors.As(err, &convert) || errors.As(err, &value) || errors.As(err, &block) {
		return Data // the client itself cannot write such a value
	}
	return Away
}

// code is ClickHouse's number of the error, 0 if err is not ClickHouse's.
func code(err error) int32 {
	var e *driver.Exception
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}
