package cli

import (
	"fmt"
	"io"
	"log/slog"
)

// LogConfig is the log section of a configuration.
type LogConfig struct {
	Level  slog.Level `koanf:"level" help:"debug, info, warn or error"`
	Format string     `koanf:"format" help:"text or json"`
}

// DefaultLogConfig logs at info as text.
func DefaultLogConfig() LogConfig { return LogConfig{Level: slog.LevelInfo, Format: "text"} }

// Validate checks the format.
func (c LogConfig) Validate() error {
	if c.Format != "text" && c.Format != "json" {
		return fmt.Errorf("format: want text or json, found %q", c.Format)
	}
	return nil
}

// NewLogger returns a logger that writes to w, which programs make stderr:
// stdout is for results.
func NewLogger(w io.Writer, c LogConfig) (*slog.Logger, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	options := &slog.HandlerOptions{Level: c.Level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options)), nil
	}
	return slog.New(slog.NewTextHandler(w, options)), nil
}
