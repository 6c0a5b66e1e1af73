package palabra

import (
	"fmt"
	"testing"
)

func BenchmarkList(b *testing.B) {
	for _, n := range []int{1000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("sessions=%d", n), func(b *testing.B) {
			s := newServer(b)
			s.fill(n)
			client := s.client(b)
			b.ReportAllocs()
			for b.Loop() {
				got := 0
				for _, err := range client.Sessions(b.Context(), DefaultPageSize) {
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
	s := newServer(b)
	ids := s.fill(1000)
	b.ReportAllocs()
	for b.Loop() {
		client := s.client(b)
		for _, id := range ids {
			if _, err := client.Read(b.Context(), id); err != nil {
				b.Fatal(err)
			}
		}
	}
}
