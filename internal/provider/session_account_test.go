package provider

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// sessionsOfBothTypes are a palabra_session and an expiry of session s1.
func sessionsOfBothTypes() configuration {
	return configuration{sessionAt("it"): creates(), room("it"): lasts("s1")}
}

func TestSessionAccount_OtherAccountChangesNothing(t *testing.T) {
	t.Parallel()
	eachRow(t, map[string]string{
		"with a note":    "client_id:" + testClientID,
		"without a note": "the state does not say which credentials found it last",
	}, func(t *testing.T, finder string) {
		s := newAppliedStory(t, sessionsOfBothTypes(), "s1")
		if strings.HasPrefix(finder, "the state") {
			s.loseNote(sessionAt("it"))
			s.loseNote(room("it"))
		}
		own, before, id := s.provider, s.State.Clone(), s.id(sessionAt("it"))
		s.useOther()
		for _, how := range []command{{}, {RefreshOnly: true}, {Destroy: true}} {
			s.refused(how, id, `"s1"`, finder, "another account", "state rm", "destroy = false")
		}
		s.config = configuration{}
		s.applyFails(command{Destroy: true, NoRefresh: true}, id, `"s1"`, "state rm", "destroy = false")
		s.expectWrites("DELETE "+id, "DELETE s1") // In the other account, which does not have them.
		s.expectState(before)
		s.provider = own
		s.change(sessionsOfBothTypes())
		s.expectWrites()
		s.change(configuration{})
		s.lives(id, false)
		s.lives("s1", false)
	})
}

// TestSessionAccount_SessionOfUnknownEndMayLiveInAnotherAccount: it was created, and its
// expiry is not known. That is no import, which ends if the session is missing.
func TestSessionAccount_SessionOfUnknownEndMayLiveInAnotherAccount(t *testing.T) {
	t.Parallel()
	s, it := newStory(t), sessionAt("it")
	for _, fails := range []sandbox.Operation{sandbox.OperationExpiry, sandbox.OperationGet} {
		t.Cleanup(s.Inject(sandbox.Fault{Operation: fails, Effect: sandbox.HTMLError(http.StatusBadGateway)}))
	}
	s.change(configuration{it: creates()})
	s.expectValue(it, "expires_at", nil)
	s.loseNote(it)
	s.useOther()
	s.refused(command{}, s.id(it), "another account")
}

func TestSessionAccount_MissingSessionIsBelievedWithAnotherKey(t *testing.T) {
	t.Parallel()
	a, b := sessionAt("a"), sessionAt("b")
	longer := attributes{"ttl_seconds": 7200}
	end := func(s *story) { s.Remove(s.id(a)); s.Remove(s.id(b)) }
	eachRow(t, map[string]func(s *story){
		"that finds another session first": func(s *story) { s.Remove(s.id(b)); s.useKey() },
		"that has found the session":       func(s *story) { s.useKey(); s.run(); end(s) },
		"that has renewed the session": func(s *story) {
			s.useKey()
			s.change(configuration{a: creates(longer), b: creates(longer)}, command{NoRefresh: true})
			end(s)
		},
		"without a note, beside another session that is found": func(s *story) { s.loseNote(b); s.Remove(s.id(b)) },
		"without a note, after the end":                        func(s *story) { s.loseNote(a); s.loseNote(b); s.clock.Advance(2 * time.Hour) },
		"after its last known end":                             func(s *story) { s.clock.Advance(2 * time.Hour); s.useKey() },
	}, func(t *testing.T, happens func(s *story)) {
		s := newAppliedStory(t, configuration{a: creates(), b: creates()})
		old := s.id(b)
		happens(s)
		if s.run(); s.id(b) == old {
			t.Errorf("session %q has ended, and is still in the state", old)
		}
		s.expectEmptyPlan()
	})
}

// TestSessionAccount_BridgeBelievesWhatItsProcessHasFound: no private state reaches a
// read, and the process goes on.
func TestSessionAccount_BridgeBelievesWhatItsProcessHasFound(t *testing.T) {
	t.Parallel()
	s := newAppliedStory(t, configuration{room("it"): lasts("s1")}, "s1")
	server := newTestServer()
	s.Start = func() tfprotov6.ProviderServer {
		configure(s.Ctx, s.t, server, s.provider)
		return bridge{server}
	}
	own := s.provider
	s.useOther()
	s.refused(command{}, "does not say which credentials")
	s.provider = own
	s.run()
	s.Remove("s1")
	s.run()
	s.active(room("it"), false)
	s.useOther()
	s.expectEmptyPlan()
}

func TestSessionAccount_WhatCountsAsAnotherAccount(t *testing.T) {
	t.Parallel()
	it := room("it")
	type row struct {
		// prepare runs with the right credentials, wrong switches to the others.
		prepare, wrong func(*story)
		how            command
		after          configuration
	}
	eachRow(t, map[string]row{
		"the same credentials at another endpoint": {wrong: func(s *story) { s.provider = pairOf(s.elsewhereURL(), testClientID) }},
		"a deletion whose first answer is lost": {how: command{NoRefresh: true}, after: configuration{}, wrong: func(s *story) {
			s.useOther()
			s.provider["max_retries"] = 1
			s.other.Inject(sandbox.Fault{Operation: sandbox.OperationDelete, Count: 1, Effect: sandbox.CutAfter()})
		}},
		"an end that is not known": {prepare: func(s *story) {
			s.Put(sandbox.Session{ID: "s1", CreatedAt: s.clock.Now()})
			s.State = newStory(t).State
			s.Import(it, &tfprotov6.ImportResourceStateRequest{ID: "s1"})
		}},
		"a connected session, beyond its last known expiry": {prepare: func(s *story) {
			s.Connect("s1")
			s.run() // It notes that the session now ends within a minute.
			s.clock.Advance(10 * time.Minute)
		}},
		"an end that was seen, but is too close to the noted one to be noted": {prepare: func(s *story) {
			s.putSession("s1", time.Hour+30*time.Second)
			s.run()
			s.clock.Advance(time.Hour + 10*time.Second)
		}},
		"a renewal without a refresh": {how: command{NoRefresh: true}, after: configuration{it: lasts("s1", attributes{"ttl_seconds": 7200})}},
	}, func(t *testing.T, test row) {
		s := newAppliedStory(t, configuration{it: lasts("s1")}, "s1")
		if test.prepare != nil {
			test.prepare(s)
		}
		own := s.provider
		if s.useOther(); test.wrong != nil {
			test.wrong(s)
		}
		if test.after != nil {
			s.config = test.after
		}
		p := s.Plan(s.config, test.how)
		if !p.Failed() {
			p.Problems = s.Apply(p).Problems
		}
		s.expectErrors(p.Problems, `"s1"`, "another account")
		s.active(it, true)
		s.writes()
		s.provider = own
		s.change(configuration{it: lasts("s1", attributes{"ttl_seconds": 1800})})
		s.expectWrites("POST s1")
	})
}
