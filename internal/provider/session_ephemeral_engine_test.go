package provider

import (
	"strings"
	"testing"
	"time"
)

// TestSessionEphemeral_EngineOpensAndCloses in each phase of a run.
func TestSessionEphemeral_EngineOpensAndCloses(t *testing.T) {
	t.Parallel()
	needs(t, ephemeralResources)
	f, c := newFixture(t), newCLI(t)
	c.write(f.config(`
ephemeral "palabra_session" "test" { subscriber_count = 2 }
resource "terraform_data" "step" {
  provisioner "local-exec" {
    command     = "printenv TOKENS EXPIRY > values"
    environment = {
      TOKENS = length(ephemeral.palabra_session.test.subscriber_tokens)
      EXPIRY = ephemeral.palabra_session.test.expires_at
    }
  }
}`))
	said := c.run("apply", "-auto-approve")
	if got, want := c.read("values"), "2\n"+sinceStart(10*time.Minute)+"\n"; got != want {
		t.Errorf("subscriber tokens and expiry: %q, want %q", got, want)
	}
	f.expectNoneLeft(t, said)
}

// TestSessionEphemeral_FailedRunLeavesNoSession: engines never close an ephemeral
// resource when a run fails.
func TestSessionEphemeral_FailedRunLeavesNoSession(t *testing.T) {
	t.Parallel()
	needs(t, ephemeralResources)
	f, w := newFixture(t), newProcessCLI(t)
	w.write(f.config(`
ephemeral "palabra_session" "test" {
  lifecycle {
    postcondition {
      condition     = self.ws_url == "never"
      error_message = "for the test"
    }
  }
}`))
	said := w.fail("plan", "-input=false")
	if !strings.Contains(said, "for the test") {
		t.Errorf("the run did not fail for the postcondition: %s", said)
	}
	f.expectNoneLeft(t, said)
}
