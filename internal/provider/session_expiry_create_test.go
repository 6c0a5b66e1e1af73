package provider_test

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// configWithoutRetries is for faults that last longer than retries do.
func (f *fixture) configWithoutRetries(body string) string {
	return strings.Replace(f.config(body), "endpoint ", "max_retries = 0\n  endpoint ", 1)
}

func TestSessionExpiry_CreateWhoseReadBackFailsIsNotTainted(t *testing.T) {
	t.Parallel()
	for name, effect := range map[string]sandbox.Effect{
		"gateway error": sandbox.HTMLError(http.StatusBadGateway),
		"cut":           sandbox.CutBefore(),
		"half a body":   sandbox.Truncate(),
		"refused":       sandbox.RefuseCredentials(http.StatusUnauthorized),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, c := newFixture(t), newCLI(t)
			f.putSession(testSessionID, 30*24*time.Hour)
			c.write(f.configWithoutRetries(expiryConfig(7200, "")))
			c.plan()
			heal := f.Inject(sandbox.Fault{Operation: sandbox.OperationGet, Effect: effect})
			f.ResetRequests()
			out := c.run("apply", "tfplan")
			if !strings.Contains(out, "Session not read back") || !strings.Contains(out, "until the next plan reads them") {
				t.Errorf("apply does not warn:\n%s", out)
			}
			f.expectWrites(t, "POST "+testSessionPath)
			if got := c.values(expiryAddress)["expires_at"]; got != sinceStart(2*time.Hour) {
				t.Errorf("expires_at: %v, want the server's time and the TTL", got)
			}
			heal()
			if p := c.plan(); p.actions()[expiryAddress] != "no-op" || strings.Contains(p.text, "Warning") {
				t.Errorf("the next plan is not silent:\n%s", p.text)
			}
			f.expectWrites(t)
		})
	}
}

func TestSessionExpiry_CappedGrantThatIsNotReadBackIsHealedByTheNextRun(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t, func(o *sandbox.Options) { o.MaxTTL = 10 * time.Minute }), newCLI(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	c.write(f.configWithoutRetries(expiryConfig(7200, "")))
	c.plan()
	heal := f.Inject(sandbox.Fault{Operation: sandbox.OperationGet, Effect: sandbox.CutBefore()})
	c.run("apply", "tfplan")
	heal()
	f.ResetRequests()
	c.run("apply", "-auto-approve")
	if got := c.values(expiryAddress)["expires_at"]; got != sinceStart(10*time.Minute) {
		t.Errorf("expires_at: %v, want what was really granted", got)
	}
	f.expectWrites(t)
}

func TestSessionExpiry_CreateInterruptedBetweenWriteAndReadKeepsTheInstance(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	c.write(f.config(expiryConfig(7200, "")))
	c.plan()
	var once sync.Once
	reading := make(chan struct{})
	heal := f.Inject(sandbox.Fault{Operation: sandbox.OperationGet, Effect: func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		once.Do(func() { close(reading) })
		<-r.Context().Done()
	}})
	f.ResetRequests()

	cmd, stop := c.command("apply", "tfplan")
	defer stop()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-reading:
	case err := <-ended:
		t.Fatalf("apply ended before it read the session back: %v\n%s", err, out.String())
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	// The engine's exit code is its own affair; what counts is the state.
	var exit *exec.ExitError
	if err := <-ended; err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	heal()

	f.expectWrites(t, "POST "+testSessionPath)
	if values := c.values(expiryAddress); values["expires_at"] != sinceStart(2*time.Hour) {
		t.Fatalf("state: %v\n%s", values, out.String())
	}
	if p := c.plan(); p.actions()[expiryAddress] != "no-op" {
		t.Errorf("the next plan: %v, want no-op", p.actions())
	}
	f.expectWrites(t)
}

func TestSessionExpiry_RefusedCreateLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	var heal func()
	runSteps(t,
		resource.TestStep{
			PreConfig: func() {
				heal = f.Inject(sandbox.Fault{Operation: sandbox.OperationExpiry, Effect: sandbox.Respond(http.StatusBadRequest, "application/json",
					`{"ok":false,"errors":[{"title":"Bad request","detail":"The lifetime is too long for this plan.","status":400}]}`)})
			},
			Config:      f.config(expiryConfig(7200, "")),
			ExpectError: regexp.MustCompile(`(?s)Unable to set session expiry.*The lifetime\s+is\s+too\s+long\s+for\s+this\s+plan`),
		},
		resource.TestStep{
			PreConfig:         func() { heal(); f.ResetRequests() },
			Config:            f.config(expiryConfig(7200, "")),
			ConfigPlanChecks:  planAction(plancheck.ResourceActionCreate),
			ConfigStateChecks: []statecheck.StateCheck{stateExpiresAt(sinceStart(2 * time.Hour))},
		},
		resource.TestStep{PreConfig: func() { f.expectWrites(t, "POST "+testSessionPath) }, Config: f.config(expiryConfig(7200, ""))},
	)
}

func TestSessionExpiry_CreateForAMissingSessionWarnsInThePlanAndFailsAtApply(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	f.putSession("another.session", time.Hour)
	c.write(f.config(expiryConfig(7200, "")))
	p := c.plan()
	if !strings.Contains(p.text, "Session does not exist") || !strings.Contains(p.text, testSessionID) || p.actions()[expiryAddress] != "create" {
		t.Errorf("plan: %v\n%s", p.actions(), p.text)
	}
	f.ResetRequests()
	if out := c.fail("apply", "tfplan"); !strings.Contains(out, "Unable to set session expiry") || !strings.Contains(out, "does not exist") {
		t.Errorf("apply: %s", out)
	}
	f.expectWrites(t, "POST "+testSessionPath)
	if c.values(expiryAddress) != nil {
		t.Error("a session that never existed is in the state")
	}
}

func TestSessionExpiry_DestroyWithoutDeletionForgetsTheSession(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	runSteps(t,
		resource.TestStep{Config: f.config(expiryConfig(7200, ""))},
		resource.TestStep{
			PreConfig:        f.ResetRequests,
			Config:           f.config(expiryConfig(7200, "delete_on_destroy = false")),
			ConfigPlanChecks: silentUpdate(sinceStart(2 * time.Hour)),
		},
		resource.TestStep{Config: f.config(""), ConfigPlanChecks: planAction(plancheck.ResourceActionDestroy)},
		resource.TestStep{PreConfig: func() { f.expectWrites(t) }, Config: f.config("")},
	)
	if _, ok := f.Session(testSessionID); !ok {
		t.Error("the session was deleted, want it to live on")
	}
}

func TestSessionExpiry_DestroyOfAGoneSessionIsDone(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	f.putSession("another.session", 30*24*time.Hour)
	c.write(f.config(expiryConfig(7200, "")))
	c.run("apply", "-auto-approve")
	f.Remove(testSessionID)
	f.ResetRequests()
	c.run("destroy", "-auto-approve", "-refresh=false")
	f.expectWrites(t, "DELETE "+testSessionPath)
	if c.values(expiryAddress) != nil {
		t.Error("the session is still in the state")
	}
}
