package provider_test

import (
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// hangUp is the normal end of a session: a client connects, leaves, and the
// session is gone a minute or two later, long before its stored expiry.
func (s *story) hangUp(id string) {
	s.box.Connect(id)
	s.clock.Advance(5 * time.Minute)
	s.box.Disconnect(id)
	s.clock.Advance(2 * time.Minute)
	s.lives(id, false)
}

func TestEnd_UsedAndHungUpIsAStateNotAnError(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.put("s1", "s2")
	s.config = configuration{room("used"): lasts("s1"), room("other"): lasts("s2")}
	s.run()
	s.hangUp("s1")
	s.writes()
	warnings := s.run()
	if len(warnings) != 1 || warnings[0].at != room("used") {
		t.Errorf("want one warning, of the ended instance:\n%s", problemText(warnings))
	}
	s.active(room("used"), false)
	s.active(room("other"), true)
	s.expectWrites()
	s.expectEmptyPlan()
	s.clock.Advance(24 * time.Hour)
	s.put("s2")
	s.expectEmptyPlan()
}

func TestEnd_SessionThatIsFoundAgainIsAsBefore(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.put("s1")
	s.config = configuration{room("it"): lasts("s1")}
	s.run()
	lost, _ := s.box.Session("s1")
	s.box.Remove("s1")
	s.run()
	s.active(room("it"), false)
	s.writes()
	s.box.Put(lost)
	s.run()
	s.active(room("it"), true)
	s.expectWrites()
	s.expectEmptyPlan()
}

func TestEnd_ChangedArgumentsAreRecordedAndOthersRenewed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name          string
		before, after attributes
	}{
		{"triggers", attributes{"renew_triggers": triggersOf("1")}, attributes{"renew_triggers": triggersOf("2")}},
		{"ttl", attributes{}, attributes{"ttl_seconds": numberOf(7200)}},
		{"lead", attributes{}, attributes{"renew_before_seconds": numberOf(1800), "ttl_seconds": numberOf(7200)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newStory(t)
			s.put("s1", "s2")
			s.config = configuration{room("ended"): lasts("s1", c.before), room("other"): lasts("s2", c.before)}
			s.run()
			lost, _ := s.box.Session("s1")
			s.box.Remove("s1")
			s.run()
			s.writes()
			s.config = configuration{room("ended"): lasts("s1", c.after), room("other"): lasts("s2", c.after)}
			if warnings := s.run(); len(warnings) != 1 || warnings[0].at != room("ended") {
				t.Errorf("want one warning, of the ended instance:\n%s", problemText(warnings))
			}
			s.expectWrites("POST s2")
			s.active(room("ended"), false)
			s.expectEmptyPlan()
			// Back to life, what was not sent is due; the POST clears the mark.
			lost.ExpiresAt = s.clock.Now().Add(24 * time.Hour)
			s.box.Put(lost)
			s.run()
			s.expectWrites("POST s1")
			s.active(room("ended"), true)
			s.expectEmptyPlan()
		})
	}
}

func TestEnd_TriggersThatChangeInEveryRunDoNotFail(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.put("s1")
	uuid := func(value string) block {
		b := lasts("s1", attributes{"renew_triggers": triggersOf(value)})
		b.later = []string{"renew_triggers"}
		return b
	}
	s.config = configuration{room("it"): uuid("one")}
	s.run()
	s.box.Remove("s1")
	for _, value := range []string{"two", "three"} {
		s.config = configuration{room("it"): uuid(value)}
		s.writes()
		s.run()
		s.expectWrites()
		s.active(room("it"), false)
	}
}

func TestEnd_MetByAnUpdateFailsOnce(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.put("s1", "s2")
	s.config = configuration{room("it"): lasts("s1"), room("other"): lasts("s2")}
	s.run()
	changed := attributes{"ttl_seconds": numberOf(7200)}
	s.config = configuration{room("it"): lasts("s1", changed), room("other"): lasts("s2", changed)}
	p := s.plan(s.config, command{})
	s.box.Remove("s1")
	out := s.apply(p)
	if !out.failed() || out.done[room("other")] != update {
		t.Fatalf("want an error of one instance, and the other one updated:\n%s", problemText(out.problems))
	}
	s.active(room("it"), false)
	s.run()
	s.expectEmptyPlan()
}

func TestEnd_NewInstanceOfAMissingSessionFailsAlone(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.put("s2")
	s.config = configuration{room("missing"): lasts("s1"), room("other"): lasts("s2")}
	p := s.plan(s.config, command{})
	if p.failed() || len(p.problems) != 1 {
		t.Fatalf("plan: want a warning:\n%s", problemText(p.problems))
	}
	if out := s.apply(p); !out.failed() || out.done[room("other")] != create {
		t.Errorf("apply: want an error of one instance, and the other one created:\n%s", problemText(out.problems))
	}
}

