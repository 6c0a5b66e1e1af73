package provider

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestSessionDeletion_EngineGetsRidOfADeposedObject as the message says.
func TestSessionDeletion_EngineGetsRidOfADeposedObject(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	config := func(release int, command string) string {
		return f.config(fmt.Sprintf("resource \"terraform_data\" \"release\" {\n  input = %d\n}\n", release) + expiryConfig(7200, fmt.Sprintf(`
  provisioner "local-exec" { command = %q }
  lifecycle {
    create_before_destroy = true
    replace_triggered_by  = [terraform_data.release]
  }`, command)))
	}
	c.write(config(1, "exit 0"))
	c.run("apply", "-auto-approve")
	c.write(config(2, "exit 3"))
	c.fail("apply", "-auto-approve")
	c.write(config(2, "exit 0"))
	for _, args := range [][]string{{"plan"}, {"destroy", "-auto-approve"}} {
		if said := c.fail(args...); !strings.Contains(said, "deposed object") || !strings.Contains(said, "state rm") {
			t.Errorf("%q: %s", args, said)
		}
	}
	c.run("state", "rm", expiryAddress)
	c.run("import", expiryAddress, testSessionID)
	f.ResetRequests()
	c.run("apply", "-auto-approve")
	f.expectWrites(t)
	c.run("destroy", "-auto-approve")
	f.expectWrites(t, "DELETE "+testSessionID)
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
	f.expectWrites(t, "POST "+testSessionID)
	for _, step := range []struct {
		createFirst bool
		args        []string
	}{
		{false, nil},
		{false, []string{"-var=release=2", "-refresh=false"}},
		// Last: after it, older engines need a refresh before replace_triggered_by.
		{true, []string{"-var=release=2", "-replace=" + expiryAddress}},
	} {
		f.clock.Advance(time.Hour)
		c.write(config(step.createFirst, ""))
		actions, _ := c.plan(step.args...)
		if got := actions[expiryAddress]; !strings.Contains(got, "delete") || !strings.Contains(got, "create") {
			t.Errorf("plan %q: %s, want a replacement", step.args, got)
		}
		c.run("apply", "tfplan")
		f.expectWrites(t, "POST "+testSessionID)
	}
	if values := c.values(expiryAddress); values["expires_at"] != sinceStart(5*time.Hour) || values["active"] != true {
		t.Errorf("state: %v", values)
	}
	c.run("destroy", "-auto-approve")
	f.expectWrites(t, "DELETE "+testSessionID)
}
