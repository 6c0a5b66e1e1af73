package provider

import (
	"context"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

// TestSessionNote_TimeAloneChangesNothing: every night is empty until a renewal is
// due, and the serial of the state stays.
func TestSessionNote_TimeAloneChangesNothing(t *testing.T) {
	t.Parallel()
	arguments := attributes{"ttl_seconds": 100 * 3600, "renew_before_seconds": 20 * 3600}
	s := newAppliedStory(t, configuration{room("it"): lasts("s1", arguments), sessionAt("it"): creates(arguments)}, "s1")
	for range 7 {
		s.clock.Advance(11 * time.Hour)
		s.expectEmptyPlan()
	}
	s.clock.Advance(11 * time.Hour)
	s.run()
	s.expectWrites("POST s1", "POST "+s.id(sessionAt("it")))
	s.expectEmptyPlan()
}

// TestSessionNote_LiveExpiryThatMovesIsNoted in either direction, so that a lead time
// that is added later is compared with it.
func TestSessionNote_LiveExpiryThatMovesIsNoted(t *testing.T) {
	t.Parallel()
	s := newAppliedStory(t, configuration{room("it"): lasts("s1")}, "s1")
	s.putSession("s1", 30*24*time.Hour)
	s.clock.Advance(50 * time.Minute)
	s.run()
	s.change(configuration{room("it"): lasts("s1", attributes{"renew_before_seconds": 1800})})
	s.expectWrites()
	s.expectEmptyPlan()
}

// bridge is a server as the bridges of Pulumi and Crossplane use it: no private state
// reaches a read or a plan.
type bridge struct{ tfprotov6.ProviderServer }

func (b bridge) ReadResource(ctx context.Context, req *tfprotov6.ReadResourceRequest) (*tfprotov6.ReadResourceResponse, error) {
	req.Private = nil
	resp, err := b.ProviderServer.ReadResource(ctx, req)
	if err == nil {
		resp.Private = nil
	}
	return resp, err
}

func (b bridge) PlanResourceChange(ctx context.Context, req *tfprotov6.PlanResourceChangeRequest) (*tfprotov6.PlanResourceChangeResponse, error) {
	req.PriorPrivate = nil
	return b.ProviderServer.PlanResourceChange(ctx, req)
}

// TestSessionNote_MissingFallsBackOnWhatThisProcessHasRead so that renewals work
// through a bridge, if the run refreshes.
func TestSessionNote_MissingFallsBackOnWhatThisProcessHasRead(t *testing.T) {
	t.Parallel()
	config := configuration{room("it"): lasts("s1", lead(30*time.Minute)), sessionAt("it"): creates(lead(30 * time.Minute))}
	s := newAppliedStory(t, config, "s1")
	s.Start = func() tfprotov6.ProviderServer { return bridge{s.start()} }
	for i, test := range []struct {
		how  command
		want string
	}{{command{}, "no-op"}, {command{NoRefresh: true}, "no-op"}, {command{}, "update"}} {
		s.clock.Advance(16 * time.Minute)
		for at, change := range s.Plan(config, test.how).Changes {
			if change.Action.String() != test.want {
				t.Errorf("plan %d of %s: %s, want %s", i, at, change.Action, test.want)
			}
		}
	}
}

// TestSessionShortening_IsShownInThePlan: the session has 30 days, and the plan is
// going to give it less.
func TestSessionShortening_IsShownInThePlan(t *testing.T) {
	t.Parallel()
	const day = 24 * 3600
	type row struct {
		before, after attributes
		how           command
		want          time.Duration // what is left afterwards
	}
	eachRow(t, map[string]row{
		"create":      {after: attributes{"ttl_seconds": 3600}, want: time.Hour},
		"raised ttl":  {before: attributes{"ttl_seconds": day}, after: attributes{"ttl_seconds": 2 * day}, want: 48 * time.Hour},
		"lowered ttl": {before: attributes{"ttl_seconds": day}, after: attributes{"ttl_seconds": 60}, want: time.Minute},
		"triggers":    {before: triggers("1"), after: triggers("2"), want: time.Hour},
		"-replace":    {before: triggers("1"), after: triggers("1"), how: command{Replace: []address{room("it")}}, want: time.Hour},
	}, func(t *testing.T, test row) {
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
