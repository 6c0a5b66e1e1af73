package provider_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// managed is a session with its expiry applied, and no requests logged since.
func managed(t *testing.T, extra string) (*fixture, *cli) {
	t.Helper()
	f, c := newFixture(t), newCLI(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	c.write(f.config(expiryConfig(7200, extra)))
	c.run("apply", "-auto-approve")
	f.ResetRequests()
	return f, c
}

func TestSessionExpiry_MovedKeepsTheSession(t *testing.T) {
	t.Parallel()
	f, c := managed(t, "")
	c.write(f.config(strings.Replace(expiryConfig(7200, ""), `"test"`, `"renamed"`, 1) + `
moved {
  from = palabra_session_expiry.test
  to   = palabra_session_expiry.renamed
}
`))
	p := c.plan()
	if got := p.actions()["palabra_session_expiry.renamed"]; got != "no-op" {
		t.Errorf("plan: %v, want a move only", p.actions())
	}
	c.run("apply", "tfplan")
	f.expectWrites(t)
	if values := c.values("palabra_session_expiry.renamed"); values["id"] != testSessionID || values["expires_at"] != sinceStart(2*time.Hour) {
		t.Errorf("state: %v", values)
	}
	// Also when the session is gone before the move is applied.
	c.write(f.config(expiryConfig(7200, "") + `
moved {
  from = palabra_session_expiry.renamed
  to   = palabra_session_expiry.test
}
`))
	f.Remove(testSessionID)
	f.putSession("another.session", time.Hour)
	if p := c.plan(); p.actions()[expiryAddress] != "no-op" || strings.Count(p.text, "Session has ended") != 1 {
		t.Errorf("plan of a vanished session that is moved: %v\n%s", p.actions(), p.text)
	}
	f.expectWrites(t)
}

func TestSessionExpiry_PlanWithoutRefreshReadsNothing(t *testing.T) {
	t.Parallel()
	f, c := managed(t, "renew_before_seconds = 3600")
	f.clock.Advance(90 * time.Minute)
	if p := c.plan("-refresh=false"); p.actions()[expiryAddress] != "no-op" {
		t.Errorf("plan: %v, want no-op: the state knows of no later time", p.actions())
	}
	if calls := f.calls(); len(calls) != 0 {
		t.Errorf("calls: %q, want none", calls)
	}
	c.write(f.config(expiryConfig(600, "")))
	if p := c.plan("-refresh=false"); p.actions()[expiryAddress] != "update" || !p.unknown(expiryAddress, "expires_at") {
		t.Errorf("plan of a changed TTL: %v", p.actions())
	}
	c.run("apply", "tfplan")
	f.expectWrites(t, "POST "+testSessionPath)
	if got := c.values(expiryAddress)["expires_at"]; got != sinceStart(100*time.Minute) {
		t.Errorf("expires_at: %v", got)
	}
}

func TestSessionExpiry_RefreshOnlyNeverWrites(t *testing.T) {
	t.Parallel()
	f, c := managed(t, "renew_before_seconds = 3600")
	f.clock.Advance(90 * time.Minute)
	if out := c.run("apply", "-auto-approve", "-refresh-only"); !strings.Contains(out, "0 added, 0 changed, 0 destroyed") {
		t.Errorf("apply -refresh-only: %s", out)
	}
	f.expectWrites(t)
	// What it noted is what the next plan goes by, even without a refresh.
	if p := c.plan("-refresh=false"); p.actions()[expiryAddress] != "update" || !p.unknown(expiryAddress, "expires_at") {
		t.Errorf("plan: %v, want the renewal that is due", p.actions())
	}
	if p := c.plan(); p.actions()[expiryAddress] != "update" {
		t.Errorf("plan: %v, want the renewal that is due", p.actions())
	}
	f.clock.Advance(time.Hour)
	c.run("apply", "-auto-approve", "-refresh-only")
	if got := c.values(expiryAddress)["active"]; got != false {
		t.Errorf("active: %v, want false", got)
	}
	f.expectWrites(t)
}

func TestSessionExpiry_ForcedReplacementWithoutDeletionExtends(t *testing.T) {
	t.Parallel()
	f, c := managed(t, "delete_on_destroy = false")
	f.clock.Advance(time.Hour)
	c.plan("-replace=" + expiryAddress)
	c.run("apply", "tfplan")
	f.expectWrites(t, "POST "+testSessionPath)
	if got := c.values(expiryAddress)["expires_at"]; got != sinceStart(3*time.Hour) {
		t.Errorf("expires_at: %v", got)
	}
}

// nightly is three sessions that one run renews.
const nightly = `
resource "palabra_session_expiry" "test" {
  for_each             = toset(["room.a", "room.b", "room.c"])
  session_id           = each.key
  ttl_seconds          = 7200
  renew_before_seconds = 3600
}
`

func TestSessionExpiry_TargetRenewsThatSessionAlone(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	for _, id := range []string{"room.a", "room.b", "room.c"} {
		f.putSession(id, 30*24*time.Hour)
	}
	c.write(f.config(nightly))
	c.run("apply", "-auto-approve")
	f.clock.Advance(90 * time.Minute)
	f.ResetRequests()
	p := c.plan(`-target=palabra_session_expiry.test["room.b"]`)
	if len(p.actions()) != 1 || p.actions()[`palabra_session_expiry.test["room.b"]`] != "update" {
		t.Errorf("plan: %v", p.actions())
	}
	c.run("apply", "tfplan")
	for _, call := range f.calls() {
		if strings.Contains(call, "room.a") || strings.Contains(call, "room.c") {
			t.Errorf("call to a session that was not targeted: %s", call)
		}
	}
	f.expectWrites(t, "POST /sessions/room.b")
}

func TestSessionExpiry_RemovedBlockForgetsTheSession(t *testing.T) {
	t.Parallel()
	needs(t, removedBlocks)
	f, c := managed(t, "")
	c.write(f.config(`
removed {
  from = palabra_session_expiry.test
  lifecycle {
    destroy = false
  }
}
`))
	if p := c.plan(); p.actions()[expiryAddress] != "forget" {
		t.Errorf("plan: %v, want forget", p.actions())
	}
	c.run("apply", "tfplan")
	f.expectWrites(t)
	if _, ok := f.Session(testSessionID); !ok || c.values(expiryAddress) != nil {
		t.Errorf("session exists: %t, state: %v", ok, c.values(expiryAddress))
	}
}

func TestSessionExpiry_CreateBeforeDestroyWritesTheNewSessionFirst(t *testing.T) {
	t.Parallel()
	const lifecycle = "lifecycle {\n create_before_destroy = true\n }"
	f, c := managed(t, lifecycle)
	f.putSession("another.session", time.Hour)
	c.write(f.config(strings.Replace(expiryConfig(7200, lifecycle), testSessionID, "another.session", 1)))
	if p := c.plan(); p.actions()[expiryAddress] != "create delete" {
		t.Errorf("plan: %v", p.actions())
	}
	c.run("apply", "tfplan")
	f.expectWrites(t, "POST /sessions/another.session", "DELETE "+testSessionPath)
}

func TestSessionExpiry_PreventDestroyLetsRenewalsPass(t *testing.T) {
	t.Parallel()
	const arguments = "renew_before_seconds = 3600\n lifecycle {\n prevent_destroy = true\n }"
	f, c := managed(t, arguments)
	f.clock.Advance(90 * time.Minute)
	c.run("apply", "-auto-approve")
	f.expectWrites(t, "POST "+testSessionPath)
	for _, args := range [][]string{{"destroy", "-auto-approve"}, {"plan", "-replace=" + expiryAddress}} {
		if out := c.fail(args...); !strings.Contains(out, "prevent_destroy") {
			t.Errorf("%q: %s", args, out)
		}
	}
	f.expectWrites(t)
}

func TestSessionExpiry_IgnoreChangesOfAnyArgument(t *testing.T) {
	t.Parallel()
	const before = "renew_before_seconds = 3600\n renew_triggers = { a = \"1\" }\n delete_on_destroy = false\n"
	for argument, change := range map[string]func(string) string{
		"session_id":           func(s string) string { return strings.Replace(s, testSessionID, "another.session", 1) },
		"ttl_seconds":          func(s string) string { return strings.Replace(s, "= 7200", "= 9999", 1) },
		"renew_before_seconds": func(s string) string { return strings.Replace(s, "= 3600", "= 60", 1) },
		"renew_triggers":       func(s string) string { return strings.Replace(s, `"1"`, `"2"`, 1) },
		"delete_on_destroy":    func(s string) string { return strings.Replace(s, "false", "true", 1) },
	} {
		t.Run(argument, func(t *testing.T) {
			t.Parallel()
			ignoring := before + fmt.Sprintf("lifecycle {\n ignore_changes = [%s]\n }", argument)
			f, c := managed(t, ignoring)
			changed := change(expiryConfig(7200, ignoring))
			if changed == expiryConfig(7200, ignoring) {
				t.Fatal("nothing was changed")
			}
			c.write(f.config(changed))
			if p := c.plan(); !strings.Contains(p.text, "No changes.") {
				t.Errorf("plan: %v\n%s", p.actions(), p.text)
			}
			// What is ignored does not keep a renewal that is due from happening.
			f.clock.Advance(90 * time.Minute)
			c.run("apply", "-auto-approve")
			if writes := f.writes(); !slices.Equal(writes, []string{"POST " + testSessionPath}) {
				t.Errorf("writes: %q, want the renewal", writes)
			}
			if got := c.values(expiryAddress)["expires_at"]; got != sinceStart(90*time.Minute+2*time.Hour) {
				t.Errorf("expires_at: %v", got)
			}
		})
	}
}
