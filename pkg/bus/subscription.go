package bus

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Subscription says what to read and how to group it. Zero fields take the
// default.
type Subscription struct {
	// Stream to read, like StreamEnriched.
	Stream string
	// Durable names the position of this reader, which the server keeps. All
	// subscriptions of one name share its messages, so replicas of a service
	// use one name and different services different names. A new name starts at
	// the oldest message kept. Without a name the subscription sees only what
	// is published from now on and leaves no trace when it ends.
	Durable string
	// Filter is the subjects to read, with * and > as NATS has them; default
	// all subjects of the stream.
	Filter string
	// AckWait is how long after a reader vanished its messages go to another;
	// while a reader lives it keeps its messages however long a handler takes.
	// Default 15 s, at least 1 s.
	AckWait time.Duration
	// Drain is how long handlers may go on after the context ended, before
	// theirs ends too. Default 10 s.
	Drain time.Duration
	// InFlight is how many handlers run at the same time. Default 1.
	InFlight int

	// SubscribeBatch closes a group at MaxMsgs messages (default 100), before
	// it would exceed MaxBytes of payload (default 4 MiB; a larger message goes
	// alone), or MaxAge after its first message (default 50 ms). Subscribe uses
	// MaxBytes only, as the most it reads ahead.
	MaxMsgs  int
	MaxBytes int
	MaxAge   time.Duration
	// Idle closes a group when no message has come for this long; default and
	// most MaxAge.
	Idle time.Duration
}

func (s Subscription) withDefaults() Subscription {
	if s.AckWait <= 0 {
		s.AckWait = 15 * time.Second
	}
	s.AckWait = max(s.AckWait, time.Second)
	if s.Drain <= 0 {
		s.Drain = 10 * time.Second
	}
	if s.InFlight <= 0 {
		s.InFlight = 1
	}
	if s.MaxMsgs <= 0 {
		s.MaxMsgs = 100
	}
	if s.MaxBytes <= 0 {
		s.MaxBytes = 4 << 20
	}
	if s.MaxAge <= 0 {
		s.MaxAge = 50 * time.Millisecond
	}
	if s.Idle <= 0 || s.Idle > s.MaxAge {
		s.Idle = s.MaxAge
	}
	return s
}

func (s Subscription) validate() error {
	if s.Stream == "" {
		return errors.New("subscription names no stream")
	}
	if strings.ContainsAny(s.Stream, ". \t\r\n*>/\\") {
		return fmt.Errorf("stream name %q holds a character that NATS does not allow", s.Stream)
	}
	if strings.ContainsAny(s.Durable, ". \t\r\n*>/\\") {
		return fmt.Errorf("durable name %q holds a character that NATS does not allow", s.Durable)
	}
	return nil
}

// label names the subscription in errors and logs.
func (s Subscription) label() string {
	if s.Durable == "" {
		return s.Stream
	}
	return s.Stream + "/" + s.Durable
}

// Message is a batch of lines as it was published. It is not shared: a handler
// may keep and change it.
type Message struct {
	Subject   string              // as published, or dead.<subject> in stream DEAD
	Sensor    string              // from the subject, "" where it has none
	Stream    string              // where the message is kept
	Seq       uint64              // its sequence there
	Delivered int                 // how many times it was handed out, 1 the first time
	Data      []byte              // the lines
	Time      time.Time           // when the server stored it
	Header    map[string][]string // as published; see HeaderReason for stream DEAD
}
