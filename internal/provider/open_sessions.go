package provider

import (
	"context"
	"errors"
	"maps"
	"sync"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

// openSessions registers the sessions that nothing else would delete if serving ended
// now: the ephemeral sessions that this process has created and not yet deleted, and
// those of a running Create, whose ids the engine does not know yet.
type openSessions struct {
	mu sync.Mutex
	// clients holds the client that created each session, by session id.
	clients map[string]*palabra.Client
	// opening counts the running Open and Create calls. What they create may not be
	// registered yet.
	opening inFlight
	// ended says that serving has ended: the engine receives nothing any more.
	ended bool
	// engineGone says the same when the engine was killed; nil where nothing watches it.
	engineGone func() bool
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

// handOver removes a session that the engine is about to receive.
func (o *openSessions) handOver(id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.ended && (o.engineGone == nil || !o.engineGone()) {
		delete(o.clients, id)
	}
}

func (o *openSessions) contains(id string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, open := o.clients[id]
	return open
}

func (o *openSessions) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended = true
}

func (o *openSessions) all() map[string]*palabra.Client {
	o.mu.Lock()
	defer o.mu.Unlock()
	return maps.Clone(o.clients)
}

// deleteAll deletes all registered sessions in parallel, until ctx ends. A failure
// cannot be reported any more: that session lives until it expires.
func (o *openSessions) deleteAll(ctx context.Context) {
	o.end()
	o.deleteRegistered(ctx)
	// A running Open or Create notices that it was cancelled. It registers its session,
	// or deletes it.
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
