package provider_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

const testSessionPath = "/sessions/" + testSessionID

// renewal is an in-place update that leaves expires_at to apply.
func renewal() resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
		plancheck.ExpectResourceAction(expiryAddress, plancheck.ResourceActionUpdate),
		plancheck.ExpectUnknownValue(expiryAddress, tfjsonpath.New("expires_at")),
	}}
}

// silentUpdate is an in-place update that leaves nothing to apply but the state.
func silentUpdate(expiresAt string) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
		plancheck.ExpectResourceAction(expiryAddress, plancheck.ResourceActionUpdate),
		plancheck.ExpectKnownValue(expiryAddress, tfjsonpath.New("expires_at"), knownvalue.StringExact(expiresAt)),
	}}
}

func TestSessionExpiry_SavedPlanOfARenewalAppliesLaterWithAnotherChange(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	c.write(f.config(expiryConfig(7200, "renew_before_seconds = 3600")))
	c.run("apply", "-auto-approve")

	f.clock.Advance(79 * time.Minute)
	c.write(f.config(expiryConfig(7200, "renew_before_seconds = 3600\n  delete_on_destroy = false")))
	f.ResetRequests()
	p := c.plan()
	if got := p.actions()[expiryAddress]; got != "update" || !p.unknown(expiryAddress, "expires_at") {
		t.Errorf("plan: %q with expires_at unknown: %t, want an update with it unknown", got, p.unknown(expiryAddress, "expires_at"))
	}
	// renew_at says why, and a routine renewal is no warning.
	if why := `renew_at = "` + sinceStart(time.Hour) + `" -> (known after apply)`; !strings.Contains(p.text, why) || strings.Contains(p.text, "Warning") {
		t.Errorf("plan does not say %q, or warns:\n%s", why, p.text)
	}
	f.expectWrites(t)

	// Not even an apply after the lead time has grown into nothing.
	f.clock.Advance(30 * time.Minute)
	c.run("apply", "tfplan")
	f.expectWrites(t, "POST "+testSessionPath)
	values := c.values(expiryAddress)
	if values["expires_at"] != sinceStart(79*time.Minute+30*time.Minute+2*time.Hour) || values["delete_on_destroy"] != false {
		t.Errorf("state: %v", values)
	}
	if got := c.plan().actions()[expiryAddress]; got != "no-op" {
		t.Errorf("plan after apply: %q, want no-op", got)
	}
}

func TestSessionExpiry_SavedPlanWithoutARenewalStaysOne(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	c.write(f.config(expiryConfig(7200, "renew_before_seconds = 3600")))
	c.run("apply", "-auto-approve")

	c.write(f.config(expiryConfig(7200, "renew_before_seconds = 3600\n  delete_on_destroy = false")))
	if p := c.plan(); p.actions()[expiryAddress] != "update" || p.unknown(expiryAddress, "expires_at") {
		t.Errorf("plan: %q, want an update with expires_at known", p.actions()[expiryAddress])
	}
	f.ResetRequests()
	// A wall clock in the provider would now want a renewal that no plan showed.
	f.clock.Advance(100 * time.Minute)
	c.run("apply", "tfplan")
	f.expectWrites(t)
	if values := c.values(expiryAddress); values["expires_at"] != sinceStart(2*time.Hour) || values["delete_on_destroy"] != false {
		t.Errorf("state: %v", values)
	}
}

func TestSessionExpiry_RenewsWhenLessThanTheLeadRemains(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	config := f.config(expiryConfig(7200, "renew_before_seconds = 3600"))
	runSteps(t,
		resource.TestStep{Config: config},
		resource.TestStep{
			// Exactly the lead time remains: not less than it.
			PreConfig:        func() { f.ResetRequests(); f.clock.Advance(time.Hour) },
			Config:           config,
			ConfigPlanChecks: planAction(plancheck.ResourceActionNoop),
		},
		resource.TestStep{
			PreConfig:         func() { f.expectWrites(t); f.clock.Advance(time.Second) },
			Config:            config,
			ConfigPlanChecks:  renewal(),
			ConfigStateChecks: []statecheck.StateCheck{stateExpiresAt(sinceStart(3*time.Hour + time.Second))},
		},
		resource.TestStep{
			PreConfig:        func() { f.expectWrites(t, "POST "+testSessionPath) },
			Config:           config,
			ConfigPlanChecks: planAction(plancheck.ResourceActionNoop),
		},
	)
}

func TestSessionExpiry_ChangingOnlyTheLeadSendsNoRequest(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	steps := []resource.TestStep{{Config: f.config(expiryConfig(7200, ""))}}
	for _, extra := range []string{"renew_before_seconds = 60", "renew_before_seconds = 120", ""} {
		steps = append(steps, resource.TestStep{
			PreConfig:         f.ResetRequests,
			Config:            f.config(expiryConfig(7200, extra)),
			ConfigPlanChecks:  silentUpdate(sinceStart(2 * time.Hour)),
			ConfigStateChecks: []statecheck.StateCheck{stateExpiresAt(sinceStart(2 * time.Hour))},
		}, resource.TestStep{
			PreConfig:        func() { f.expectWrites(t) },
			Config:           f.config(expiryConfig(7200, extra)),
			ConfigPlanChecks: planAction(plancheck.ResourceActionNoop),
		})
	}
	runSteps(t, steps...)
}

