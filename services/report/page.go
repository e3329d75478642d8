package report

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"
)

// tables is what the page shows; Reader is one.
type tables interface {
	Owners(ctx context.Context, f Filter) (Owners, error)
	Sources(ctx context.Context, f Filter) (Sources, error)
	Months(ctx context.Context) ([]time.Time, error)
}

// site answers the requests. It is immutable but for its metrics and the list
// of months.
type site struct {
	cfg     Config
	tables  tables
	log     *slog.Logger
	metrics *metrics
	hosts   hosts
	web     web
	docs    []doc
	months  monthList
	turn    chan struct{} // holds a token for each page that is asking ClickHouse
	now     func() time.Time
}

func newSite(cfg Config, tables tables, log *slog.Logger, m *metrics) (*site, error) {
	web, err := loadWeb()
	if err != nil {
		return nil, err
	}
	docs, err := loadDocs()
	if err != nil {
		return nil, err
	}
	return &site{
		cfg: cfg, tables: tables, log: log, metrics: m, hosts: newHosts(cfg),
		web: web, docs: docs, turn: make(chan struct{}, cfg.Queries), now: time.Now,
	}, nil
}

// allTime is the value of the parameter month for everything there is.
const allTime = "all"

// mistake is an error in the address of the page, as a sentence for the user.
type mistake string

func (m mistake) Error() string { return string(m) }

// selection reads the parameters of a request: month, owner, sensor, proto and
// cause. Without month it is the newest of months.
func selection(query url.Values, months []time.Time) (f Filter, month string, err error) {
	f = Filter{
		Owner: query.Get("owner"), Sensor: query.Get("sensor"),
		Proto: query.Get("proto"), Cause: query.Get("cause"),
	}
	month = query.Get("month")
	if month == "" {
		if len(months) == 0 {
			return f, allTime, nil
		}
		month = months[0].Format("2006-01")
	}
	if month == allTime {
		return f, month, nil
	}
	if f.Since, f.Until, err = Month(month); err != nil {
		return f, "", mistake("The month must be written as YYYY-MM, for example 2012-04.")
	}
	return f, month, nil
}

// page is the one page: owners and sources of a month.
func (s *site) page(w http.ResponseWriter, r *http.Request) {
	var view pageView
	err := s.ask(r.Context(), func(ctx context.Context) error {
		months, err := s.listMonths(ctx)
		if err != nil {
			return err
		}
		f, month, err := selection(r.URL.Query(), months)
		if err != nil {
			return err
		}
		asOf := s.now()
		f.Limit = s.cfg.OwnerRows
		owners, err := timed(s, "owners", func() (Owners, error) { return s.tables.Owners(ctx, f) })
		if err != nil {
			return err
		}
		f.Limit = s.cfg.SourceRows
		sources, err := timed(s, "sources", func() (Sources, error) { return s.tables.Sources(ctx, f) })
		if err != nil {
			return err
		}
		view = newPageView(f, month, months, owners, sources, asOf)
		return nil
	})
	if err != nil {
		s.explain(w, r, err)
		return
	}
	s.render(w, r, http.StatusOK, "page.html", view)
}

// listMonths returns the months with events.
func (s *site) listMonths(ctx context.Context) ([]time.Time, error) {
	return s.months.get(func() ([]time.Time, error) {
		return timed(s, "months", func() ([]time.Time, error) { return s.tables.Months(ctx) })
	})
}

// tableName names one of the two tables.
type tableName string

const (
	ownersTable  tableName = "owners"
	sourcesTable tableName = "sources"
)

// download answers with a table, whole up to MaxRows, in format.
func (s *site) download(table tableName, format Format) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var body bytes.Buffer
		name := string(table)
		err := s.ask(r.Context(), func(ctx context.Context) error {
			var months []time.Time
			var err error
			if r.URL.Query().Get("month") == "" {
				if months, err = s.listMonths(ctx); err != nil {
					return err
				}
			}
			f, month, err := selection(r.URL.Query(), months)
			if err != nil {
				return err
			}
			name += "-" + month
			if table == ownersTable {
				t, err := timed(s, "owners", func() (Owners, error) { return s.tables.Owners(ctx, f) })
				if err != nil {
					return err
				}
				return t.Write(&body, format)
			}
			t, err := timed(s, "sources", func() (Sources, error) { return s.tables.Sources(ctx, f) })
			if err != nil {
				return err
			}
			return t.Write(&body, format)
		})
		if err != nil {
			s.explain(w, r, err)
			return
		}
		if format == FormatCSV {
			w.Header().Set("Content-Type", "text/csv; charset=utf-8")
			w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", name+".csv"))
		} else {
			w.Header().Set("Content-Type", "application/json")
		}
		_, _ = w.Write(body.Bytes())
	}
}

// ask waits for a turn and gives f the time that one page has.
func (s *site) ask(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.QueryTimeout)
	defer cancel()
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
		return f(ctx)
	case <-ctx.Done():
		return fmt.Errorf("wait for a turn: %w", ctx.Err())
	}
}

// timed measures a query.
func timed[T any](s *site, name string, query func() (T, error)) (T, error) {
	start := time.Now()
	result, err := query()
	s.metrics.query(name, start, err)
	return result, err
}

// explain answers a request that failed: the user gets a sentence, the log the
// chain of causes.
func (s *site) explain(w http.ResponseWriter, r *http.Request, err error) {
	var wrong mistake
	switch {
	case errors.As(err, &wrong):
		s.fail(w, r, http.StatusBadRequest, string(wrong))
	case r.Context().Err() != nil: // nobody is there any more
		s.fail(w, r, 499, "The request was given up.")
	case errors.Is(err, context.DeadlineExceeded):
		s.logged(r, err)
		s.fail(w, r, http.StatusServiceUnavailable,
			"The database takes longer than usual to answer. Try a single month, or try again in a minute.")
	default:
		s.logged(r, err)
		s.fail(w, r, http.StatusServiceUnavailable,
			"The database does not answer just now. Try again in a minute; the log of the report says why.")
	}
}

func (s *site) notFound(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		s.fail(w, r, http.StatusMethodNotAllowed, "This page can only be read.")
		return
	}
	s.fail(w, r, http.StatusNotFound, "There is no such page here.")
}
