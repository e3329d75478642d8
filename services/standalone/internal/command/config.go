package command

import (
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/whoknocks/whoknocks/services/internal/config"
)

func (a *app) configCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "config",
		Short: "Check the configuration and print it, secrets hidden",
		Example: `  whoknocks config > whoknocks.yaml
  whoknocks config --set store.keep_lines=false`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			cfg, _, err := a.config(slog.LevelInfo)
			if err != nil {
				return err
			}
			return config.Dump(a.out, cfg)
		},
	}
}
