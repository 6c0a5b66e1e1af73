package provider

import (
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

func TestSessionResource_ImportIsNotReplacedByWhatItLeavesNull(t *testing.T) {
	t.Parallel()
	s, it := newStory(t), sessionAt("it")
	s.put("s1")
	s.expectWarnings(s.Import(it, &tfprotov6.ImportResourceStateRequest{ID: "s1"}), "Tokens and URLs cannot be imported … publisher_token … null")
	s.expectValue(it, "id", "s1")
	s.expectValue(it, "expires_at", sinceStart(time.Hour))
	for _, attribute := range tokenAttributes {
		if !member(s.State.Current[it].Value, attribute).IsNull() {
			t.Errorf("%s is not null", attribute)
		}
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
	s := newAppliedStory(t, managedAndExpiry())
	for range 2 {
		s.expectWarnings(s.Plan(s.config, command{}).Problems, conflictWarning+" … palabra_session with ttl_seconds = 3600")
	}
	s.config[sessionAt("it")] = creates(attributes{"ttl_seconds": tftypes.NewValue(tftypes.Number, nil)})
	s.expectWarnings(s.Plan(s.config, command{}).Problems)
}
