package provider

import (
	"net/http"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine/simulated"
	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

var tokenAttributes = []string{"publisher_token", "subscriber_tokens", "webrtc_url", "webrtc_room_name", "ws_url"}

func TestSessionResource_CreateFillsEveryComputedAttribute(t *testing.T) {
	t.Parallel()
	s, it := newAppliedStory(t, only(attributes{"ttl_seconds": 3600, "subscriber_count": 2, "aggregation_id": "tour"})), sessionAt("it")
	if created, _ := s.Session(s.id(it)); created.AggregationID != "tour" {
		t.Errorf("the session was created with aggregation_id %q", created.AggregationID)
	}
	s.expectValues(it, attributes{
		"expires_at": sinceStart(time.Hour), "created_at": sinceStart(0), "intent": "api", "delete_on_destroy": true, "active": true,
	})
	for _, name := range append([]string{"id", "organization"}, tokenAttributes...) {
		if member(s.State.Current[it].Value, name).IsNull() {
			t.Errorf("%s is null", name)
		}
	}
	var subscribers []tftypes.Value
	if err := member(s.State.Current[it].Value, "subscriber_tokens").As(&subscribers); err != nil || len(subscribers) != 2 {
		t.Errorf("%d subscriber tokens (%v), want 2", len(subscribers), err)
	}
}

// only is a configuration of one palabra_session with these arguments.
func only(arguments attributes, later ...string) configuration {
	return configuration{sessionAt("it"): {Arguments: arguments, Later: later}}
}

func TestSessionResource_ChangedArgumentWritesOnlyWhatItHasTo(t *testing.T) {
	t.Parallel()
	const noEffect = "Change has no effect on the session"
	hour := attributes{"ttl_seconds": 3600}
	type row struct {
		before, after attributes
		// later are arguments of after that are known after apply.
		later    []string
		action   simulated.Action
		warnings []string
		// sets says that the request for the lifetime is sent, too.
		sets bool
	}
	eachRow(t, map[string]row{
		"nothing":              {before: hour, after: hour},
		"another lifetime":     {before: hour, after: attributes{"ttl_seconds": 7200}, action: update, sets: true},
		"no lifetime any more": {before: hour},
		"a lifetime":           {after: hour, action: update, sets: true, warnings: []string{shorterWarning}},
		"another intent":       {before: attributes{"intent": "event"}, after: attributes{"intent": "captions"}, action: deleteThenCreate},
		"not the API's intent": {after: attributes{"intent": "captions"}, action: deleteThenCreate},
		"no intent any more":   {before: attributes{"intent": "event"}},
		"an aggregation":       {after: attributes{"aggregation_id": "b"}, action: deleteThenCreate},
		"another aggregation":  {before: attributes{"aggregation_id": "a"}, after: attributes{"aggregation_id": "b"}, action: deleteThenCreate},
		"an unknown intent": {
			before: attributes{"intent": "event", "ttl_seconds": 600}, after: attributes{"intent": "captions", "ttl_seconds": 900},
			later: []string{"intent"}, action: deleteThenCreate, sets: true,
		},
		"no subscriber count":      {before: attributes{"subscriber_count": 1}, action: update, warnings: []string{noEffect}},
		"a subscriber count":       {after: attributes{"subscriber_count": 1}, action: update, warnings: []string{noEffect}},
		"another subscriber count": {before: attributes{"subscriber_count": 1}, after: attributes{"subscriber_count": 3}, action: update, warnings: []string{noEffect}},
	}, func(t *testing.T, test row) {
		s, it := newAppliedStory(t, only(test.before)), sessionAt("it")
		old, before := s.id(it), s.State.Current[it].Value
		s.config = only(test.after, test.later...)
		p := s.Plan(s.config, command{})
		expectEqual(t, "plan", p.Changes[it].Action, test.action)
		s.expectWarnings(p.Problems, test.warnings...)
		if out := s.Apply(p); out.Failed() {
			t.Fatalf("apply: %s", problemText(out.Problems))
		}
		var want []string
		if test.action.Replaces() {
			want = append(want, "DELETE "+old, "POST")
		} else {
			for _, attribute := range append([]string{"id", "created_at"}, tokenAttributes...) {
				s.expectValue(it, attribute, member(before, attribute))
			}
		}
		if test.sets {
			want = append(want, "POST "+s.id(it))
		}
		s.expectWrites(want...)
		s.config = only(test.after)
		s.expectEmptyPlan()
	})
}

// The session exists by then, so an error would taint the instance, and
// replacing it would delete the session.
func TestSessionResource_FailureAfterTheCreationIsAWarning(t *testing.T) {
	t.Parallel()
	type row struct {
		fault   sandbox.Fault
		warning string
		// renews says that the next run sets the lifetime.
		renews    bool
		createdAt any
	}
	eachRow(t, map[string]row{
		"lifetime refused": {
			sandbox.Fault{Operation: sandbox.OperationExpiry, Effect: sandbox.Respond(http.StatusBadRequest, "application/json", `{"error":"ttl_seconds is too large"}`)},
			"Lifetime of the new session not set … ttl_seconds is too large", true, sinceStart(0),
		},
		"not read back": {
			sandbox.Fault{Operation: sandbox.OperationGet, Effect: sandbox.HTMLError(http.StatusBadRequest)}, "Session not read back", false, nil,
		},
	}, func(t *testing.T, test row) {
		s, it := newStory(t), sessionAt("it")
		heal := s.Inject(test.fault)
		s.expectWarnings(s.change(only(attributes{"ttl_seconds": 3600})), test.warning)
		heal()
		id := s.id(it)
		s.expectWrites("POST", "POST "+id)
		s.expectValue(it, "created_at", test.createdAt)
		if text(s.State.Current[it].Value, "publisher_token") == "" {
			t.Error("the state has no publisher_token")
		}
		if found := s.run(); test.renews { // from the API's default
			s.expectWarnings(found, shorterWarning)
			s.expectWrites("POST " + id)
		} else {
			s.expectWarnings(found)
			s.expectWrites()
		}
		s.expectValues(it, attributes{"expires_at": sinceStart(time.Hour), "created_at": sinceStart(0)})
		s.expectEmptyPlan()
	})
}

func TestSessionResource_ImportIsNotReplacedByWhatItLeavesNull(t *testing.T) {
	t.Parallel()
	s, it := newStory(t), sessionAt("it")
	s.Put(sandbox.Session{ID: "s1", CreatedAt: testStart, ExpiresAt: testStart.Add(time.Hour), Organization: "acme"})
	s.expectWarnings(s.Import(it, &tfprotov6.ImportResourceStateRequest{ID: "s1"}), "Tokens and URLs cannot be imported … publisher_token … null")
	s.expectValues(it, attributes{"id": "s1", "organization": "acme", "expires_at": sinceStart(time.Hour)})
	for _, attribute := range tokenAttributes {
		s.expectValue(it, attribute, nil)
	}
	s.config = only(nil)
	s.expectEmptyPlan()
	arguments := attributes{"subscriber_count": 2, "intent": "event"}
	s.expectWarnings(s.change(only(arguments)))
	s.expectWrites()
	arguments["ttl_seconds"] = 7200
	s.change(only(arguments))
	s.expectWrites("POST s1")
	// From now on the intent is known.
	arguments["intent"] = "captions"
	s.change(only(arguments))
	s.expectWrites("DELETE s1", "POST", "POST "+s.id(it))
}

func TestSessionResource_LifetimeBesideAnExpiryOfTheSessionWarns(t *testing.T) {
	t.Parallel()
	s := newAppliedStory(t, managedAndExpiry("it"))
	for range 2 {
		s.expectWarnings(s.Plan(s.config, command{}).Problems, conflictWarning+" … palabra_session with ttl_seconds = 3600")
	}
	s.config[sessionAt("it")] = creates(attributes{"ttl_seconds": tftypes.NewValue(tftypes.Number, nil)})
	s.expectWarnings(s.Plan(s.config, command{}).Problems)
}
