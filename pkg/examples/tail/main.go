// Tail prints every event as it is enriched: a complete subscriber in one file,
// to begin your own from.
//
//	tail                       what comes from now on
//	tail -name mine            the events kept so far first, and at the next start from where it stopped
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"time"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/pkg/scan"
)

func main() {
	cfg := bus.DefaultConfig()
	flag.StringVar(&cfg.URL, "url", cfg.URL, "address of the bus")
	name := flag.String("name", "", "name under which the bus keeps the position of this reader")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := tail(ctx, cfg, *name); err != nil {
		log.Fatal(err)
	}
}

func tail(ctx context.Context, cfg bus.Config, name string) error {
	b, err := bus.Connect(ctx, cfg) // waits for the bus, however long it is away
	if err != nil {
		return err
	}
	defer b.Close()
	sub := bus.Subscription{Stream: bus.StreamEnriched, Durable: name, Filter: "scans.enriched.>"}
	var dec scan.Decoder
	var e scan.Enriched
	return b.Subscribe(ctx, sub, func(_ context.Context, m *bus.Message) error {
		for line := range scan.Lines(m.Data) { // a message is a batch of lines
			if err := dec.Enriched(line, &e); err != nil {
				return fmt.Errorf("%w: %w", bus.ErrDead, err) // kept aside, not tried again
			}
			fmt.Println(e.Time.Format(time.DateTime), m.Sensor, e.SrcIP, e.Country, e.Owner, e.Cause)
		}
		return nil // taken off; an error instead would bring the message again
	})
}
