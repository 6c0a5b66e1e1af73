package provider

import (
	"net/http"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// hangUp is the usual end of a session: a client connects and leaves, and the
// session is gone long before its stored expiry.
func (s *story) hangUp(id string) {
	s.Connect(id)
	s.clock.Advance(5 * time.Minute)
	s.Disconnect(id)
	s.clock.Advance(2 * time.Minute)
	s.lives(id, false)
}

func TestSessionEnd_IsAStateWithOneWarning(t *testing.T) {
	t.Parallel()
	const warning = `palabra_session_expiry.it: Session has ended: The API does not find session "s1" any more (its last known expiry is 2031-03-14T10:26:53Z)` +
		" … stays in the state with active = false"
	type row struct {
		end     func(*story)
		expired bool
	}
	eachRow(t, map[string]row{
		"expired":          {func(s *story) { s.clock.Advance(2 * time.Hour) }, true},
		"used and hung up": {func(s *story) { s.hangUp("s1") }, false},
		"deleted":          {func(s *story) { s.Remove("s1") }, false},
	}, func(t *testing.T, test row) {
		s := newAppliedStory(t, configuration{
			room("it"): lasts("s1"), room("other"): lasts("s2", attributes{"ttl_seconds": 100 * 3600}),
		}, "s1", "s2")
		test.end(s)
		s.expectWarnings(s.run(), warning)
		s.active(room("it"), false)
		s.expectValue(room("it"), "expired", test.expired)
		s.active(room("other"), true)
		s.expectValue(room("other"), "expired", false)
		s.expectValue(room("it"), "expires_at", sinceStart(time.Hour))
		s.expectEmptyPlan()
		s.clock.Advance(time.Hour)
		s.expectEmptyPlan()
		s.expectValue(room("it"), "expired", test.expired)
		// A session that is found again is as before.
		s.put("s1")
		s.run()
		s.active(room("it"), true)
		s.expectValue(room("it"), "expired", false)
		s.expectEmptyPlan()
		s.expectWrites()
	})
}

func TestSessionEnd_ChangedArgumentsAreSentWhenTheSessionIsFoundAgain(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change attributes
		sent   []string
	}{
		"ttl_seconds":          {attributes{"ttl_seconds": 7200}, []string{"POST s1"}},
		"renew_before_seconds": {lead(30 * time.Minute), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, it := newAppliedStory(t, configuration{room("it"): lasts("s1")}, "s1", "s2"), room("it")
			s.endS1()
			s.expectWarnings(s.change(configuration{it: lasts("s1", test.change)}),
				`palabra_session_expiry.it: Change cannot be sent to an ended session: Session "s1" has ended. The change of `+name+" is recorded in the state and no request is sent.")
			s.active(it, false)
			s.expectValue(it, "expires_at", sinceStart(time.Hour))
			s.expectWrites()
			s.expectEmptyPlan()
			s.put("s1")
			s.run()
			s.expectWrites(test.sent...)
			s.active(it, true)
			s.expectEmptyPlan() // The POST has cleared the mark.
		})
	}
}

func TestSessionEnd_FoundByAnUpdateFailsOnce(t *testing.T) {
	t.Parallel()
	s := newAppliedStory(t, configuration{room("it"): lasts("s1"), room("other"): lasts("s2")}, "s1", "s2")
	changed := attributes{"ttl_seconds": 7200}
	s.config = configuration{room("it"): lasts("s1", changed), room("other"): lasts("s2", changed)}
	p := s.Plan(s.config, command{})
	s.Remove("s1")
	out := s.Apply(p)
	s.expectErrors(out.Problems, "Unable to extend session", "has expired, or somebody deleted it")
	if out.Done[room("other")] != update {
		t.Errorf("the other instance is not updated: %v", out.Done)
	}
	s.expectWrites("POST s1", "POST s2")
	s.active(room("it"), false)
	s.expectValue(room("it"), "expires_at", sinceStart(time.Hour))
	s.expectWarnings(s.run())
	s.expectWrites()
	s.put("s1")
	s.run()
	s.expectWrites("POST s1") // The change was not sent before.
	s.expectEmptyPlan()
}

func TestSessionEnd_NewInstanceOfAMissingSessionFailsAlone(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.putSession("s2", time.Hour)
	s.config = configuration{room("missing"): lasts("s1"), room("other"): lasts("s2")}
	s.expectWarnings(s.Plan(s.config, command{}).Problems, "palabra_session_expiry.missing: Session does not exist")
	if out := s.applyFails(command{}, "Unable to set session expiry"); out.Done[room("other")] != create {
		t.Errorf("the other instance is not created: %v", out.Done)
	}
}

