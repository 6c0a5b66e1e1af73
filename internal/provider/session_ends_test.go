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
	it, other := room("it"), room("other")
	type row struct {
		end     func(*story)
		expired bool
	}
	eachRow(t, map[string]row{
		"expired":          {after(2 * time.Hour), true},
		"used and hung up": {func(s *story) { s.hangUp("s1") }, false},
		"deleted":          {func(s *story) { s.Remove("s1") }, false},
	}, func(t *testing.T, test row) {
		s := newAppliedStory(t, configuration{it: lasts("s1"), other: lasts("s2", attributes{"ttl_seconds": 100 * 3600})}, "s1", "s2")
		ended := attributes{"active": false, "expired": test.expired, "expires_at": sinceStart(time.Hour)}
		test.end(s)
		s.expectWarnings(s.run(), warning)
		s.expectValues(it, ended)
		s.expectValues(other, attributes{"active": true, "expired": false})
		s.expectEmptyPlan()
		s.clock.Advance(time.Hour)
		s.expectEmptyPlan()
		s.expectValues(it, ended)
		// A session that is found again is as before.
		s.put("s1")
		s.run()
		s.expectValues(it, attributes{"active": true, "expired": false})
		s.expectEmptyPlan()
		s.expectWrites()
	})
}

// TestSessionEnd_BeforeTheLatestKnownEndIsNotExpired, also if only a read knows that end:
// somebody else has extended the session, and then it was hung up.
func TestSessionEnd_BeforeTheLatestKnownEndIsNotExpired(t *testing.T) {
	t.Parallel()
	it := room("it")
	s := newAppliedStory(t, configuration{it: lasts("s1")}, "s1")
	s.putSession("s1", 3*time.Hour)
	s.run()
	s.clock.Advance(2 * time.Hour)
	s.Remove("s1")
	s.run()
	s.expectValues(it, attributes{"active": false, "expired": false})
}

func TestSessionEnd_ChangedArgumentsAreSentWhenTheSessionIsFoundAgain(t *testing.T) {
	t.Parallel()
	for name, sent := range map[string][]string{"ttl_seconds": {"POST s1"}, "renew_before_seconds": nil} {
		s, it := newAppliedStory(t, configuration{room("it"): lasts("s1")}, "s1", "s2"), room("it")
		s.endS1()
		s.expectWarnings(s.change(configuration{it: lasts("s1", attributes{name: 1800})}),
			`palabra_session_expiry.it: Change cannot be sent to an ended session: Session "s1" has ended. The change of `+name+" is recorded in the state and no request is sent.")
		s.expectValues(it, attributes{"active": false, "expires_at": sinceStart(time.Hour)})
		s.expectWrites()
		s.expectEmptyPlan()
		s.put("s1")
		s.run()
		s.expectWrites(sent...)
		s.active(it, true)
		s.expectEmptyPlan() // The POST has cleared the mark.
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
	expectEqual(t, "the other instance", out.Done[room("other")], update)
	s.expectWrites("POST s1", "POST s2")
	s.expectValues(room("it"), attributes{"active": false, "expires_at": sinceStart(time.Hour)})
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
	expectEqual(t, "the other instance", s.applyFails(command{}, "Unable to set session expiry").Done[room("other")], create)
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
		for _, operation := range []sandbox.Operation{sandbox.OperationGet, sandbox.OperationDelete} {
			s.Inject(sandbox.Fault{Operation: operation, Effect: gateway})
		}
		if test.list != nil {
			s.Inject(sandbox.Fault{Operation: sandbox.OperationList, Effect: test.list})
			s.refused(command{}, "Unable to read session", test.says, "Nothing was removed from the state")
		} else {
			s.expectEmptyPlan() // From the list.
		}
		s.applyFails(command{Destroy: true, NoRefresh: true}, "Unable to delete session", test.says)
		s.expectState(before)
		s.lives(s.id(sessionAt("it")), true)
		s.lives("s1", true)
	})
}

// A page of the list answers most reads; here one is asked for singly.
func TestSessionEnd_ListedSessionIsKeptWithAWarning(t *testing.T) {
	t.Parallel()
	s := newAppliedStory(t, sessionsOfBothTypes(), "s1")
	s.Inject(sandbox.Fault{Operation: sandbox.OperationGet, Effect: sandbox.Respond(http.StatusNotFound, "application/json", "{}")})
	// The page that answers many reads fails once, the list that confirms does not.
	s.Inject(sandbox.Fault{Operation: sandbox.OperationList, Count: 1, Effect: sandbox.HTMLError(http.StatusBadGateway)})
	s.expectWarnings(s.run(), `Session not read, but listed … "s1"`, "Session not read, but listed … "+s.id(sessionAt("it")))
	s.active(room("it"), true)
	s.active(sessionAt("it"), true)
}

// TestSessionEnd_PalabraSessionRestsInTheStateIfAsked: no run creates another.
func TestSessionEnd_PalabraSessionRestsInTheStateIfAsked(t *testing.T) {
	t.Parallel()
	it, rests := sessionAt("it"), attributes{"recreate_when_ended": false}
	type row struct {
		end     func(*story)
		expired bool
	}
	eachRow(t, map[string]row{
		"expired":          {after(2 * time.Hour), true},
		"used and hung up": {func(s *story) { s.hangUp(s.id(it)) }, false},
	}, func(t *testing.T, test row) {
		s := newAppliedStory(t, configuration{it: creates(rests)})
		test.end(s)
		s.expectWarnings(s.run(), "palabra_session.it: Session has ended")
		s.expectValues(it, attributes{"active": false, "expired": test.expired})
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
		test.end(s)
		s.run()
		s.change(nil)
		s.expectWrites()
	})
}
