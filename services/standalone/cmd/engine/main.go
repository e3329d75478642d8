// Command engine is the embedded ClickHouse as a program of its own: tests start it, and anybody
// who wants to look into a data directory without the rest.
package main

import (
	"context"
	"os"

	"github.com/whoknocks/whoknocks/services/internal/run"
	"github.com/whoknocks/whoknocks/services/standalone/internal/chdb"
)

func main() {
	run.Main("engine", func(ctx context.Context) error {
		cmd := chdb.Command()
		cmd.SetArgs(os.Args[1:])
		return cmd.ExecuteContext(ctx)
	})
}
