package provider

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
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
