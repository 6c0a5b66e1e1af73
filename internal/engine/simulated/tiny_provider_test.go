package simulated_test

import (
	"context"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine/simulated"
)

// tiny is a provider that records its calls. Its objects are in a world that
// outlives it, and its private state is a history of the calls that it passed.
type tiny struct {
	tfprotov6.ProviderServer
	*world
}

// world is what the provider manages, and what it was asked.
type world struct {
	mu    sync.Mutex
	calls []call
	// made counts the objects of each name, and gone are those that something else
	// has deleted.
	made map[string]int
	gone map[string]bool
}

// call is one request, with every value that an engine chose. uid is empty for an
// object that does not exist yet.
type call struct{ name, uid, step, text string }

func newWorld() *world { return &world{made: make(map[string]int), gone: make(map[string]bool)} }

// tinySchema is that of both resource types. name tells instances apart, because
// engines do not tell providers the address; key replaces; fails makes a call fail.
var tinySchema = &tfprotov6.Schema{Block: &tfprotov6.SchemaBlock{Attributes: []*tfprotov6.SchemaAttribute{
	{Name: "name", Type: tftypes.String, Required: true},
	{Name: "key", Type: tftypes.String, Required: true},
	{Name: "size", Type: tftypes.Number, Optional: true},
	{Name: "fails", Type: tftypes.String, Optional: true},
	{Name: "uid", Type: tftypes.String, Computed: true},
	{Name: "revision", Type: tftypes.Number, Computed: true},
}}}

var (
	tinySchemas = simulated.Schemas{"tiny_one": tinySchema, "tiny_two": tinySchema}
	tinyType    = simulated.ObjectType(tinySchema)
)

func text(object tftypes.Value, name string) (value string) {
	if member := simulated.Member(object, name); member.IsKnown() && !member.IsNull() && member.As(&value) != nil {
		var number big.Float
		_ = member.As(&number)
		return number.String()
	}
	return value
}

// brief writes an object as one line.
func brief(object tftypes.Value) string {
	if object.IsNull() {
		return "null"
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(tinyType.AttributeTypes)) {
		switch member := simulated.Member(object, name); {
		case !member.IsKnown():
			parts = append(parts, name+"=?")
		case !member.IsNull():
			parts = append(parts, name+"="+text(object, name))
		}
	}
	return "{" + strings.Join(parts, " ") + "}"
}

func object(value *tfprotov6.DynamicValue) tftypes.Value { return simulated.Unwire(tinyType, value) }

// record notes a call and returns the objects that it is about.
func (p *tiny) record(step, kind string, private []byte, values ...*tfprotov6.DynamicValue) (objects []tftypes.Value, name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	line := fmt.Sprintf("%s %s private=%q", step, kind, private)
	for _, value := range values {
		o := object(value)
		objects = append(objects, o)
		line += " " + brief(o)
		if name == "" {
			name = text(o, "name")
		}
	}
	p.calls = append(p.calls, call{name, text(objects[0], "uid"), step, line})
	return objects, name
}

// fails is an error where one of the objects asks for it.
func fails(step string, objects ...tftypes.Value) []*tfprotov6.Diagnostic {
	for _, o := range objects {
		if text(o, "fails") == step {
			return []*tfprotov6.Diagnostic{{Severity: tfprotov6.DiagnosticSeverityError, Summary: step + " fails"}}
		}
	}
	return nil
}

func with(o tftypes.Value, changes map[string]any) *tfprotov6.DynamicValue {
	values := make(map[string]any)
	for name, value := range simulated.Members(o) {
		values[name] = value
	}
	maps.Copy(values, changes)
	return simulated.Wire(simulated.NewObject(tinySchema, values))
}

func (p *tiny) GetMetadata(context.Context, *tfprotov6.GetMetadataRequest) (*tfprotov6.GetMetadataResponse, error) {
	return &tfprotov6.GetMetadataResponse{
		ServerCapabilities: &tfprotov6.ServerCapabilities{PlanDestroy: true, MoveResourceState: true},
		Resources:          []tfprotov6.ResourceMetadata{{TypeName: "tiny_one"}, {TypeName: "tiny_two"}},
	}, nil
}

func (p *tiny) GetProviderSchema(context.Context, *tfprotov6.GetProviderSchemaRequest) (*tfprotov6.GetProviderSchemaResponse, error) {
	return &tfprotov6.GetProviderSchemaResponse{
		ServerCapabilities: &tfprotov6.ServerCapabilities{PlanDestroy: true, MoveResourceState: true}, ResourceSchemas: tinySchemas,
		Provider: &tfprotov6.Schema{Block: new(tfprotov6.SchemaBlock)},
	}, nil
}

func (p *tiny) GetResourceIdentitySchemas(context.Context, *tfprotov6.GetResourceIdentitySchemasRequest) (*tfprotov6.GetResourceIdentitySchemasResponse, error) {
	return new(tfprotov6.GetResourceIdentitySchemasResponse), nil
}

func (p *tiny) ValidateProviderConfig(_ context.Context, req *tfprotov6.ValidateProviderConfigRequest) (*tfprotov6.ValidateProviderConfigResponse, error) {
	return &tfprotov6.ValidateProviderConfigResponse{PreparedConfig: req.Config}, nil
}

func (p *tiny) ConfigureProvider(context.Context, *tfprotov6.ConfigureProviderRequest) (*tfprotov6.ConfigureProviderResponse, error) {
	return new(tfprotov6.ConfigureProviderResponse), nil
}

