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
func newTestServer() *Server { return must(NewServer("test")) }

func newProviderServer() tfprotov6.ProviderServer { return newTestServer() }

// newProtocol is a provider that is configured for the fixture, without
// retries.
func newProtocol(t *testing.T, f *fixture) *protocol {
	t.Helper()
	return newProtocolWith(t, pairOf(f.url, testClientID))
}

func newProtocolWith(t *testing.T, arguments attributes) *protocol {
	t.Helper()
	return newProtocolOf(t, newTestServer(), arguments)
}

func newProtocolOf(t *testing.T, server *Server, arguments attributes) *protocol {
	t.Helper()
	configure(t.Context(), t, server, arguments)
	return &protocol{t: t, server: server}
}

// newProtocolAt is newProtocol with a local clock that the test moves, and with
// pauses that take no time.
func newProtocolAt(t *testing.T, f *fixture, local *sandbox.Clock) *protocol {
	t.Helper()
	timing := realTiming()
	timing.now, timing.pause = local.Now, func(context.Context, time.Duration) {}
	return newProtocolOf(t, must(newServer("test", timing)), pairOf(f.url, testClientID))
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
	req := &tfprotov6.ValidateActionConfigRequest{ActionType: name, Config: actionConfig(name, arguments)}
	return must(p.server.ValidateActionConfig(p.t.Context(), req)).Diagnostics
}

func (p *protocol) planAction(name string, arguments attributes) []*tfprotov6.Diagnostic {
	p.t.Helper()
	req := &tfprotov6.PlanActionRequest{ActionType: name, Config: actionConfig(name, arguments)}
	return must(p.server.PlanAction(p.t.Context(), req)).Diagnostics
}

// invoke runs an action to its end, and returns its progress events in order.
func (p *protocol) invoke(ctx context.Context, name string, arguments attributes) (progress []string, diags []*tfprotov6.Diagnostic) {
	p.t.Helper()
	return invokeAction(ctx, p.t, p.server, name, arguments)
}

func invokeAction(ctx context.Context, t failer, server *Server, name string, arguments attributes) (progress []string, diags []*tfprotov6.Diagnostic) {
	t.Helper()
	stream := must(server.InvokeAction(ctx, &tfprotov6.InvokeActionRequest{ActionType: name, Config: actionConfig(name, arguments)}))
	completed := 0
	for event := range stream.Events {
		switch event := event.Type.(type) {
		case tfprotov6.ProgressInvokeActionEventType:
			if completed > 0 {
				t.Errorf("progress after the end: %s", event.Message)
			}
			progress = append(progress, event.Message)
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
