package palabra_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// TestRefusal_EndsTheOtherCalls: credentials that have never worked and are
// refused once are refused for every call.
func TestRefusal_EndsTheOtherCalls(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status int
		want   []string
	}{
		"401":           {http.StatusUnauthorized, []string{"GET /sessions/" + id}},
		"404 and check": {http.StatusNotFound, []string{"GET /sessions/" + id, "GET /sessions?page_size=1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			client := newClient(t, s.url)
			s.Inject(sandbox.Fault{Effect: sandbox.RefuseCredentials(test.status)})
			for range 3 {
				_, err := client.Get(t.Context(), id)
				if !errors.Is(err, palabra.ErrUnauthorized) || errors.Is(err, palabra.ErrNotFound) {
					t.Fatalf("error %v", err)
				}
			}
			_, err := client.Create(t.Context(), palabra.CreateRequest{})
			if !errors.Is(err, palabra.ErrUnauthorized) || errors.Is(err, palabra.ErrMaybeCreated) || !errors.Is(err, palabra.ErrRefusedBefore) {
				t.Errorf("create: %v", err)
			}
			expectCalls(t, s, test.want...)
		})
	}
}

func TestRefusal_OfOneCallLeavesTheOthers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		worked bool
		effect sandbox.Effect
	}{
		"credentials that have worked": {true, sandbox.RefuseCredentials(http.StatusUnauthorized)},
		"403 for one session":          {false, sandbox.RefuseCredentials(http.StatusForbidden)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			s.Put(sandbox.Session{ID: id, ExpiresAt: start.AddDate(0, 1, 0)})
			client := newClient(t, s.url)
			if test.worked {
				if _, err := client.Get(t.Context(), id); err != nil {
					t.Fatal(err)
				}
			}
			remove := s.Inject(sandbox.Fault{Effect: test.effect})
			if _, err := client.Get(t.Context(), id); !errors.Is(err, palabra.ErrUnauthorized) {
				t.Fatalf("error %v", err)
			}
			remove()
			if _, err := client.Get(t.Context(), id); err != nil {
				t.Errorf("the next call: %v", err)
			}
		})
	}
}
