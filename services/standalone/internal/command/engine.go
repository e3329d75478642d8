//go:build !apart

package command

import (
	"github.com/spf13/cobra"

	"github.com/whoknocks/whoknocks/services/standalone/internal/chdb"
)

func hidden() []*cobra.Command { return []*cobra.Command{engineCommand()} }

// engineCommand is what the supervisor starts; nobody needs to.
func engineCommand() *cobra.Command {
	cmd := chdb.Command()
	cmd.Hidden = true
	return cmd
}
