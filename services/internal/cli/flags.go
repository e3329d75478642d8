package cli

import (
	"github.com/spf13/cobra"

	"github.com/whoknocks/whoknocks/services/internal/config"
	"github.com/whoknocks/whoknocks/services/internal/run"
)

// Flags are the flags that say where the configuration comes from. The zero
// value is ready for Register.
type Flags struct {
	File      string
	Sets      []string
	LogLevel  string
	LogFormat string
}

// Register adds the flags to cmd and its subcommands.
func (f *Flags) Register(cmd *cobra.Command) {
	flags := cmd.PersistentFlags()
	flags.StringVar(&f.File, "config", "", "YAML configuration file (default $"+EnvConfig+")")
	flags.StringArrayVar(&f.Sets, "set", nil, "override one setting, as section.key=value (repeatable)")
	flags.StringVar(&f.LogLevel, "log-level", "", "debug, info, warn or error: short for --set log.level")
	flags.StringVar(&f.LogFormat, "log-format", "", "text or json: short for --set log.format")
}

// Load fills dst, which holds the defaults and has the section log, from the
// file, env and flags; a mistake is a usage error.
func (f *Flags) Load(dst any, env []string) error {
	file := f.File
	if file == "" {
		file = lookup(env, EnvConfig)
	}
	sets := f.Sets
	if f.LogLevel != "" {
		sets = append(sets[:len(sets):len(sets)], "log.level="+f.LogLevel)
	}
	if f.LogFormat != "" {
		sets = append(sets[:len(sets):len(sets)], "log.format="+f.LogFormat)
	}
	return run.Usage(config.Load(dst, file, env, sets))
}

// lookup returns the last value of name in env, as the system does.
func lookup(env []string, name string) string {
	for i := len(env) - 1; i >= 0; i-- {
		if len(env[i]) > len(name) && env[i][len(name)] == '=' && env[i][:len(name)] == name {
			return env[i][len(name)+1:]
		}
	}
	return ""
}
