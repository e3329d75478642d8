// Command standalone is the binary whoknocks: every service, the bus and the
// engine in one process tree, and the command line over them.
package main

import (
	"context"
	"os"

	"github.com/whoknocks/whoknocks/services/internal/run"
	"github.com/whoknocks/whoknocks/services/standalone/internal/command"
)

func main() {
	run.Main("whoknocks", func(ctx context.Context) error {
		return command.Execute(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	})
}
