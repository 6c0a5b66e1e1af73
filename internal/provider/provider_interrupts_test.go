package provider

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// TestProviderInterrupts_LoseNoSession interrupts an apply while it creates three
// sessions, sets one TTL, and waits to repeat another. The provider must end the
// two TTL calls and wait for the answers to the creates.
func TestProviderInterrupts_LoseNoSession(t *testing.T) {
	t.Parallel()
	const created, limited, hanging = 3, "limited", "hanging"
	f := newFixture(t)
	f.putSession(limited, 30*24*time.Hour)
	f.putSession(hanging, 30*24*time.Hour)
	var underWay sync.WaitGroup
	underWay.Add(created + 1)
	stopped, refused := make(chan struct{}), make(chan struct{})
	var creates atomic.Int32
	f.Inject(sandbox.Fault{Operation: sandbox.OperationCreate, Effect: func(w http.ResponseWriter, r *http.Request, api http.Handler) {
		effect := func(w http.ResponseWriter, r *http.Request, api http.Handler) { api.ServeHTTP(w, r) }
		if creates.Add(1) == created {
			effect = sandbox.CutAfter()
		}
		underWay.Done()
		<-stopped
		effect(w, r, api)
	}})
	f.Inject(sandbox.Fault{Operation: sandbox.OperationExpiry, SessionID: hanging, Effect: func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		underWay.Done()
		<-r.Context().Done()
		close(stopped)
	}})
	f.Inject(sandbox.Fault{Operation: sandbox.OperationExpiry, SessionID: limited, Effect: func(w http.ResponseWriter, r *http.Request, api http.Handler) {
		underWay.Wait() // The refusal makes every later call wait.
		sandbox.RateLimited("3600")(w, r, api)
		close(refused)
	}})

	w := newProcessCLI(t)
	// The data source is read in the apply, so that its process has seen a Date of
	// the API before it creates a session.
	w.write(f.config(fmt.Sprintf(`
resource "palabra_session_expiry" "given" {
  for_each    = toset([%[1]q, %[2]q])
  session_id  = each.key
  ttl_seconds = 3600
}
resource "terraform_data" "later" { input = %[1]q }
data "palabra_session" "read" { id = terraform_data.later.output }
resource "palabra_session" "room" {
  count       = %[3]d
  ttl_seconds = 3600
  depends_on  = [data.palabra_session.read]
}`, limited, hanging, created)))
	said := w.interrupt(newWatchedOutput(""), refused)

	posts := 0
	for _, call := range f.writes() {
		if call == "POST "+limited {
			posts++
		}
	}
	// A minute later, the cap of Retry-After, there would be a second one.
	if posts != 1 {
		t.Errorf("%d calls for the TTL of %s, want one", posts, limited)
	}
	for _, want := range []string{"Run the command again; nothing has to be repaired first.", "created_after = \"" + sinceStart(-time.Minute) + "\""} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is missing in: %s", want, said)
		}
	}
	// The session whose answer was lost cannot be in the state.
	state, known := w.read("terraform.tfstate"), 0
	for _, id := range f.sessionIDs() {
		if id != limited && id != hanging && strings.Contains(state, id) {
			known++
		}
	}
	if total := len(f.Sessions()); total != created+2 || known != created-1 || strings.Contains(state, "tainted") {
		t.Errorf("%d sessions, %d of those created are in the state, want %d and %d, none tainted; the engine said: %s", total, known, created+2, created-1, said)
	}
}
