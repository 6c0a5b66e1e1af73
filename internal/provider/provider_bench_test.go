package provider

import (
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// newBenchStory is a story with n sessions, which live for a day.
func newBenchStory(b *testing.B, n int) *story {
	b.Helper()
	f := newAccounts(sandbox.Options{})
	server := httptest.NewServer(f)
	b.Cleanup(server.Close)
	f.url = server.URL
	for i := range n {
		created := testStart.Add(time.Duration(i) * time.Millisecond)
		f.Put(sandbox.Session{ID: numberedID(i), CreatedAt: created, ExpiresAt: created.Add(24 * time.Hour)})
	}
	return newStoryOf(b.Context(), b, f)
}

// BenchmarkRefresh is a plan without changes of a simulated engine.
func BenchmarkRefresh(b *testing.B) {
	for _, n := range []int{1, 100} {
		b.Run(fmt.Sprintf("instances=%d", n), func(b *testing.B) {
			s := newBenchStory(b, n)
			for i := range n {
				s.config[room(numberedID(i))] = lasts(numberedID(i), attributes{"ttl_seconds": 24 * 3600})
			}
			s.run()
			b.ReportAllocs()
			for b.Loop() {
				if p := s.Plan(s.config, command{}); !p.Empty() || len(p.Problems) > 0 {
					b.Fatal(problemText(p.Problems))
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/instance")
		})
	}
}

func BenchmarkSessionsDataSource(b *testing.B) {
	for _, n := range []int{1000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("sessions=%d", n), func(b *testing.B) {
			s := newBenchStory(b, n)
			config := wire(newObject(providerSchemas().DataSourceSchemas["palabra_sessions"], nil))
			b.ReportAllocs()
			for b.Loop() {
				resp := must(s.start().ReadDataSource(b.Context(), &tfprotov6.ReadDataSourceRequest{TypeName: "palabra_sessions", Config: config}))
				if len(resp.Diagnostics) > 0 {
					b.Fatal(diagnosticText(resp.Diagnostics))
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/session")
		})
	}
}
