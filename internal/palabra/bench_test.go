package palabra

import (
	"fmt"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

func benchServer(b *testing.B, n int) (string, []string) {
	b.Helper()
	s := sandbox.New(sandbox.Options{})
	now := time.Now().Add(-24 * time.Hour)
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("bench-user.%08x.%08x", i, i)
		s.Put(sandbox.Session{ID: ids[i], CreatedAt: now.Add(time.Duration(i) * time.Millisecond)})
	}
	return serve(b, s), ids
}

func benchClient(b *testing.B, url string, bulkRead bool) *Client {
	b.Helper()
	return newClient(b, url, withKey(sandbox.DefaultAPIKey), withBulkRead(bulkRead))
}

func BenchmarkGet(b *testing.B) {
	url, ids := benchServer(b, 1)
	client := benchClient(b, url, false)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := client.Get(b.Context(), ids[0]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSetExpiry(b *testing.B) {
	url, ids := benchServer(b, 1)
	client := benchClient(b, url, false)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := client.SetExpiry(b.Context(), ids[0], 3600); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkList(b *testing.B) {
	for _, n := range []int{1000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("sessions=%d", n), func(b *testing.B) {
			url, _ := benchServer(b, n)
			client := benchClient(b, url, false)
			b.ReportAllocs()
			for b.Loop() {
				got := 0
				for _, err := range client.Sessions(b.Context()) {
					if err != nil {
						b.Fatal(err)
					}
					got++
				}
				if got != n {
					b.Fatalf("%d of %d sessions", got, n)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/session")
		})
	}
}

func BenchmarkRead(b *testing.B) {
	for _, bulk := range []bool{false, true} {
		b.Run(fmt.Sprintf("reads=1000/bulk=%t", bulk), func(b *testing.B) {
			url, ids := benchServer(b, 1000)
			b.ReportAllocs()
			for b.Loop() {
				client := benchClient(b, url, bulk)
				for _, id := range ids {
					if _, err := client.Read(b.Context(), id); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
