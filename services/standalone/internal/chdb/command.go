package chdb

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/whoknocks/whoknocks/services/internal/assets"
)

// Command is Main as a command of a program: `engine --path DIR`. The Supervisor runs it with the
// listening socket as a file, the password as the first line of stdin, and an end of stdin for a
// stop, so that the engine never outlives its parent.
func Command() *cobra.Command {
	var (
		opts         Options
		listen       string
		passwordFile string
		stdin        bool
		temporary    bool
		level        slog.Level
	)
	cmd := &cobra.Command{
		Use:   "engine --path DIR [--listen ADDRESS]",
		Short: "Run the embedded ClickHouse alone, answering its HTTP interface",
		Example: `  engine --path ./data --listen 127.0.0.1:8123
  curl 127.0.0.1:8123 --data-binary 'SELECT version()'`,
		Args:         cobra.NoArgs,
		SilenceUsage: true, SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithCancel(cmd.Context())
			defer cancel()
			in := bufio.NewReader(cmd.InOrStdin())
			var err error
			if opts.Password, err = readPassword(in, passwordFile); err != nil {
				return err
			}
			if opts.Lib == "" {
				if opts.Lib, err = Find(); err != nil {
					return err
				}
			}
			if opts.Listener, err = openListener(listen); err != nil {
				return err
			}
			// A parent that died reads no log: writing one must not end the process before the engine is closed.
			signal.Ignore(syscall.SIGPIPE)
			if stdin {
				go func() {
					_, _ = io.Copy(io.Discard, in)
					cancel()
				}()
			}
			opts.Log = slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: level})).With("component", "engine")
			if temporary {
				defer removeAll(opts.Path)
			}
			return Main(ctx, opts)
		},
	}
	f := cmd.Flags()
	f.StringVar(&opts.Path, "path", "", "data directory, made when missing")
	f.StringVar(&opts.Lib, "lib", "", "libchdb.so or .dylib, 26.7 or later (default: what make deps fetched)")
	f.StringVar(&listen, "listen", "127.0.0.1:8123", "address to answer at, or fd:3 for a socket that was handed over")
	f.StringVar(&opts.User, "user", "whoknocks", "who may write")
	f.StringVar(&passwordFile, "password-file", "", "file with the password of --user in its first line, or - for stdin (default: nobody may write)")
	f.StringVar(&opts.Database, "database", "whoknocks", "the database readers are in; they may read others whose name begins so")
	f.Int64Var(&opts.MemoryLimit, "memory", 0, "limit for the whole engine, bytes (default: nine tenths of the machine's)")
	f.IntVar(&opts.Statements, "statements", 4, "statements of the writer run in parallel, and as many of readers")
	f.DurationVar(&opts.Reader.Time, "reader-time", 0, "run time of a reader's statement (default 1m)")
	f.Int64Var(&opts.Reader.Memory, "reader-memory", 0, "memory of a reader's statement, bytes (default: a quarter of --memory, or 1 GiB)")
	f.Int64Var(&opts.Reader.Rows, "reader-rows", 0, "rows of a reader's result (default 10 million)")
	f.DurationVar(&opts.DrainTime, "drain", 0, "how long running statements may go on after the stop (default 10s)")
	f.BoolVar(&temporary, "temporary", false, "remove the data directory after the stop")
	f.BoolVar(&stdin, "stop-at-eof", false, "stop when stdin ends")
	f.TextVar(&level, "log-level", slog.LevelInfo, "debug, info, warn or error")
	_ = cmd.MarkFlagRequired("path")
	return cmd
}

// Find returns the libchdb that make deps fetched for this platform.
func Find() (string, error) {
	platform := map[string]string{
		"linux/amd64": "linux-x64-gnu", "linux/arm64": "linux-arm64-gnu",
		"darwin/amd64": "darwin-x64", "darwin/arm64": "darwin-arm64",
	}[runtime.GOOS+"/"+runtime.GOARCH]
	if platform == "" {
		return "", fmt.Errorf("there is no embedded engine for %s on %s: name a ClickHouse server by its DSN", runtime.GOOS, runtime.GOARCH)
	}
	path, err := assets.Find("@chdb/lib-" + platform + "/libchdb.so")
	if err != nil {
		// The packages for macOS may name it as the system does.
		if other, err := assets.Find("@chdb/lib-" + platform + "/libchdb.dylib"); err == nil {
			return other, nil
		}
	}
	return path, err
}

// removeAll removes a folder in which the engine's last threads may still be tidying up.
func removeAll(dir string) {
	for range 20 {
		if os.RemoveAll(dir) == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func readPassword(stdin *bufio.Reader, file string) (string, error) {
	if file == "" {
		return "", nil
	}
	in := stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return "", fmt.Errorf("read the password: %w", err)
		}
		defer f.Close()
		in = bufio.NewReader(f)
	}
	line, err := in.ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the password: %w", err)
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", fmt.Errorf("read the password: %q has none in its first line", file)
	}
	return line, nil
}

func openListener(address string) (net.Listener, error) {
	fd, handed := strings.CutPrefix(address, "fd:")
	if !handed {
		return net.Listen("tcp", address)
	}
	n, err := strconv.Atoi(fd)
	if err != nil || n < 3 {
		return nil, fmt.Errorf("--listen %q: want fd: and a number from 3", address)
	}
	file := os.NewFile(uintptr(n), "listener")
	defer file.Close() // the listener has a copy
	return net.FileListener(file)
}
