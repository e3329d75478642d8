package ingest

import (
	"context"
	"errors"
	"time"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/clock"
	"github.com/whoknocks/whoknocks/services/ingest/internal/input"
	"github.com/whoknocks/whoknocks/services/ingest/internal/stream"
)

// surveyLines is after how many lines that all have a year no more is looked at.
const surveyLines = 2000

// survey reads a file whose times may have no year before it is imported, and
// sets in which order they run and the year of the first: an archive of years
// tells its years by nothing else. What can't be read twice, such as stdin, is
// left alone, and so is what can't be read at all: the import says so.
func (s *Service) survey(ctx context.Context, of *input.Document, file *File) error {
	if file.Year != 0 {
		return nil
	}
	doc, err := of.Again()
	if err != nil || doc == nil {
		return nil // what is wrong, the import will say
	}
	defer doc.Close()
	cfg, err := s.configOf(*file, doc.Name, 0)
	if err != nil {
		return err
	}
	lines, err := stream.New(cfg, nothing{})
	if err != nil {
		return err
	}
	var found clock.Survey
	now := time.Now().UTC()
	err = doc.Chunks(ctx, func(c input.Chunk) error {
		for l := range c.Lines() {
			if l.Long > 0 {
				continue
			}
			if err := lines.Line(l.Text, 0, now); err != nil {
				return err
			}
			own, _ := lines.Stamps()
			found.Add(&own)
		}
		if found.Yearless() == 0 && found.Dated() > surveyLines {
			return errEnough
		}
		return nil
	})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err == nil || !errors.Is(err, errEnough) { // also of what can be read in part
		order, first := found.Result(clock.New(clock.Config{Zone: cfg.Zone, Reference: cfg.Reference}))
		file.Order, file.FirstYear = string(order), first
	}
	return nil
}

// nothing is a sink for lines that are only looked at.
type nothing struct{}

func (nothing) Event(*scan.Event) error       { return nil }
func (nothing) Rejected(*scan.Rejected) error { return nil }
