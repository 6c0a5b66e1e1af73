package provider

import (
	"context"
	"errors"
	"maps"
	"sync"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

// openSessions registers the ephemeral sessions that this process has created and
// not yet deleted.
type openSessions struct {
	mu sync.Mutex
	// clients holds the client that created each session, by session id.
	clients map[string]*palabra.Client
	// opening counts the running Open calls. What they create may not be
	// registered yet.
	opening inFlight
}

func (o *openSessions) add(id string, client *palabra.Client) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.clients == nil {
		o.clients = make(map[string]*palabra.Client)
	}
	o.clients[id] = client
}

func (o *openSessions) remove(id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.clients, id)
}

func (o *openSessions) all() map[string]*palabra.Client {
	o.mu.Lock()
	defer o.mu.Unlock()
	return maps.Clone(o.clients)
}

// deleteAll deletes all registered sessions in parallel, until ctx ends. A failure
// cannot be reported any more: that session lives until it expires.
func (o *openSessions) deleteAll(ctx context.Context) {
	o.deleteRegistered(ctx)
	// A running Open notices that it was cancelled. It deletes its own session or
	// registers it.
	o.opening.wait(ctx)
	o.deleteRegistered(ctx)
}

func (o *openSessions) deleteRegistered(ctx context.Context) {
	var deletions sync.WaitGroup
	for id, client := range o.all() {
		deletions.Go(func() {
			if err := client.Delete(ctx, id); err == nil || errors.Is(err, palabra.ErrNotFound) {
				o.remove(id)
			}
		})
	}
	deletions.Wait()
}
