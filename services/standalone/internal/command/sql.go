package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/whoknocks/whoknocks/services/internal/clickhouse"
	"github.com/whoknocks/whoknocks/services/standalone"
)

// maxStatement is the most bytes of SQL read from stdin.
const maxStatement = 1 << 20

func (a *app) sqlCommand() *cobra.Command {
	var (
		format string
		write  bool
	)
	cmd := &cobra.Command{
		Use:   "sql QUERY",
		Short: "Ask the database in SQL",
		Long: "sql runs one statement on the database: table events, its views and roll-ups. It may only\n" +
			"read, within limits of time and memory, unless --write is given. - reads it from stdin.",
		Example: `  whoknocks sql "SELECT owner, sum(packets) FROM knocks GROUP BY owner ORDER BY 2 DESC LIMIT 10"
  whoknocks sql --format CSVWithNames "SELECT * FROM knocks WHERE dst_port = 23" > telnet.csv
  whoknocks sql "DESCRIBE events"`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			query := args[0]
			if query == "-" {
				text, err := io.ReadAll(io.LimitReader(a.in, maxStatement))
				if err != nil {
					return fmt.Errorf("read the statement from stdin: %w", err)
				}
				query = string(text)
			}
			return a.with(cmd.Context(), standalone.Database, nil, func(ctx context.Context, s *session) error {
				return s.sql(ctx, a.out, query, format, write)
			})
		},
	}
	cmd.Flags().StringVar(&format, "format", "PrettyCompact", "any ClickHouse output `format`, such as CSVWithNames or JSONEachRow")
	cmd.Flags().BoolVar(&write, "write", false, "let the statement change data")
	return cmd
}

// sql sends the statement over ClickHouse's HTTP interface and copies the answer,
// however long, to out: clickhouse-go has no way to ask for a text format.
func (s *session) sql(ctx context.Context, out io.Writer, query, format string, write bool) error {
	dsn, err := url.Parse(s.dsn)
	if err != nil {
		return errors.New("the DSN of the database is no URL")
	}
	if dsn.Scheme != "http" && dsn.Scheme != "https" {
		return fmt.Errorf("sql needs the HTTP interface of ClickHouse: name it in clickhouse.dsn as http://host:8123/%s, not %s://", clickhouse.DefaultDatabase, dsn.Scheme)
	}
	database := strings.Trim(dsn.Path, "/")
	if database == "" {
		database = clickhouse.DefaultDatabase
	}
	settings := url.Values{"default_format": {format}, "database": {database}}
	server := s.cfg.ClickHouse.DSN != "" // of the user's own, with users and rights of its own
	if write || server {
		settings.Set("final", "1") // the embedded engine's reader has it already
	}
	if server && !write {
		settings.Set("readonly", "2")
	}
	if s.cfg.ClickHouse.Cluster != "" {
		settings.Set("distributed_product_mode", "global") // a subquery on events is one on all shards
	}
	target := url.URL{Scheme: dsn.Scheme, Host: dsn.Host, Path: "/", RawQuery: settings.Encode()}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), strings.NewReader(query))
	if err != nil {
		return err
	}
	if write || server {
		password, _ := dsn.User.Password()
		req.SetBasicAuth(dsn.User.Username(), password)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("ask the database: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		text, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
		return errors.Join(errors.New(strings.TrimSpace(string(text))), err)
	}
	if _, err := io.Copy(out, resp.Body); err != nil {
		return fmt.Errorf("the answer ends early: %w", err)
	}
	return nil
}