func TestSessionExpiry_LeadTimeThatOnlyApplyKnows(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	config := func(seconds int) string {
		return f.config(fmt.Sprintf(`
resource "terraform_data" "lead" {
  input = %d
}
`, seconds) + expiryConfig(7200, "renew_before_seconds = terraform_data.lead.output"))
	}
	c.write(config(60))
	p := c.plan()
	if p.actions()[expiryAddress] != "create" || !p.unknown(expiryAddress, "renew_before_seconds") {
		t.Errorf("plan: %v, want a create with renew_before_seconds unknown", p.actions())
	}
	c.run("apply", "tfplan")

	// Not due either way: whatever the plan has to leave open, apply sends nothing.
	c.write(config(120))
	p = c.plan()
	if p.actions()[expiryAddress] != "update" {
		t.Errorf("plan: %v, want an update", p.actions())
	}
	f.ResetRequests()
	c.run("apply", "tfplan")
	f.expectWrites(t)
	if got := c.values(expiryAddress)["expires_at"]; got != sinceStart(2*time.Hour) {
		t.Errorf("expires_at: %v, want it unchanged", got)
	}

	// Due as soon as it is known.
	f.clock.Advance(time.Hour)
	c.write(config(5400))
	c.plan()
	f.ResetRequests()
	c.run("apply", "tfplan")
	f.expectWrites(t, "POST "+testSessionPath)
	if got := c.values(expiryAddress)["expires_at"]; got != sinceStart(3*time.Hour) {
		t.Errorf("expires_at: %v, want it renewed", got)
	}
	if got := c.plan().actions()[expiryAddress]; got != "no-op" {
		t.Errorf("plan after apply: %q, want no-op", got)
	}

	// Too long, which only apply can find out: nothing is sent.
	c.write(config(7200))
	c.plan()
	f.ResetRequests()
	if out := c.fail("apply", "tfplan"); !strings.Contains(out, "renew_before_seconds (7200) must be smaller than ttl_seconds (7200)") {
		t.Errorf("apply: %s", out)
	}
	f.expectWrites(t)
}

func TestSessionExpiry_RenewTriggersRenewInPlace(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	steps := []resource.TestStep{{Config: f.config(expiryConfig(7200, ""))}}
	for i, extra := range []string{
		`renew_triggers = { release = "1" }`, // added
		`renew_triggers = { release = "2" }`, // changed
		`renew_triggers = { release = "2", event = "a" }`,
		`renew_triggers = {}`,
		``, // removed
	} {
		steps = append(steps, resource.TestStep{
			PreConfig:         func() { f.ResetRequests(); f.clock.Advance(time.Minute) },
			Config:            f.config(expiryConfig(7200, extra)),
			ConfigPlanChecks:  renewal(),
			ConfigStateChecks: []statecheck.StateCheck{stateExpiresAt(sinceStart(2*time.Hour + time.Duration(i+1)*time.Minute))},
		}, resource.TestStep{
			PreConfig:        func() { f.expectWrites(t, "POST "+testSessionPath) },
			Config:           f.config(expiryConfig(7200, extra)),
			ConfigPlanChecks: planAction(plancheck.ResourceActionNoop),
		})
	}
	runSteps(t, steps...)
}

func TestSessionExpiry_AnswersWithoutAnExpiryKeepTheLastKnownOne(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	c.write(f.config(expiryConfig(7200, "renew_before_seconds = 3600")))
	c.run("apply", "-auto-approve")

	// The reference marks every field of an answer as optional.
	f.Inject(sandbox.Fault{Operation: sandbox.OperationGet, Effect: sandbox.Replace(http.StatusOK, "application/json", fmt.Sprintf(`{"data":{"id":%q}}`, testSessionID))})
	f.clock.Advance(30 * time.Minute)
	if p := c.plan(); !strings.Contains(p.text, "No changes.") {
		t.Errorf("plan before the renewal is due:\n%s", p.text)
	}
	f.clock.Advance(time.Hour)
	f.ResetRequests()
	if p := c.plan(); p.actions()[expiryAddress] != "update" {
		t.Errorf("plan when the renewal is due: %v\n%s", p.actions(), p.text)
	}
	c.run("apply", "tfplan")
	f.expectWrites(t, "POST "+testSessionPath)
	if got := c.values(expiryAddress)["expires_at"]; got != sinceStart(90*time.Minute+2*time.Hour) {
		t.Errorf("expires_at: %v, want the server's time and the TTL", got)
	}
}
