package provider_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/querycheck"
	"github.com/hashicorp/terraform-plugin-testing/querycheck/queryfilter"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

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
	f := newPruneFixture(t)
	runSteps(t, resource.TestStep{
		Config: f.config(`
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

` + triggerOf("extend_session", "delete_session", "prune_sessions")),
		PostApplyFunc: func() {
			f.expectWrites(t, "POST new-1", "DELETE new-2", "DELETE old-1", "DELETE old-3")
		},
	})
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
	f := newPruneFixture(t)
	const address = "palabra_session_expiry.test"
	named := func(id string) map[string]knownvalue.Check {
		return map[string]knownvalue.Check{"session_id": knownvalue.StringExact(id)}
	}
	runSteps(t,
		// A query needs a folder whose provider is installed.
		resource.TestStep{Config: f.config(`data "palabra_session" "any" { id = "old-1" }`)},
		resource.TestStep{
			Query: true,
			// The provider's block is still in the folder, from the step before.
			Config: `
list "palabra_session_expiry" "test" {
  provider         = palabra
  include_resource = true
  limit            = 2

  config {
    id_prefix = "old-"
  }
}`,
			QueryResultChecks: []querycheck.QueryResultCheck{
				querycheck.ExpectLength(address, 2),
				querycheck.ExpectIdentity(address, named("old-1")),
				querycheck.ExpectIdentity(address, named("old-2")),
				querycheck.ExpectResourceKnownValues(address, queryfilter.ByResourceIdentity(named("old-1")), []querycheck.KnownValueCheck{
					{Path: tfjsonpath.New("expires_at"), KnownValue: knownvalue.StringExact(sinceStart(24 * time.Hour))},
				}),
			},
		},
	)
}
