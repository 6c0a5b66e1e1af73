package provider_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// withKey is the configuration with the API key in place of the pair.
func (f *fixture) withKey(key, body string) string {
	return fmt.Sprintf(`
provider "palabra" {
  endpoint = %q
  api_key  = %q
}
%s`, f.url, key, body)
}

func TestSessionAccount_CredentialsOfAnotherAccountLoseNothing(t *testing.T) {
	t.Parallel()
	f, elsewhere, c := newFixture(t), newFixture(t), newCLI(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	elsewhere.putSession("another.session", 30*24*time.Hour)
	resources := sessionConfig("ttl_seconds = 7200") + expiryConfig(7200, "")
	c.write(f.config(resources))
	c.run("apply", "-auto-approve")
	token := c.values(sessionAddress)["publisher_token"]
	id := c.values(sessionAddress)["id"].(string) //nolint:forcetypeassert // a string by its schema

	c.write(elsewhere.withKey(testAPIKey, resources))
	for _, command := range [][]string{{"plan"}, {"apply", "-auto-approve"}, {"destroy", "-auto-approve"}, {"destroy", "-auto-approve", "-refresh=false"}} {
		said := c.fail(command...)
		for _, part := range []string{id, "client_id:" + testClientID, "another account", "state rm", "destroy = false"} {
			if !strings.Contains(said, part) {
				t.Errorf("%q does not say %q:\n%s", command, part, said)
			}
		}
	}
	if writes := elsewhere.writes(); strings.Contains(strings.Join(writes, " "), "POST") {
		t.Errorf("writes in the other account: %q", writes)
	}

	f.ResetRequests()
	c.write(f.config(resources))
	if p := c.plan(); !strings.Contains(p.text, "No changes.") {
		t.Errorf("plan with the former credentials:\n%s", p.text)
	}
	if values := c.values(sessionAddress); values["publisher_token"] != token {
		t.Error("the tokens are lost")
	}
	f.expectWrites(t)
}

func TestSessionAccount_RotatedCredentialsFindTheSessionsAgain(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	resources := sessionConfig("ttl_seconds = 7200") + expiryConfig(7200, "")
	c.write(f.config(resources))
	c.run("apply", "-auto-approve")
	c.write(f.withKey(testAPIKey, resources))
	c.run("apply", "-auto-approve")
	// From now on the new credentials found it last: an end is an end.
	f.Remove(c.values(sessionAddress)["id"].(string)) //nolint:forcetypeassert // a string by its schema
	if p := c.plan(); p.actions()[sessionAddress] != "create" {
		t.Errorf("plan: %v", p.actions())
	}
}

func TestSessionAccount_SessionPastItsEndMayBeMissing(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	c.write(f.config(sessionConfig("ttl_seconds = 7200")))
	c.run("apply", "-auto-approve")
	f.clock.Advance(2 * time.Hour)
	f.putSession("another.session", time.Hour)
	c.write(f.withKey(testAPIKey, sessionConfig("ttl_seconds = 7200")))
	if p := c.plan(); p.actions()[sessionAddress] != "create" {
		t.Errorf("plan: %v", p.actions())
	}
}

func TestSessionAccount_ConnectedSessionMayLiveBeyondItsLastKnownExpiry(t *testing.T) {
	t.Parallel()
	f, elsewhere, c := newFixture(t), newFixture(t), newCLI(t)
	elsewhere.putSession("another.session", 30*24*time.Hour)
	c.write(f.config(sessionConfig("ttl_seconds = 7200")))
	c.run("apply", "-auto-approve")
	f.Connect(f.onlySession(t))
	c.run("apply", "-auto-approve") // Notes that the session now ends within a minute.
	for _, clock := range []interface{ Advance(time.Duration) }{f.clock, elsewhere.clock} {
		clock.Advance(10 * time.Minute)
	}
	c.write(elsewhere.withKey(testAPIKey, sessionConfig("ttl_seconds = 7200")))
	if said := c.fail("apply", "-auto-approve"); !strings.Contains(said, "another account") {
		t.Errorf("apply says:\n%s", said)
	}
}
