package provider_test

import (
	"bytes"
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
