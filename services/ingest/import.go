package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/clock"
	"github.com/whoknocks/whoknocks/services/ingest/internal/format"
	"github.com/whoknocks/whoknocks/services/ingest/internal/input"
	"github.com/whoknocks/whoknocks/services/ingest/internal/stream"
)

// ImportOptions say what to import. Texts that are empty and a year of 0 take
// the configuration's, or for a file that is known, what it was imported with.
type ImportOptions struct {
	Files    []string       // files, directories and patterns; "-" is Stdin
	Sensor   string         // the device that wrote the lines
	Format   string         // log format, or auto
	Timezone string         // of times without a zone
	Year     int            // of times without a year; 0 infers it
	Stdin    io.Reader      // read for "-"
	Progress func(Progress) // called now and then, by one goroutine, and must be quick

	live bool // wait for the bus as long as it takes, and publish nothing that it has
}

// Progress is how far an import has come.
type Progress struct {
	Name          string // of the file
	File, Files   int    // this one, from 1, of how many
	Read, Size    int64  // bytes of this file as stored; Size is -1 if unknown
	Lines, Events int64  // of all files so far
	Waiting       bool   // everything is read; waiting until it can be queried
}

// Summary is what an import did, over all its files. Lines is always Events +
// Unrecognised + Rejected.
type Summary struct {
	Lines        int64   `json:"lines"`
	Events       int64   `json:"events"`
	Packets      int64   `json:"packets"` // that the events stand for
	Unrecognised int64   `json:"unrecognised"`
	Rejected     int64   `json:"rejected"`
	Duplicates   int64   `json:"duplicates"` // events of files that were imported before; the database knows of others, too
	Sources      int64   `json:"sources"`    // different public source addresses that knocked, counted up to 786,432
	Owners       int64   `json:"owners"`     // ingest knows none: for the caller to fill
	Seconds      float64 `json:"seconds"`

	Gaps, Missed int64             `json:"-"` // lines in which a device tells of packets never logged, and those packets
	Repairs      Repairs           `json:"-"` // of the events' times
	Timezone     string            `json:"-"` // that times without a zone are taken to be in, but for files that are known
	Formats      map[string]Counts `json:"-"` // by the format that claimed the lines

	First, Last time.Time `json:"-"` // times of the first and the last event
	Skipped     int64     `json:"-"` // files that were found rather than named, and are no logs
	Origins     []string  `json:"-"` // of the files, as their events have it before the line number
}

// Import reads files to their ends and returns when every event can be queried:
// when enrich and store have taken all of it. Both may run in other processes.
// The text of each mail in a mailbox is a file of its own, see package input.
//
// A file that an import has read in part before is continued after the last
// position that was safe; one that was read in full is read again, in case
// something behind the bus lost it: as events are known by their content, that
// adds nothing.
//
// A file that cannot be read, or no further, is an error that names it and the
// position; what comes before it, and the other files, are imported all the
// same, and the summary counts them. Without any progress for Config.Stall the
// import ends with an error that holds the last cause.
func (s *Service) Import(ctx context.Context, opts ImportOptions) (Summary, error) {
	began := time.Now()
	im, err := s.newImporter(ctx, opts)
	if err != nil {
		return Summary{}, err
	}
	defer im.close()
	errs := im.run()
	im.sum.Seconds, im.sum.Timezone = time.Since(began).Seconds(), im.set.timezone
	return im.sum, errors.Join(errs...)
}

// Validate reports every option that cannot be used, but for the format, see
// CheckFormat. Import does so, too; a command line tells its user before it
// starts anything.
func (o ImportOptions) Validate() error {
	var errs []error
	if o.Sensor != "" {
		errs = append(errs, scan.ValidSensor(o.Sensor))
	}
	if o.Timezone != "" {
		_, _, err := clock.Zone(o.Timezone)
		errs = append(errs, err)
	}
	if o.Year != 0 && (o.Year < clock.FirstYear || o.Year > clock.LastYear) {
		errs = append(errs, fmt.Errorf("year %d is not from %d to %d", o.Year, clock.FirstYear, clock.LastYear))
	}
	return errors.Join(errs...)
}

