package provider_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

func TestInterrupt_EndsAWaitForTheRateLimit(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	refused := make(chan struct{})
	var first sync.Once
	f.Inject(sandbox.Fault{Operation: sandbox.OperationExpiry, Effect: func(w http.ResponseWriter, r *http.Request, api http.Handler) {
		sandbox.RateLimited("3600")(w, r, api)
		first.Do(func() { close(refused) })
	}})
	w := newProcessCLI(t)
	w.write(f.config(expiryConfig(3600, "")))
	var out bytes.Buffer
	cmd, _ := w.command("apply", "-auto-approve", "-input=false")
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-refused
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the interrupted apply succeeded")
	}
	// A minute later, the cap of Retry-After, there would be a second one.
	f.expectWrites(t, "POST /sessions/"+testSessionID)
	if said := unwrap(out.String()); !strings.Contains(said, "Run the command again; nothing has to be repaired first.") {
		t.Errorf("the message does not say what to do: %s", said)
	}
}

// interruptedCreates interrupts an apply while it creates sessions, and answers
// each create only when the provider has been told to stop: then it ends the
// call of a TTL, which can be repeated.
func interruptedCreates(t *testing.T, f *fixture, sessions int, answer sandbox.Effect) (w *cli, said string) {
	t.Helper()
	f.putSession(testSessionID, 30*24*time.Hour)
	stopped := make(chan struct{})
	underWay := make(chan struct{}, sessions+1)
	f.Inject(sandbox.Fault{Operation: sandbox.OperationCreate, Effect: func(w http.ResponseWriter, r *http.Request, api http.Handler) {
		underWay <- struct{}{}
		<-stopped
		answer(w, r, api)
	}})
	f.Inject(sandbox.Fault{Operation: sandbox.OperationExpiry, SessionID: testSessionID, Effect: func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		underWay <- struct{}{}
		<-r.Context().Done()
		close(stopped)
	}})
	w = newProcessCLI(t)
	// The data source is read in the apply, so that its process has seen a Date of
	// the API before it creates a session.
	w.write(f.config(expiryConfig(3600, "") + fmt.Sprintf(`
resource "terraform_data" "later" { input = %q }
data "palabra_session" "read" { id = terraform_data.later.output }
resource "palabra_session" "room" {
  count       = %d
  ttl_seconds = 3600
  depends_on  = [data.palabra_session.read]
}`, testSessionID, sessions)))
	var out bytes.Buffer
	cmd, _ := w.command("apply", "-auto-approve", "-input=false")
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for range sessions + 1 {
		select {
		case <-underWay:
		case err := <-ended:
			t.Fatalf("the apply ended early: %v\n%s", err, out.String())
		}
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Error("the interrupted apply succeeded")
	}
	return w, unwrap(out.String())
}

// TestInterrupt_CreatesUnderWayAreInTheState: no session is left behind unknown,
// because the answer to a create is waited for.
func TestInterrupt_CreatesUnderWayAreInTheState(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w, said := interruptedCreates(t, f, 3, func(w http.ResponseWriter, r *http.Request, api http.Handler) { api.ServeHTTP(w, r) })
	state := w.read("terraform.tfstate")
	if n := len(f.Sessions()); n != 4 {
		t.Errorf("%d sessions, want 4", n)
	}
	for _, id := range f.sessionIDs() {
		if id != testSessionID && !strings.Contains(state, id) {
			t.Errorf("session %q is not in the state; the engine said: %s", id, said)
		}
	}
	if strings.Contains(state, "tainted") {
		t.Error("a session is tainted")
	}
}

func TestInterrupt_LostCreateNamesTheFilterThatFindsTheSession(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, said := interruptedCreates(t, f, 1, sandbox.CutAfter())
	if want := "created_after = \"" + sinceStart(-time.Minute) + "\""; !strings.Contains(said, want) {
		t.Errorf("%q is missing in: %s", want, said)
	}
}