func TestEnd_ManagedSessionIsCreatedAnew(t *testing.T) {
	t.Parallel()
	managed := address{sessionType, "it"}
	s := newStory(t)
	s.config = configuration{managed: creates()}
	s.run()
	old := text(s.state.current[managed].value, "id")
	s.box.Remove(old)
	if warnings := s.run(); len(warnings) != 1 {
		t.Errorf("want one warning:\n%s", problemText(warnings))
	}
	s.lives(text(s.state.current[managed].value, "id"), true)
	s.expectEmptyPlan()
}

func TestOtherAccount_NeitherRecreatesNorLeaks(t *testing.T) {
	t.Parallel()
	managed := address{sessionType, "it"}
	s := newStory(t)
	s.put("s1")
	s.config = configuration{managed: creates(), room("it"): lasts("s1")}
	s.run()
	before, own := s.state.clone(), s.provider
	s.provider = pairOf(s.url(), otherClientID)
	for _, how := range []command{{}, {refreshOnly: true}, {destroy: true}} {
		s.refused(how, "state rm", "destroy = false")
	}
	s.config = configuration{}
	p := s.plan(s.config, command{destroy: true, noRefresh: true})
	if p.failed() {
		t.Fatalf("plan: %s", problemText(p.problems))
	}
	if out := s.apply(p); len(out.done) > 0 {
		t.Errorf("destroy with credentials of another account succeeded:\n%s", problemText(out.problems))
	}
	for at, held := range before.current {
		if !s.state.current[at].value.Equal(held.value) {
			t.Errorf("%s was %s, is %s", at, held.value, s.state.current[at].value)
		}
	}
	s.provider = own
	s.run()
	s.lives(text(before.current[managed].value, "id"), false)
	s.lives("s1", false)
}

func TestOtherAccount_RotatedKeyIsTheSameAccount(t *testing.T) {
	t.Parallel()
	managed, ended := address{sessionType, "a"}, address{sessionType, "b"}
	s := newStory(t)
	s.config = configuration{managed: creates(), ended: creates()}
	s.run()
	old := text(s.state.current[ended].value, "id")
	s.box.Remove(old)
	s.provider = keyOf(s.url())
	// Whichever is read first: the one that is found lifts the doubt.
	s.run()
	if text(s.state.current[ended].value, "id") == old {
		t.Errorf("the ended session is still in the state")
	}
	s.expectEmptyPlan()
}

func TestOtherAccount_EndThatWasDueIsBelieved(t *testing.T) {
	t.Parallel()
	managed := address{sessionType, "it"}
	s := newStory(t)
	s.config = configuration{managed: creates()}
	s.run()
	s.clock.Advance(2 * time.Hour)
	s.provider = keyOf(s.url())
	s.run()
	s.expectEmptyPlan()
}

func TestRead_PastExpiryOfAnAnswerIsNoEnd(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.put("s1")
	s.config = configuration{room("it"): lasts("s1")}
	s.run()
	past := s.clock.Now().Add(-time.Minute).Format(time.RFC3339)
	heal := s.box.Inject(sandbox.Fault{Operation: sandbox.OperationGet, Effect: sandbox.Respond(200, "application/json",
		`{"ok":true,"data":{"id":"s1","created_at":"2031-03-14T09:26:53Z","updated_at":"`+past+`","expires_at":"`+past+`"}}`)})
	s.run()
	s.active(room("it"), true)
	heal()
	s.run()
	s.active(room("it"), true)
}

// A create that failed has written nothing, so it does not stand for the session
// when another instance of it is deleted.
func TestOtherAccount_FailedCreateDoesNotHideTheDelete(t *testing.T) {
	t.Parallel()
	for order, pick := range orders {
		t.Run(order, func(t *testing.T) {
			t.Parallel()
			s := newStory(t)
			s.put("s1")
			s.config = configuration{room("b"): lasts("s1")}
			s.run()
			s.provider, s.pick = pairOf(s.url(), otherClientID), pick
			s.run()
			s.active(room("b"), false)
			for _, other := range []address{room("a"), room("c")} {
				s.config = configuration{other: lasts("s1")}
				p := s.plan(s.config, command{})
				if p.failed() {
					t.Fatalf("plan: %s", problemText(p.problems))
				}
				if out := s.apply(p); len(out.done) > 0 {
					t.Errorf("want no change to succeed: %v", out.done)
				}
				if _, kept := s.state.current[room("b")]; !kept {
					t.Errorf("the instance left the state, and its session lives in another account")
				}
			}
		})
	}
}
