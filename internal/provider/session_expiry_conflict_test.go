package provider

import (
	"strings"
	"testing"
)

const conflictWarning = "Two resources manage one session"

func TestSessionExpiry_TwoForOneSessionWarnInEveryPlan(t *testing.T) {
	t.Parallel()
	secret := triggers("hush-hush")
	s := newStory(t)
	s.put("s1")
	s.config = configuration{room("a"): lasts("s1", secret, attributes{"ttl_seconds": 6000}), room("b"): lasts("s1", secret, attributes{"ttl_seconds": 6001})}
	for range 2 { // Both are new, then both are in the state.
		p := s.Plan(s.config, command{})
		s.expectWarnings(p.Problems, conflictWarning+` … "s1" … ttl_seconds = 6001 … ttl_seconds = 6000 … destroy = false`)
		if strings.Contains(problemText(p.Problems), "hush-hush") {
			t.Error("the warning shows renew_triggers, which may be sensitive")
		}
		s.run()
	}
}

func TestSessionExpiry_TwoForOneSessionWarnOnceTheIDIsKnown(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.put("s1")
	s.expectWarnings(s.change(configuration{
		room("a"): unknown(lasts("s1"), "session_id"), room("b"): unknown(lasts("s1"), "session_id"),
	}))
	s.config = configuration{room("a"): lasts("s1"), room("b"): lasts("s1")}
	s.expectWarnings(s.Plan(s.config, command{}).Problems, conflictWarning)
}
