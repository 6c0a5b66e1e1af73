package provider_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// expiries are instances by for_each key, each of the session of that value.
func expiries(name string, sessions map[string]string, extra string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "resource \"palabra_session_expiry\" %q {\n  for_each = {\n", name)
	for _, key := range slices.Sorted(maps.Keys(sessions)) {
		fmt.Fprintf(&b, "    %q = %q\n", key, sessions[key])
	}
	fmt.Fprintf(&b, "  }\n  session_id  = each.value\n  ttl_seconds = 7200\n  %s\n}\n", extra)
	return b.String()
}

func TestSessionDeletion_EngineRefusesThePlan(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	f.putSession("room.a", 30*24*time.Hour)
	c.write(f.config(expiries("old", map[string]string{"x": "room.a"}, "renew_before_seconds = 60")))
	c.run("apply", "-auto-approve")
	f.ResetRequests()
	c.write(f.config(expiries("new", map[string]string{"x": "room.a"}, "")))
	const want = `One resource instance (palabra_session_expiry with ttl_seconds = 7200, renew_before_seconds = 60, delete_on_destroy = true) ` +
		`deletes session "room.a", and another one (palabra_session_expiry with ttl_seconds = 7200, delete_on_destroy = true) keeps or creates it. ` +
		`A live session would be lost, so the plan is refused. ` +
		`If the resource or its for_each key was renamed, add a moved block from the old address to the new one. ` +
		`If instances moved up under count, use for_each with the session ids as keys, and moved blocks. ` +
		`To remove one of two resources for the session, replace its block by a removed block with lifecycle { destroy = false }, ` +
		`or apply delete_on_destroy = false to it first. If this is terraform destroy, run it with -refresh=false.`
	if said := c.fail("apply", "-auto-approve"); !strings.Contains(said, "Plan deletes a session that it keeps") || !strings.Contains(said, want) {
		t.Errorf("apply: %s\nwant %s", said, want)
	}
	f.expectWrites(t)
}

func TestSessionDeletion_EngineReplacesWithoutADelete(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	config := func(createFirst bool, provisioner string) string {
		return f.config(`
variable "release" {
  default = 1
}

resource "terraform_data" "release" {
  input = var.release
}
` + expiryConfig(7200, fmt.Sprintf("%s\n  lifecycle {\n    create_before_destroy = %t\n    replace_triggered_by  = [terraform_data.release]\n  }", provisioner, createFirst)))
	}
	c.write(config(false, "provisioner \"local-exec\" {\n    command = \"exit 3\"\n  }"))
	c.fail("apply", "-auto-approve") // It taints the instance.
	f.expectWrites(t, "POST "+testSessionPath)
	for _, step := range []struct {
		createFirst bool
		args        []string
	}{
		{false, nil},
		{true, []string{"-replace=" + expiryAddress}},
		{false, []string{"-var=release=2", "-refresh=false"}},
	} {
		f.clock.Advance(time.Hour)
		c.write(config(step.createFirst, ""))
		p := c.plan(step.args...)
		if got := p.actions()[expiryAddress]; !strings.Contains(got, "delete") || !strings.Contains(got, "create") {
			t.Errorf("plan %q: %s, want a replacement", step.args, got)
		}
		c.run("apply", "tfplan")
		f.expectWrites(t, "POST "+testSessionPath)
	}
	if values := c.values(expiryAddress); values["expires_at"] != sinceStart(5*time.Hour) || values["active"] != true {
		t.Errorf("state: %v", values)
	}
	c.run("destroy", "-auto-approve")
	f.expectWrites(t, "DELETE "+testSessionPath)
}