// A gateway answers with 404. The sessions live.
func TestSessionEnd_OfAGatewayIsNotBelieved(t *testing.T) {
	t.Parallel()
	type row struct {
		list sandbox.Effect // nil: the list works
		says string
	}
	eachRow(t, map[string]row{
		"the sessions are listed": {nil, "lists it"},
		"the list fails":          {sandbox.HTMLError(http.StatusBadGateway), "no list of the sessions could be read"},
		"the list is a 404":       {sandbox.Respond(http.StatusNotFound, "application/json", "{}"), "no list of the sessions could be read"},
	}, func(t *testing.T, test row) {
		s := newAppliedStory(t, sessionsOfBothTypes(), "s1")
		before := s.State.Clone()
		gateway := sandbox.Respond(http.StatusNotFound, "application/json", `{"message":"Not Found"}`)
		for _, operation := range []sandbox.Operation{sandbox.OperationGet, sandbox.OperationDelete} {
			s.Inject(sandbox.Fault{Operation: operation, Effect: gateway})
		}
		if test.list != nil {
			s.Inject(sandbox.Fault{Operation: sandbox.OperationList, Effect: test.list})
			s.refused(command{}, "Unable to read session", test.says, "Nothing was removed from the state")
		} else {
			s.expectEmptyPlan() // From the list.
		}
		out := s.applyFails(command{Destroy: true, NoRefresh: true}, "Unable to delete session", test.says)
		if len(out.Done) > 0 {
			t.Errorf("done: %v", out.Done)
		}
		for at, held := range before.Current {
			if !s.State.Current[at].Value.Equal(held.Value) {
				t.Errorf("%s was %s, is %s", at, held.Value, s.State.Current[at].Value)
			}
			s.lives(s.id(at), true)
		}
	})
}

// A page of the list answers most reads; here one is asked for singly.
func TestSessionEnd_ListedSessionIsKeptWithAWarning(t *testing.T) {
	t.Parallel()
	s := newAppliedStory(t, sessionsOfBothTypes(), "s1")
	s.Inject(sandbox.Fault{Operation: sandbox.OperationGet, Effect: sandbox.Respond(http.StatusNotFound, "application/json", "{}")})
	// The page that answers many reads fails once, the list that confirms does not.
	s.Inject(sandbox.Fault{Operation: sandbox.OperationList, Count: 1, Effect: sandbox.HTMLError(http.StatusBadGateway)})
	warnings := s.run()
	s.expectWarnings(warnings, `Session not read, but listed … "s1"`, "Session not read, but listed … "+s.id(sessionAt("it")))
	s.active(room("it"), true)
	s.active(sessionAt("it"), true)
}

// TestSessionEnd_PalabraSessionRestsInTheStateIfAsked: no run creates another.
func TestSessionEnd_PalabraSessionRestsInTheStateIfAsked(t *testing.T) {
	t.Parallel()
	type row struct {
		end     func(s *story, id string)
		expired bool
	}
	eachRow(t, map[string]row{
		"expired":          {func(s *story, _ string) { s.clock.Advance(2 * time.Hour) }, true},
		"used and hung up": {func(s *story, id string) { s.hangUp(id) }, false},
	}, func(t *testing.T, test row) {
		it, rests := sessionAt("it"), attributes{"recreate_when_ended": false}
		s := newAppliedStory(t, configuration{it: creates(rests)})
		id := s.id(it)
		test.end(s, id)
		s.expectWarnings(s.run(), "palabra_session.it: Session has ended")
		s.active(it, false)
		s.expectValue(it, "expired", test.expired)
		s.expectEmptyPlan()
		s.expectWarnings(s.change(configuration{it: creates(rests, triggers("1"))}), "palabra_session.it: Change cannot be sent to an ended session")
		s.expectWrites()
		// A change of mind takes effect at the next plan.
		s.change(configuration{it: creates()})
		s.expectWarnings(s.run(), "Session does not exist any more")
		s.lives(s.id(it), true)
		s.expectWrites("POST", "POST "+s.id(it))
		// Nothing is sent for an ended instance that is removed.
		s.change(configuration{it: creates(rests)})
		test.end(s, s.id(it))
		s.run()
		s.change(nil)
		s.expectWrites()
	})
}
