//go:build apart

package standalone

import (
	"context"
	"errors"
)

var errApart = errors.New("this program was built without bus and engine: bus.url and clickhouse.dsn name the servers to work with")

func (s *Standalone) startEngine(context.Context) error { return errApart }
func (s *Standalone) startBus(context.Context) error    { return errApart }
