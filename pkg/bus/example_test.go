package bus_test

import (
	"context"
	"fmt"
	"log"

	"github.com/whoknocks/whoknocks/pkg/bus"
)

// A service of your own that counts the events of each sensor. All replicas
// that use the name "my-counter" share the messages; a new name starts at the
// oldest event that is kept.
func ExampleBus_Subscribe() {
	ctx := context.Background()
	b, err := bus.Connect(ctx, bus.DefaultConfig())
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	sub := bus.Subscription{Stream: bus.StreamEnriched, Durable: "my-counter"}
	err = b.Subscribe(ctx, sub, func(_ context.Context, m *bus.Message) error {
		fmt.Println(m.Sensor, len(m.Data))
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
}

// Lines of one sensor are gathered and published; the position in the file is
// remembered only after its batch is on disk.
func ExampleBatcher() {
	ctx := context.Background()
	b, err := bus.Connect(ctx, bus.DefaultConfig())
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	batcher := b.NewBatcher(bus.BatcherConfig{})
	defer batcher.Close()
	batch, err := batcher.Add(ctx, bus.Observed("home-adsl"), []byte(`{"v":1}`))
	if err != nil {
		log.Fatal(err)
	}
	<-batch.Done()
	if batch.Err() == nil {
		fmt.Println("safe as message", batch.Seq())
	}
}

func ExampleObserved() {
	fmt.Println(bus.Observed("home-adsl"))
	fmt.Println(bus.Enriched("home-adsl"))
	fmt.Println(bus.Rejected("home-adsl"))
	// Output:
	// scans.observed.home-adsl
	// scans.enriched.home-adsl
	// scans.rejected.home-adsl
}
