package provider_test

import (
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

// BenchmarkRefresh is the provider's part of refreshing that many instances.
func BenchmarkRefresh(b *testing.B) {
	for _, n := range []int{1, 1000} {
		b.Run(fmt.Sprintf("instances=%d", n), func(b *testing.B) {
			p := benchProtocol(b, n)
			states := make([]*tfprotov6.DynamicValue, n)
			for i := range states {
				id := tftypes.NewValue(tftypes.String, fmt.Sprintf("bench-user.%08x", i))
				states[i] = p.wire(p.expiry(attributes{
					"id": id, "session_id": id, "ttl_seconds": tftypes.NewValue(tftypes.Number, 3600),
					"delete_on_destroy": tftypes.NewValue(tftypes.Bool, true),
					"expires_at":        tftypes.NewValue(tftypes.String, "2026-01-01T00:00:00Z"),
					"expired":           tftypes.NewValue(tftypes.Bool, false),
				}))
			}
			b.ReportAllocs()
			for b.Loop() {
				server := p.phase()
				for _, state := range states {
					resp, err := server.ReadResource(b.Context(), &tfprotov6.ReadResourceRequest{TypeName: expiryType, CurrentState: state})
					if err != nil {
						b.Fatal(err)
					}
					p.must(nil, resp.Diagnostics)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/instance")
		})
	}
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
