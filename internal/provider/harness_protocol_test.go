package provider

import (
	"context"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// protocol is the provider as an engine sees it, without an engine: calls that
// the engine under test is too old for, and calls in an order of the test's own.
type protocol struct {
	t      *testing.T
	server *Server
}

// newTestServer is the provider under test.
func newTestServer() *Server {
	server, err := NewServer("test")
	if err != nil {
		panic(err) // It depends on nothing but the framework's version.
	}
	return server
}

func newProviderServer() tfprotov6.ProviderServer { return newTestServer() }

// newProtocol is a provider that is configured for the fixture, without
// retries.
func newProtocol(t *testing.T, f *fixture) *protocol {
	t.Helper()
	return newProtocolWith(t, f.arguments())
}

// arguments are those of a provider that is configured for the fixture.
func (f *fixture) arguments() attributes {
	return attributes{"endpoint": f.url, "client_id": testClientID, "client_secret": testClientSecret, "max_retries": 0}
}

func newProtocolWith(t *testing.T, arguments attributes) *protocol {
	t.Helper()
	p := &protocol{t: t, server: newTestServer()}
	configure(t.Context(), t, p.server, arguments)
	return p
}

// newProtocolAt is newProtocol with a local clock that the test moves, and with
// pauses that take no time.
func newProtocolAt(t *testing.T, f *fixture, local *sandbox.Clock) *protocol {
	t.Helper()
	timing := realTiming()
	timing.now, timing.pause = local.Now, func(context.Context, time.Duration) {}
	server, err := newServer("test", timing)
	if err != nil {
		t.Fatal(err)
	}
	configure(t.Context(), t, server, f.arguments())
	return &protocol{t: t, server: server}
}

func configure(ctx context.Context, t failer, server *Server, arguments attributes) {
	t.Helper()
	resp, err := server.ConfigureProvider(ctx, &tfprotov6.ConfigureProviderRequest{
		TerraformVersion: "1.14.0", Config: wire(newObject(providerSchemas().Provider, arguments)),
	})
	if err != nil || len(resp.Diagnostics) > 0 {
		t.Fatalf("configure: %v %s", err, diagnosticText(resp.Diagnostics))
	}
}

func actionConfig(name string, arguments attributes) *tfprotov6.DynamicValue {
	return wire(newObject(providerSchemas().ActionSchemas[name].Schema, arguments))
}

func (p *protocol) validateAction(name string, arguments attributes) []*tfprotov6.Diagnostic {
	p.t.Helper()
	resp, err := p.server.ValidateActionConfig(p.t.Context(), &tfprotov6.ValidateActionConfigRequest{ActionType: name, Config: actionConfig(name, arguments)})
	if err != nil {
		p.t.Fatal(err)
	}
	return resp.Diagnostics
}

func (p *protocol) planAction(name string, arguments attributes) []*tfprotov6.Diagnostic {
	p.t.Helper()
	resp, err := p.server.PlanAction(p.t.Context(), &tfprotov6.PlanActionRequest{ActionType: name, Config: actionConfig(name, arguments)})
	if err != nil {
		p.t.Fatal(err)
	}
	return resp.Diagnostics
}

// invoke runs an action to its end, and returns its progress events in order.
// Each event is handed to onProgress while the action goes on.
func (p *protocol) invoke(ctx context.Context, name string, arguments attributes, onProgress ...func(string)) (progress []string, diags []*tfprotov6.Diagnostic) {
	p.t.Helper()
	return invokeAction(ctx, p.t, p.server, name, arguments, onProgress...)
}

func invokeAction(ctx context.Context, t failer, server *Server, name string, arguments attributes, onProgress ...func(string)) (progress []string, diags []*tfprotov6.Diagnostic) {
	t.Helper()
	stream, err := server.InvokeAction(ctx, &tfprotov6.InvokeActionRequest{ActionType: name, Config: actionConfig(name, arguments)})
	if err != nil {
		t.Fatalf("invoke %s: %v", name, err)
	}
	completed := 0
	for event := range stream.Events {
		switch event := event.Type.(type) {
		case tfprotov6.ProgressInvokeActionEventType:
			if completed > 0 {
				t.Errorf("progress after the end: %s", event.Message)
			}
			progress = append(progress, event.Message)
			for _, f := range onProgress {
				f(event.Message)
			}
		case tfprotov6.CompletedInvokeActionEventType:
			completed++
			diags = event.Diagnostics
		}
	}
	if completed != 1 {
		t.Errorf("%d completed events, want 1", completed)
	}
	return progress, diags
}
