package provider

import (
	"math/big"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// calculated is a product as engines calculate it, in binary fractions.
func calculated(fraction string, factors ...int64) tftypes.Value {
	number, _, err := big.ParseFloat(fraction, 10, 512, big.ToNearestEven)
	if err != nil {
		panic(err)
	}
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
	s.put("s1")
	config := func(ttl, lead any) configuration {
		return configuration{
			room("it"):      lasts("s1", attributes{"ttl_seconds": ttl, "renew_before_seconds": lead}),
			sessionAt("it"): creates(attributes{"ttl_seconds": ttl}),
		}
	}
	ttl := calculated("0.7", 24, 3600)
	if ttl.Equal(tftypes.NewValue(tftypes.Number, 60480)) {
		t.Fatal("the calculated number is exact, so this test shows nothing")
	}
	s.change(config(ttl, calculated("0.1", 3, 3600)))
	s.writes()
	s.expectEmptyPlan()
	s.change(config(60480, 1080), command{NoRefresh: true})
	s.expectWrites()
	s.expectValue(room("it"), "expires_at", sinceStart(60480*time.Second))
}

func TestWholeNumber_CalculatedSurvivesReplacement(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.put("s1")
	s.put("s2")
	ttl := calculated("0.7", 24, 3600)
	for _, id := range []string{"s1", "s2"} {
		s.change(configuration{room("it"): lasts(id, attributes{"ttl_seconds": ttl})})
	}
	s.expectEmptyPlan()
}

func TestWholeNumber_InvalidIsRefusedOnce(t *testing.T) {
	t.Parallel()
	expiry := func(ttl any) attributes { return attributes{"session_id": "a", "ttl_seconds": ttl} }
	for name, test := range map[string]struct {
		kind, attribute string
		arguments       attributes
		want            []string
	}{
		"a fraction":            {sessionExpiryType, "ttl_seconds", expiry(calculated("1.5")), []string{"Not a whole number", "floor()", "1.5"}},
		"a fraction of a count": {managedSessionType, "subscriber_count", attributes{"subscriber_count": calculated("1.5")}, []string{"Not a whole number"}},
		"nearly a whole number": {sessionExpiryType, "ttl_seconds", expiry(calculated("1.0001")), []string{"Not a whole number", "1.0001"}},
		"too large":             {sessionExpiryType, "ttl_seconds", expiry(calculated("1e30")), []string{"Number too large", "1e+30"}},
		"calculated, negative":  {sessionExpiryType, "ttl_seconds", expiry(calculated("-0.7", 24, 3600)), []string{"got: -60480"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := wire(newObject(providerSchemas().ResourceSchemas[test.kind], test.arguments))
			resp, err := newTestServer().ValidateResourceConfig(t.Context(), &tfprotov6.ValidateResourceConfigRequest{TypeName: test.kind, Config: config})
			if err != nil {
				t.Fatal(err)
			}
			expectError(t, resp.Diagnostics, test.want...)
			if len(resp.Diagnostics) != 1 || !resp.Diagnostics[0].Attribute.Equal(tftypes.NewAttributePath().WithAttributeName(test.attribute)) {
				t.Errorf("diagnostics, want one at %s: %s", test.attribute, diagnosticText(resp.Diagnostics))
			}
		})
	}
}

// TestWholeNumber_FractionThatWasUnknownIsRefused at apply.
func TestWholeNumber_FractionThatWasUnknownIsRefused(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.put("s1")
	late := lasts("s1", attributes{"ttl_seconds": calculated("1.5")})
	late.Later = []string{"ttl_seconds"}
	s.config = configuration{room("it"): late}
	s.applyFails(command{}, "Not a whole number")
	s.expectWrites()
}
