package provider_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
)

func TestSession_ImportLeavesTokensNullAndSaysSo(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	f.putSession(testSessionID, time.Hour)
	c.write(f.config(sessionConfig("")))
	said := c.run("import", sessionAddress, testSessionID)
	for _, part := range []string{"Tokens and URLs cannot be imported", "publisher_token", "null"} {
		if !strings.Contains(said, part) {
			t.Errorf("import does not say %q:\n%s", part, said)
		}
	}
	values := c.values(sessionAddress)
	for _, attribute := range tokenAttributes {
		if values[attribute] != nil {
			t.Errorf("%s is %v, want null", attribute, values[attribute])
		}
	}
	if values["id"] != testSessionID || values["expires_at"] != sinceStart(time.Hour) {
		t.Errorf("id %v, expires_at %v", values["id"], values["expires_at"])
	}
	if actions := c.plan().actions(); actions[sessionAddress] != "no-op" {
		t.Errorf("plan: %v, want none", actions)
	}
	f.expectWrites(t)
}

func TestSession_ImportIsNotReplacedByWhatItLeftUnset(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.putSession(testSessionID, time.Hour)
	imported := fmt.Sprintf("import {\n  to = %s\n  id = %q\n}\n", sessionAddress, testSessionID)
	runSteps(t,
		resource.TestStep{
			Config:           f.config(imported + sessionConfig("subscriber_count = 2\nintent = \"event\"")),
			ConfigPlanChecks: sessionAction(plancheck.ResourceActionUpdate),
		},
		resource.TestStep{
			PreConfig:        func() { f.expectWrites(t) },
			Config:           f.config(sessionConfig("subscriber_count = 2\nintent = \"event\"\nttl_seconds = 7200")),
			ConfigPlanChecks: sessionAction(plancheck.ResourceActionUpdate),
		},
		resource.TestStep{
			PreConfig:        func() { f.expectWrites(t, "POST /sessions/"+testSessionID) },
			Config:           f.config(sessionConfig("subscriber_count = 2\nintent = \"captions\"\nttl_seconds = 7200")),
			ConfigPlanChecks: sessionAction(plancheck.ResourceActionDestroyBeforeCreate),
		},
	)
}

func TestSession_ImportOfAMissingSessionFails(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	c.write(f.config(sessionConfig("")))
	said := c.fail("import", sessionAddress, "nobody")
	if !strings.Contains(said, "non-existent remote object") || strings.Contains(said, "does not exist any more") {
		t.Errorf("import says:\n%s", said)
	}
}

func TestSession_WarnsBesideAnExpiryOfTheSameSession(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	const expiry = `
resource "palabra_session_expiry" "test" {
  session_id  = palabra_session.test.id
  ttl_seconds = 600
}`
	c.write(f.config(sessionConfig("ttl_seconds = 3600") + expiry))
	c.run("apply", "-auto-approve") // No plan knows the id yet.
	p := c.plan()
	if strings.Count(p.text, conflictWarning) != 1 || !strings.Contains(p.text, "palabra_session with ttl_seconds = 3600") {
		t.Errorf("plan does not warn once:\n%s", p.text)
	}

	c.write(f.config(sessionConfig("") + expiry))
	if p := c.plan(); strings.Contains(p.text, conflictWarning) {
		t.Errorf("plan warns though only one sets a lifetime:\n%s", p.text)
	}
	c.run("destroy", "-auto-approve")
	if left := f.sessionIDs(); len(left) > 0 {
		t.Errorf("sessions left: %q", left)
	}
}
