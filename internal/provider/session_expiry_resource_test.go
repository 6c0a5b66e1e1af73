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

func planAction(action plancheck.ResourceActionType) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(expiryAddress, action)}}
}

func stateExpiresAt(at string) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(expiryAddress, tfjsonpath.New("expires_at"), knownvalue.StringExact(at))
}

func TestSessionExpiry_EngineCreatesChangesAndDestroys(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	runSteps(t,
		resource.TestStep{
			Config:           f.config(expiryConfig(3600, "")),
			ConfigPlanChecks: planAction(plancheck.ResourceActionCreate),
			ConfigStateChecks: []statecheck.StateCheck{
				stateExpiresAt(sinceStart(time.Hour)),
				statecheck.ExpectKnownValue(expiryAddress, tfjsonpath.New("id"), knownvalue.StringExact(testSessionID)),
				statecheck.ExpectKnownValue(expiryAddress, tfjsonpath.New("active"), knownvalue.Bool(true)),
				statecheck.ExpectKnownValue(expiryAddress, tfjsonpath.New("delete_on_destroy"), knownvalue.Bool(true)),
			},
		},
		resource.TestStep{
			PreConfig: func() {
				calls := f.calls()
				at := slices.Index(calls, "POST "+testSessionPath)
				if at < 0 || at+1 >= len(calls) || calls[at+1] != "GET "+testSessionPath {
					t.Errorf("create: calls %q, want a POST followed by a GET of the session", calls)
				}
				f.expectWrites(t, "POST "+testSessionPath)
				f.clock.Advance(10 * time.Minute)
			},
			Config:           f.config(expiryConfig(3600, "")),
			ConfigPlanChecks: planAction(plancheck.ResourceActionNoop),
		},
		resource.TestStep{
			PreConfig: func() { f.expectWrites(t) },
			Config:    f.config(expiryConfig(7200, "")),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction(expiryAddress, plancheck.ResourceActionUpdate),
				plancheck.ExpectUnknownValue(expiryAddress, tfjsonpath.New("expires_at")),
				plancheck.ExpectKnownValue(expiryAddress, tfjsonpath.New("id"), knownvalue.StringExact(testSessionID)),
			}},
			ConfigStateChecks: []statecheck.StateCheck{stateExpiresAt(sinceStart(10*time.Minute + 2*time.Hour))},
		},
		resource.TestStep{
			PreConfig:        func() { f.expectWrites(t, "POST "+testSessionPath) },
			Config:           f.config(""),
			ConfigPlanChecks: planAction(plancheck.ResourceActionDestroy),
		},
	)
	f.expectWrites(t, "DELETE "+testSessionPath)
	if left := f.sessionIDs(); len(left) > 0 {
		t.Errorf("sessions left: %q", left)
	}
}

func TestSessionExpiry_EngineAppliesASavedRenewalLater(t *testing.T) {
	t.Parallel()
	f, c := newAppliedCLI(t, "renew_before_seconds = 3600")
	f.clock.Advance(79 * time.Minute)
	c.write(f.config(expiryConfig(7200, "renew_before_seconds = 3600\n  delete_on_destroy = false")))
	p := c.plan()
	if got := p.actions()[expiryAddress]; got != "update" || !p.unknown(expiryAddress, "expires_at") {
		t.Errorf("plan: %q with expires_at unknown: %t, want an update with it unknown", got, p.unknown(expiryAddress, "expires_at"))
	}
	// renew_at says why, so a routine renewal has no warning.
	if why := `renew_at = "` + sinceStart(time.Hour) + `" -> (known after apply)`; !strings.Contains(p.text, why) || strings.Contains(p.text, "Warning") {
		t.Errorf("plan does not say %q, or warns:\n%s", why, p.text)
	}
	f.expectWrites(t)

	f.clock.Advance(30 * time.Minute)
	c.run("apply", "tfplan")
	f.expectWrites(t, "POST "+testSessionPath)
	values := c.values(expiryAddress)
	if values["expires_at"] != sinceStart(79*time.Minute+30*time.Minute+2*time.Hour) || values["delete_on_destroy"] != false {
		t.Errorf("state: %v", values)
	}
	if p := c.plan(); !strings.Contains(p.text, "No changes.") {
		t.Errorf("plan after apply:\n%s", p.text)
	}
}
