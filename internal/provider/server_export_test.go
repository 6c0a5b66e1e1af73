package provider

import (
	"context"
	"time"
)

// NewServerAt is NewServer with a local clock that the test moves, and with
// pauses that take no time.
func NewServerAt(now func() time.Time) (*Server, error) {
	p := newProvider("test")
	p.newData = func() *providerData {
		data := newProviderData()
		data.now, data.pause = now, func(context.Context, time.Duration) {}
		return data
	}
	return newServer(p)
}

// LimitWaits bounds what StopProvider and Close wait for.
func (s *Server) LimitWaits(limit time.Duration) { s.stopWait, s.closeWait = limit, limit }
