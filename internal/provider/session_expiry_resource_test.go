package provider

import (
	"strings"
	"testing"
	"time"
)

func TestSessionExpiry_EngineLeavesTheStateAloneOnOrdinaryDays(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	c.write(f.config(expiryConfig(7200, "renew_before_seconds = 3600") + `
resource "terraform_data" "dependant" {
  input            = palabra_session_expiry.test.expires_at
  triggers_replace = palabra_session_expiry.test
}
`))
	c.run("apply", "-auto-approve")
	f.ResetRequests()
	state := c.read("terraform.tfstate")
	// Terraform 1.11 answers 2 for every state with a number in it, whatever a
	// provider does; later versions and OpenTofu answer 0.
	_, _, want := c.exec("plan", "-refresh-only", "-detailed-exitcode")
	f.clock.Advance(50 * time.Minute)
	if out, errOut, code := c.exec("plan", "-refresh-only", "-detailed-exitcode"); code != want || strings.Contains(out+errOut, "Warning") {
		t.Errorf("refresh-only plan: exit code %d, want %d\n%s%s", code, want, out, errOut)
	}
	if out := c.run("apply", "-auto-approve"); !strings.Contains(out, "No changes.") || strings.Contains(out, "Warning") {
		t.Errorf("apply:\n%s", out)
	}
	if got := c.read("terraform.tfstate"); got != state {
		t.Errorf("the state was:\n%s\nand is:\n%s", state, got)
	}
	f.expectWrites(t)
}
