package provider_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// expectTakenOver applies a configuration whose moved block takes a session over:
// it changes nothing and only reads. The next plan is empty.
func expectTakenOver(t *testing.T, f *fixture, c *cli, address string) {
	t.Helper()
	actions := c.plan().actions()
	if _, planned := actions[address]; !planned {
		t.Errorf("planned %v, want %s among them", actions, address)
	}
	for planned, action := range actions {
		if action != "no-op" {
			t.Errorf("planned %s for %s", action, planned)
		}
	}
	c.run("apply", "-auto-approve", "tfplan")
	f.expectWrites(t)
	c.run("plan", "-detailed-exitcode")
	if values := c.values(address); values["id"] == nil || values["ttl_seconds"] == nil || values["expires_at"] == nil {
		t.Errorf("%s: %v", address, values)
	}
	// Engines without identities store none.
	identity := c.instances()[address][0].Identity
	if id, ok := identity["session_id"].(string); identity != nil && (!ok || id != c.values(address)["id"]) {
		t.Errorf("identity in the state: %v", identity)
	}
}

// TestSessionMove_EngineTakesOverFromRestapi with the configuration that the guide
// shows. Only the provider block is replaced.
func TestSessionMove_EngineTakesOverFromRestapi(t *testing.T) {
	t.Parallel()
	needs(t, movedBetweenTypes)
	example, err := os.ReadFile("../../examples/guides/move-from-rest/main.tf")
	if err != nil {
		t.Fatal(err)
	}
	const block = "provider \"palabra\" {}\n"
	if !strings.Contains(string(example), block) {
		t.Fatal("the example has no empty provider block")
	}
	f, c := newFixture(t), newCLI(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	c.useState("restapi_v1")
	c.others["palabra-community/palabra"] = newProviderServer
	c.write(strings.Replace(string(example), block, f.config(""), 1))
	expectTakenOver(t, f, c, "palabra_session_expiry.booth")
}

// TestSessionMove_EngineTakesOverFromRestful: OpenTofu keeps the identity of the
// source, and asks for an upgrade of it.
func TestSessionMove_EngineTakesOverFromRestful(t *testing.T) {
	t.Parallel()
	needs(t, movedBetweenTypes)
	f, c := newFixture(t), newCLI(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	c.useState("restful_v2")
	c.write(f.config(movedTo("restful_resource.booth", expiryAddress) + expiryConfig(30*24*3600, "")))
	expectTakenOver(t, f, c, expiryAddress)
}

func movedTo(from, to string) string {
	return fmt.Sprintf("moved {\n  from = %s\n  to   = %s\n}\n", from, to)
}

// TestSessionMove_EngineTakesOverFromTerraformData: engines have addresses of
// their own for the provider that is built in.
func TestSessionMove_EngineTakesOverFromTerraformData(t *testing.T) {
	t.Parallel()
	needs(t, movedBetweenTypes)
	f, c := newFixture(t), newCLI(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	c.write("resource \"terraform_data\" \"booth\" {\n  input = { session_id = \"" + testSessionID + "\", by = \"a script\" }\n}\n")
	c.run("apply", "-auto-approve")
	c.write(f.config(movedTo("terraform_data.booth", expiryAddress) + expiryConfig(30*24*3600, "")))
	expectTakenOver(t, f, c, expiryAddress)
}

// TestSessionMove_EngineMovesBetweenOurTypesAndBack without a renewal: a trigger
// and what a cap granted move along.
func TestSessionMove_EngineMovesBetweenOurTypesAndBack(t *testing.T) {
	t.Parallel()
	needs(t, movedBetweenTypes)
	const address = "palabra_session.test"
	const arguments = `
  ttl_seconds          = 7200
  renew_before_seconds = 3600
  renew_triggers       = { release = "1" }
  delete_on_destroy    = false
}
`
	f, c := newFixture(t, func(o *sandbox.Options) { o.MaxTTL = time.Hour }), newCLI(t)
	c.write(f.config(`resource "palabra_session" "test" {` + arguments))
	c.run("apply", "-auto-approve")
	created := c.values(address)
	f.clock.Advance(2 * time.Minute)
	f.ResetRequests()

	c.write(f.config(movedTo(address, expiryAddress) + fmt.Sprintf("resource \"palabra_session_expiry\" \"test\" {\n  session_id = %q", created["id"]) + arguments))
	expectTakenOver(t, f, c, expiryAddress)
	if values := c.values(expiryAddress); values["expires_at"] != created["expires_at"] || values["delete_on_destroy"] != false {
		t.Errorf("after the move %v, before %v", values, created)
	}
	c.write(f.config(movedTo(expiryAddress, address) + `resource "palabra_session" "test" {` + arguments))
	expectTakenOver(t, f, c, address)
	if values := c.values(address); values["id"] != created["id"] || values["expires_at"] != created["expires_at"] || values["publisher_token"] != nil {
		t.Errorf("after the way back %v", values)
	}
}
