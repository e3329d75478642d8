package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/whoknocks/whoknocks/services/ingest/internal/clock"
	"github.com/whoknocks/whoknocks/services/ingest/internal/input"
)

// known finds or keeps what is known of the document. Same says that its text
// before File.Position is what was read then: that need not be published again.
//
// Logs may begin alike, with a banner or with nothing but a header, for longer
// than a head is. So what is known of a file whose text goes on otherwise is not
// believed, and is forgotten. A document that ends before File.Position is taken
// for an early copy.
func (im *importer) known(doc *input.Document, head []byte) (file File, same bool, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("import %s: %w", doc.Name, err)
		}
	}()
	stop := im.watch.start()
	file, err = im.files.find(im.ctx, im.set.sensor, head)
	stop()
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		file, err = im.unknown(doc, head)
		return file, true, err
	}
	if err != nil {
		return File{}, false, err
	}
	way, err := wayTo(im.ctx, doc, file)
	if err != nil {
		return File{}, false, err
	}
	now := key(im.set.sensor, head)
	switch {
	case file.Fingerprint != now && way != sameWay: // it begins like a shorter file
		file, err = im.unknown(doc, head)
		return file, true, err
	case file.Fingerprint != now:
		stop := im.watch.start()
		file.Done = false
		file, err = im.files.adopt(im.ctx, file, now)
		stop()
	case way == otherWay:
		revision := file.revision
		file, err = im.survey(doc, head)
		file.revision = revision
	}
	if err != nil {
		return File{}, false, err
	}
	if err := file.agree(im.set); err != nil {
		return File{}, false, err
	}
	if way != earlyEnd {
		file.seenAt(doc.Path)
	}
	return file, way == sameWay, nil
}

// unknown keeps a file that was never seen.
func (im *importer) unknown(doc *input.Document, head []byte) (File, error) {
	file, err := im.survey(doc, head)
	if err != nil {
		return File{}, err
	}
	stop := im.watch.start()
	defer stop()
	if file, err = im.files.create(im.ctx, file); err != nil {
		return File{}, err
	}
	file.seenAt(doc.Path)
	return file, nil
}

// survey returns what can be said of a file before it is imported.
func (im *importer) survey(doc *input.Document, head []byte) (File, error) {
	reference := doc.Date()
	if y := reference.Year(); y < 2000 || y > clock.LastYear { // stdin, or a file without a date
		reference = time.Now()
	}
	file := File{
		Fingerprint: key(im.set.sensor, head),
		Sensor:      im.set.sensor, Format: im.set.format, Timezone: im.set.timezone, Year: im.set.year,
		Reference: reference.UTC().Truncate(time.Second), Updated: time.Now().UTC().Truncate(time.Second),
	}
	err := im.s.survey(im.ctx, doc, &file)
	return file, err
}

// The ways on which a document may come to the position of a known file.
type way int

const (
	sameWay  way = iota // its text before the position is the same
	otherWay            // it is another
	earlyEnd            // it ends before, or can't be read so far or twice
)

// wayTo compares the text of a document with what was read of a known file. It
// leaves doc as it was.
func wayTo(ctx context.Context, doc *input.Document, file File) (way, error) {
	if file.Position == 0 {
		return sameWay, nil
	}
	again, err := doc.Again()
	if err != nil || again == nil {
		return earlyEnd, nil // what is wrong, the import will say
	}
	defer again.Close()
	sum, ok, err := again.SumTo(ctx, file.Position)
	switch {
	case err != nil:
		return 0, err
	case !ok:
		return earlyEnd, nil
	case sum != file.Sum:
		return otherWay, nil
	}
	return sameWay, nil
}
