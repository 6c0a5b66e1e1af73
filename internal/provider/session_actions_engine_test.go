package provider

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

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
    ttl_seconds = 7200
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

func TestPruneSessionsAction_EngineFailsAnInterruptedRun(t *testing.T) {
	t.Parallel()
	needs(t, listsAndActions)
	f := newPruneFixture(t)
	w := newProcessCLI(t)
	w.write(f.config(`
action "palabra_prune_sessions" "test" {
  config {
    id_prefix = "old-"
  }
}
` + triggerOf("prune_sessions")))
	// An engine that is interrupted reads no more progress, so it has to have read
	// what came before.
	out, underWay := newWatchedOutput("Deleted session old-1"), make(chan struct{})
	f.Inject(sandbox.Fault{Operation: sandbox.OperationDelete, SessionID: "old-2", Effect: interruptedBy(func() {
		<-out.found
		close(underWay)
	})})
	said := w.interrupt(out, underWay)
	for _, want := range []string{"Stopped pruning after 1 deletion", `The deletion of session "old-2" was under way`, "Not tried: old-3"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is missing in: %s", want, said)
		}
	}
	if strings.Contains(said, "Apply complete") {
		t.Errorf("the engine takes it for complete: %s", said)
	}
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