// settings merges what was asked for with the configuration.
func (s *Service) settings(opts ImportOptions) (settings, error) {
	if err := opts.Validate(); err != nil {
		return settings{}, err
	}
	if _, err := format.New(opts.Format, s.custom...); err != nil {
		return settings{}, err
	}
	set := settings{
		sensor: cmp.Or(opts.Sensor, s.cfg.Sensor), format: cmp.Or(opts.Format, s.cfg.Format, format.Auto), year: opts.Year,
		askedFormat: opts.Format != "", askedTimezone: opts.Timezone != "", askedYear: opts.Year != 0,
	}
	var err error
	_, set.timezone, err = clock.Zone(cmp.Or(opts.Timezone, s.cfg.Timezone))
	return set, err
}

// run imports every file and waits until all of it can be queried.
func (im *importer) run() (errs []error) {
	defer func() { im.sum.Sources = int64(im.sources.Len()) }()
	files, err := input.Expand(im.opts.Files)
	if err != nil {
		errs = append(errs, fmt.Errorf("import: %w", err))
	}
	for i, file := range files {
		im.at.Name, im.at.File, im.at.Files = file.Path, i+1, len(files)
		err := im.importFile(file)
		result := "done"
		if err != nil {
			result = "failed"
			errs = append(errs, err)
		}
		im.s.metrics.documents.WithLabelValues(result).Inc()
		if im.ctx.Err() != nil {
			return errs
		}
	}
	im.at.Waiting = true
	im.report(true)
	if err := im.settle(); err != nil {
		return append(errs, err)
	}
	if err := im.awaitQueryable(); err != nil {
		return append(errs, err)
	}
	im.report(true)
	return errs
}

// importFile reads one file, or each mail in it, and hands all of it to the bus.
func (im *importer) importFile(file input.File) error {
	err := input.Each(file.Path, im.opts.Stdin, func(doc *input.Document) error {
		err := im.importDocument(doc, file.Found)
		if im.ctx.Err() != nil {
			return input.Stop(err)
		}
		return err
	})
	if file.Found && errors.Is(err, input.ErrEmpty) {
		return nil
	}
	return err
}

func (im *importer) importDocument(doc *input.Document, found bool) error {
	im.at.Name, im.doc = doc.Name, doc
	im.sum.Origins = append(im.sum.Origins, originOf(doc.Name))
	head := doc.Head()
	file, same, err := im.known(doc, head)
	if err != nil {
		return err
	}
	d, err := im.newDocument(doc, file, head, same)
	if err != nil {
		return err
	}
	err = doc.Chunks(im.ctx, d.chunk)
	if err == nil {
		err = d.finish()
	}
	d.count(0)
	d.summarise()
	d.closed = true
	if im.ctx.Err() != nil {
		return im.failed(d, err)
	}
	if err != nil { // the file can be read no further
		return err
	}
	if found && d.noLog() {
		im.sum.Skipped++
		return nil
	}
	return d.complaint()
}

// originOf is the name in Event.Origin of what was read from a file.
func originOf(name string) string { return filepath.Base(name) }

// configOf is how the lines of a known file are read, in every run alike.
func (s *Service) configOf(file File, name string, samples int) (stream.Config, error) {
	zone, _, err := clock.Zone(file.Timezone)
	if err != nil {
		return stream.Config{}, err
	}
	return stream.Config{
		Sensor: file.Sensor, Format: file.Format, Custom: s.custom, Zone: zone, Year: file.Year, Reference: file.Reference,
		Order: clock.Order(file.Order), FirstYear: file.FirstYear,
		Name: originOf(name), Samples: samples, Join: true,
	}, nil
}
