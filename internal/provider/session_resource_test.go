package provider_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/compare"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

const sessionAddress = "palabra_session.test"

func sessionConfig(arguments string) string {
	return fmt.Sprintf("resource \"palabra_session\" \"test\" {\n%s\n}\n", arguments)
}

func sessionAction(action plancheck.ResourceActionType) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(sessionAddress, action)}}
}

func sessionValue(attribute string, check knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(sessionAddress, tfjsonpath.New(attribute), check)
}

// sameFromStepToStep compares attributes over the steps that use the result.
func sameFromStepToStep(attributes ...string) func() []statecheck.StateCheck {
	same := make(map[string]interface {
		AddStateValue(string, tfjsonpath.Path) statecheck.StateCheck
	})
	for _, attribute := range attributes {
		same[attribute] = statecheck.CompareValue(compare.ValuesSame())
	}
	return func() []statecheck.StateCheck {
		var checks []statecheck.StateCheck
		for _, attribute := range attributes {
			checks = append(checks, same[attribute].AddStateValue(sessionAddress, tfjsonpath.New(attribute)))
		}
		return checks
	}
}

var tokenAttributes = []string{"publisher_token", "subscriber_tokens", "webrtc_url", "webrtc_room_name", "ws_url"}

func TestSession_IsCreatedExtendedInPlaceAndDeleted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	kept := sameFromStepToStep(append([]string{"id", "created_at", "intent"}, tokenAttributes...)...)
	var id string
	runSteps(t,
		resource.TestStep{
			Config:           f.config(sessionConfig("ttl_seconds = 3600\nsubscriber_count = 2")),
			ConfigPlanChecks: sessionAction(plancheck.ResourceActionCreate),
			ConfigStateChecks: append(kept(),
				sessionValue("expires_at", knownvalue.StringExact(sinceStart(time.Hour))),
				sessionValue("created_at", knownvalue.StringExact(sinceStart(0))),
				sessionValue("intent", knownvalue.StringExact("api")),
				sessionValue("publisher_token", knownvalue.StringRegexp(regexp.MustCompile(`^ey`))),
				sessionValue("subscriber_tokens", knownvalue.ListSizeExact(2)),
				statecheck.ExpectSensitiveValue(sessionAddress, tfjsonpath.New("publisher_token")),
				statecheck.ExpectSensitiveValue(sessionAddress, tfjsonpath.New("subscriber_tokens")),
			),
		},
		resource.TestStep{
			PreConfig: func() {
				id = f.onlySession(t)
				f.expectWrites(t, "POST /session", "POST /sessions/"+id)
				f.clock.Advance(10 * time.Minute)
			},
			Config:            f.config(sessionConfig("ttl_seconds = 3600\nsubscriber_count = 2")),
			ConfigPlanChecks:  sessionAction(plancheck.ResourceActionNoop),
			ConfigStateChecks: kept(),
		},
		resource.TestStep{
			PreConfig: func() { f.expectWrites(t) },
			Config:    f.config(sessionConfig("ttl_seconds = 7200\nsubscriber_count = 2")),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction(sessionAddress, plancheck.ResourceActionUpdate),
				plancheck.ExpectUnknownValue(sessionAddress, tfjsonpath.New("expires_at")),
				plancheck.ExpectKnownValue(sessionAddress, tfjsonpath.New("id"), knownvalue.NotNull()),
			}},
			ConfigStateChecks: append(kept(), sessionValue("expires_at", knownvalue.StringExact(sinceStart(10*time.Minute+2*time.Hour)))),
		},
		resource.TestStep{
			PreConfig:         func() { f.expectWrites(t, "POST /sessions/"+id) },
			Config:            f.config(sessionConfig("subscriber_count = 2")),
			ConfigPlanChecks:  sessionAction(plancheck.ResourceActionNoop),
			ConfigStateChecks: append(kept(), sessionValue("expires_at", knownvalue.StringExact(sinceStart(10*time.Minute+2*time.Hour)))),
		},
		resource.TestStep{
			PreConfig:        func() { f.expectWrites(t) },
			Config:           f.config(""),
			ConfigPlanChecks: sessionAction(plancheck.ResourceActionDestroy),
		},
	)
	f.expectWrites(t, "DELETE /sessions/"+id)
	if left := f.sessionIDs(); len(left) > 0 {
		t.Errorf("sessions left: %q", left)
	}
}

