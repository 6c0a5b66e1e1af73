package provider_test

import (
	"strings"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

func TestSessionExpiry_CappedGrantWarnsAndNeverLoops(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		extra string
		// due is when the capped session is renewed; 0 means never.
		due time.Duration
	}{
		"without renewal":              {"", 0},
		"lead time within the grant":   {"renew_before_seconds = 300", 5*time.Minute + time.Second},
		"lead time beyond the grant":   {"renew_before_seconds = 3600", time.Minute + time.Second},
		"lead time equal to the grant": {"renew_before_seconds = 600", time.Minute + time.Second},
		"lead time just below it":      {"renew_before_seconds = 590", time.Minute + time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, c := newFixture(t, func(o *sandbox.Options) { o.MaxTTL = 10 * time.Minute }), newCLI(t)
			f.putSession(testSessionID, 30*24*time.Hour)
			c.write(f.config(expiryConfig(7200, test.extra)))
			out := c.run("apply", "-auto-approve")
			if strings.Count(out, "Session granted less than asked") != 1 || !strings.Contains(out, "was to live 2h (ttl_seconds = 7200), and the API reports that it expires at "+sinceStart(10*time.Minute)) {
				t.Errorf("apply does not warn once with both figures:\n%s", out)
			}
			f.expectWrites(t, "POST "+testSessionPath)
			if got := c.values(expiryAddress)["expires_at"]; got != sinceStart(10*time.Minute) {
				t.Errorf("expires_at: %v, want what was granted", got)
			}
			if p := c.plan(); !strings.Contains(p.text, "No changes.") || strings.Contains(p.text, "Warning") {
				t.Errorf("the next plan is not silent:\n%s", p.text)
			}
			f.expectWrites(t)
			if test.due == 0 {
				return
			}
			f.clock.Advance(test.due - 2*time.Second)
			if got := c.plan().actions()[expiryAddress]; got != "no-op" {
				t.Errorf("plan before the renewal is due: %s", got)
			}
			f.clock.Advance(2 * time.Second)
			if p := c.plan(); p.actions()[expiryAddress] != "update" || !p.unknown(expiryAddress, "expires_at") {
				t.Errorf("plan when the renewal is due: %v", p.actions())
			}
			c.run("apply", "tfplan")
			f.expectWrites(t, "POST "+testSessionPath)
			if got := c.plan().actions()[expiryAddress]; got != "no-op" {
				t.Errorf("plan after the renewal: %s", got)
			}
		})
	}
}
