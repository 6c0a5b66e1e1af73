package provider_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// expectTakenOver applies a configuration whose moved block takes sessions over,
// with no request but GETs and no change, and finds nothing to do afterwards.
func expectTakenOver(t *testing.T, f *fixture, c *cli, addresses ...string) {
	t.Helper()
	plan := c.plan()
	actions := plan.actions()
	for _, address := range addresses {
		if actions[address] != "no-op" {
			t.Errorf("planned %v, want no-op for %s", actions, address)
		}
	}
	for address, action := range actions {
		if action != "no-op" && !strings.HasPrefix(address, "terraform_data.") {
			t.Errorf("planned %s for %s", action, address)
		}
	}
	c.run("apply", "-auto-approve", "tfplan")
	f.expectWrites(t)
	c.run("plan", "-detailed-exitcode")
	for _, address := range addresses {
		values := c.values(address)
		if values["session_id"] == nil || values["id"] != values["session_id"] || values["ttl_seconds"] == nil || values["expires_at"] == nil {
			t.Errorf("%s: %v", address, values)
		}
	}
	for _, id := range c.identities() {
		if !slices.ContainsFunc(f.Sessions(), func(s sandbox.Session) bool { return s.ID == id }) {
			t.Errorf("identity of %q in the state", id)
		}
	}
}

func TestSessionMove_EngineTakesOverFromRestProviders(t *testing.T) {
	t.Parallel()
	needs(t, movedBetweenTypes)
	for _, name := range []string{"restapi_v1", "restful_v0", "restful_v2"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.putSession(testSessionID, 30*24*time.Hour)
			c := newCLI(t)
			c.useState(name)
			typeName, _, _ := strings.Cut(name, "_")
			from := map[string]string{"restapi": "restapi_object", "restful": "restful_resource"}[typeName]
			c.write(f.config(fmt.Sprintf("moved {\n  from = %s.booth\n  to   = %s\n}\n%s", from, expiryAddress, expiryConfig(30*24*3600, ""))))
			expectTakenOver(t, f, c, expiryAddress)
		})
	}
}

func TestSessionMove_EngineTakesOverEachInstanceOfForEach(t *testing.T) {
	t.Parallel()
	needs(t, movedBetweenTypes)
	f := newFixture(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	f.putSession(otherSessionID, 30*24*time.Hour)
	c := newCLI(t)
	c.useState("restapi_v3_for_each")
	c.write(f.config(fmt.Sprintf(`
moved {
  from = restapi_object.booth
  to   = palabra_session_expiry.booth
}

resource "palabra_session_expiry" "booth" {
  for_each    = { a = %q, b = %q }
  session_id  = each.value
  ttl_seconds = 30 * 24 * 3600
}
`, testSessionID, otherSessionID)))
	expectTakenOver(t, f, c, `palabra_session_expiry.booth["a"]`, `palabra_session_expiry.booth["b"]`)
}

// TestSessionMove_EngineRunsTheExampleOfTheGuide applies the configuration that
// the guide shows, with nothing but the provider block replaced.
func TestSessionMove_EngineRunsTheExampleOfTheGuide(t *testing.T) {
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
	f := newFixture(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	c := newCLI(t)
	c.useState("restapi_v1")
	c.others["palabra-community/palabra"] = newServer
	c.write(strings.Replace(string(example), block, f.config(""), 1))
	for _, want := range []string{"restapi_object.booth has moved to palabra_session_expiry.booth", "0 to add, 0 to change, 0 to destroy"} {
		if text := c.plan().text; !strings.Contains(text, want) {
			t.Errorf("%q is missing in: %s", want, text)
		}
	}
	expectTakenOver(t, f, c, "palabra_session_expiry.booth")
}

func TestSessionMove_EngineTakesOverFromTerraformData(t *testing.T) {
	t.Parallel()
	needs(t, movedBetweenTypes)
	for name, input := range map[string]string{
		"text":   `"` + testSessionID + `"`,
		"object": `{ session_id = "` + testSessionID + `", by = "a script" }`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.putSession(testSessionID, 30*24*time.Hour)
			c := newCLI(t)
			c.write(fmt.Sprintf("resource \"terraform_data\" \"booth\" {\n  input = %s\n}\n", input))
			c.run("apply", "-auto-approve")
			c.write(f.config(fmt.Sprintf("moved {\n  from = terraform_data.booth\n  to   = %s\n}\n%s", expiryAddress, expiryConfig(30*24*3600, ""))))
			expectTakenOver(t, f, c, expiryAddress)
		})
	}
}

