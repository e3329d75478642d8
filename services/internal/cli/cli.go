// Package cli is the shell around a service program: the flags they all have,
// reading the configuration, the logger, the ops listener and the health
// command. A service's main says what its configuration is and what to start.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	_ "time/tzdata" // images have no zones of their own, and logs are in local time

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"github.com/whoknocks/whoknocks/services/internal/config"
	"github.com/whoknocks/whoknocks/services/internal/ops"
	"github.com/whoknocks/whoknocks/services/internal/run"
)

// Version is which build this is; `make build` sets it.
var Version = "devel"

// EnvConfig names the environment variable that stands in for --config, so that
// a container's health command reads the same file as its service.
const EnvConfig = "WHOKNOCKS_CONFIG"

// Program describes a service program whose configuration is C: a struct with
// one section a package, such as `Bus bus.Config "koanf:\"bus\""`. The sections
// ops and log are added to it.
type Program[C any] struct {
	Name     string // one word, the name of the binary
	Short    string // what it does, in one line
	Example  string // for --help
	Defaults C
	// Run does the service's work and blocks until ctx ends, usually in
	// Process.Serve. The ops listener answers before it and after it.
	Run func(ctx context.Context, p *Process, cfg C) error
}

// Process is what Program.Run is given.
type Process struct {
	Log     *slog.Logger
	Metrics *prometheus.Registry
	Health  *ops.Health
}

// Serve starts the components in order, reports ready once all are, blocks
// until ctx ends or one fails, and stops them in reverse: run.All. Until then
// /readyz says that the program is starting.
func (p *Process) Serve(ctx context.Context, components ...run.Component) error {
	last := make(chan struct{})
	ready := run.Component{Name: "ready", Ready: last, Run: func(ctx context.Context) error {
		p.Health.Remove(starting)
		close(last)
		p.Log.Info("ready")
		<-ctx.Done()
		p.Health.Set(starting, func(context.Context) error { return errors.New("stopping") })
		return nil
	}}
	return run.All(ctx, p.Log, append(components, ready)...)
}

const starting = "start"

// settings is the whole configuration of a program.
type settings[C any] struct {
	Ops     ops.Config `koanf:"ops"`
	Log     LogConfig  `koanf:"log"`
	Program C          `koanf:",squash"`
}

// memoryShare is how much of its container's memory a service keeps its heap
// within; the rest is for stacks, the kernel's buffers and the page cache.
const memoryShare = 0.8

// Main runs the program with the process's arguments and exits.
func Main[C any](p Program[C]) {
	run.Main(p.Name, func(ctx context.Context) error {
		if err := run.LimitMemory(memoryShare, 0); err != nil {
			return err
		}
		return execute(ctx, p, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	})
}

func execute[C any](ctx context.Context, p Program[C], args, env []string, stdout, stderr io.Writer) error {
	cmd := command(p, env)
	cmd.SetArgs(args)
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	return cmd.ExecuteContext(ctx)
}

func command[C any](p Program[C], env []string) *cobra.Command {
	var flags Flags
	var check, dump bool
	load := func() (settings[C], error) {
		s := settings[C]{Ops: ops.DefaultConfig(), Log: DefaultLogConfig(), Program: p.Defaults}
		err := flags.Load(&s, env)
		return s, err
	}
	root := &cobra.Command{
		Use:           p.Name,
		Short:         p.Short,
		Example:       p.Example,
		Version:       Version,
		Args:          noArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := load()
			switch {
			case err != nil:
				return err
			case dump:
				return config.Dump(cmd.OutOrStdout(), s)
			case check:
				_, err := fmt.Fprintln(cmd.OutOrStdout(), "configuration is valid")
				return err
			}
			return serve(cmd.Context(), p, s, cmd.ErrOrStderr())
		},
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return run.Usage(err) })
	flags.Register(root)
	root.Flags().BoolVar(&check, "check", false, "check the configuration and exit")
	root.Flags().BoolVar(&dump, "dump", false, "print the configuration in force, secrets hidden, and exit")
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(&cobra.Command{
		Use:   "health",
		Short: "Ask the running program whether it is ready",
		Long:  "Ask the running program whether it is ready, over the address of its ops listener: exit code 0 if it is, 1 if not.",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := load()
			if err != nil {
				return err
			}
			return ops.Probe(cmd.Context(), s.Ops.Listen)
		},
	})
	return root
}

// serve runs the program between the start and the stop of its ops listener.
func serve[C any](ctx context.Context, p Program[C], s settings[C], stderr io.Writer) error {
	log, err := NewLogger(stderr, s.Log)
	if err != nil {
		return err
	}
	process := &Process{
		Log:     log.With("program", p.Name),
		Metrics: ops.NewRegistry(p.Name, Version),
		Health:  &ops.Health{},
	}
	process.Health.Set(starting, func(context.Context) error { return errors.New("starting") })
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// The listener outlives the work's context: it answers until the work ends.
	g := run.NewGroup(context.WithoutCancel(ctx), process.Log)
	if s.Ops.Listen != "" {
		listener, err := ops.New(s.Ops, process.Health, process.Metrics, process.Log)
		if err != nil {
			return err
		}
		process.Log.Info("started", "version", Version, "ops", listener.Addr())
		_ = g.Start(run.Component{Name: "ops", Run: func(opsCtx context.Context) error {
			defer cancel() // without it nobody can tell how the work is
			return listener.Run(opsCtx)
		}})
	}
	err = p.Run(ctx, process, s.Program)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		err = nil
	}
	return errors.Join(err, g.Stop())
}

func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return run.Usage(fmt.Errorf("unknown command %q for %q", args[0], cmd.CommandPath()))
	}
	return nil
}
