package command

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/whoknocks/whoknocks/services/internal/run"
	"github.com/whoknocks/whoknocks/services/report"
	"github.com/whoknocks/whoknocks/services/standalone"
)

func (a *app) reportCommand() *cobra.Command {
	var (
		month, out string
		rows       int
	)
	cmd := &cobra.Command{
		Use:   "report --month YYYY-MM --out DIR",
		Short: "Make the page of a month, for publishing",
		Long: "report writes a month as a page that may be published: YYYY-MM.html, which needs no other file, YYYY-MM.md, and\n" +
			"the tables of owners and sources as CSV. Sources have a letter for what is hidden of their addresses, times are\n" +
			"days, and nothing tells of your own addresses, sensors or log lines. If a whole address would show, whosever it\n" +
			"is, nothing is written. With --out - all files come to stdout, as a tar archive.",
		Example: `  whoknocks report --month 2012-04 --out public
  whoknocks report --month 2012-04 --out public --limit 20
  whoknocks report --month 2012-04 --out - | ssh www tar -x -C /srv/www/knocks`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if month == "" || out == "" {
				return run.Usage(errors.New("--month and --out are needed"))
			}
			first, _, err := report.Month(month)
			if err != nil {
				return run.Usage(fmt.Errorf("--month: %w", err))
			}
			if rows < 0 {
				return run.Usage(fmt.Errorf("--limit %d: want 0 or more", rows))
			}
			return a.with(cmd.Context(), standalone.Database, nil, func(ctx context.Context, s *session) error {
				published, err := report.NewReader(s.db.Conn()).Publish(ctx, first, rows)
				if err != nil {
					return err
				}
				files, err := published.Files()
				if err != nil {
					return err
				}
				if out == "-" {
					return archive(a.out, files, published.AsOf)
				}
				return a.write(out, files)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&month, "month", "", "the month, as `YYYY-MM`")
	flags.StringVar(&out, "out", "", "the `directory` to write to, made if it is not there; - is stdout")
	flags.IntVar(&rows, "limit", 200, "at most this `number` of rows of each table of the page (0 is all); CSV has all, up to 100,000")
	return cmd
}

// write puts files into a directory, each of them whole or not at all, and prints
// their names.
func (a *app) write(dir string, files []report.File) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, f := range files {
		name := filepath.Join(dir, f.Name)
		if err := os.WriteFile(name+".new", f.Body, 0o644); err != nil {
			return err
		}
		if err := os.Rename(name+".new", name); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(a.out, name); err != nil {
			return err
		}
	}
	return nil
}

// archive writes files as a tar archive.
func archive(w io.Writer, files []report.File, at time.Time) error {
	t := tar.NewWriter(w)
	for _, f := range files {
		if err := t.WriteHeader(&tar.Header{Name: f.Name, Mode: 0o644, Size: int64(len(f.Body)), ModTime: at.Truncate(time.Second)}); err != nil {
			return err
		}
		if _, err := t.Write(f.Body); err != nil {
			return err
		}
	}
	return t.Close()
}
