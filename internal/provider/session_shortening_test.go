package provider

import (
	"testing"
	"time"
)

// TestSessionShortening_IsShownInThePlan: the session has 30 days, and the plan is
// going to give it less.
func TestSessionShortening_IsShownInThePlan(t *testing.T) {
	t.Parallel()
	const day = 24 * 3600
	for name, test := range map[string]struct {
		before, after attributes
		how           command
		want          time.Duration // what is left afterwards
	}{
		"create":      {after: attributes{"ttl_seconds": 3600}, want: time.Hour},
		"raised ttl":  {before: attributes{"ttl_seconds": day}, after: attributes{"ttl_seconds": 2 * day}, want: 48 * time.Hour},
		"lowered ttl": {before: attributes{"ttl_seconds": day}, after: attributes{"ttl_seconds": 60}, want: time.Minute},
		"triggers":    {before: triggers("1"), after: triggers("2"), want: time.Hour},
		"-replace":    {before: triggers("1"), after: triggers("1"), how: command{Replace: []address{room("it")}}, want: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStory(t)
			s.putSession("s1", time.Hour)
			if test.before != nil {
				s.change(configuration{room("it"): lasts("s1", test.before)})
			}
			s.putSession("s1", 30*24*time.Hour)
			s.writes()
			s.expectWarnings(s.change(configuration{room("it"): lasts("s1", test.after)}, test.how),
				`palabra_session_expiry.it: Session gets a shorter lifetime: Session "s1" lives until `+sinceStart(30*24*time.Hour)+
					" … applied now, it expires at "+sinceStart(test.want))
			s.expectWrites("POST s1")
			s.expectValue(room("it"), "expires_at", sinceStart(test.want))
			s.expectEmptyPlan()
		})
	}
}

func TestSessionShortening_OfAPalabraSessionIsShown(t *testing.T) {
	t.Parallel()
	s, it := newAppliedStory(t, configuration{sessionAt("it"): creates(triggers("1"))}), sessionAt("it")
	s.putSession(s.id(it), 30*24*time.Hour)
	s.expectWarnings(s.change(configuration{it: creates(triggers("2"))}), "palabra_session.it: Session gets a shorter lifetime")
	s.expectWrites("POST " + s.id(it))
}

// TestSessionShortening_RenewalIsNone: neither a create nor a routine renewal nor a
// raised lifetime that exceeds what is left says anything.
func TestSessionShortening_RenewalIsNone(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.putSession("s1", time.Hour)
	arguments := attributes{"renew_before_seconds": 1800}
	s.expectWarnings(s.change(configuration{room("it"): lasts("s1", arguments), sessionAt("it"): creates(arguments)}))
	s.clock.Advance(40 * time.Minute)
	s.expectWarnings(s.run())
	s.expectWarnings(s.change(configuration{room("it"): lasts("s1", attributes{"ttl_seconds": 7200})}))
	if writes := s.writes(); len(writes) != 7 { // two creates with a POST each, two renewals, a change, a DELETE
		t.Errorf("writes: %q", writes)
	}
}
