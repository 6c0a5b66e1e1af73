package provider_test

import (
	"context"
	"maps"
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/palabra-community/terraform-provider-palabra/internal/provider"
	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// protocol is the provider as an engine sees it, without an engine: calls that
// the engine under test is too old for, and calls in an order of the test's own.
type protocol struct {
	t       *testing.T
	server  *provider.Server
	schemas *tfprotov6.GetProviderSchemaResponse
}

// newProtocol is a provider that is configured for the fixture, without
// retries.
func newProtocol(t *testing.T, f *fixture) *protocol {
	t.Helper()
	return newProtocolWith(t, f.arguments())
}

// arguments are those of a provider that is configured for the fixture.
func (f *fixture) arguments() map[string]any {
	return map[string]any{"endpoint": f.url, "client_id": testClientID, "client_secret": testClientSecret, "max_retries": 0}
}

func newProtocolWith(t *testing.T, arguments map[string]any) *protocol {
	t.Helper()
	server, err := provider.NewServer("test")
	if err != nil {
		t.Fatal(err)
	}
	return newProtocolServer(t, server, arguments)
}

// newProtocolAt is newProtocol with a local clock that the test moves.
func newProtocolAt(t *testing.T, f *fixture, local *sandbox.Clock) *protocol {
	t.Helper()
	server, err := provider.NewServerAt(local.Now)
	if err != nil {
		t.Fatal(err)
	}
	return newProtocolServer(t, server, f.arguments())
}

// newProtocolServer configures a server that the test has made.
func newProtocolServer(t *testing.T, server *provider.Server, arguments map[string]any) *protocol {
	t.Helper()
	p := &protocol{t: t, server: server}
	schemas, err := p.server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	p.schemas = schemas
	configured, err := p.server.ConfigureProvider(t.Context(), &tfprotov6.ConfigureProviderRequest{
		TerraformVersion: "1.14.0",
		Config:           p.dynamic(p.object(schemas.Provider, arguments)),
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(configured.Diagnostics) > 0 {
		t.Fatalf("configure: %s", diagnosticText(configured.Diagnostics))
	}
	return p
}

// object is a value of the schema's type; arguments that are not named are null.
func (p *protocol) object(schema *tfprotov6.Schema, arguments map[string]any) tftypes.Value {
	p.t.Helper()
	objectType, ok := schema.ValueType().(tftypes.Object)
	if !ok {
		p.t.Fatalf("schema of type %s", schema.ValueType())
	}
	values := make(map[string]tftypes.Value, len(objectType.AttributeTypes))
	for name, attributeType := range objectType.AttributeTypes {
		argument := arguments[name]
		if list, isList := argument.([]string); isList {
			elements := make([]tftypes.Value, 0, len(list))
			for _, element := range list {
				elements = append(elements, tftypes.NewValue(tftypes.String, element))
			}
			argument = elements
		}
		values[name] = tftypes.NewValue(attributeType, argument)
	}
	for name := range arguments {
		if _, known := objectType.AttributeTypes[name]; !known {
			p.t.Fatalf("no attribute %q", name)
		}
	}
	return tftypes.NewValue(objectType, values)
}

func (p *protocol) dynamic(value tftypes.Value) *tfprotov6.DynamicValue {
	p.t.Helper()
	dynamic, err := tfprotov6.NewDynamicValue(value.Type(), value)
	if err != nil {
		p.t.Fatal(err)
	}
	return &dynamic
}

// attributes takes an object apart.
func (p *protocol) attributes(dynamic *tfprotov6.DynamicValue, objectType tftypes.Type) map[string]tftypes.Value {
	p.t.Helper()
	if dynamic == nil {
		p.t.Fatal("no value")
	}
	value, err := dynamic.Unmarshal(objectType)
	if err != nil {
		p.t.Fatal(err)
	}
	attributes := make(map[string]tftypes.Value)
	if err := value.As(&attributes); err != nil {
		p.t.Fatal(err)
	}
	return attributes
}

// action returns the arguments of an action as an engine sends them.
func (p *protocol) action(name string, arguments map[string]any) *tfprotov6.DynamicValue {
	p.t.Helper()
	schema, ok := p.schemas.ActionSchemas[name]
	if !ok {
		p.t.Fatalf("no action %q among %q", name, slices.Collect(maps.Keys(p.schemas.ActionSchemas)))
	}
	return p.dynamic(p.object(schema.Schema, arguments))
}

func (p *protocol) validateAction(name string, arguments map[string]any) []*tfprotov6.Diagnostic {
	p.t.Helper()
	resp, err := p.server.ValidateActionConfig(p.t.Context(), &tfprotov6.ValidateActionConfigRequest{ActionType: name, Config: p.action(name, arguments)})
	if err != nil {
		p.t.Fatal(err)
	}
	return resp.Diagnostics
}

func (p *protocol) planAction(name string, arguments map[string]any) []*tfprotov6.Diagnostic {
	p.t.Helper()
	resp, err := p.server.PlanAction(p.t.Context(), &tfprotov6.PlanActionRequest{ActionType: name, Config: p.action(name, arguments)})
	if err != nil {
		p.t.Fatal(err)
	}
	return resp.Diagnostics
}

// invoke runs an action to its end, and returns its progress events in order.
// Each event is handed to onProgress while the action goes on.
func (p *protocol) invoke(ctx context.Context, name string, arguments map[string]any, onProgress ...func(string)) (progress []string, diags []*tfprotov6.Diagnostic) {
	p.t.Helper()
	stream, err := p.server.InvokeAction(ctx, &tfprotov6.InvokeActionRequest{ActionType: name, Config: p.action(name, arguments)})
	if err != nil {
		p.t.Fatal(err)
	}
	completed := 0
	for event := range stream.Events {
		switch event := event.Type.(type) {
		case tfprotov6.ProgressInvokeActionEventType:
			if completed > 0 {
				p.t.Errorf("progress after the end: %s", event.Message)
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
		p.t.Errorf("%d completed events, want 1", completed)
	}
	return progress, diags
}
