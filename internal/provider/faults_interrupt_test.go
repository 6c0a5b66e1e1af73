package provider_test

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

func TestInterruptEndsAWaitForTheRateLimit(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	refused := make(chan struct{})
	var first sync.Once
	f.Inject(sandbox.Fault{Operation: sandbox.OperationExpiry, Effect: func(w http.ResponseWriter, r *http.Request, api http.Handler) {
		sandbox.RateLimited("3600")(w, r, api)
		first.Do(func() { close(refused) })
	}})
	w := newWorkspace(t)
	w.write(f.config(expiryConfig(3600, "")))
	var out bytes.Buffer
	cmd := w.command("apply", "-auto-approve", "-input=false", "-no-color")
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

// A create that is on its way is waited for: its answer names the session. The
// renewal beside the creates can be repeated, so its end shows that the
// interrupt has arrived.
func TestInterrupt_CreateOnItsWayIsInTheState(t *testing.T) {
	t.Parallel()
	const sessions = 3
	f := newFixture(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	var arrived sync.WaitGroup
	arrived.Add(sessions + 1)
	interrupted := make(chan struct{})
	f.Inject(sandbox.Fault{Operation: sandbox.OperationCreate, Effect: func(w http.ResponseWriter, r *http.Request, api http.Handler) {
		arrived.Done()
		<-interrupted
		api.ServeHTTP(w, r)
	}})
	f.Inject(sandbox.Fault{Operation: sandbox.OperationExpiry, Effect: func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		_, _ = io.Copy(io.Discard, r.Body)
		arrived.Done()
		<-r.Context().Done()
		close(interrupted)
	}})
	w := newWorkspace(t)
	w.write(f.config("resource \"palabra_session\" \"test\" {\n  count = 3\n}\n" + expiryConfig(3600, "")))
	var out bytes.Buffer
	cmd := w.command("apply", "-auto-approve", "-input=false", "-no-color")
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	arrived.Wait()
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the interrupted apply succeeded")
	}
	state, _ := w.try("state", "list")
	if got, created := strings.Count(state, "palabra_session.test["), len(f.Sessions())-1; got != sessions || created != sessions {
		t.Errorf("%d sessions in the state, %d on the server, want %d; the run said:\n%s", got, created, sessions, &out)
	}
}
