package command

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/spf13/cobra"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/services/enrich"
	"github.com/whoknocks/whoknocks/services/internal/run"
	"github.com/whoknocks/whoknocks/services/report"
	"github.com/whoknocks/whoknocks/services/standalone"
	"github.com/whoknocks/whoknocks/services/store"
)

func (a *app) forgetCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "forget ADDRESS",
		Short: "Delete everything about one source address",
		Long: "forget deletes the events of one source from the database, the lines that became no event and name it, its rows\n" +
			"of the roll-ups, what is known of the address alone, and from the bus all that has been stored. Your own log files\n" +
			"stay as they are: import them again, and it is back. It fails while the bus still holds what is not stored.",
		Example: "  whoknocks forget 192.0.2.7",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			addr, err := netip.ParseAddr(args[0])
			if err != nil || addr.Zone() != "" {
				return run.Usage(fmt.Errorf("address %.60q: want one like 192.0.2.7 or 2001:db8::7", args[0]))
			}
			return a.with(cmd.Context(), standalone.Pipeline, nil, func(ctx context.Context, s *session) error {
				return s.forget(ctx, a, addr.Unmap())
			})
		},
	}
}

// onBus are the streams, and the position up to which each has been taken in by the
// one that makes it durable elsewhere.
var onBus = [...]struct{ stream, durable string }{
	{bus.StreamObserved, enrich.Durable},
	{bus.StreamEnriched, store.DurableEvents},
	{bus.StreamRejected, store.DurableRejected},
	{bus.StreamAttributed, store.DurableAttributed},
}

func (s *session) forget(ctx context.Context, a *app, addr netip.Addr) error {
	// What is on its way first, from the beginning of the pipeline to its end.
	for _, p := range onBus {
		last, err := s.bus.LastSeq(ctx, p.stream)
		if err == nil {
			err = s.bus.Await(ctx, p.stream, p.durable, last)
		}
		if err != nil {
			return err
		}
	}
	for _, p := range onBus {
		floor, err := s.bus.AckFloor(ctx, p.stream, p.durable)
		if err == nil && floor > 0 {
			err = s.bus.Trim(ctx, p.stream, 0, floor)
		}
		if err != nil {
			return err
		}
	}
	if err := enrich.Forget(ctx, s.bus, s.cfg.Enrich, addr); err != nil {
		return err
	}
	gone, err := s.db.Forget(ctx, addr)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.out, "deleted: %s, %s, %s\n", report.Plural(gone.Events, "event"), report.Plural(gone.Rejected, "rejected line"), report.Plural(gone.Attributions, "attribution"))
	return err
}
