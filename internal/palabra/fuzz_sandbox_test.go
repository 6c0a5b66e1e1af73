package palabra_test

import (
	"context"
	"net/http/httptest"
	"testing"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// The sandbox's router is another reading of what one path segment is.
func FuzzIDRoundTripThroughTheSandbox(f *testing.F) {
	for _, seed := range []string{"a.b", "...", "a/b", "%2F", "eyJhbGciOiJIUzI1NiJ9.e30.c2ln", "\x00\xff", "?#&="} {
		f.Add(seed)
	}
	s := sandbox.New(sandbox.Options{})
	listener := httptest.NewServer(s)
	f.Cleanup(listener.Close)
	client, err := palabra.New(palabra.Config{Endpoint: listener.URL, APIKey: sandbox.DefaultAPIKey})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, id string) {
		if id == "" || id == "." || id == ".." {
			return // Refused before any request.
		}
		s.ResetRequests()
		_, _ = client.SetExpiry(context.Background(), id, 60)
		requests := s.Requests()
		if len(requests) == 0 || requests[0].SessionID != id {
			t.Errorf("%q arrived as %+v", id, requests)
		}
	})
}

// Tokens are the server's; whatever they hold must come back as it was.
func FuzzPageTokenRoundTrip(f *testing.F) {
	for _, seed := range []string{"eyJrZXkiOnt9fQ==", "a+b/c=", "&page_size=1", "ü", " "} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		got := palabra.TokenAsSent(token)
		if got != token {
			t.Errorf("%q would be sent as %q", token, got)
		}
	})
}
