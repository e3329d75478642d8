//go:build !apart

package standalone

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strconv"

	"github.com/whoknocks/whoknocks/pkg/natsd"
	"github.com/whoknocks/whoknocks/services/internal/run"
	"github.com/whoknocks/whoknocks/services/standalone/internal/chdb"
)

// What is embedded. The tag "apart" leaves it out: the command line for services that run apart is
// then a third smaller, and statically linked.

func (s *Standalone) startEngine(context.Context) error {
	if s.cfg.ClickHouse.DSN != "" {
		s.DSN = s.cfg.ClickHouse.DSN
		return nil
	}
	engine, err := chdb.NewSupervisor(chdb.SupervisorConfig{
		Lib:     s.cfg.ClickHouse.Lib,
		Path:    filepath.Join(s.data, "clickhouse"),
		Listen:  s.address(s.cfg.ClickHouse.Listen),
		Log:     s.log.With("part", "engine"),
		Metrics: s.metrics,
	})
	if err != nil {
		return err
	}
	s.DSN, s.SQL = engine.DSN(), "http://"+engine.Address()+"/"
	s.health.Set("engine", engine.Healthy)
	return s.group.Start(run.Component{Name: "engine", Run: engine.Run, Ready: engine.Ready()})
}

func (s *Standalone) startBus(ctx context.Context) error {
	host, port, err := net.SplitHostPort(s.address(s.cfg.Bus.Listen))
	if err != nil {
		return err
	}
	cfg := natsd.DefaultConfig()
	cfg.Dir, cfg.Host, cfg.Log = filepath.Join(s.data, "bus"), host, s.log.With("part", "bus")
	if cfg.Port, err = strconv.Atoi(port); err != nil {
		return fmt.Errorf("bus.listen: port %q: %w", port, err)
	}
	if cfg.Port == 0 {
		cfg.Port = -1 // what the server calls a free one
	}
	server, err := natsd.Start(cfg)
	if err != nil {
		return err
	}
	s.BusURL = server.URL()
	s.health.Set("bus server", func(context.Context) error { return server.Healthy() })
	if err := s.group.Start(closing("bus server", func() error { server.Shutdown(); return nil })); err != nil {
		return err
	}
	s.server = server
	return nil
}
