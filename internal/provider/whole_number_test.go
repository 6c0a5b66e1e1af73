package provider

import (
	"math/big"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// calculated is a product as engines calculate it, in binary fractions.
func calculated(fraction string, factors ...int64) tftypes.Value {
	number, _, _ := big.ParseFloat(fraction, 10, 512, big.ToNearestEven)
	for _, factor := range factors {
		number.Mul(number, new(big.Float).SetInt64(factor))
	}
	return tftypes.NewValue(tftypes.Number, number)
}

// TestWholeNumber_CalculatedIsAccepted: 0.7 * 24 * 3600 differs from 60480 by a
// fraction that nobody sees. The engine has to get exactly this number back.
func TestWholeNumber_CalculatedIsAccepted(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.put("s1", "s2")
	config := func(id string, ttl, lead any) configuration {
		return configuration{
			room("it"):      lasts(id, attributes{"ttl_seconds": ttl, "renew_before_seconds": lead}),
			sessionAt("it"): creates(attributes{"ttl_seconds": ttl}),
		}
	}
	ttl, lead := calculated("0.7", 24, 3600), calculated("0.1", 3, 3600)
	if ttl.Equal(tftypes.NewValue(tftypes.Number, 60480)) {
		t.Fatal("the calculated number is exact, so this test shows nothing")
	}
	for _, id := range []string{"s1", "s2"} { // a create and a replacement
		s.change(config(id, ttl, lead))
		s.writes()
		s.expectEmptyPlan()
	}
	s.change(config("s2", 60480, 1080), command{NoRefresh: true})
	s.expectWrites()
	s.expectValue(room("it"), "expires_at", sinceStart(60480*time.Second))
}

// TestWholeNumber_FractionThatWasUnknownIsRefused at apply.
func TestWholeNumber_FractionThatWasUnknownIsRefused(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.put("s1")
	s.config = configuration{room("it"): unknown(lasts("s1", attributes{"ttl_seconds": calculated("1.5")}), "ttl_seconds")}
	s.applyFails(command{}, "Not a whole number")
	s.expectWrites()
}
