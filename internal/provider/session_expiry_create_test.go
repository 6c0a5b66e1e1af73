package provider

import (
	"context"
	"net/http"
	"testing"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// An error after the accepted write would taint the instance, and replacing it
// would delete the session.
func TestSessionExpiry_CreateIsNotTaintedByAFailedReadBack(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	scenarios := make(map[string]scenario)
	for name, test := range map[string]struct {
		effect sandbox.Effect
		ctx    context.Context
	}{
		"gateway error": {sandbox.HTMLError(http.StatusBadGateway), t.Context()},
		"refused":       {sandbox.RefuseCredentials(http.StatusUnauthorized), t.Context()},
		"interrupted":   {interruptedBy(interrupt), ctx},
	} {
		first := given(nil)
		first.happens = func(s *story) {
			s.BeforeApply = func(address) (context.Context, bool) { return test.ctx, true }
		}
		first.readBack, first.warns = test.effect, []string{"Session not read back … until the next plan reads them"}
		scenarios[name] = scenario{turns: []turn{first}}
	}
	runScenarios(t, scenarios)
}

func TestSessionExpiry_CreateThatCannotBeCheckedIsPlanned(t *testing.T) {
	t.Parallel()
	first := given(nil)
	first.fault, first.warns = unavailable(sandbox.OperationGet), []string{"Unable to check session", "Session not read back"}
	runScenarios(t, map[string]scenario{"unavailable": {turns: []turn{first}}})
}

func TestSessionExpiry_CreateWithRefusedCredentialsFailsThePlan(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.provider["client_secret"] = "wrong"
	s.config[room("it")] = lasts("s1")
	s.refused(command{}, "Unable to check session", "refused the credentials")
	s.expectWrites()
}

// TestSessionExpiry_ApplyChecksNoSessionAgain, whatever it writes first: an engine
// plans the creation once more.
func TestSessionExpiry_ApplyChecksNoSessionAgain(t *testing.T) {
	t.Parallel()
	a, z := room("a"), room("z")
	for name, test := range map[string]struct{ before, after configuration }{
		"palabra_session": {configuration{}, configuration{sessionAt("a"): creates()}},
		"create":          {configuration{}, configuration{a: lasts("s1")}},
		"renewal":         {configuration{a: lasts("s1")}, configuration{a: lasts("s1", attributes{"ttl_seconds": 7200})}},
		"deletion":        {configuration{a: lasts("s1")}, configuration{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newAppliedStory(t, test.before, "s1", "s2")
			test.after[z] = lasts("s2")
			p := s.Plan(test.after, command{})
			s.ResetRequests()
			if out := s.Apply(p); out.Failed() {
				t.Fatal(problemText(out.Problems))
			}
			reads := 0
			for _, request := range s.Requests() {
				if request.Method == http.MethodGet && request.SessionID == "s2" {
					reads++
				}
			}
			if reads != 1 {
				t.Errorf("%d reads of the new session, want 1, after the write", reads)
			}
		})
	}
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
	gone := turn{happens: func(s *story) { s.put("s2"); s.Remove("s1") }, how: command{Destroy: true, NoRefresh: true}, plans: "delete", writes: []string{"DELETE s1"}, unsettled: true}
	runScenarios(t, map[string]scenario{"gone": {turns: []turn{given(nil), gone}}})
}
