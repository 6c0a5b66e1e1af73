package provider_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

const conflictWarning = "Two resources manage one session"

func twoExpiries(first, second string) string {
	return fmt.Sprintf(`
resource "palabra_session_expiry" "test" {
  session_id  = %s
  ttl_seconds = 7200
}

resource "palabra_session_expiry" "other" {
  session_id  = %s
  ttl_seconds = 600
}
`, first, second)
}

func TestSessionExpiry_TwoForOneSessionWarnInEveryPlan(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	id := fmt.Sprintf("%q", testSessionID)
	c.write(f.config(twoExpiries(id, id)))
	for _, when := range []string{"both new", "both in the state"} {
		p := c.plan()
		if strings.Count(p.text, conflictWarning) != 1 {
			t.Errorf("%s: plan does not warn once:\n%s", when, p.text)
		}
		for _, part := range []string{"ttl_seconds = 7200", "ttl_seconds = 600", testSessionID} {
			if !strings.Contains(p.text, part) {
				t.Errorf("%s: the warning does not name %s:\n%s", when, part, p.text)
			}
		}
		c.run("apply", "tfplan")
	}
}

func TestSessionExpiry_ConflictThatNoPlanCanKnowIsNoError(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	c.write(f.config(fmt.Sprintf(`
resource "terraform_data" "id" {
  input = %q
}
`, testSessionID) + twoExpiries("terraform_data.id.output", "terraform_data.id.output")))
	if p := c.plan(); strings.Contains(p.text, conflictWarning) {
		t.Errorf("plan claims to know:\n%s", p.text)
	}
	c.run("apply", "tfplan")
	if p := c.plan(); strings.Count(p.text, conflictWarning) != 1 {
		t.Errorf("plan does not warn once the id is known:\n%s", p.text)
	}
}
