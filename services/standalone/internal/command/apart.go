//go:build apart

package command

import "github.com/spf13/cobra"

func hidden() []*cobra.Command { return nil }
