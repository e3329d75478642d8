package bus

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

var (
	// ErrFull is in the error of a call that ended while the stream was full:
	// its readers are behind, and the server refuses to drop what they have not
	// read. Publish waits for room until its context ends.
	ErrFull = errors.New("stream is full")

	// ErrTooLarge is returned for a message or line that is larger than the
	// server takes (its max_payload). Trying again does not help.
	ErrTooLarge = errors.New("message is too large for the server")

	// ErrClosed is returned by calls on a Bus or Batcher that was closed.
	ErrClosed = errors.New("bus is closed")

	// ErrNoStream is in the error of a Publish that ended while no stream took
	// the subject, or the server that keeps the stream was away.
	ErrNoStream = errors.New("no stream answers for the subject")

	// ErrDead is returned, wrapped, by a handler that will never be able to
	// handle a message, like one that cannot be decoded. The message goes to
	// stream DEAD together with the text of the error.
	ErrDead = errors.New("message cannot be handled")
)

// Error codes of the JetStream API that nats.go does not name.
const (
	codeAccountExceeded   jetstream.ErrorCode = 10002 // resource limits of the account exceeded
	codeInsufficient      jetstream.ErrorCode = 10023 // insufficient resources
	codeStorageExceeded   jetstream.ErrorCode = 10047 // insufficient storage resources
	codeStreamUpdate      jetstream.ErrorCode = 10069 // the stream cannot be changed so
	codeStoreFailed       jetstream.ErrorCode = 10077 // "maximum bytes exceeded" and the like
	codeQueueNotUnique    jetstream.ErrorCode = 10100 // second consumer of a work queue
	codeQueueUnfiltered   jetstream.ErrorCode = 10099 // the same without filters
	codeStreamMaxBytes    jetstream.ErrorCode = 10122 // larger than the account allows a stream
	codeNoPeers           jetstream.ErrorCode = 10005 // fewer servers of the cluster are up than replicas are wanted
	codeReplicasNoCluster jetstream.ErrorCode = 10074 // replicas > 1 not supported in non-clustered mode
)

// apiError is what the server answered, nil where err is not an answer.
func apiError(err error) *jetstream.APIError {
	var api *jetstream.APIError
	if errors.As(err, &api) {
		return api
	}
	var js jetstream.JetStreamError
	if errors.As(err, &js) {
		return js.APIError()
	}
	return nil
}

func apiCode(err error) jetstream.ErrorCode {
	if api := apiError(err); api != nil {
		return api.ErrorCode
	}
	return 0
}

// classify adds the sentinel that callers know to what nats.go or the server
// said, and tells whether trying again can help.
func classify(err error) (again bool, cause error) {
	switch apiCode(err) {
	case codeStoreFailed:
		if strings.Contains(apiError(err).Description, "exceeded") {
			return true, fmt.Errorf("%w: %w", ErrFull, err)
		}
		return true, err
	case codeInsufficient, codeStorageExceeded, codeAccountExceeded:
		return true, fmt.Errorf("%w: %w", ErrFull, err)
	case jetstream.JSErrCodeStreamMessageExceedsMaximum:
		return false, fmt.Errorf("%w: %w", ErrTooLarge, err)
	}
	switch {
	case errors.Is(err, nats.ErrMaxPayload):
		return false, fmt.Errorf("%w: %w", ErrTooLarge, err)
	case errors.Is(err, nats.ErrConnectionClosed):
		return false, fmt.Errorf("%w: %w", ErrClosed, err)
	case errors.Is(err, nats.ErrBadSubject), errors.Is(err, jetstream.ErrInvalidSubject),
		errors.Is(err, jetstream.ErrInvalidStreamName), errors.Is(err, jetstream.ErrStreamNameRequired),
		errors.Is(err, jetstream.ErrInvalidConsumerName), errors.Is(err, jetstream.ErrInvalidBucketName),
		errors.Is(err, jetstream.ErrInvalidOption):
		return false, err
	case errors.Is(err, jetstream.ErrNoStreamResponse), errors.Is(err, nats.ErrNoResponders):
		return true, fmt.Errorf("%w: %w", ErrNoStream, err)
	case errors.Is(err, nats.ErrReconnectBufExceeded):
		// What nats.go says of a connection that is lost and keeps no buffer.
		return true, nats.ErrDisconnected
	}
	return true, err
}

// ended is the error of a call whose context ended while it tried again: why
// it ended and what went wrong last.
func ended(ctx context.Context, last error) error {
	if last == nil {
		return context.Cause(ctx)
	}
	return fmt.Errorf("%w; last cause: %w", context.Cause(ctx), last)
}
