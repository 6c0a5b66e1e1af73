package provider_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

const earlierWarning = "Session expires earlier than it was given"

// moveExpiry changes when the test session expires, behind Terraform's back.
func (f *fixture) moveExpiry(t *testing.T, to time.Time) {
	t.Helper()
	session, ok := f.Session(testSessionID)
	if !ok {
		t.Fatal("the session is gone before its expiry could be moved")
	}
	f.Put(sandbox.Session{ID: session.ID, CreatedAt: session.CreatedAt, UpdatedAt: f.clock.Now(), ExpiresAt: to})
}

func TestSessionExpiry_LaterExpiryIsSilentEverywhere(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	c.write(f.config(expiryConfig(7200, "renew_before_seconds = 3600") + `
resource "terraform_data" "dependant" {
  input            = palabra_session_expiry.test.expires_at
  triggers_replace = palabra_session_expiry.test
}

output "expires_at" {
  value = palabra_session_expiry.test.expires_at
}
`))
	c.run("apply", "-auto-approve")
	f.ResetRequests()

	// What the server grants now is later than what the state says; without it
	// the renewal would be due.
	f.clock.Advance(90 * time.Minute)
	f.moveExpiry(t, testStart.Add(5*time.Hour))
	p := c.plan()
	if !strings.Contains(p.text, "No changes.") || strings.Contains(p.text, "Warning") {
		t.Errorf("plan is not silent:\n%s", p.text)
	}
	for address, action := range p.actions() {
		if action != "no-op" {
			t.Errorf("%s: %s, want no-op", address, action)
		}
	}
	for name, change := range p.OutputChanges {
		if !change.Actions.NoOp() {
			t.Errorf("output %s: %v, want no-op", name, change.Actions)
		}
	}
	if refreshOnly := c.plan("-refresh-only"); !strings.Contains(refreshOnly.text, "No changes.") || len(refreshOnly.ResourceDrift) != 0 {
		t.Errorf("plan -refresh-only is not silent:\n%s", refreshOnly.text)
	}
	c.run("apply", "-auto-approve", "-refresh-only")
	if got := c.values(expiryAddress)["expires_at"]; got != sinceStart(2*time.Hour) {
		t.Errorf("expires_at: %v, want what was granted", got)
	}
	f.expectWrites(t)
}

func TestSessionExpiry_ExpiryALittleEarlierIsSilent(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	config := f.config(expiryConfig(7200, ""))
	runSteps(t,
		resource.TestStep{Config: config},
		resource.TestStep{
			PreConfig:         func() { f.ResetRequests(); f.moveExpiry(t, testStart.Add(2*time.Hour-time.Minute)) },
			Config:            config,
			ConfigPlanChecks:  resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}},
			ConfigStateChecks: []statecheck.StateCheck{stateExpiresAt(sinceStart(2 * time.Hour))},
		},
		resource.TestStep{PreConfig: func() { f.expectWrites(t) }, Config: config},
	)
}

func TestSessionExpiry_EarlierExpiryIsStoredWithOneWarning(t *testing.T) {
	t.Parallel()
	for name, apply := range map[string][]string{
		"apply":              {"apply", "-auto-approve"},
		"apply refresh-only": {"apply", "-auto-approve", "-refresh-only"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, c := newFixture(t), newCLI(t)
			f.putSession(testSessionID, 30*24*time.Hour)
			c.write(f.config(expiryConfig(7200, "renew_before_seconds = 600")))
			c.run("apply", "-auto-approve")
			f.ResetRequests()

			f.moveExpiry(t, testStart.Add(time.Hour))
			p := c.plan()
			if p.actions()[expiryAddress] != "no-op" || len(p.ResourceDrift) != 1 {
				t.Errorf("plan: %v with %d drifted, want no-op with 1", p.actions(), len(p.ResourceDrift))
			}
			out := c.run(apply...)
			if strings.Count(out, earlierWarning) != 1 || !strings.Contains(out, sinceStart(2*time.Hour)) || !strings.Contains(out, sinceStart(time.Hour)) {
				t.Errorf("apply does not warn once with both times:\n%s", out)
			}
			if got := c.values(expiryAddress)["expires_at"]; got != sinceStart(time.Hour) {
				t.Errorf("expires_at: %v, want the earlier one", got)
			}
			if p := c.plan(); strings.Contains(p.text, "Warning") || !strings.Contains(p.text, "No changes.") {
				t.Errorf("the next plan is not silent:\n%s", p.text)
			}
			f.expectWrites(t)
		})
	}
}

func TestSessionExpiry_EarlierExpiryIsRenewedWhenTheLeadTimeAsksForIt(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	config := f.config(expiryConfig(7200, "renew_before_seconds = 3600"))
	runSteps(t,
		resource.TestStep{Config: config},
		resource.TestStep{
			PreConfig:         func() { f.ResetRequests(); f.moveExpiry(t, testStart.Add(30*time.Minute)) },
			Config:            config,
			ConfigPlanChecks:  renewal(),
			ConfigStateChecks: []statecheck.StateCheck{stateExpiresAt(sinceStart(2 * time.Hour))},
		},
		resource.TestStep{
			PreConfig:        func() { f.expectWrites(t, "POST "+testSessionPath) },
			Config:           config,
			ConfigPlanChecks: planAction(plancheck.ResourceActionNoop),
		},
	)
}

func TestSessionExpiry_ConnectedSessionMovesWithoutDrift(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	c.write(f.config(expiryConfig(7200, "")))
	c.run("apply", "-auto-approve")
	f.ResetRequests()

	// Connecting resets the expiry to a minute ahead: that is news, once.
	f.Connect(testSessionID)
	if out := c.run("apply", "-auto-approve"); strings.Count(out, earlierWarning) != 1 {
		t.Errorf("no warning that connecting shortened the session:\n%s", out)
	}
	for range 3 {
		f.clock.Advance(7 * time.Minute)
		if p := c.plan(); !strings.Contains(p.text, "No changes.") || len(p.ResourceDrift) != 0 || strings.Contains(p.text, "Warning") {
			t.Errorf("plan is not silent:\n%s", p.text)
		}
	}
	// Its last known end is that of the last refresh that was stored, and the
	// connection has lived on: it is not taken for ended.
	c.run("apply", "-auto-approve", "-refresh-only")
	if values := c.values(expiryAddress); values["active"] != true || values["expires_at"] != sinceStart(time.Minute) {
		t.Errorf("state: %v", values)
	}
	f.expectWrites(t)
}
