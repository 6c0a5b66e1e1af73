package provider_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// An error after the accepted write would taint the instance, and replacing it
// would delete the session.
func TestSessionExpiry_CreateIsNotTaintedByAFailedReadBack(t *testing.T) {
	t.Parallel()
	scenarios := make(map[string]scenario)
	for name, effect := range map[string]sandbox.Effect{
		"gateway error": sandbox.HTMLError(http.StatusBadGateway),
		"cut":           sandbox.CutBefore(),
		"half a body":   sandbox.Truncate(),
		"refused":       sandbox.RefuseCredentials(http.StatusUnauthorized),
	} {
		first := given(nil)
		first.readBack, first.warns = effect, []string{"Session not read back … until the next plan reads them"}
		scenarios[name] = scenario{turns: []turn{first}}
	}
	runScenarios(t, scenarios)
}

func TestSessionExpiry_CreateInterruptedBeforeItsReadBackIsNotTainted(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	first := given(nil)
	first.happens = func(s *story) {
		s.beforeApply = func(address) (context.Context, bool) { return ctx, true }
	}
	first.readBack = func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		interrupt()
		<-r.Context().Done()
	}
	first.warns = []string{"Session not read back"}
	runScenarios(t, map[string]scenario{"interrupted": {turns: []turn{first}}})
}

func TestSessionExpiry_RefusedCreateLeavesNothingInTheState(t *testing.T) {
	t.Parallel()
	refuse := func(*story) sandbox.Fault {
		return sandbox.Fault{Operation: sandbox.OperationExpiry, Effect: sandbox.Respond(http.StatusBadRequest, "application/json",
			`{"ok":false,"errors":[{"title":"Bad request","detail":"The lifetime is too long for this plan.","status":400}]}`)}
	}
	refused := given(nil)
	refused.fault, refused.fails, refused.expiresAt = refuse, []string{"Unable to set session expiry", "The lifetime is too long for this plan"}, 0
	runScenarios(t, map[string]scenario{"refused": {turns: []turn{refused, given(nil)}}})
}

func TestSessionExpiry_DestroyOfAGoneSessionIsDone(t *testing.T) {
	t.Parallel()
	gone := turn{happens: func(s *story) { s.put("s2"); s.Remove("s1") }, how: command{destroy: true, noRefresh: true}, plans: "delete", writes: []string{"DELETE s1"}, unsettled: true}
	runScenarios(t, map[string]scenario{"gone": {turns: []turn{given(nil), gone}}})
}

func TestSessionExpiry_TakesIDsThatNeedEscaping(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	for _, id := range []string{"a/b", "100%", "%2e%2e", "sch\u00f6n", "a b?c#d", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"} {
		s.put(id)
		s.change(configuration{room("it"): lasts(id)})
		s.expectValue(room("it"), "id", id)
		s.change(configuration{})
		s.expectWrites("POST "+id, "DELETE "+id)
		s.lives(id, false)
	}
}

func TestSessionExpiry_RefusesInvalidArguments(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	for _, test := range []struct {
		id        string
		arguments attributes
		want      string
	}{
		{"a", attributes{"ttl_seconds": 0}, "ttl_seconds value must be between 1 and 9000000000, got: 0"},
		{"a", attributes{"ttl_seconds": -5}, "must be between 1"},
		{"a", attributes{"ttl_seconds": tftypes.NewValue(tftypes.Number, 1.5)}, "whole number"},
		{"", nil, "session id is empty"},
		{".", nil, "is not the id of a session"},
		{"..", nil, "is not the id of a session"},
		{"a", lead(time.Hour), "must be smaller than ttl_seconds"},
		{"a", lead(0), "must be between 1"},
	} {
		s.config = configuration{room("it"): lasts(test.id, test.arguments)}
		s.refused(command{}, test.want)
	}
	if calls := s.Requests(); len(calls) > 0 {
		t.Errorf("requests: %v, want none", calls)
	}
}

func TestSessionExpiry_RefusedCredentialsKeepTheState(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			s := newStory(t, func(o *sandbox.Options) { o.BadCredentialsStatus = status })
			s.put("s1")
			s.change(configuration{room("it"): lasts("s1")})
			own := s.provider
			s.provider = pairOf(s.url, testClientID)
			s.provider["client_secret"] = "wrong"
			for _, how := range []command{{}, {destroy: true}} {
				s.refused(how, "refused the credentials from", "client_secret attribute")
			}
			s.provider = own
			s.expectEmptyPlan()
			s.expectWrites("POST s1")
		})
	}
}
