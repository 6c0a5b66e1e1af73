package provider_test

import (
	"strings"
	"testing"
	"time"
)

// TestWholeNumber_CalculatedIsAccepted: 0.7 * 24 * 3600 is 60480 but for a
// fraction far too small to see, which the engine wants back.
func TestWholeNumber_CalculatedIsAccepted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.putSession(testSessionID, 24*time.Hour)
	c := newCLI(t)
	config := func(ttl, lead string) {
		c.write(f.config("resource \"palabra_session_expiry\" \"test\" {\n  session_id = \"" + testSessionID + "\"\n" +
			"  ttl_seconds = " + ttl + "\n  renew_before_seconds = " + lead + "\n}\n" +
			"resource \"palabra_session\" \"test\" {\n  ttl_seconds = " + ttl + "\n}\n"))
	}
	config("0.7 * 24 * 3600", "0.1 * 3 * 3600")
	c.run("apply", "-auto-approve")
	f.ResetRequests()
	c.run("plan", "-detailed-exitcode")
	config("60480", "1080")
	c.run("apply", "-auto-approve", "-refresh=false")
	f.expectWrites(t)
	if now := c.values("palabra_session_expiry.test")["expires_at"]; now != sinceStart(60480*time.Second) {
		t.Errorf("expires_at = %v", now)
	}
}

func TestWholeNumber_FractionIsRefusedInOurWords(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for name, test := range map[string]struct{ config, want string }{
		"validation": {"resource \"palabra_session_expiry\" \"test\" {\n  session_id = \"a\"\n  ttl_seconds = 3600 / 7\n}\n", "ttl_seconds = 3600 / 7"},
		"session":    {"resource \"palabra_session\" \"test\" {\n  subscriber_count = 1.5\n}\n", "subscriber_count = 1.5"},
		"known late": {"resource \"terraform_data\" \"n\" {\n  input = 3600\n}\n" +
			"resource \"palabra_session_expiry\" \"test\" {\n  session_id = \"a\"\n  ttl_seconds = terraform_data.n.output / 7\n}\n", "ttl_seconds = terraform_data.n.output / 7"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCLI(t)
			c.write(f.config(test.config))
			said := c.fail("apply", "-auto-approve")
			for _, want := range []string{"Not a whole number", "floor()", test.want} {
				if !strings.Contains(said, want) {
					t.Errorf("%q is missing in: %s", want, said)
				}
			}
			if strings.Contains(said, "Please report") {
				t.Errorf("said: %s", said)
			}
		})
	}
}
