package provider_test

import (
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// TestSessionList_ConfigurationImportsAndPlansEmpty does what an engine does with what
// "terraform query -generate-config-out" wrote.
func TestSessionList_ConfigurationImportsAndPlansEmpty(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(f *fixture){
		"as created":         func(f *fixture) { f.putSession(testSessionID, time.Hour) },
		"read a while later": func(f *fixture) { f.putSession(testSessionID, time.Hour); f.clock.Advance(20 * time.Minute) },
		"extended later": func(f *fixture) {
			now := f.clock.Now()
			f.Put(sandbox.Session{ID: testSessionID, CreatedAt: now.Add(-48 * time.Hour), UpdatedAt: now, ExpiresAt: now.Add(90 * time.Minute)})
		},
		"connected": func(f *fixture) {
			f.putSession(testSessionID, time.Hour)
			f.Connect(testSessionID)
			f.clock.Advance(5 * time.Minute)
		},
	} {
		for _, typeName := range listTypes {
			t.Run(typeName+" "+name, func(t *testing.T) {
				t.Parallel()
				f := newFixture(t)
				prepare(f)
				p := newProtocol(t, f)
				for result := range p.list(typeName, 1, true, nil) {
					p.importAndPlan(typeName, result)
				}
				f.expectWrites(t)
			})
		}
	}
}

// importAndPlan imports a listed session by its identity, and fails unless the
// plan for the configuration that its resource makes is empty.
func (p *protocol) importAndPlan(typeName string, listed tfprotov6.ListResourceResult) {
	p.t.Helper()
	ctx, schema := p.t.Context(), p.schemas.ResourceSchemas[typeName]
	imported, err := p.server.ImportResourceState(ctx, &tfprotov6.ImportResourceStateRequest{TypeName: typeName, Identity: listed.Identity})
	if err != nil {
		p.t.Fatal(err)
	}
	if len(imported.ImportedResources) != 1 {
		p.t.Fatalf("import: %s", diagnosticText(imported.Diagnostics))
	}
	one := imported.ImportedResources[0]
	read, err := p.server.ReadResource(ctx, &tfprotov6.ReadResourceRequest{
		TypeName: typeName, CurrentState: one.State, CurrentIdentity: one.Identity, Private: one.Private,
	})
	if err != nil {
		p.t.Fatal(err)
	}
	expectNone(p.t, read.Diagnostics)

	// A generated configuration sets what can be set, and a proposed plan is the
	// configuration with the prior state where it says nothing.
	configured := p.attributes(listed.Resource, schema.ValueType())
	prior := p.attributes(read.NewState, schema.ValueType())
	proposed := make(map[string]tftypes.Value, len(prior))
	for _, attribute := range schema.Block.Attributes {
		if attribute.Computed && !attribute.Optional {
			configured[attribute.Name] = tftypes.NewValue(attribute.Type, nil)
		}
		proposed[attribute.Name] = configured[attribute.Name]
		if attribute.Computed && configured[attribute.Name].IsNull() {
			proposed[attribute.Name] = prior[attribute.Name]
		}
	}
	config := p.dynamic(tftypes.NewValue(schema.ValueType(), configured))
	validated, err := p.server.ValidateResourceConfig(ctx, &tfprotov6.ValidateResourceConfigRequest{TypeName: typeName, Config: config})
	if err != nil {
		p.t.Fatal(err)
	}
	expectNone(p.t, validated.Diagnostics)
	planned, err := p.server.PlanResourceChange(ctx, &tfprotov6.PlanResourceChangeRequest{
		TypeName: typeName, Config: config, PriorState: read.NewState, PriorPrivate: read.Private, PriorIdentity: read.NewIdentity,
		ProposedNewState: p.dynamic(tftypes.NewValue(schema.ValueType(), proposed)),
	})
	if err != nil {
		p.t.Fatal(err)
	}
	expectNone(p.t, planned.Diagnostics)
	after := p.attributes(planned.PlannedState, schema.ValueType())
	for name, value := range prior {
		if !after[name].Equal(value) {
			p.t.Errorf("%s: the plan changes %s to %s", name, value, after[name])
		}
	}
	if len(planned.RequiresReplace) > 0 {
		p.t.Errorf("the plan replaces: %v", planned.RequiresReplace)
	}
}
