package provider_test

import (
	"fmt"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

const expiryAddress = "palabra_session_expiry.test"

// expiryConfig sets the TTL of the test session; extra holds further arguments.
func expiryConfig(ttl int, extra string) string {
	return fmt.Sprintf(`
resource "palabra_session_expiry" "test" {
  session_id  = %q
  ttl_seconds = %d
  %s
}`, testSessionID, ttl, extra)
}

func planAction(action plancheck.ResourceActionType) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(expiryAddress, action)}}
}

func stateExpiresAt(at string) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(expiryAddress, tfjsonpath.New("expires_at"), knownvalue.StringExact(at))
}

func TestSessionExpiry_IsCreatedChangedAndDestroyed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	const session = "/sessions/" + testSessionID

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
				at := slices.Index(calls, "POST "+session)
				if at < 0 || at+1 >= len(calls) || calls[at+1] != "GET "+session {
					t.Errorf("create: calls %q, want a POST followed by a GET of the session", calls)
				}
				f.expectWrites(t, "POST "+session)
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
			PreConfig:        func() { f.expectWrites(t, "POST "+session) },
			Config:           f.config(""),
			ConfigPlanChecks: planAction(plancheck.ResourceActionDestroy),
		},
		resource.TestStep{
			PreConfig: func() { f.expectWrites(t, "DELETE "+session) },
			Config:    f.config(""),
		},
	)
	if left := f.Sessions(); len(left) != 0 {
		t.Errorf("%d sessions left on the server, want none", len(left))
	}
}

func TestSessionExpiry_ReplacesWhenTheSessionIDChanges(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.putSession(testSessionID, time.Hour)
	f.putSession("other.session", time.Hour)
	config := func(id string) string {
		return f.config(fmt.Sprintf(`
resource "palabra_session_expiry" "test" {
  session_id  = %q
  ttl_seconds = 600
}`, id))
	}
	runSteps(t,
		resource.TestStep{Config: config(testSessionID)},
		resource.TestStep{
			PreConfig:        f.ResetRequests,
			Config:           config("other.session"),
			ConfigPlanChecks: planAction(plancheck.ResourceActionReplace),
		},
		resource.TestStep{
			PreConfig: func() {
				f.expectWrites(t, "DELETE /sessions/"+testSessionID, "POST /sessions/other.session")
			},
			Config:           config("other.session"),
			ConfigPlanChecks: planAction(plancheck.ResourceActionNoop),
		},
	)
}

func TestSessionExpiry_TakesIDsThatNeedEscaping(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"a/b", "100%", "%2e%2e", "sch\u00f6n", "a b?c#d", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.putSession(id, time.Hour)
			runSteps(t, resource.TestStep{
				Config: f.config(fmt.Sprintf(`
resource "palabra_session_expiry" "test" {
  session_id  = %q
  ttl_seconds = 600
}`, escapeHCL(id))),
				ConfigStateChecks: []statecheck.StateCheck{
					statecheck.ExpectKnownValue(expiryAddress, tfjsonpath.New("id"), knownvalue.StringExact(id)),
					stateExpiresAt(sinceStart(10 * time.Minute)),
				},
			})
			if left := f.Sessions(); len(left) != 0 {
				t.Errorf("%d sessions left on the server, want none", len(left))
			}
		})
	}
}

// escapeHCL doubles the template introducers of HCL.
func escapeHCL(s string) string {
	return regexp.MustCompile(`([$%])\{`).ReplaceAllString(s, "$1$1{")
}

func TestSessionExpiry_ImportPlansEmpty(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	f.clock.Advance(24 * time.Hour)
	config := f.config(expiryConfig(30*24*3600, ""))

	runSteps(t,
		resource.TestStep{
			Config:             config,
			ResourceName:       expiryAddress,
			ImportState:        true,
			ImportStateId:      testSessionID,
			ImportStatePersist: true,
		},
		resource.TestStep{
			Config:            config,
			ConfigPlanChecks:  planAction(plancheck.ResourceActionNoop),
			ConfigStateChecks: []statecheck.StateCheck{stateExpiresAt(sinceStart(30 * 24 * time.Hour))},
		},
		resource.TestStep{
			PreConfig: func() { f.expectWrites(t) },
			Config:    config,
		},
	)
}

func TestSessionExpiry_ImportOfMissingSessionFails(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.putSession("another.session", time.Hour)
	runSteps(t, resource.TestStep{
		Config:        f.config(expiryConfig(600, "")),
		ResourceName:  expiryAddress,
		ImportState:   true,
		ImportStateId: testSessionID,
		ExpectError:   regexp.MustCompile(`(?s)[Cc]annot import non-existent remote object`),
	})
}

func TestSessionExpiry_RefusesInvalidArguments(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ sessionID, ttl, extra, want string }{
		"zero":           {`"a"`, "0", "", `ttl_seconds value must be between 1 and\s+9000000000, got: 0`},
		"negative":       {`"a"`, "-5", "", `must be between 1`},
		"fractional":     {`"a"`, "1.5", "", `(?i)integer|whole`},
		"not a number":   {`"a"`, `"soon"`, "", `a number is required`},
		"empty id":       {`""`, "60", "", `session id is empty`},
		"a dot":          {`"."`, "60", "", `is not the id of a session`},
		"two dots":       {`".."`, "60", "", `is not the id of a session`},
		"lead too long":  {`"a"`, "60", "renew_before_seconds = 60", `must be smaller than ttl_seconds`},
		"lead not above": {`"a"`, "60", "renew_before_seconds = 0", `must be between 1`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			runSteps(t, resource.TestStep{
				Config: f.config(fmt.Sprintf(`
resource "palabra_session_expiry" "test" {
  session_id  = %s
  ttl_seconds = %s
  %s
}`, test.sessionID, test.ttl, test.extra)),
				PlanOnly:    true,
				ExpectError: regexp.MustCompile(test.want),
			})
			if calls := f.calls(); len(calls) != 0 {
				t.Errorf("calls: %q, want none: validation needs no API", calls)
			}
		})
	}
}

func TestSessionExpiry_RefusedCredentialsKeepTheState(t *testing.T) {
	t.Parallel()
	for _, status := range []int{401, 403, 404} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, func(o *sandbox.Options) { o.BadCredentialsStatus = status })
			f.putSession(testSessionID, time.Hour)
			refused := fmt.Sprintf(`
provider "palabra" {
  endpoint      = %q
  client_id     = %q
  client_secret = "wrong"
}
`, f.url, testClientID)
			want := regexp.MustCompile(`(?s)refused the\s+credentials from.*client_secret\s+attribute`)
			runSteps(t,
				resource.TestStep{Config: f.config(expiryConfig(600, ""))},
				resource.TestStep{Config: refused + expiryConfig(600, ""), ExpectError: want},
				resource.TestStep{Config: refused + expiryConfig(600, ""), Destroy: true, ExpectError: want},
				resource.TestStep{
					Config:           f.config(expiryConfig(600, "")),
					ConfigPlanChecks: planAction(plancheck.ResourceActionNoop),
				},
			)
		})
	}
}
