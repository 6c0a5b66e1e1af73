package provider_test

import (
	"context"
	"testing"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// TestSessionResource_InterruptedCreateIsInTheState: the server completes what was
// sent, so the answer is waited for. A session that is not in a state counts
// against the session limit. An error would taint the instance.
func TestSessionResource_InterruptedCreateIsInTheState(t *testing.T) {
	t.Parallel()
	for name, arguments := range map[string]attributes{"with a lifetime": {"ttl_seconds": 60}, "without": {}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, it := newStory(t), sessionAt("it")
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			s.beforeApply = func(address) (context.Context, bool) { return ctx, true }
			s.Inject(sandbox.Fault{Operation: sandbox.OperationCreate, Effect: interruptedBefore(cancel)})
			s.change(configuration{it: {arguments: arguments}})
			if sessions := s.Sessions(); len(sessions) != 1 || sessions[0].ID != s.id(it) {
				t.Errorf("sessions %v, and the state contains %q", sessions, s.id(it))
			}
		})
	}
}
