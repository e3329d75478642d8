package natsd

import (
	"errors"
	"fmt"
	"os"
	"time"
)

const (
	watchEvery = time.Second
	// minRoom must be free on the disk before a server that ran out of it is
	// started again.
	minRoom = 8 << 20
)

// Healthy is nil while the server takes messages and stores them. The usual
// reason that it does not is a full disk.
func (s *Server) Healthy() error {
	srv := s.srv.Load()
	if lost := s.log.lost.Load(); lost != nil {
		return fmt.Errorf("nats server stores no messages: %s", *lost)
	}
	switch {
	case !srv.Running():
		return errors.New("nats server is stopped")
	case !srv.JetStreamEnabled():
		return errors.New("nats server stores no messages: JetStream is disabled, see its log")
	}
	return nil
}

// watch starts the server again after it gave up its storage, once the disk
// takes data again, until Shutdown.
func (s *Server) watch() {
	defer close(s.done)
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
		}
		reason := s.Healthy()
		if reason == nil || writable(s.cfg.Dir, minRoom) != nil {
			continue
		}
		old := s.srv.Load()
		old.Shutdown()
		old.WaitForShutdown()
		s.log.lost.Store(nil)
		srv, err := run(s.cfg, s.log)
		if err != nil {
			s.log.out.Error("nats server does not start again", "error", err)
			continue
		}
		s.srv.Store(srv)
		s.log.out.Warn("nats server was started again", "reason", reason)
	}
}

// writable tries whether dir takes a file of that many bytes.
func writable(dir string, bytes int) error {
	f, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, bytes))
	if err == nil {
		err = f.Sync() // some file systems say only here that they are full
	}
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}
