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

func TestSessionIsCreatedExtendedInPlaceAndDeleted(t *testing.T) {
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
			ConfigPlanChecks:  sessionAction(plancheck.ResourceActionUpdate),
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

func TestSessionThatIsGoneIsCreatedAgain(t *testing.T) {
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

func TestSessionIsReplacedWhenItsCreationWouldDiffer(t *testing.T) {
	t.Parallel()
	for name, change := range map[string][2]string{
		"more subscribers":     {"subscriber_count = 1", "subscriber_count = 3"},
		"subscribers at last":  {"", "subscriber_count = 3"},
		"another intent":       {`intent = "event"`, `intent = "captions"`},
		"not the API's intent": {"", `intent = "captions"`},
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

func TestSessionWhoseFollowUpFailsIsKeptAsTainted(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	remove := f.Inject(sandbox.Fault{
		Operation: sandbox.OperationExpiry,
		Effect:    sandbox.Respond(http.StatusBadRequest, "application/json", `{"error":"ttl_seconds is too large"}`),
	})
	c.write(f.config(sessionConfig("ttl_seconds = 3600")))
	said := c.fail("apply", "-auto-approve")
	first := f.onlySession(t)
	for _, part := range []string{"Unable to set the lifetime of the new session", "ttl_seconds is too large", first, "tainted"} {
		if !strings.Contains(said, part) {
			t.Errorf("apply does not say %q:\n%s", part, said)
		}
	}
	state := c.state().Values.RootModule.Resources
	if len(state) != 1 || !state[0].Tainted || state[0].AttributeValues["id"] != first || state[0].AttributeValues["publisher_token"] == nil {
		t.Fatalf("state: %+v, want session %q tainted, with its token", state, first)
	}
	remove()
	f.ResetRequests()
	c.run("apply", "-auto-approve")
	second := f.onlySession(t)
	f.expectWrites(t, "DELETE /sessions/"+first, "POST /session", "POST /sessions/"+second)
	c.run("destroy", "-auto-approve")
	if left := f.sessionIDs(); len(left) > 0 {
		t.Errorf("sessions left: %q", left)
	}
}

func TestSessionThatIsNotReadBackIsNotTainted(t *testing.T) {
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

func TestSessionRefusesInvalidArguments(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for argument, want := range map[string]string{
		"ttl_seconds = 0":       "must be between 1",
		"subscriber_count = 11": "must be between 0 and 10",
		"subscriber_count = -1": "must be between 0 and 10",
		`intent = ""`:           "length must be at least 1",
	} {
		runSteps(t, resource.TestStep{Config: f.config(sessionConfig(argument)), PlanOnly: true, ExpectError: words(want)})
	}
	if calls := f.calls(); !slices.Equal(calls, nil) {
		t.Errorf("calls: %q, want none", calls)
	}
}
