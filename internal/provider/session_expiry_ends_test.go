package provider_test

import (
	"regexp"
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

func stateExpired(want bool) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(expiryAddress, tfjsonpath.New("expired"), knownvalue.Bool(want))
}

func TestNaturalEndIsAStateAndNoError(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	f.putSession("another.session", 30*24*time.Hour)
	config := f.config(expiryConfig(7200, "renew_before_seconds = 3600"))
	runSteps(t,
		resource.TestStep{Config: config, ConfigStateChecks: []statecheck.StateCheck{stateExpired(false)}},
		resource.TestStep{
			PreConfig:         func() { f.ResetRequests(); f.clock.Advance(2 * time.Hour) },
			Config:            config,
			ConfigPlanChecks:  planAction(plancheck.ResourceActionNoop),
			ConfigStateChecks: []statecheck.StateCheck{stateExpired(true), stateExpiresAt(sinceStart(2 * time.Hour))},
		},
		resource.TestStep{
			// A lead time that changes now changes nothing on the server.
			PreConfig:        func() { f.expectWrites(t) },
			Config:           f.config(expiryConfig(7200, "renew_before_seconds = 60")),
			ConfigPlanChecks: silentUpdate(sinceStart(2 * time.Hour)),
		},
		resource.TestStep{
			PreConfig:   func() { f.expectWrites(t) },
			Config:      f.config(expiryConfig(60, "")),
			ExpectError: regexp.MustCompile(`(?s)Session has reached its end.*expired at\s+` + sinceStart(2*time.Hour) + `\s+and\s+cannot\s+be\s+given\s+a\s+new\s+lifetime`),
		},
		resource.TestStep{
			Config:      f.config(expiryConfig(7200, `renew_triggers = { a = "b" }`)),
			ExpectError: regexp.MustCompile(`(?s)Session has reached its end.*renew_triggers`),
		},
		resource.TestStep{
			PreConfig:        func() { f.expectWrites(t) },
			Config:           f.config(""),
			ConfigPlanChecks: planAction(plancheck.ResourceActionDestroy),
		},
	)
	if left := f.Sessions(); len(left) != 1 {
		t.Errorf("%d sessions left, want the other one", len(left))
	}
}

func TestNaturalEndIsToldOnce(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	c.write(f.config(expiryConfig(7200, "")))
	c.run("apply", "-auto-approve")
	f.clock.Advance(3 * time.Hour)
	out := c.run("apply", "-auto-approve")
	if want := `Session "` + testSessionID + `" expired at ` + sinceStart(2*time.Hour); strings.Count(out, want) != 1 {
		t.Errorf("apply does not say once %q:\n%s", want, out)
	}
	if p := c.plan(); strings.Contains(p.text, "Warning") || !strings.Contains(p.text, "No changes.") {
		t.Errorf("the next plan is not silent:\n%s", p.text)
	}
}

func TestSessionThatIsEndedAndBackIsNoLongerExpired(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	config := f.config(expiryConfig(7200, ""))
	runSteps(t,
		resource.TestStep{Config: config},
		resource.TestStep{
			PreConfig:         func() { f.clock.Advance(2 * time.Hour) },
			Config:            config,
			ConfigStateChecks: []statecheck.StateCheck{stateExpired(true)},
		},
		resource.TestStep{
			PreConfig:         func() { f.putSession(testSessionID, time.Hour) },
			Config:            config,
			ConfigStateChecks: []statecheck.StateCheck{stateExpired(false)},
		},
	)
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

func TestDeletedSessionFailsAloneAndTheOthersAreRenewed(t *testing.T) {
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
	p := c.plan()
	want := map[string]string{
		`palabra_session_expiry.test["room.a"]`: "update",
		`palabra_session_expiry.test["room.b"]`: "create",
		`palabra_session_expiry.test["room.c"]`: "update",
	}
	for address, action := range want {
		if got := p.actions()[address]; got != action {
			t.Errorf("%s: %q, want %q", address, got, action)
		}
	}
	if !strings.Contains(p.text, `Session "room.b" was to live until `+sinceStart(2*time.Hour)+` and does not exist any more`) {
		t.Errorf("plan does not warn of the session that is gone:\n%s", p.text)
	}
	f.expectWrites(t)

	out := c.fail("apply", "tfplan")
	if !strings.Contains(out, "Unable to set session expiry") || !strings.Contains(out, `"room.b"`) || strings.Count(out, "Error:") != 1 {
		t.Errorf("apply does not fail for that session alone:\n%s", out)
	}
	writes := f.writes()
	slices.Sort(writes)
	if want := []string{"POST /sessions/room.a", "POST /sessions/room.b", "POST /sessions/room.c"}; !slices.Equal(writes, want) {
		t.Errorf("writes: %q, want %q", writes, want)
	}
	if c.values(`palabra_session_expiry.test["room.b"]`) != nil {
		t.Error("the session that is gone is in the state")
	}
	renewed := sinceStart(90*time.Minute + 2*time.Hour)
	for _, id := range []string{"room.a", "room.c"} {
		if got := c.values(`palabra_session_expiry.test["` + id + `"]`)["expires_at"]; got != renewed {
			t.Errorf("%s: expires_at %v, want %s", id, got, renewed)
		}
	}

	// The next plan says so again, by a check of its own: nothing was read.
	if p := c.plan(); !strings.Contains(p.text, "Session does not exist") {
		t.Errorf("the next plan does not warn:\n%s", p.text)
	}
	// Once the session is back, the same configuration takes it.
	f.putSession("room.b", time.Hour)
	f.ResetRequests()
	c.run("apply", "-auto-approve")
	f.expectWrites(t, "POST /sessions/room.b")
}

func TestRenewalThatComesTooLateKeepsTheStateUntilItIsRead(t *testing.T) {
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
	if got := c.values(expiryAddress)["expires_at"]; got != sinceStart(2*time.Hour) {
		t.Errorf("expires_at: %v, want the state kept", got)
	}
	c.run("apply", "-auto-approve")
	if got := c.values(expiryAddress)["expired"]; got != true {
		t.Errorf("expired: %v, want true", got)
	}
	f.expectWrites(t)
}

func TestEndedSessionGivesWayToAnotherWithAnotherLifetime(t *testing.T) {
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
			ConfigStateChecks: []statecheck.StateCheck{stateExpired(false), stateExpiresAt(sinceStart(3*time.Hour + 10*time.Minute))},
		},
		resource.TestStep{
			PreConfig: func() { f.expectWrites(t, "DELETE "+testSessionPath, "POST /sessions/another.session") },
			Config:    next,
		},
	)
}
