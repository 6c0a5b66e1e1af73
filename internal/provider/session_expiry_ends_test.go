package provider_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
)

func stateActive(want bool) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(expiryAddress, tfjsonpath.New("active"), knownvalue.Bool(want))
}

func TestSessionExpiry_EndIsAStateAndNoError(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	f.putSession("another.session", 30*24*time.Hour)
	config := f.config(expiryConfig(7200, "renew_before_seconds = 3600"))
	end := sinceStart(2 * time.Hour)
	runSteps(t,
		resource.TestStep{Config: config, ConfigStateChecks: []statecheck.StateCheck{stateActive(true)}},
		resource.TestStep{
			PreConfig:         func() { f.ResetRequests(); f.clock.Advance(2 * time.Hour) },
			Config:            config,
			ConfigPlanChecks:  planAction(plancheck.ResourceActionNoop),
			ConfigStateChecks: []statecheck.StateCheck{stateActive(false), stateExpiresAt(end)},
		},
		resource.TestStep{
			Config:           f.config(expiryConfig(7200, "renew_before_seconds = 60")),
			ConfigPlanChecks: silentUpdate(end),
		},
		resource.TestStep{
			Config:           f.config(expiryConfig(60, "")),
			ConfigPlanChecks: silentUpdate(end),
		},
		resource.TestStep{
			Config:            f.config(expiryConfig(7200, `renew_triggers = { a = "b" }`)),
			ConfigPlanChecks:  silentUpdate(end),
			ConfigStateChecks: []statecheck.StateCheck{stateActive(false), stateExpiresAt(end)},
		},
		resource.TestStep{
			Config:           f.config(""),
			ConfigPlanChecks: planAction(plancheck.ResourceActionDestroy),
		},
	)
	f.expectWrites(t)
	if left := f.Sessions(); len(left) != 1 {
		t.Errorf("%d sessions left, want the other one", len(left))
	}
}

func TestSessionExpiry_EndIsToldOnce(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	c.write(f.config(expiryConfig(7200, "")))
	c.run("apply", "-auto-approve")
	f.clock.Advance(3 * time.Hour)
	out := c.run("apply", "-auto-approve")
	if want := `does not find session "` + testSessionID + `" any more (its last known expiry is ` + sinceStart(2*time.Hour); strings.Count(out, want) != 1 {
		t.Errorf("apply does not say once %q:\n%s", want, out)
	}
	if p := c.plan(); strings.Contains(p.text, "Warning") || !strings.Contains(p.text, "No changes.") {
		t.Errorf("the next plan is not silent:\n%s", p.text)
	}
}

// nightly is three sessions that one run renews.
const nightly = `
resource "palabra_session_expiry" "test" {
  for_each             = toset(["room.a", "room.b", "room.c"])
  session_id           = each.key
  ttl_seconds          = 7200
  renew_before_seconds = 3600
}
`

func TestSessionExpiry_OneEndKeepsNoOtherFromRenewal(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	for _, id := range []string{"room.a", "room.b", "room.c"} {
		f.putSession(id, 30*24*time.Hour)
	}
	c.write(f.config(nightly))
	c.run("apply", "-auto-approve")

	f.clock.Advance(90 * time.Minute)
	f.Remove("room.b")
	f.ResetRequests()
	// A shared argument changes in the same run.
	c.write(f.config(strings.Replace(nightly, "= 7200", "= 9000\n  renew_triggers       = { night = timestamp() }", 1)))
	p := c.plan()
	for _, part := range []string{"Session has ended", "Change cannot be sent to an ended session"} {
		if strings.Count(p.text, "Warning: "+part) != 1 {
			t.Errorf("plan does not warn once %q:\n%s", part, p.text)
		}
	}
	c.run("apply", "tfplan")
	writes := f.writes()
	slices.Sort(writes)
	if want := []string{"POST /sessions/room.a", "POST /sessions/room.c"}; !slices.Equal(writes, want) {
		t.Errorf("writes: %q, want %q", writes, want)
	}
	renewed := sinceStart(90*time.Minute + 150*time.Minute)
	for id, want := range map[string]map[string]any{
		"room.a": {"expires_at": renewed, "active": true},
		"room.b": {"expires_at": sinceStart(2 * time.Hour), "active": false},
		"room.c": {"expires_at": renewed, "active": true},
	} {
		values := c.values(`palabra_session_expiry.test["` + id + `"]`)
		if values["expires_at"] != want["expires_at"] || values["active"] != want["active"] || values["ttl_seconds"] == nil {
			t.Errorf("%s: %v, want %v", id, values, want)
		}
	}

	// Once the session is back, what was not sent is.
	f.putSession("room.b", time.Hour)
	f.ResetRequests()
	c.write(f.config(strings.Replace(nightly, "= 7200", "= 9000", 1)))
	c.run("apply", "-auto-approve", "-target=palabra_session_expiry.test[\"room.b\"]")
	f.expectWrites(t, "POST /sessions/room.b")
	if got := c.values(`palabra_session_expiry.test["room.b"]`)["expires_at"]; got != renewed {
		t.Errorf("expires_at: %v, want %s", got, renewed)
	}
}

func TestSessionExpiry_RenewalThatComesTooLateFailsOnce(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	f.putSession("another.session", 30*24*time.Hour)
	c.write(f.config(expiryConfig(7200, "renew_before_seconds = 3600")))
	c.run("apply", "-auto-approve")
	f.clock.Advance(90 * time.Minute)
	c.plan()
	f.ResetRequests()
	f.clock.Advance(time.Hour)
	if out := c.fail("apply", "tfplan"); !strings.Contains(out, "Unable to extend session") || !strings.Contains(out, "has expired, or somebody deleted it") {
		t.Errorf("apply: %s", out)
	}
	f.expectWrites(t, "POST "+testSessionPath)
	if values := c.values(expiryAddress); values["expires_at"] != sinceStart(2*time.Hour) || values["active"] != false {
		t.Errorf("state: %v", values)
	}
	if out := c.run("apply", "-auto-approve"); strings.Contains(out, "Warning") {
		t.Errorf("the end is told again:\n%s", out)
	}
	f.expectWrites(t)
}

func TestSessionExpiry_EndedSessionGivesWayToAnother(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	f.putSession("another.session", 30*24*time.Hour)
	next := f.config(strings.Replace(expiryConfig(600, ""), testSessionID, "another.session", 1))
	runSteps(t,
		resource.TestStep{Config: f.config(expiryConfig(7200, ""))},
		resource.TestStep{
			PreConfig:         func() { f.ResetRequests(); f.clock.Advance(3 * time.Hour) },
			Config:            next,
			ConfigPlanChecks:  planAction(plancheck.ResourceActionReplace),
			ConfigStateChecks: []statecheck.StateCheck{stateActive(true), stateExpiresAt(sinceStart(3*time.Hour + 10*time.Minute))},
		},
		resource.TestStep{
			PreConfig: func() { f.expectWrites(t, "POST /sessions/another.session") },
			Config:    next,
		},
	)
}
