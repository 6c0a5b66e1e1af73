package provider_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

const conflictError = "Plan deletes a session that it keeps"

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

func counted(sessions ...string) string {
	return fmt.Sprintf(`
resource "palabra_session_expiry" "test" {
  count       = %d
  session_id  = %s[count.index]
  ttl_seconds = 7200
}
`, len(sessions), strings.ReplaceAll(fmt.Sprintf("%q", sessions), `" "`, `", "`))
}

func TestSessionExpiry_PlanThatDeletesWhatItKeepsIsRefused(t *testing.T) {
	t.Parallel()
	const managedAndExpiry = `
resource "palabra_session" "managed" {}

resource "palabra_session_expiry" "test" {
  session_id  = palabra_session.managed.id
  ttl_seconds = 7200
}
`
	for name, test := range map[string]struct {
		before, after string
		// allowed says that nothing is lost: the plan goes through.
		allowed bool
	}{
		"rename without moved": {
			before: expiries("a", map[string]string{"x": "room.a"}, ""), after: expiries("b", map[string]string{"x": "room.a"}, ""),
		},
		"count shift":                 {before: counted("room.a", "room.b", "room.c"), after: counted("room.b", "room.c")},
		"expiry of a palabra_session": {before: managedAndExpiry, after: "resource \"palabra_session\" \"managed\" {}\n"},
		"both of a palabra_session":   {before: managedAndExpiry, after: "", allowed: true},
	} {
		for _, refresh := range []string{"-refresh=true", "-refresh=false"} {
			t.Run(name+" "+refresh, func(t *testing.T) {
				t.Parallel()
				f, c := newFixture(t), newCLI(t)
				for _, id := range []string{"room.a", "room.b", "room.c"} {
					f.putSession(id, 30*24*time.Hour)
				}
				c.write(f.config(test.before))
				c.run("apply", "-auto-approve")
				f.ResetRequests()
				c.write(f.config(test.after))
				if test.allowed {
					c.run("apply", "-auto-approve", refresh)
					return
				}
				said := c.fail("apply", "-auto-approve", refresh)
				for _, part := range []string{conflictError, "moved block", "delete_on_destroy = false", "destroy = false", "ttl_seconds = 7200"} {
					if !strings.Contains(said, part) {
						t.Errorf("apply does not say %q:\n%s", part, said)
					}
				}
				f.expectWrites(t)
			})
		}
	}
}

func TestSessionExpiry_EndedInstanceRefusesNoPlan(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	f.putSession("room.a", 30*24*time.Hour)
	f.putSession("room.b", 30*24*time.Hour)
	c.write(f.config(expiries("a", map[string]string{"x": "room.a"}, "")))
	c.run("apply", "-auto-approve")
	f.Remove("room.a")
	c.run("apply", "-auto-approve")
	f.ResetRequests()
	c.write(f.config(expiries("b", map[string]string{"x": "room.a"}, "")))
	if said := c.fail("apply", "-auto-approve"); strings.Contains(said, conflictError) || !strings.Contains(said, "Unable to set session expiry") {
		t.Errorf("apply says:\n%s", said)
	}
	if writes := f.writes(); slices.Contains(writes, "DELETE /sessions/room.a") {
		t.Errorf("writes: %q", writes)
	}
}

// replaced is one session whose expiry is to be replaced by itself.
func replaced(lifecycle string) string {
	return fmt.Sprintf(`
resource "terraform_data" "release" {
  input = var.release
}

variable "release" {
  default = 1
}

resource "palabra_session_expiry" "test" {
  session_id  = %q
  ttl_seconds = 7200
  lifecycle {
    replace_triggered_by = [terraform_data.release]
    %s
  }
}
`, testSessionID, lifecycle)
}

func TestSessionExpiry_ReplacementByItselfExtendsAndDeletesNothing(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		lifecycle string
		force     func(*cli) []string
	}{
		"-replace":             {"", func(*cli) []string { return []string{"-replace=" + expiryAddress} }},
		"taint, create first":  {"create_before_destroy = true", func(c *cli) []string { c.run("taint", expiryAddress); return nil }},
		"replace_triggered_by": {"", func(*cli) []string { return []string{"-var=release=2", "-refresh=false"} }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, c := newFixture(t), newCLI(t)
			f.putSession(testSessionID, 30*24*time.Hour)
			c.write(f.config(replaced(test.lifecycle)))
			c.run("apply", "-auto-approve")
			f.ResetRequests()
			f.clock.Advance(time.Hour)
			p := c.plan(test.force(c)...)
			if got := p.actions()[expiryAddress]; !strings.Contains(got, "delete") || !strings.Contains(got, "create") {
				t.Fatalf("plan: %s, want a replacement", got)
			}
			c.run("apply", "tfplan")
			f.expectWrites(t, "POST "+testSessionPath)
			if values := c.values(expiryAddress); values["expires_at"] != sinceStart(3*time.Hour) || values["active"] != true {
				t.Errorf("state: %v", values)
			}
			// The note that kept the session is gone: this is what a destroy is for.
			c.run("destroy", "-auto-approve")
			f.expectWrites(t, "DELETE "+testSessionPath)
		})
	}
}

func TestSessionExpiry_FailedProvisionerExtendsInTheNextRun(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	c.write(f.config(expiryConfig(7200, "provisioner \"local-exec\" {\n    command = \"exit 3\"\n  }")))
	c.fail("apply", "-auto-approve")
	f.ResetRequests()
	c.write(f.config(expiryConfig(7200, "")))
	c.run("apply", "-auto-approve")
	f.expectWrites(t, "POST "+testSessionPath)
	if _, ok := f.Session(testSessionID); !ok {
		t.Error("the session was deleted")
	}
}

func TestSessionExpiry_SuccessorKnownAfterApplyDeletesNothing(t *testing.T) {
	t.Parallel()
	config := func(f *fixture, revision int) string {
		return f.config(fmt.Sprintf(`
resource "terraform_data" "room" {
  input            = %q
  triggers_replace = %d
}

resource "palabra_session_expiry" "test" {
  session_id  = terraform_data.room.output
  ttl_seconds = 7200
}
`, "room.a", revision))
	}
	f, c := newFixture(t), newCLI(t)
	f.putSession("room.a", 30*24*time.Hour)
	c.write(config(f, 1))
	c.run("apply", "-auto-approve")
	f.ResetRequests()
	c.write(config(f, 2))
	said := c.run("apply", "-auto-approve")
	f.expectWrites(t, "POST /sessions/room.a")
	if !strings.Contains(said, "Session not deleted") || !strings.Contains(said, `"room.a"`) {
		t.Errorf("apply does not say what becomes of the session:\n%s", said)
	}
}
