// Package command is the command line of whoknocks. A command reads its flags,
// borrows what it needs from the data directory (see session.go), calls the
// service that knows, and prints; it has no knowledge of its own.
package command

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/pprof"

	"github.com/spf13/cobra"

	"github.com/whoknocks/whoknocks/services/internal/cli"
	"github.com/whoknocks/whoknocks/services/internal/run"
	"github.com/whoknocks/whoknocks/services/standalone"
	"github.com/whoknocks/whoknocks/services/standalone/internal/datadir"
)

// FileName is the configuration file looked for in the data directory.
const FileName = "whoknocks.yaml"

// app is what every command shares: the flags of the root and the streams.
type app struct {
	in       io.Reader
	out, err io.Writer

	data    string
	flags   cli.Flags
	profile string

	// running is set once the words of the command line were understood: an
	// error before that is a mistake of usage.
	running bool
}

// Execute runs one command line. Results go to stdout, everything else to
// stderr. A mistake in the words of the command line is marked with run.Usage.
func Execute(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	a := &app{in: stdin, out: stdout, err: stderr}
	root := a.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	pprof.StopCPUProfile()
	if err != nil && !a.running {
		return run.Usage(fmt.Errorf("%w (see whoknocks --help)", err))
	}
	return err
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "whoknocks",
		Short: "Who is knocking on my router, and why?",
		Long: "whoknocks reads router and firewall logs, finds out who owns each address that knocked,\n" +
			"and keeps the answer for years: one owner, not one address, and the likely cause.",
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			// cobra looks at these only afterwards, and they are mistakes of usage.
			if err := cmd.ValidateFlagGroups(); err != nil {
				return err
			}
			if a.data == "" {
				dir, err := datadir.Default()
				if err != nil {
					return err
				}
				a.data = dir
			}
			a.running = true
			if a.profile == "" {
				return nil
			}
			file, err := os.Create(a.profile) // closed with the process
			if err != nil {
				return err
			}
			return pprof.StartCPUProfile(file)
		},
	}
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.PersistentFlags().StringVar(&a.data, "data", "", "data `directory` (default $XDG_DATA_HOME/whoknocks)")
	root.PersistentFlags().StringVar(&a.profile, "cpuprofile", "", "write a CPU profile of the command to this `file`")
	_ = root.PersistentFlags().MarkHidden("cpuprofile")
	a.flags.Register(root)
	root.AddCommand(
		a.importCommand(), a.serveCommand(), a.ownersCommand(), a.sourcesCommand(), a.reportCommand(), a.rejectsCommand(),
		a.explainCommand(), a.sqlCommand(), a.lookupsCommand(), a.reattributeCommand(), a.forgetCommand(), a.verifyCommand(), a.configCommand(), a.setupCommand(),
	)
	root.AddCommand(hidden()...)
	return root
}

// config reads the configuration: defaults, then the file (the one named, or
// FileName in the data directory where there is one), environment and flags.
// A command logs warnings only unless it is told otherwise; serve says more.
func (a *app) config(level slog.Level) (standalone.Config, *slog.Logger, error) {
	if file := filepath.Join(a.data, FileName); a.flags.File == "" {
		if _, err := os.Stat(file); err == nil {
			a.flags.File = file
		}
	}
	cfg := standalone.DefaultConfig()
	cfg.Log.Level = level
	if err := a.flags.Load(&cfg, os.Environ()); err != nil {
		return cfg, nil, err
	}
	log, err := cli.NewLogger(a.err, cfg.Log)
	return cfg, log, err
}
