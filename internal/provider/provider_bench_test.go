package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine/simulated"
	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// benchEngine serves n sessions to a simulated engine.
func benchEngine(b *testing.B, n int) *story {
	b.Helper()
	s := sandbox.New(sandbox.Options{ClientID: testClientID, ClientSecret: testClientSecret})
	created := time.Now().Add(-24 * time.Hour)
	for i := range n {
		s.Put(sandbox.Session{ID: fmt.Sprintf("bench-user.%08x", i), CreatedAt: created.Add(time.Duration(i) * time.Millisecond)})
	}
	listener := httptest.NewServer(s)
	b.Cleanup(listener.Close)
	provider := pairOf(listener.URL, testClientID)
	return &story{Engine: &simulated.Engine{Ctx: b.Context()}, t: b, provider: provider}
}

// BenchmarkRefresh is the provider's part of a plan without changes for that
// many instances: the calls that an engine makes for each of them.
func BenchmarkRefresh(b *testing.B) {
	for _, n := range []int{1, 1000} {
		b.Run(fmt.Sprintf("instances=%d", n), func(b *testing.B) {
			e := benchEngine(b, n)
			instances := make([]refreshedInstance, n)
			for i := range instances {
				instances[i] = newRefreshedInstance(fmt.Sprintf("bench-user.%08x", i))
			}
			b.ReportAllocs()
			for b.Loop() {
				server := e.start()
				for _, instance := range instances {
					instance.refresh(b.Context(), b, server)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/instance")
		})
	}
}

// refreshedInstance is what an engine has of an instance before a plan.
type refreshedInstance struct {
	config, state *tfprotov6.DynamicValue
	stored        *tfprotov6.RawState
	identity      *tfprotov6.ResourceIdentityData
}

func newRefreshedInstance(id string) refreshedInstance {
	config := attributes{"session_id": id, "ttl_seconds": 3600}
	state := attributes{
		"id": id, "session_id": id, "ttl_seconds": 3600, "delete_on_destroy": true, "expires_at": "2026-01-01T00:00:00Z", "active": true,
	}
	stored, err := json.Marshal(state)
	if err != nil {
		panic(err)
	}
	schema := providerSchemas().ResourceSchemas[sessionExpiryType]
	return refreshedInstance{
		config: wire(newObject(schema, config)), state: wire(newObject(schema, state)),
		stored: &tfprotov6.RawState{JSON: stored}, identity: identityOf(id),
	}
}

func (i refreshedInstance) refresh(ctx context.Context, b *testing.B, server tfprotov6.ProviderServer) {
	b.Helper()
	upgraded, err := server.UpgradeResourceState(ctx, &tfprotov6.UpgradeResourceStateRequest{TypeName: sessionExpiryType, RawState: i.stored})
	benchMust(b, err, upgraded.Diagnostics)
	read, err := server.ReadResource(ctx, &tfprotov6.ReadResourceRequest{TypeName: sessionExpiryType, CurrentState: i.state, CurrentIdentity: i.identity})
	benchMust(b, err, read.Diagnostics)
	valid, err := server.ValidateResourceConfig(ctx, &tfprotov6.ValidateResourceConfigRequest{TypeName: sessionExpiryType, Config: i.config})
	benchMust(b, err, valid.Diagnostics)
	planned, err := server.PlanResourceChange(ctx, &tfprotov6.PlanResourceChangeRequest{
		TypeName: sessionExpiryType, Config: i.config, PriorState: i.state, ProposedNewState: i.state, PriorPrivate: read.Private, PriorIdentity: i.identity,
	})
	benchMust(b, err, planned.Diagnostics)
}

func benchMust(b *testing.B, err error, diags []*tfprotov6.Diagnostic) {
	b.Helper()
	if err != nil || len(diags) > 0 {
		b.Fatalf("%v %s", err, diagnosticText(diags))
	}
}

func BenchmarkSessionsDataSource(b *testing.B) {
	for _, n := range []int{1000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("sessions=%d", n), func(b *testing.B) {
			e := benchEngine(b, n)
			config := wire(newObject(providerSchemas().DataSourceSchemas["palabra_sessions"], nil))
			b.ReportAllocs()
			for b.Loop() {
				resp, err := e.start().ReadDataSource(b.Context(), &tfprotov6.ReadDataSourceRequest{TypeName: "palabra_sessions", Config: config})
				if err != nil {
					b.Fatal(err)
				}
				benchMust(b, nil, resp.Diagnostics)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/session")
		})
	}
}
