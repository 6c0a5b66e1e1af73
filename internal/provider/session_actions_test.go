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
	for name, arguments := range everyAction() {
		// A provider of its own, which has not explained the refusal yet.
		p := newProtocolWith(t, attributes{"endpoint": f.url, "client_id": testClientID, "client_secret": "wrong", "max_retries": 0})
		progress, diags := p.invoke(t.Context(), name, arguments)
		expectError(t, diags, "refused the credentials from", "client_secret")
		expectProgress(t, progress)
	}
}

func TestExtendSessionAction_ReportsWhatIsGranted(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		maxTTL   time.Duration
		read     sandbox.Effect
		progress string
		warnings int
	}{
		"as asked":      {progress: "now expires at " + sinceStart(2*time.Hour)},
		"less":          {maxTTL: time.Hour, progress: "now expires at " + sinceStart(time.Hour), warnings: 1},
		"not read back": {read: sandbox.HTMLError(http.StatusBadGateway), progress: "should now expire at " + sinceStart(2*time.Hour) + ", which was not read back", warnings: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, func(o *sandbox.Options) { o.MaxTTL = test.maxTTL })
			f.putSession(testSessionID, time.Minute)
			if test.read != nil {
				f.Inject(sandbox.Fault{Operation: sandbox.OperationGet, Skip: 1, Effect: test.read})
			}
			progress, diags := newProtocol(t, f).invoke(t.Context(), extendAction, everyAction()[extendAction])
			expectWarnings(t, diags, test.warnings)
			expectProgress(t, progress, "Session "+testSessionID+" "+test.progress)
			f.expectWrites(t, "POST "+testSessionID)
		})
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
	answer := func(status int, body string) func(func()) sandbox.Effect {
		return func(func()) sandbox.Effect { return sandbox.Respond(status, "application/json", body) }
	}
	refused := answer(http.StatusUnprocessableEntity, `{"ok":false,"errors":[{"title":"Validation error","detail":"ttl_seconds is too large","status":422}]}`)
	notDone := answer(http.StatusOK, `{"ok":false,"errors":[{"detail":"not done"}]}`)
	for name, test := range map[string]struct {
		action string
		effect func(interrupt func()) sandbox.Effect
		want   []string
		not    string
	}{
		"extend a missing session": {extendAction, answer(http.StatusNotFound, `{}`), []string{"Unable to extend session", "does not exist"}, "interrupted"},
		"extend refused":           {extendAction, refused, []string{"Validation error", "ttl_seconds is too large"}, "status of the Palabra service"},
		"extend not done":          {extendAction, notDone, []string{"Unable to extend session", "not done"}, "interrupted"},
		"extend interrupted":       {extendAction, interruptedBy, []string{"may have got the new lifetime"}, "nothing has to be repaired"},
		"delete not done":          {deleteAction, notDone, []string{"Unable to delete session", "not done"}, "interrupted"},
		"delete interrupted":       {deleteAction, interruptedBy, []string{"may be deleted already"}, "nothing has to be repaired"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			f.putSession(testSessionID, time.Minute)
			for _, operation := range []sandbox.Operation{sandbox.OperationExpiry, sandbox.OperationDelete} {
				f.Inject(sandbox.Fault{Operation: operation, Effect: test.effect(cancel)})
			}
			progress, diags := newProtocol(t, f).invoke(ctx, test.action, everyAction()[test.action])
			expectError(t, diags, append(test.want, testSessionID)...)
			expectProgress(t, progress)
			if len(diags) > 0 && diags[0].Attribute.String() != `AttributeName("session_id")` {
				t.Errorf("attribute: %v, want session_id", diags[0].Attribute)
			}
			if strings.Contains(diagnosticText(diags), test.not) {
				t.Errorf("%q is in: %s", test.not, diagnosticText(diags))
			}
		})
	}
}

// triggerOf invokes these actions in an apply.
func triggerOf(actions ...string) string {
	for i, name := range actions {
		actions[i] = "action.palabra_" + name + ".test"
	}
	return `
resource "terraform_data" "trigger" {
  lifecycle {
    action_trigger {
      events  = [after_create]
      actions = [` + strings.Join(actions, ", ") + `]
    }
  }
}
`
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
  config {
    session_id = "new-2"
  }
}

action "palabra_prune_sessions" "test" {
  config {
    id_prefix   = "old-"
    exclude_ids = ["old-2"]
  }
}

` + triggerOf("extend_session", "delete_session", "prune_sessions")))
	c.run("apply", "-auto-approve")
	f.expectWrites(t, "POST new-1", "DELETE new-2", "DELETE old-1", "DELETE old-3")
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
