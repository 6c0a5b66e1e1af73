//go:build unix

package provider_test

import (
	"net/http"
	"sync"
)

// gate stands before the API. Once armed, it lets some writes through and then
// holds every request. The engine is idle when all its parallel operations wait.
type gate struct {
	api http.Handler

	mu     sync.Mutex
	armed  bool
	writes int // to let through
	held   int
	still  chan struct{} // closed when everything is held
	open   chan struct{} // closed to let everything through
}

func (g *gate) arm(writes int) (still <-chan struct{}, release func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.armed, g.writes, g.held = true, writes, 0
	g.still, g.open = make(chan struct{}), make(chan struct{})
	return g.still, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.armed = false
		close(g.open)
	}
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	if g.armed {
		if r.Method != http.MethodGet && g.writes > 0 {
			g.writes--
		}
		if g.writes == 0 {
			if g.held++; g.held == parallelism {
				close(g.still)
			}
			open := g.open
			g.mu.Unlock()
			<-open
			g.mu.Lock()
		}
	}
	g.mu.Unlock()
	g.api.ServeHTTP(w, r)
}
