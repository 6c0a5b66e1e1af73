package provider_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// TestSessionResource_InterruptedCreateIsInTheState: the server completes what was
// sent, so the answer is waited for. A session that no state knows would count
// against the session limit.
func TestSessionResource_InterruptedCreateIsInTheState(t *testing.T) {
	t.Parallel()
	for name, arguments := range map[string]map[string]any{"with a lifetime": {"ttl_seconds": 60}, "without": {}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			p := newProtocol(t, f)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			f.Inject(sandbox.Fault{Operation: sandbox.OperationCreate, Effect: func(w http.ResponseWriter, r *http.Request, api http.Handler) {
				cancel()
				api.ServeHTTP(w, r)
			}})
			const typeName = "palabra_session"
			schema := p.schemas.ResourceSchemas[typeName]
			config := p.dynamic(p.object(schema, arguments))
			none := p.dynamic(tftypes.NewValue(schema.ValueType(), nil))
			planned, err := p.server.PlanResourceChange(t.Context(), &tfprotov6.PlanResourceChangeRequest{
				TypeName: typeName, PriorState: none, ProposedNewState: config, Config: config,
			})
			if err != nil {
				t.Fatal(err)
			}
			applied, err := p.server.ApplyResourceChange(ctx, &tfprotov6.ApplyResourceChangeRequest{
				TypeName: typeName, PriorState: none, PlannedState: planned.PlannedState, Config: config,
				PlannedPrivate: planned.PlannedPrivate, PlannedIdentity: planned.PlannedIdentity,
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range applied.Diagnostics {
				if d.Severity == tfprotov6.DiagnosticSeverityError {
					t.Errorf("an error would taint the session: %s", d.Summary)
				}
			}
			if id := textOf(p.attributes(applied.NewState, schema.ValueType())["id"]); id != f.onlySession(t) {
				t.Errorf("the state holds session %q", id)
			}
		})
	}
}
