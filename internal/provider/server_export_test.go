package provider

import (
	"context"
	"time"
)

// NewServerAt is NewServer with a local clock that the test moves, and with
// pauses that take no time.
func NewServerAt(now func() time.Time) (*Server, error) {
	timing := realTiming()
	timing.now, timing.pause = now, func(context.Context, time.Duration) {}
	return newServer("test", timing)
}

// LimitWaits bounds what StopProvider and Close wait for.
func (s *Server) LimitWaits(limit time.Duration) {
	s.timing.stopWait, s.timing.closeWait = limit, limit
}

// Framework is the server that a Server wraps.
func (s *Server) Framework() any { return s.protocolServer }
