// Command standalone is the binary whoknocks: every service, the bus and the
// engine in one process tree, and the command line over them.
package main

import (
	"context"
	"os"

	"github.com/whoknocks/whoknocks/services/internal/run"
	"github.com/whoknocks/whoknocks/services/standalone/internal/command"
)

// The services and the bus keep their heap within a share of the machine's
// memory, as the engine, a process of its own, needs some as well, and within what
// makes an import no slower: the bus caches whatever it moved in the last seconds.
const (
	memoryShare = 0.4
	memoryMost  = 11 << 26 // 704 MiB
)

func main() {
	run.Main("whoknocks", func(ctx context.Context) error {
		if err := run.LimitMemory(memoryShare, memoryMost); err != nil {
			return err
		}
		return command.Execute(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	})
}
