package provider

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"
)

const (
	// stopWait is how long an interrupt waits for actions and queries to end.
	// Their requests are cancelled by then, so this is not used up.
	stopWait = 5 * time.Second
	// closeWait is how long the process goes on after serving has ended. An
	// engine kills it 2 seconds after the end (go-plugin, Client.Kill).
	closeWait = 2 * time.Second
)

// Server is the provider as plugin-go serves it. It adds what the framework's
// server does not do: an interrupted action ends in an error, and ephemeral
// sessions that no engine has closed are deleted.
type Server struct {
	protocolServer

	sessions *openSessions
	streams  inFlight

	stopWait, closeWait time.Duration
}

// protocolServer is every call that the provider answers. Actions and list
// resources are not part of plugin-go's own interface yet.
type protocolServer interface {
	tfprotov6.ProviderServer
	tfprotov6.ActionServer
	tfprotov6.ListResourceServer
}

// NewServer returns a server of the provider; version becomes part of the user
// agent. Call Close when serving has ended.
func NewServer(version string) (*Server, error) {
	return newServer(newProvider(version))
}

func newServer(p *palabraProvider) (*Server, error) {
	served := providerserver.NewProtocol6(p)()
	framework, ok := served.(protocolServer)
	if !ok {
		return nil, fmt.Errorf("the framework's server (%T) has no actions or list resources", served)
	}
	return &Server{protocolServer: framework, sessions: p.sessions, stopWait: stopWait, closeWait: closeWait}, nil
}

// Serve serves the provider to an engine until the engine ends it, then deletes
// the ephemeral sessions that are still open. With debug it serves for a debugger
// and prints TF_REATTACH_PROVIDERS.
func Serve(address, version string, debug bool) error {
	server, err := NewServer(version)
	if err != nil {
		return err
	}
	var options []tf6server.ServeOpt
	if debug {
		options = append(options, tf6server.WithManagedDebug())
	}
	err = tf6server.Serve(address, func() tfprotov6.ProviderServer { return server }, options...)
	server.Close()
	return err
}

// Close deletes the ephemeral sessions that are still open, and returns after
// two seconds at the latest. Engines close no ephemeral resource when a run fails
// or is interrupted.
func (s *Server) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), s.closeWait)
	defer cancel()
	s.sessions.deleteAll(ctx)
}

// StopProvider cancels what is running and waits for actions and queries to say
// how they ended: plugin-go drops what they send after it has returned, and an
// interrupted action would look like a successful one.
func (s *Server) StopProvider(ctx context.Context, req *tfprotov6.StopProviderRequest) (*tfprotov6.StopProviderResponse, error) {
	resp, err := s.protocolServer.StopProvider(ctx, req)
	ctx, cancel := context.WithTimeout(ctx, s.stopWait)
	defer cancel()
	s.streams.wait(ctx)
	return resp, err
}

// InvokeAction notes that an action runs until its last event has been sent.
func (s *Server) InvokeAction(ctx context.Context, req *tfprotov6.InvokeActionRequest) (*tfprotov6.InvokeActionServerStream, error) {
	end := s.streams.begin()
	stream, err := s.protocolServer.InvokeAction(ctx, req)
	if err != nil {
		end()
		return stream, err
	}
	events := stream.Events
	stream.Events = func(push func(tfprotov6.InvokeActionEvent) bool) {
		defer end()
		sending := true
		events(func(event tfprotov6.InvokeActionEvent) bool {
			// An action that nobody listens to any more still has to come to
			// its end: it may be in the middle of a deletion.
			sending = sending && push(event)
			return true
		})
	}
	return stream, nil
}

// ListResource notes that a query runs until its last result has been sent.
func (s *Server) ListResource(ctx context.Context, req *tfprotov6.ListResourceRequest) (*tfprotov6.ListResourceServerStream, error) {
	end := s.streams.begin()
	stream, err := s.protocolServer.ListResource(ctx, req)
	if err != nil {
		end()
		return stream, err
	}
	results := stream.Results
	stream.Results = func(push func(tfprotov6.ListResourceResult) bool) {
		defer end()
		results(push)
	}
	return stream, nil
}

// inFlight counts what is running. The zero value counts nothing.
type inFlight struct {
	mu    sync.Mutex
	count int
	idle  chan struct{} // closed when count falls to 0; nil at 0
}

// begin counts one more; end counts it off, once.
func (f *inFlight) begin() (end func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.count++; f.count == 1 {
		f.idle = make(chan struct{})
	}
	return sync.OnceFunc(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.count--; f.count == 0 {
			close(f.idle)
			f.idle = nil
		}
	})
}

// wait returns when nothing is running, or when ctx ends.
func (f *inFlight) wait(ctx context.Context) {
	f.mu.Lock()
	idle := f.idle
	f.mu.Unlock()
	if idle == nil {
		return
	}
	select {
	case <-idle:
	case <-ctx.Done():
	}
}
