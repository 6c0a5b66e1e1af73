package provider_test

import (
	"fmt"
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
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

func sessionValue(attribute string, check knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(sessionAddress, tfjsonpath.New(attribute), check)
}

var tokenAttributes = []string{"publisher_token", "subscriber_tokens", "webrtc_url", "webrtc_room_name", "ws_url"}

func TestSessionResource_EngineCreatesExtendsReplacesAndDeletes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var kept [2][]statecheck.StateCheck // Equal values in the first two steps.
	for _, attribute := range append([]string{"id", "created_at", "intent"}, tokenAttributes...) {
		same := statecheck.CompareValue(compare.ValuesSame())
		for i := range kept {
			kept[i] = append(kept[i], same.AddStateValue(sessionAddress, tfjsonpath.New(attribute)))
		}
	}
	changed := statecheck.CompareValue(compare.ValuesDiffer())
	unknown := func(attributes ...string) (checks []plancheck.PlanCheck) {
		for _, attribute := range attributes {
			checks = append(checks, plancheck.ExpectUnknownValue(sessionAddress, tfjsonpath.New(attribute)))
		}
		return checks
	}
	action := func(want plancheck.ResourceActionType, more ...plancheck.PlanCheck) resource.ConfigPlanChecks {
		return resource.ConfigPlanChecks{PreApply: append(more, plancheck.ExpectResourceAction(sessionAddress, want))}
	}
	var first, second string
	runSteps(t,
		resource.TestStep{
			Config:           f.config(sessionConfig("ttl_seconds = 3600\nsubscriber_count = 2")),
			ConfigPlanChecks: action(plancheck.ResourceActionCreate, unknown(append([]string{"id", "expires_at", "created_at", "intent"}, tokenAttributes...)...)...),
			ConfigStateChecks: append(kept[0],
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
				first = f.onlySession(t)
				f.expectWrites(t, "POST /session", "POST /sessions/"+first)
				f.clock.Advance(10 * time.Minute)
			},
			Config: f.config(sessionConfig("ttl_seconds = 7200\nsubscriber_count = 2")),
			ConfigPlanChecks: action(plancheck.ResourceActionUpdate, append(unknown("expires_at"),
				plancheck.ExpectKnownValue(sessionAddress, tfjsonpath.New("id"), knownvalue.NotNull()))...),
			ConfigStateChecks: append(kept[1],
				sessionValue("expires_at", knownvalue.StringExact(sinceStart(10*time.Minute+2*time.Hour))),
				changed.AddStateValue(sessionAddress, tfjsonpath.New("id"))),
		},
		resource.TestStep{
			PreConfig:         func() { f.expectWrites(t, "POST /sessions/"+first) },
			Config:            f.config(sessionConfig("intent = \"captions\"")),
			ConfigPlanChecks:  action(plancheck.ResourceActionDestroyBeforeCreate, unknown("id", "publisher_token")...),
			ConfigStateChecks: []statecheck.StateCheck{changed.AddStateValue(sessionAddress, tfjsonpath.New("id")), sessionValue("ttl_seconds", knownvalue.Null())},
		},
		resource.TestStep{
			PreConfig:        func() { second = f.onlySession(t); f.expectWrites(t, "DELETE /sessions/"+first, "POST /session") },
			Config:           f.config(""),
			ConfigPlanChecks: action(plancheck.ResourceActionDestroy),
		},
	)
	f.expectWrites(t, "DELETE /sessions/"+second)
	if left := f.sessionIDs(); len(left) > 0 {
		t.Errorf("sessions left: %q", left)
	}
}

// only is a configuration of one palabra_session with these arguments.
func only(arguments attributes, later ...string) configuration {
	return configuration{sessionAt("it"): {arguments: arguments, later: later}}
}

