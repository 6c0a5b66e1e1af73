package provider

import (
	"context"
	"errors"
	"maps"
	"sync"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

// openSessions is the register of the ephemeral sessions that this process has
// created and not deleted yet.
type openSessions struct {
	mu sync.Mutex
	// clients are those that created the sessions, by session id.
	clients map[string]*palabra.Client
	// opening counts the Open calls that are running: what they create is not
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

// deleteAll deletes every registered session, all at once, until ctx ends. There
// is nobody left to report a failure to: the session then ends with its lifetime.
func (o *openSessions) deleteAll(ctx context.Context) {
	o.deleteRegistered(ctx)
	// An Open that was under way deletes its own session when it sees that it
	// was cancelled, or has registered it.
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
