package store

import (
	"errors"
	"fmt"
	"time"

	"github.com/whoknocks/whoknocks/services/internal/config"
)

// Config is the store's section of a configuration.
type Config struct {
	// BatchBytes closes a batch at this much JSON from the bus. Each batch is one
	// INSERT. Larger batches are cheaper for ClickHouse and cost memory: about
	// eight times this in all with two at a time. Default 32 MiB.
	BatchBytes config.Bytes `koanf:"batch_bytes" help:"JSON bytes that make one INSERT"`
	// BatchMessages closes a batch at this many messages. Default 5000.
	BatchMessages int `koanf:"batch_messages" help:"messages of the bus that make one INSERT"`
	// BatchAge closes a batch this long after its first message: how late a
	// live event may be in the tables. Default 1 s.
	BatchAge time.Duration `koanf:"batch_age" help:"how long an event may wait for others before it is inserted"`
	// BatchIdle closes a batch when no message has come for this long, so that
	// only a steady stream makes events wait. Default 100 ms.
	BatchIdle time.Duration `koanf:"batch_idle" help:"how long the bus may be silent before what is there is inserted"`
	// Workers is how many batches are worked on at a time: while ClickHouse
	// inserts one the next is decoded. Default 2.
	Workers int `koanf:"workers" help:"batches worked on at the same time"`
	// KeepLines keeps the log lines themselves in column line. Without them an
	// event takes a third of the room. Default true.
	KeepLines bool `koanf:"keep_lines" help:"keep the log line of each event; it takes two thirds of the room"`

	// KeepLineDays is how many days a log line lives from when it was stored; 0 is
	// for ever. Default 90.
	KeepLineDays int `koanf:"keep_line_days" help:"days that log lines live after they were stored; 0 for ever"`
	// KeepEventsDays is how many days events live, by their own time and in whole
	// months. Their roll-ups live for KeepRollupsDays, which are no fewer. 0, the
	// default, is for ever.
	KeepEventsDays  int `koanf:"keep_events_days" help:"days that events live, in whole months; 0 for ever"`
	KeepRollupsDays int `koanf:"keep_rollups_days" help:"days that roll-ups live, no fewer than events; 0 for ever"`

	// The streams keep what is stored already for newcomers to replay, this many
	// bytes before compression, and three quarters of their size at most.
	ReplayEnriched   config.Bytes `koanf:"replay_enriched" help:"bytes of stored events that the bus keeps for replay"`
	ReplayRejected   config.Bytes `koanf:"replay_rejected" help:"bytes of stored rejected lines that the bus keeps for replay"`
	ReplayAttributed config.Bytes `koanf:"replay_attributed" help:"bytes of stored attributions that the bus keeps for replay"`
	// TrimEvery is how often the streams are cut back to that. Default 5 s.
	TrimEvery time.Duration `koanf:"trim_every" help:"how often the bus is relieved of what it need not keep"`
	// RollupEvery is how often months are looked for whose roll-ups have to be
	// built; 0 never builds. What is not built is answered from the events.
	// Default 2 s.
	RollupEvery time.Duration `koanf:"rollup_every" help:"how often roll-ups are brought up to date; 0 never"`
	// Drain is how long a batch in work may take when the service stops; what is
	// not done by then is done after the next start. Default 10 s.
	Drain time.Duration `koanf:"drain" help:"how long batches in work may take when the service stops"`
}

// DefaultConfig is meant for one machine with streams of default size.
func DefaultConfig() Config {
	return Config{
		BatchBytes:       32 << 20,
		BatchMessages:    5000,
		BatchAge:         time.Second,
		BatchIdle:        100 * time.Millisecond,
		Workers:          2,
		KeepLines:        true,
		KeepLineDays:     90,
		ReplayEnriched:   2 << 30,
		ReplayRejected:   128 << 20,
		ReplayAttributed: 128 << 20,
		TrimEvery:        5 * time.Second,
		RollupEvery:      2 * time.Second,
		Drain:            10 * time.Second,
	}
}

// Validate reports every field that cannot be used.
func (c Config) Validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	check(c.BatchBytes >= 64<<10 && c.BatchBytes <= 128<<20, "batch_bytes is %s, want 64KiB to 128MiB", c.BatchBytes)
	check(c.BatchMessages >= 1 && c.BatchMessages <= 50_000, "batch_messages is %d, want 1 to 50000", c.BatchMessages)
	check(c.BatchAge > 0 && c.BatchAge <= time.Minute, "batch_age is %s, want more than 0 and at most 1m", c.BatchAge)
	check(c.BatchIdle > 0 && c.BatchIdle <= c.BatchAge, "batch_idle is %s, want more than 0 and at most batch_age", c.BatchIdle)
	check(c.Workers >= 1 && c.Workers <= 16, "workers is %d, want 1 to 16", c.Workers)
	check(c.ReplayEnriched >= 0 && c.ReplayRejected >= 0 && c.ReplayAttributed >= 0, "a replay size is negative")
	check(c.KeepLineDays >= 0 && c.KeepEventsDays >= 0 && c.KeepRollupsDays >= 0, "a number of days is negative")
	check(c.KeepRollupsDays == 0 || c.KeepEventsDays > 0 && c.KeepEventsDays <= c.KeepRollupsDays,
		"keep_rollups_days is %d, want no fewer than keep_events_days, %d", c.KeepRollupsDays, c.KeepEventsDays)
	check(c.TrimEvery >= 100*time.Millisecond, "trim_every is %s, want at least 100ms", c.TrimEvery)
	check(c.RollupEvery == 0 || c.RollupEvery >= 100*time.Millisecond, "rollup_every is %s, want 0 or at least 100ms", c.RollupEvery)
	check(c.Drain > 0, "drain is %s, want more than 0", c.Drain)
	return errors.Join(errs...)
}