func (p *tiny) StopProvider(context.Context, *tfprotov6.StopProviderRequest) (*tfprotov6.StopProviderResponse, error) {
	return new(tfprotov6.StopProviderResponse), nil
}

func (p *tiny) ValidateResourceConfig(context.Context, *tfprotov6.ValidateResourceConfigRequest) (*tfprotov6.ValidateResourceConfigResponse, error) {
	return new(tfprotov6.ValidateResourceConfigResponse), nil
}

func (p *tiny) UpgradeResourceState(_ context.Context, req *tfprotov6.UpgradeResourceStateRequest) (*tfprotov6.UpgradeResourceStateResponse, error) {
	value, err := req.RawState.Unmarshal(tinyType)
	if err != nil {
		return nil, err
	}
	return &tfprotov6.UpgradeResourceStateResponse{UpgradedState: simulated.Wire(value)}, nil
}

func (p *tiny) ReadResource(_ context.Context, req *tfprotov6.ReadResourceRequest) (*tfprotov6.ReadResourceResponse, error) {
	objects, _ := p.record("read", req.TypeName, req.Private, req.CurrentState)
	if p.gone[text(objects[0], "uid")] {
		return &tfprotov6.ReadResourceResponse{NewState: simulated.Wire(tftypes.NewValue(tinyType, nil))}, nil
	}
	return &tfprotov6.ReadResourceResponse{NewState: req.CurrentState, Private: append(slices.Clone(req.Private), 'r')}, nil
}

func (p *tiny) PlanResourceChange(_ context.Context, req *tfprotov6.PlanResourceChangeRequest) (*tfprotov6.PlanResourceChangeResponse, error) {
	objects, _ := p.record("plan", req.TypeName, req.PriorPrivate, req.PriorState, req.Config, req.ProposedNewState)
	prior, proposed := objects[0], objects[2]
	answer := &tfprotov6.PlanResourceChangeResponse{PlannedState: req.ProposedNewState, PlannedPrivate: append(slices.Clone(req.PriorPrivate), 'p'), Diagnostics: fails("plan", proposed)}
	switch {
	case proposed.IsNull():
	case prior.IsNull():
		answer.PlannedState = with(proposed, map[string]any{"uid": tftypes.UnknownValue, "revision": 1})
	case text(prior, "key") != text(proposed, "key"):
		answer.RequiresReplace = []*tftypes.AttributePath{tftypes.NewAttributePath().WithAttributeName("key")}
	case !prior.Equal(proposed):
		answer.PlannedState = with(proposed, map[string]any{"revision": tftypes.UnknownValue})
	}
	return answer, nil
}

func (p *tiny) ApplyResourceChange(_ context.Context, req *tfprotov6.ApplyResourceChangeRequest) (*tfprotov6.ApplyResourceChangeResponse, error) {
	objects, name := p.record("apply", req.TypeName, req.PlannedPrivate, req.PriorState, req.PlannedState, req.Config)
	prior, planned := objects[0], objects[1]
	answer := &tfprotov6.ApplyResourceChangeResponse{NewState: req.PlannedState, Private: append(slices.Clone(req.PlannedPrivate), 'a')}
	switch {
	case planned.IsNull():
		if answer.Diagnostics = fails("delete", prior); answer.Diagnostics != nil {
			answer.NewState = req.PriorState
		}
	case prior.IsNull():
		if answer.Diagnostics = fails("create", planned); answer.Diagnostics != nil {
			answer.NewState = simulated.Wire(tftypes.NewValue(tinyType, nil))
			break
		}
		p.mu.Lock()
		p.made[name]++
		answer.NewState = with(planned, map[string]any{"uid": fmt.Sprintf("%s%d", name, p.made[name])})
		p.mu.Unlock()
		answer.Diagnostics = fails("half-made", planned)
	default:
		before, _ := new(big.Float).SetString(text(prior, "revision"))
		answer.NewState = with(planned, map[string]any{"revision": new(big.Float).Add(before, big.NewFloat(1))})
		if answer.Diagnostics = fails("update", planned); answer.Diagnostics != nil {
			answer.NewState = req.PriorState
		}
	}
	return answer, nil
}

func (p *tiny) ImportResourceState(_ context.Context, req *tfprotov6.ImportResourceStateRequest) (*tfprotov6.ImportResourceStateResponse, error) {
	state := simulated.Wire(simulated.NewObject(tinySchema, map[string]any{"name": req.ID, "key": "k", "uid": "imported", "revision": 7}))
	p.record("import", req.TypeName, nil, state)
	return &tfprotov6.ImportResourceStateResponse{ImportedResources: []*tfprotov6.ImportedResource{{TypeName: req.TypeName, State: state, Private: []byte("i")}}}, nil
}

func (p *tiny) MoveResourceState(_ context.Context, req *tfprotov6.MoveResourceStateRequest) (*tfprotov6.MoveResourceStateResponse, error) {
	value, err := req.SourceState.Unmarshal(tinyType)
	if err != nil {
		return nil, err
	}
	state := simulated.Wire(value)
	p.record("move", req.SourceTypeName+" to "+req.TargetTypeName, req.SourcePrivate, state)
	return &tfprotov6.MoveResourceStateResponse{TargetState: state, TargetPrivate: append(slices.Clone(req.SourcePrivate), 'm')}, nil
}
