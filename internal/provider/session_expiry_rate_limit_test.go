package provider

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// manyExpiries manages the lifetime of n sessions, whose ids numberedID makes.
func manyExpiries(n, ttl int) string {
	return fmt.Sprintf(`
resource "palabra_session_expiry" "many" {
  for_each    = toset([for i in range(%d) : format("test-user.%%08x.af4d2d22", i)])
  session_id  = each.key
  ttl_seconds = %d
}`, n, ttl)
}

func numberedID(i int) string { return fmt.Sprintf("test-user.%08x.af4d2d22", i) }

// applyUnderRateLimit creates and destroys n sessions' lifetimes against an API
// that answers perSecond requests a second, and returns how many it refused.
func applyUnderRateLimit(t *testing.T, n, perSecond int) (refused int) {
	t.Helper()
	f := newFixture(t)
	for i := range n {
		f.putSession(numberedID(i), 30*24*time.Hour)
	}
	f.Inject(sandbox.Fault{Effect: sandbox.LimitRate(perSecond)})
	w := newProcessCLI(t)
	w.write(f.config(manyExpiries(n, 3600)))
	w.run("apply", "-auto-approve", "-input=false")
	for _, session := range f.Sessions() {
		if want := testStart.Add(time.Hour); !session.ExpiresAt.Equal(want) {
			t.Errorf("session %s expires at %s, want %s", session.ID, session.ExpiresAt, want)
		}
	}
	w.run("destroy", "-auto-approve", "-input=false")
	if left := len(f.Sessions()); left != 0 {
		t.Errorf("%d sessions left", left)
	}
	for _, request := range f.Requests() {
		if request.Status == http.StatusTooManyRequests {
			refused++
		}
	}
	return refused
}

func TestSessionExpiry_ApplySucceedsUnderARateLimit(t *testing.T) {
	t.Parallel()
	if refused := applyUnderRateLimit(t, 20, 20); refused == 0 {
		t.Error("nothing was refused, so the limit was not met")
	}
}
