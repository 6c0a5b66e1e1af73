package provider_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// benchProtocol serves n sessions and talks to the provider as an engine does.
func benchProtocol(b *testing.B, n int) *protocol {
	b.Helper()
	s := sandbox.New(sandbox.Options{ClientID: testClientID, ClientSecret: testClientSecret})
	created := time.Now().Add(-24 * time.Hour)
	for i := range n {
		s.Put(sandbox.Session{ID: fmt.Sprintf("bench-user.%08x", i), CreatedAt: created.Add(time.Duration(i) * time.Millisecond)})
	}
	listener := httptest.NewServer(s)
	b.Cleanup(listener.Close)
	return newProtocol(b.Context(), b, listener.URL)
}

// BenchmarkRefresh is the provider's part of a plan without changes for that
// many instances: the calls that an engine makes for each of them.
func BenchmarkRefresh(b *testing.B) {
	for _, n := range []int{1, 1000} {
		b.Run(fmt.Sprintf("instances=%d", n), func(b *testing.B) {
			p := benchProtocol(b, n)
			instances := make([]refreshedInstance, n)
			for i := range instances {
				instances[i] = newRefreshedInstance(p, fmt.Sprintf("bench-user.%08x", i))
			}
			b.ReportAllocs()
			for b.Loop() {
				server := p.phase()
				for _, instance := range instances {
					instance.refresh(b.Context(), p, server)
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

func newRefreshedInstance(p *protocol, id string) refreshedInstance {
	sessionID, ttl := tftypes.NewValue(tftypes.String, id), tftypes.NewValue(tftypes.Number, 3600)
	return refreshedInstance{
		config: p.wire(p.expiry(attributes{"session_id": sessionID, "ttl_seconds": ttl})),
		state: p.wire(p.expiry(attributes{
			"id": sessionID, "session_id": sessionID, "ttl_seconds": ttl,
			"delete_on_destroy": tftypes.NewValue(tftypes.Bool, true),
			"expires_at":        tftypes.NewValue(tftypes.String, "2026-01-01T00:00:00Z"),
			"active":            tftypes.NewValue(tftypes.Bool, true),
		})),
		stored: &tfprotov6.RawState{JSON: fmt.Appendf(nil,
			`{"id":%[1]q,"session_id":%[1]q,"ttl_seconds":3600,"delete_on_destroy":true,"expires_at":"2026-01-01T00:00:00Z","active":true}`, id)},
		identity: p.identity(id),
	}
}

func (i refreshedInstance) refresh(ctx context.Context, p *protocol, server tfprotov6.ProviderServer) {
	upgraded, err := server.UpgradeResourceState(ctx, &tfprotov6.UpgradeResourceStateRequest{TypeName: expiryType, RawState: i.stored})
	p.must(err, upgraded.Diagnostics)
	read, err := server.ReadResource(ctx, &tfprotov6.ReadResourceRequest{TypeName: expiryType, CurrentState: i.state, CurrentIdentity: i.identity})
	p.must(err, read.Diagnostics)
	valid, err := server.ValidateResourceConfig(ctx, &tfprotov6.ValidateResourceConfigRequest{TypeName: expiryType, Config: i.config})
	p.must(err, valid.Diagnostics)
	planned, err := server.PlanResourceChange(ctx, &tfprotov6.PlanResourceChangeRequest{
		TypeName: expiryType, Config: i.config, PriorState: i.state, ProposedNewState: i.state, PriorPrivate: read.Private, PriorIdentity: i.identity,
	})
	p.must(err, planned.Diagnostics)
}

func BenchmarkSessionsDataSource(b *testing.B) {
	for _, n := range []int{1000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("sessions=%d", n), func(b *testing.B) {
			p := benchProtocol(b, n)
			schemas, err := p.phase().GetProviderSchema(b.Context(), &tfprotov6.GetProviderSchemaRequest{})
			if err != nil {
				b.Fatal(err)
			}
			object, ok := schemas.DataSourceSchemas["palabra_sessions"].ValueType().(tftypes.Object)
			if !ok {
				b.Fatal("the schema is no object")
			}
			config := p.wire(p.object(object, nil))
			b.ReportAllocs()
			for b.Loop() {
				resp, err := p.phase().ReadDataSource(b.Context(), &tfprotov6.ReadDataSourceRequest{TypeName: "palabra_sessions", Config: config})
				if err != nil {
					b.Fatal(err)
				}
				p.must(nil, resp.Diagnostics)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/session")
		})
	}
}
