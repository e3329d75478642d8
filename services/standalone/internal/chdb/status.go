package chdb

import (
	"bytes"
	"os"
	"strconv"
	"time"
)

// Status is what the engine tells of itself at /engine.
type Status struct {
	Version       string  `json:"version"`        // of ClickHouse
	PID           int     `json:"pid"`            // of the engine's process
	ResidentBytes uint64  `json:"resident_bytes"` // its memory, the library's code included; 0 where it cannot be told
	UptimeSeconds float64 `json:"uptime_seconds"`
	Running       int64   `json:"running"`    // statements now
	Statements    uint64  `json:"statements"` // since the start, failed ones included
	Failures      uint64  `json:"failures"`
}

func (h *handler) status() Status {
	return Status{
		Version: h.engine.version, PID: os.Getpid(), ResidentBytes: residentBytes(),
		UptimeSeconds: time.Since(h.started).Seconds(), Running: h.running.Load(),
		Statements: h.statements.Load(), Failures: h.failures.Load(),
	}
}

// residentBytes reads Linux's account of this process. Elsewhere there is none to read.
func residentBytes() uint64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := bytes.Fields(b)
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseUint(string(fields[1]), 10, 64)
	if err != nil {
		return 0
	}
	return pages * uint64(os.Getpagesize())
}