// TestSessionMove_EngineMovesBetweenOurTypesAndBack: what both types have in
// common is kept, so that not even a trigger renews.
func TestSessionMove_EngineMovesBetweenOurTypesAndBack(t *testing.T) {
	t.Parallel()
	needs(t, movedBetweenTypes)
	const arguments = `
  ttl_seconds          = 7200
  renew_before_seconds = 600
  renew_triggers       = { release = "1" }
  delete_on_destroy    = false
}
`
	f := newFixture(t)
	c := newCLI(t)
	c.write(f.config(`resource "palabra_session" "test" {` + arguments))
	c.run("apply", "-auto-approve")
	created := c.values("palabra_session.test")
	id, _ := created["id"].(string)
	f.clock.Advance(10 * time.Minute)
	f.ResetRequests()

	c.write(f.config("moved {\n  from = palabra_session.test\n  to   = palabra_session_expiry.test\n}\n" +
		`resource "palabra_session_expiry" "test" {` + "\n  session_id = \"" + id + `"` + arguments))
	if text := c.plan().text; !strings.Contains(text, "Tokens leave the state") {
		t.Errorf("no warning about tokens in: %s", text)
	}
	expectTakenOver(t, f, c, expiryAddress)
	if values := c.values(expiryAddress); values["expires_at"] != created["expires_at"] || values["delete_on_destroy"] != false {
		t.Errorf("after the move %v, before %v", values, created)
	}

	c.write(f.config("moved {\n  from = palabra_session_expiry.test\n  to   = palabra_session.test\n}\n" +
		`resource "palabra_session" "test" {` + arguments))
	if actions := c.plan().actions(); actions["palabra_session.test"] != "no-op" {
		t.Errorf("planned %v", actions)
	}
	c.run("apply", "-auto-approve", "tfplan")
	f.expectWrites(t)
	c.run("plan", "-detailed-exitcode")
	if values := c.values("palabra_session.test"); values["id"] != id || values["expires_at"] != created["expires_at"] || values["publisher_token"] != nil {
		t.Errorf("after the way back %v", values)
	}
}

func TestSessionMove_EngineOfAMissingSessionPlansACreateWithAWarning(t *testing.T) {
	t.Parallel()
	needs(t, movedBetweenTypes)
	f := newFixture(t)
	c := newCLI(t)
	c.useState("restapi_v1")
	c.write(f.config(fmt.Sprintf("moved {\n  from = restapi_object.booth\n  to   = %s\n}\n%s", expiryAddress, expiryConfig(3600, ""))))
	plan := c.plan()
	if actions := plan.actions(); actions[expiryAddress] != "create" || !strings.Contains(plan.text, "Session does not exist") {
		t.Errorf("planned %v: %s", actions, plan.text)
	}
	f.expectWrites(t)
}

func TestSessionMove_EngineShowsWhyAStateCannotMove(t *testing.T) {
	t.Parallel()
	needs(t, movedBetweenTypes)
	f := newFixture(t)
	c := newCLI(t)
	c.write("resource \"terraform_data\" \"booth\" {\n  input = 7\n}\n")
	c.run("apply", "-auto-approve")
	c.write(f.config(fmt.Sprintf("moved {\n  from = terraform_data.booth\n  to   = %s\n}\n%s", expiryAddress, expiryConfig(3600, ""))))
	said := c.fail("plan")
	for _, want := range []string{"Unable to move state to palabra_session_expiry", "holds no session id", "destroy = false", "import {"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is missing in: %s", want, said)
		}
	}
	if len(f.calls()) > 0 {
		t.Errorf("requests: %q, want none", f.calls())
	}
}

// TestSessionMove_EngineKeepsWhatACapGranted: the notes of private state move
// along between our own types, or a capped session would be due at once.
func TestSessionMove_EngineKeepsWhatACapGranted(t *testing.T) {
	t.Parallel()
	needs(t, movedBetweenTypes)
	const arguments = "\n  ttl_seconds = 7200\n  renew_before_seconds = 3600\n}\n"
	f := newFixture(t, func(o *sandbox.Options) { o.MaxTTL = 10 * time.Minute })
	c := newCLI(t)
	c.write(f.config(`resource "palabra_session" "test" {` + arguments))
	c.run("apply", "-auto-approve")
	id, _ := c.values("palabra_session.test")["id"].(string)
	f.ResetRequests()
	c.write(f.config("moved {\n  from = palabra_session.test\n  to   = palabra_session_expiry.test\n}\n" +
		`resource "palabra_session_expiry" "test" {` + "\n  session_id = \"" + id + `"` + arguments))
	expectTakenOver(t, f, c, expiryAddress)
}
