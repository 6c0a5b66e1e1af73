package provider

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

const extendAction, deleteAction, pruneAction = "palabra_extend_session", "palabra_delete_session", "palabra_prune_sessions"

// everyAction is each action, with arguments that select testSessionID.
func everyAction() map[string]attributes {
	return map[string]attributes{
		extendAction: {"session_id": testSessionID, "ttl_seconds": 7200},
		deleteAction: {"session_id": testSessionID},
		pruneAction:  {"created_before": sinceStart(time.Hour)},
	}
}

func expectProgress(t *testing.T, progress []string, want ...string) {
	t.Helper()
	if got, want := strings.Join(progress, "\n"), strings.Join(want, "\n"); got != want {
		t.Errorf("progress:\n%s\nwant:\n%s", got, want)
	}
}

func TestSessionActions_PlanSendsNoRequest(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := newProtocol(t, f)
	for name, arguments := range everyAction() {
		expectNone(t, p.validateAction(name, arguments))
		expectNone(t, p.planAction(name, arguments))
	}
	f.expectCalls(t, "")
}

// TestSessionActions_RefusedCredentialsAreNotAMissingSession, even where the API
// answers them with 404.
func TestSessionActions_RefusedCredentialsAreNotAMissingSession(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *sandbox.Options) { o.BadCredentialsStatus = http.StatusNotFound })
	f.putSession(testSessionID, time.Hour)
	arguments := pairOf(f.url, testClientID)
	arguments["client_secret"] = "wrong"
	for name, selected := range everyAction() {
		// A provider of its own, which has not explained the refusal yet.
		progress, diags := newProtocolWith(t, arguments).invoke(t.Context(), name, selected)
		expectError(t, diags, "refused the credentials from", "client_secret")
		expectProgress(t, progress)
	}
}

func TestExtendSessionAction_ReportsWhatIsGranted(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		maxTTL   time.Duration
		reads    int // that are answered
		progress string
		warnings int
	}{
		{0, 2, "now expires at " + sinceStart(2*time.Hour), 0},
		{time.Hour, 2, "now expires at " + sinceStart(time.Hour), 1},
		{0, 1, "should now expire at " + sinceStart(2*time.Hour) + ", which was not read back", 1},
	} {
		f := newFixture(t, func(o *sandbox.Options) { o.MaxTTL = test.maxTTL })
		f.putSession(testSessionID, time.Minute)
		f.Inject(sandbox.Fault{Operation: sandbox.OperationGet, Skip: test.reads, Effect: sandbox.HTMLError(http.StatusBadGateway)})
		progress, diags := newProtocol(t, f).invoke(t.Context(), extendAction, everyAction()[extendAction])
		expectWarnings(t, diags, test.warnings)
		expectProgress(t, progress, "Session "+testSessionID+" "+test.progress)
		f.expectWrites(t, "POST "+testSessionID)
	}
}

// TestExtendSessionAction_NeverShortens: a session that lives longer is left alone.
func TestExtendSessionAction_NeverShortens(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.putSession(testSessionID, 29*24*time.Hour)
	progress, diags := newProtocol(t, f).invoke(t.Context(), extendAction, everyAction()[extendAction])
	expectNone(t, diags)
	expectProgress(t, progress, "Session "+testSessionID+" already lives longer, until "+sinceStart(29*24*time.Hour)+", so nothing was sent")
	f.expectWrites(t)
}

func TestDeleteSessionAction_MissingSessionIsNotAnError(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.putSession(testSessionID, time.Hour)
	p := newProtocol(t, f)
	for _, want := range []string{"Deleted session " + testSessionID, "Session " + testSessionID + " does not exist: it has ended, was deleted, or never existed"} {
		progress, diags := p.invoke(t.Context(), deleteAction, everyAction()[deleteAction])
		expectNone(t, diags)
		expectProgress(t, progress, want)
	}
	if left := f.sessionIDs(); len(left) > 0 {
		t.Errorf("sessions left: %q", left)
	}
}

