package whois

import (
	"os"
	"path/filepath"
	"testing"
)

// fixture reads a reply from the parser's test data.
func fixture(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("reply", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
