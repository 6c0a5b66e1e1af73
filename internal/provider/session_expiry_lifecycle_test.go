package provider_test

import (
	"strings"
	"testing"
	"time"
)

func TestSessionExpiry_EngineLeavesTheStateAloneOnOrdinaryDays(t *testing.T) {
	t.Parallel()
	f, c := newAppliedCLI(t, "renew_before_seconds = 3600")
	c.write(f.config(expiryConfig(7200, "renew_before_seconds = 3600") + `
resource "terraform_data" "dependant" {
  input            = palabra_session_expiry.test.expires_at
  triggers_replace = palabra_session_expiry.test
}
`))
	c.run("apply", "-auto-approve")
	serial := c.stateSerial()
	// Terraform 1.11 answers 2 for every state with a number in it, whatever a
	// provider does; later versions and OpenTofu answer 0.
	_, _, want := c.exec("plan", "-refresh-only", "-detailed-exitcode")
	// Somebody extends the session. Otherwise its renewal would be due.
	f.putSession(testSessionID, 5*time.Hour)
	f.clock.Advance(90 * time.Minute)
	if out, errOut, code := c.exec("plan", "-refresh-only", "-detailed-exitcode"); code != want || strings.Contains(out+errOut, "Warning") {
		t.Errorf("refresh-only plan: exit code %d, want %d\n%s%s", code, want, out, errOut)
	}
	if out := c.run("apply", "-auto-approve"); !strings.Contains(out, "No changes.") || strings.Contains(out, "Warning") {
		t.Errorf("apply:\n%s", out)
	}
	if got := c.stateSerial(); got != serial {
		t.Errorf("serial of the state: %d, want %d", got, serial)
	}
	f.expectWrites(t)
}

func TestSessionExpiry_EngineRefreshesOnlyWithoutAWrite(t *testing.T) {
	t.Parallel()
	f, c := newAppliedCLI(t, "renew_before_seconds = 3600")
	f.clock.Advance(90 * time.Minute)
	if out := c.run("apply", "-auto-approve", "-refresh-only"); !strings.Contains(out, "0 added, 0 changed, 0 destroyed") {
		t.Errorf("apply -refresh-only: %s", out)
	}
	f.expectWrites(t)
	// The note of that refresh is in the state.
	if p := c.plan("-refresh=false"); p.actions()[expiryAddress] != "update" || !p.unknown(expiryAddress, "expires_at") {
		t.Errorf("plan: %v, want the renewal that is due", p.actions())
	}
	if calls := f.calls(); len(calls) > 0 {
		t.Errorf("plan -refresh=false: requests %q, want none", calls)
	}
}

func TestSessionExpiry_EngineMovesAndForgetsWithoutAWrite(t *testing.T) {
	t.Parallel()
	f, c := newAppliedCLI(t, "")
	const renamed = "palabra_session_expiry.renamed"
	c.write(f.config(strings.Replace(expiryConfig(7200, ""), `"test"`, `"renamed"`, 1) +
		"\nmoved {\n  from = " + expiryAddress + "\n  to   = " + renamed + "\n}\n"))
	if p := c.plan(); p.actions()[renamed] != "no-op" || len(p.actions()) != 1 {
		t.Errorf("plan: %v, want a move only", p.actions())
	}
	c.run("apply", "tfplan")
	if values := c.values(renamed); values["id"] != testSessionID || values["expires_at"] != sinceStart(2*time.Hour) {
		t.Errorf("state: %v", values)
	}
	if testEngine.Has(removedBlocks) {
		c.write(f.config("removed {\n  from = " + renamed + "\n  lifecycle {\n    destroy = false\n  }\n}\n"))
		if p := c.plan(); p.actions()[renamed] != "forget" {
			t.Errorf("plan: %v, want forget", p.actions())
		}
		c.run("apply", "tfplan")
		if _, ok := f.Session(testSessionID); !ok || c.values(renamed) != nil {
			t.Errorf("session exists: %t, state: %v", ok, c.values(renamed))
		}
	}
	f.expectWrites(t)
}

func TestSessionExpiry_EngineTargetsOneSession(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	for _, id := range []string{"room.a", "room.b", "room.c"} {
		f.putSession(id, 30*24*time.Hour)
	}
	c.write(f.config(expiries("test", map[string]string{"a": "room.a", "b": "room.b", "c": "room.c"}, "renew_before_seconds = 3600")))
	c.run("apply", "-auto-approve")
	f.clock.Advance(90 * time.Minute)
	f.ResetRequests()
	p := c.plan(`-target=palabra_session_expiry.test["b"]`)
	if len(p.actions()) != 1 || p.actions()[`palabra_session_expiry.test["b"]`] != "update" {
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

func TestSessionExpiry_EngineRenewsWhatItMayNotDestroyOrChange(t *testing.T) {
	t.Parallel()
	const ignoring = "lifecycle {\n prevent_destroy = true\n ignore_changes = [session_id, ttl_seconds, renew_before_seconds, renew_triggers, delete_on_destroy]\n }"
	f, c := newAppliedCLI(t, "renew_before_seconds = 3600\n renew_triggers = { a = \"1\" }\n delete_on_destroy = false\n"+ignoring)
	c.write(f.config(strings.Replace(expiryConfig(9999, "renew_before_seconds = 60\n renew_triggers = { a = \"2\" }\n"+ignoring), testSessionID, "another.session", 1)))
	if p := c.plan(); !strings.Contains(p.text, "No changes.") {
		t.Errorf("plan: %v\n%s", p.actions(), p.text)
	}
	f.clock.Advance(90 * time.Minute)
	c.run("apply", "-auto-approve")
	f.expectWrites(t, "POST "+testSessionPath)
	if got := c.values(expiryAddress)["expires_at"]; got != sinceStart(210*time.Minute) {
		t.Errorf("expires_at: %v", got)
	}
	if out := c.fail("destroy", "-auto-approve"); !strings.Contains(out, "prevent_destroy") {
		t.Errorf("destroy: %s", out)
	}
	// The lifetime that is ignored would be long enough for this lead time.
	c.write(f.config(expiryConfig(9999, "renew_before_seconds = 8000\n lifecycle {\n ignore_changes = [ttl_seconds]\n }")))
	if out := c.fail("plan"); !strings.Contains(out, "renew_before_seconds (8000) must be smaller than ttl_seconds (7200)") {
		t.Errorf("plan: %s", out)
	}
	f.expectWrites(t)
}