// TestSessionActions_FailureIsExplained at the argument that names the session,
// and no progress claims what did not happen.
func TestSessionActions_FailureIsExplained(t *testing.T) {
	t.Parallel()
	answer := func(effect sandbox.Effect) func(func()) sandbox.Effect {
		return func(func()) sandbox.Effect { return effect }
	}
	notDone := answer(sandbox.Respond(http.StatusOK, "application/json", `{"ok":false,"errors":[{"detail":"not done"}]}`))
	tooLarge := answer(sandbox.NotOK(http.StatusUnprocessableEntity, "Validation error", "ttl_seconds is too large", 1))
	type row struct {
		action string
		effect func(interrupt func()) sandbox.Effect
		want   []string
		not    string
	}
	eachRow(t, map[string]row{
		"extend a missing session": {extendAction, answer(missingSession), []string{"Unable to extend session", "does not exist"}, "interrupted"},
		"extend refused":           {extendAction, tooLarge, []string{"Validation error", "ttl_seconds is too large"}, "status of the Palabra service"},
		"extend not done":          {extendAction, notDone, []string{"Unable to extend session", "not done"}, "interrupted"},
		"extend interrupted":       {extendAction, interruptedBy, []string{"may have got the new lifetime"}, "nothing has to be repaired"},
		"delete not done":          {deleteAction, notDone, []string{"Unable to delete session", "not done"}, "interrupted"},
		"delete interrupted":       {deleteAction, interruptedBy, []string{"may be deleted already"}, "nothing has to be repaired"},
	}, func(t *testing.T, test row) {
		f := newFixture(t)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		f.putSession(testSessionID, time.Minute)
		f.Inject(sandbox.Fault{SessionID: testSessionID, Skip: strings.Count(test.action, "extend"), Effect: test.effect(cancel)})
		progress, diags := newProtocol(t, f).invoke(ctx, test.action, everyAction()[test.action])
		expectError(t, diags, append(test.want, testSessionID)...)
		expectProgress(t, progress)
		if text := diagnosticText(diags); diags[0].Attribute.String() != `AttributeName("session_id")` || strings.Contains(text, test.not) {
			t.Errorf("at %v, want it at session_id and without %q: %s", diags[0].Attribute, test.not, text)
		}
	})
}

func TestSessionActions_EngineInvokesThem(t *testing.T) {
	t.Parallel()
	needs(t, listsAndActions)
	f, c := newPruneFixture(t), newCLI(t)
	c.write(f.config(`
action "palabra_extend_session" "test" {
  config {
    session_id  = "new-1"
    ttl_seconds = 60 * 24 * 3600
  }
}
action "palabra_delete_session" "test" {
  config { session_id = "new-2" }
}
action "palabra_prune_sessions" "test" {
  config {
    id_prefix   = "old-"
    exclude_ids = ["old-2"]
  }
}
` + triggerOf("action.palabra_extend_session.test, action.palabra_delete_session.test, action.palabra_prune_sessions.test")))
	c.run("apply", "-auto-approve")
	f.expectWrites(t, "POST new-1", "DELETE new-2", "DELETE old-1", "DELETE old-3")
}

// triggerOf invokes these actions in an apply.
func triggerOf(actions string) string {
	return `
resource "terraform_data" "step" {
  lifecycle {
    action_trigger {
      events  = [after_create]
      actions = [` + actions + `]
    }
  }
}`
}

func TestSessionList_EngineQueriesSessions(t *testing.T) {
	t.Parallel()
	needs(t, listsAndActions)
	f, c := newPruneFixture(t), newCLI(t)
	c.write(f.config(""))
	query := `
list "palabra_session_expiry" "test" {
  provider         = palabra
  include_resource = true
  limit            = 2

  config {
    id_prefix = "old-"
  }
}`
	if err := os.WriteFile(filepath.Join(c.Dir, "sessions.tfquery.hcl"), []byte(query), 0o600); err != nil {
		t.Fatal(err)
	}
	said := c.run("query", "-generate-config-out=generated.tf")
	for id, want := range map[string]bool{"old-1": true, "old-2": true, "old-3": false, "new-1": false} {
		if strings.Contains(said, id) != want || strings.Contains(c.read("generated.tf"), id) != want {
			t.Errorf("%s is listed, want it: %t:\n%s\n%s", id, want, said, c.read("generated.tf"))
		}
	}
	f.expectWrites(t)
}