func TestSessionResource_ChangedArgumentWritesOnlyWhatItHasTo(t *testing.T) {
	t.Parallel()
	const noEffect = "Change has no effect on the session"
	hour := attributes{"ttl_seconds": numberOf(3600)}
	for name, test := range map[string]struct {
		before, after attributes
		// later are arguments of after that are known after apply.
		later    []string
		action   action
		warnings []string
		// sets says that the request for the lifetime is sent, too.
		sets bool
	}{
		"nothing":              {before: hour, after: hour},
		"another lifetime":     {before: hour, after: attributes{"ttl_seconds": numberOf(7200)}, action: update, sets: true},
		"no lifetime any more": {before: hour},
		"a lifetime":           {after: hour, action: update, sets: true},
		"another intent":       {before: attributes{"intent": stringOf("event")}, after: attributes{"intent": stringOf("captions")}, action: deleteThenCreate},
		"not the API's intent": {after: attributes{"intent": stringOf("captions")}, action: deleteThenCreate},
		"no intent any more":   {before: attributes{"intent": stringOf("event")}},
		"an aggregation":       {after: attributes{"aggregation_id": stringOf("b")}, action: deleteThenCreate},
		"another aggregation":  {before: attributes{"aggregation_id": stringOf("a")}, after: attributes{"aggregation_id": stringOf("b")}, action: deleteThenCreate},
		"an unknown intent": {
			before: attributes{"intent": stringOf("event"), "ttl_seconds": numberOf(600)}, after: attributes{"intent": stringOf("captions"), "ttl_seconds": numberOf(900)},
			later: []string{"intent"}, action: deleteThenCreate, sets: true,
		},
		"no subscriber count":      {before: attributes{"subscriber_count": numberOf(1)}, action: update, warnings: []string{noEffect}},
		"a subscriber count":       {after: attributes{"subscriber_count": numberOf(1)}, action: update, warnings: []string{noEffect}},
		"another subscriber count": {before: attributes{"subscriber_count": numberOf(1)}, after: attributes{"subscriber_count": numberOf(3)}, action: update, warnings: []string{noEffect}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, it := newAppliedStory(t, only(test.before)), sessionAt("it")
			old := s.id(it)
			s.config = only(test.after, test.later...)
			p := s.plan(s.config, command{})
			if got := p.changes[it].action; got != test.action {
				t.Errorf("plan: %s, want %s", got, test.action)
			}
			s.expectWarnings(p.problems, test.warnings...)
			if out := s.apply(p); out.failed() {
				t.Fatalf("apply: %s", problemText(out.problems))
			}
			var want []string
			if test.action.replaces() {
				want = append(want, "DELETE "+old, "POST")
			} else if s.id(it) != old {
				t.Errorf("the session is now %q, was %q", s.id(it), old)
			}
			if test.sets {
				want = append(want, "POST "+s.id(it))
			}
			s.expectWrites(want...)
			s.config = only(test.after)
			s.expectEmptyPlan()
		})
	}
}

func TestSessionResource_RenewsAndIsForgottenOnRequest(t *testing.T) {
	t.Parallel()
	s, it := newAppliedStory(t, only(attributes{"ttl_seconds": numberOf(7200), "renew_before_seconds": numberOf(3600), "delete_on_destroy": boolOf(false)})), sessionAt("it")
	s.expectValue(it, "renew_at", stringOf(sinceStart(time.Hour)))
	s.clock.Advance(90 * time.Minute)
	id := s.id(it)
	s.expectWarnings(s.run())
	s.expectWrites("POST " + id)
	s.expectValue(it, "expires_at", stringOf(sinceStart(90*time.Minute+2*time.Hour)))
	s.change(configuration{})
	s.expectWrites()
	s.lives(id, true)
}

// The session exists by then, so an error would taint the instance, and
// replacing it would delete the session.
func TestSessionResource_FailureAfterTheCreationIsAWarning(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault   sandbox.Fault
		warning string
		// renews says that the next run sets the lifetime.
		renews    bool
		createdAt tftypes.Value
	}{
		"lifetime refused": {
			sandbox.Fault{Operation: sandbox.OperationExpiry, Effect: sandbox.Respond(http.StatusBadRequest, "application/json", `{"error":"ttl_seconds is too large"}`)},
			"Lifetime of the new session not set … ttl_seconds is too large", true, stringOf(sinceStart(0)),
		},
		"not read back": {
			sandbox.Fault{Operation: sandbox.OperationGet, Effect: sandbox.HTMLError(http.StatusBadRequest)},
			"Session not read back", false, tftypes.NewValue(tftypes.String, nil),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, it := newStory(t), sessionAt("it")
			heal := s.box.Inject(test.fault)
			s.expectWarnings(s.change(only(attributes{"ttl_seconds": numberOf(3600)})), test.warning)
			heal()
			id := s.id(it)
			s.expectWrites("POST", "POST "+id)
			s.expectValue(it, "created_at", test.createdAt)
			if text(s.state.current[it].value, "publisher_token") == "" {
				t.Error("the state has no publisher_token")
			}
			s.expectWarnings(s.run())
			var want []string
			if test.renews {
				want = []string{"POST " + id}
			}
			s.expectWrites(want...)
			s.expectValue(it, "expires_at", stringOf(sinceStart(time.Hour)))
			s.expectValue(it, "created_at", stringOf(sinceStart(0)))
			s.expectEmptyPlan()
		})
	}
}

func TestSessionResource_RefusesInvalidArguments(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	for _, test := range []struct {
		arguments attributes
		want      string
	}{
		{attributes{"ttl_seconds": numberOf(0)}, "must be between 1"},
		{attributes{"subscriber_count": numberOf(11)}, "must be between 0 and 10"},
		{attributes{"subscriber_count": numberOf(-1)}, "must be between 0 and 10"},
		{attributes{"intent": stringOf("")}, "length must be at least 1"},
		{attributes{"aggregation_id": stringOf("")}, "length must be at least 1"},
		{attributes{"renew_before_seconds": numberOf(60)}, "ttl_seconds"},
		{attributes{"renew_triggers": triggersOf("1")}, "ttl_seconds"},
		{attributes{"ttl_seconds": numberOf(60), "renew_before_seconds": numberOf(60)}, "must be smaller than ttl_seconds"},
	} {
		s.config = only(test.arguments)
		s.refused(command{}, test.want)
	}
	if calls := s.accounts.requests(); len(calls) > 0 {
		t.Errorf("requests: %v, want none", calls)
	}
}