func TestSession_GoneOneIsCreatedAgain(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	config := f.config(sessionConfig("ttl_seconds = 3600"))
	var old string
	runSteps(t,
		resource.TestStep{Config: config},
		resource.TestStep{
			PreConfig: func() {
				old = f.onlySession(t)
				f.Remove(old)
			},
			Config:           config,
			ConfigPlanChecks: sessionAction(plancheck.ResourceActionCreate),
		},
		resource.TestStep{
			PreConfig: func() {
				if id := f.onlySession(t); id == old {
					t.Errorf("session %q is back", id)
				}
				f.clock.Advance(2 * time.Hour) // The natural end is the same.
			},
			Config:           config,
			ConfigPlanChecks: sessionAction(plancheck.ResourceActionCreate),
		},
	)
}

func TestSession_IsReplacedWhenItsCreationWouldDiffer(t *testing.T) {
	t.Parallel()
	for name, change := range map[string][2]string{
		"another intent":       {`intent = "event"`, `intent = "captions"`},
		"not the API's intent": {"", `intent = "captions"`},
		"another aggregation":  {`aggregation_id = "a"`, `aggregation_id = "b"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			var old string
			runSteps(t,
				resource.TestStep{Config: f.config(sessionConfig(change[0]))},
				resource.TestStep{
					PreConfig:        func() { old = f.onlySession(t); f.ResetRequests() },
					Config:           f.config(sessionConfig(change[1])),
					ConfigPlanChecks: sessionAction(plancheck.ResourceActionDestroyBeforeCreate),
				},
				resource.TestStep{
					PreConfig:        func() { f.expectWrites(t, "DELETE /sessions/"+old, "POST /session") },
					Config:           f.config(sessionConfig(change[1])),
					ConfigPlanChecks: sessionAction(plancheck.ResourceActionNoop),
				},
			)
		})
	}
}

func TestSession_LifetimeThatCannotBeSetIsSetByTheNextRun(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	remove := f.Inject(sandbox.Fault{
		Operation: sandbox.OperationExpiry,
		Effect:    sandbox.Respond(http.StatusBadRequest, "application/json", `{"error":"ttl_seconds is too large"}`),
	})
	c.write(f.config(sessionConfig("ttl_seconds = 3600")))
	said := c.run("apply", "-auto-approve")
	id := f.onlySession(t)
	for _, part := range []string{"Lifetime of the new session not set", "ttl_seconds is too large", id} {
		if !strings.Contains(said, part) {
			t.Errorf("apply does not say %q:\n%s", part, said)
		}
	}
	state := c.state().Values.RootModule.Resources
	if len(state) != 1 || state[0].Tainted || state[0].AttributeValues["id"] != id || state[0].AttributeValues["publisher_token"] == nil {
		t.Fatalf("state: %+v, want session %q with its token, not tainted", state, id)
	}
	remove()
	f.ResetRequests()
	c.run("apply", "-auto-approve")
	f.expectWrites(t, "POST /sessions/"+id)
	if got := c.values(sessionAddress)["expires_at"]; got != sinceStart(time.Hour) {
		t.Errorf("expires_at: %v", got)
	}
	if p := c.plan(); !strings.Contains(p.text, "No changes.") {
		t.Errorf("the next plan is not empty:\n%s", p.text)
	}
	c.run("destroy", "-auto-approve")
}

func TestSession_SubscriberCountNeverReplacesTheSession(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	c.write(f.config(sessionConfig("subscriber_count = 1")))
	c.run("apply", "-auto-approve")
	f.ResetRequests()
	for _, arguments := range []string{"", "subscriber_count = 1", "subscriber_count = 3"} {
		c.write(f.config(sessionConfig(arguments)))
		p := c.plan()
		if got := p.actions()[sessionAddress]; got != "update" || !strings.Contains(p.text, "Change has no effect on the session") {
			t.Errorf("%q: plan %s\n%s", arguments, got, p.text)
		}
		c.run("apply", "tfplan")
	}
	f.expectWrites(t)
}

func TestSession_IntentKnownAfterApplyReplaces(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	config := func(intent string, ttl int) string {
		return f.config(fmt.Sprintf("resource \"terraform_data\" \"intent\" {\n  input = %q\n}\n", intent) +
			sessionConfig(fmt.Sprintf("intent = terraform_data.intent.output\nttl_seconds = %d", ttl)))
	}
	c.write(config("event", 600))
	c.run("apply", "-auto-approve")
	old := f.onlySession(t)
	f.ResetRequests()
	c.write(config("captions", 900))
	if p := c.plan(); p.actions()[sessionAddress] != "delete create" || !p.unknown(sessionAddress, "intent") {
		t.Errorf("plan: %v, want a replacement with intent unknown", p.actions())
	}
	c.run("apply", "tfplan")
	f.expectWrites(t, "DELETE /sessions/"+old, "POST /session", "POST /sessions/"+f.onlySession(t))
}

func TestSession_RenewsBeforeItEndsAndIsForgottenOnRequest(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	c.write(f.config(sessionConfig("ttl_seconds = 7200\nrenew_before_seconds = 3600\ndelete_on_destroy = false")))
	c.run("apply", "-auto-approve")
	id := f.onlySession(t)
	if values := c.values(sessionAddress); values["renew_at"] != sinceStart(time.Hour) || values["active"] != true {
		t.Errorf("state: %v", values)
	}
	f.ResetRequests()
	f.clock.Advance(90 * time.Minute)
	c.run("apply", "-auto-approve")
	f.expectWrites(t, "POST /sessions/"+id)
	if got := c.values(sessionAddress)["expires_at"]; got != sinceStart(90*time.Minute+2*time.Hour) {
		t.Errorf("expires_at: %v", got)
	}
	c.run("destroy", "-auto-approve")
	f.expectWrites(t)
	if got := f.onlySession(t); got != id {
		t.Errorf("session %q is left, want %q", got, id)
	}
}

func TestSession_FailedReadBackDoesNotTaint(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	remove := f.Inject(sandbox.Fault{Operation: sandbox.OperationGet, Effect: sandbox.HTMLError(http.StatusBadRequest)})
	c.write(f.config(sessionConfig("ttl_seconds = 3600")))
	if said := c.run("apply", "-auto-approve"); !strings.Contains(said, "Session not read back") {
		t.Errorf("apply does not warn:\n%s", said)
	}
	if values := c.values(sessionAddress); values["expires_at"] != sinceStart(time.Hour) || values["created_at"] != nil {
		t.Errorf("state: expires_at %v, created_at %v", values["expires_at"], values["created_at"])
	}
	remove()
	f.ResetRequests()
	c.run("apply", "-auto-approve")
	f.expectWrites(t)
	if values := c.values(sessionAddress); values["created_at"] != sinceStart(0) {
		t.Errorf("the next run reads created_at as %v", values["created_at"])
	}
	c.run("destroy", "-auto-approve")
}

func TestSession_RefusesInvalidArguments(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for argument, want := range map[string]string{
		"ttl_seconds = 0":                             "must be between 1",
		"subscriber_count = 11":                       "must be between 0 and 10",
		"subscriber_count = -1":                       "must be between 0 and 10",
		`intent = ""`:                                 "length must be at least 1",
		`aggregation_id = ""`:                         "length must be at least 1",
		"renew_before_seconds = 60":                   "ttl_seconds",
		"renew_triggers = { a = 1 }":                  "ttl_seconds",
		"ttl_seconds = 60\nrenew_before_seconds = 60": "must be smaller than ttl_seconds",
	} {
		runSteps(t, resource.TestStep{Config: f.config(sessionConfig(argument)), PlanOnly: true, ExpectError: words(want)})
	}
	if calls := f.calls(); !slices.Equal(calls, nil) {
		t.Errorf("calls: %q, want none", calls)
	}
}
