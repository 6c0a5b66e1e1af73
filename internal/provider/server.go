package provider

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"
)

// Server is the framework's server with two additions: an interrupted action ends
// in an error, and Close deletes the ephemeral sessions that no engine has closed.
type Server struct {
	protocolServer

	sessions *openSessions
	streams  inFlight
	timing   timing
}

// protocolServer has every call of the framework's server: plugin-go finds calls that
// are not part of tfprotov6.ProviderServer yet by type assertion.
type protocolServer interface {
	tfprotov6.ProviderServer
	tfprotov6.ActionServer
	tfprotov6.ListResourceServer
	tfprotov6.StateStoreServer
}

// NewServer returns a server of the provider. The version becomes part of the user
// agent. Call Close when serving has ended.
func NewServer(version string) (*Server, error) {
	return newServer(version, realTiming())
}

func newServer(version string, timing timing) (*Server, error) {
	p := newProvider(version, timing)
	served := providerserver.NewProtocol6(p)()
	framework, ok := served.(protocolServer)
	if !ok {
		return nil, fmt.Errorf("the framework's server (%T) lacks actions, list resources or state stores", served)
	}
	return &Server{protocolServer: framework, sessions: p.sessions, timing: timing}, nil
}

// Serve serves the provider until the engine stops it or is gone, then deletes the
// sessions that nothing else would delete. With debug, it prints
// TF_REATTACH_PROVIDERS and waits for a debugger.
func Serve(address, version string, debug bool) error {
	server, err := NewServer(version)
	if err != nil {
		return err
	}
	factory := func() tfprotov6.ProviderServer { return server }
	if debug {
		err := tf6server.Serve(address, factory, tf6server.WithManagedDebug())
		server.Close()
		return err
	}
	watch := watchEngine()
	server.sessions.engineGone = watch.gone
	served, abandoned := make(chan error, 1), make(chan struct{})
	go func() { served <- tf6server.Serve(address, factory) }()
	go func() { watch.wait(); close(abandoned) }()
	select {
	case err = <-served:
	case <-abandoned:
		server.abandon()
	}
	server.Close()
	return err
}

// Close deletes the sessions that nothing else would delete, for at most
// timing.closeWait: engines do not close ephemeral resources if a run fails or is
// interrupted, and nobody receives the id of a session whose creation is running.
func (s *Server) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), s.timing.closeWait)
	defer cancel()
	s.sessions.deleteAll(ctx)
}

// abandon ends what an engine that is gone has left running. Nothing kills the
// process then, so Close may take longer.
func (s *Server) abandon() {
	_, _ = s.StopProvider(context.Background(), &tfprotov6.StopProviderRequest{})
	s.timing.closeWait = abandonedWait
}

// StopProvider cancels all requests and waits until actions and queries have
// reported how they ended. plugin-go drops what they send after it has returned, so
// an interrupted action would look successful.
func (s *Server) StopProvider(ctx context.Context, req *tfprotov6.StopProviderRequest) (*tfprotov6.StopProviderResponse, error) {
	resp, err := s.protocolServer.StopProvider(ctx, req)
	ctx, cancel := context.WithTimeout(ctx, s.timing.stopWait)
	defer cancel()
	s.streams.wait(ctx)
	return resp, err
}

// InvokeAction counts an action as running until its last event has been sent.
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
			// The action goes on if the engine stops reading: it may be in the
			// middle of a deletion.
			sending = sending && push(event)
			return true
		})
	}
	return stream, nil
}

// ListResource counts a query as running until its last result has been sent.
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

// begin adds one, and end removes it. A second end does nothing.
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

// wait returns when nothing is running or ctx ends.
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

const (
	// enginePoll is how often the process looks whether its engine is gone: the
	// plugin protocol does not say it.
	enginePoll = 500 * time.Millisecond
	// outliveSignal is how long the process goes on after SIGTERM. An engine that was
	// terminated, too, has ended every call to the provider by then.
	outliveSignal = time.Minute
	// abandonedWait bounds the clean-up after the end of the engine. It is longer than
	// the client waits for the answer to a create.
	abandonedWait = 15 * time.Second
)

// engineWatch finds out when the process has to end without the engine's word.
type engineWatch struct {
	engine int
	// parent returns the id of the parent process, which is the engine's until the
	// engine is gone (on Windows it never changes).
	parent     func() int
	terminated <-chan os.Signal
	poll       <-chan time.Time
	after      func(time.Duration) <-chan time.Time
}

// watchEngine makes the process outlive the signals that end a whole process group
// (timeout, systemd, a cancelled pipeline, a closed terminal): the engine still needs
// the provider to end the run.
func watchEngine() engineWatch {
	// SIGHUP kills the engine, and the poll notices that. After that, the first log
	// line would end the process with SIGPIPE, before it has cleaned up.
	signal.Ignore(syscall.SIGHUP, syscall.SIGPIPE)
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	return engineWatch{
		engine: os.Getppid(), parent: os.Getppid,
		terminated: terminated, poll: time.Tick(enginePoll), after: time.After,
	}
}

func (w engineWatch) gone() bool { return w.parent() != w.engine }

// wait returns when the engine is gone, or a while after SIGTERM.
func (w engineWatch) wait() {
	var expired <-chan time.Time
	for !w.gone() {
		select {
		case <-w.poll:
		case <-w.terminated:
			if expired == nil {
				expired = w.after(outliveSignal)
			}
		case <-expired:
			return
		}
	}
}
