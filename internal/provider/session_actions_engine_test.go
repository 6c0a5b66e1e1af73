package provider_test

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/querycheck"
	"github.com/hashicorp/terraform-plugin-testing/querycheck/queryfilter"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// runNewerSteps runs steps that need actions or "terraform query". Engines
// without them skip the test; the tests through the protocol cover the same
// there.
func runNewerSteps(t *testing.T, steps ...resource.TestStep) {
	t.Helper()
	needs(t, listsAndActions)
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		Steps:                    steps,
	})
}

// triggered is an action that the creation of a resource invokes.
func triggered(action, arguments string) string {
	return fmt.Sprintf(`
action %[1]q "test" {
  config {
    %[2]s
  }
}

resource "terraform_data" "trigger" {
  lifecycle {
    action_trigger {
      events  = [after_create]
      actions = [action.%[1]s.test]
    }
  }
}
`, action, arguments)
}

func TestExtendAction_EngineInvokesIt(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.putSession(testSessionID, time.Hour)
	runNewerSteps(t, resource.TestStep{
		Config: f.config(triggered("palabra_extend_session", fmt.Sprintf("session_id = %q\n    ttl_seconds = 7200", testSessionID))),
		PostApplyFunc: func() {
			f.expectWrites(t, "POST /sessions/"+testSessionID)
		},
	})
}

func TestDeleteAction_EngineInvokesIt(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.putSession(testSessionID, time.Hour)
	runNewerSteps(t, resource.TestStep{
		Config: f.config(triggered("palabra_delete_session", fmt.Sprintf("session_id = %q", testSessionID))),
		PostApplyFunc: func() {
			f.expectWrites(t, "DELETE /sessions/"+testSessionID)
		},
	})
}

func TestPruneSessions_EngineInvokesIt(t *testing.T) {
	t.Parallel()
	f := newPruneFixture(t)
	runNewerSteps(t, resource.TestStep{
		Config: f.config(triggered("palabra_prune_sessions", `id_prefix = "old-"
    exclude_ids = ["old-2"]`)),
		PostApplyFunc: func() {
			if left := f.sessionIDs(); !slices.Equal(left, []string{"old-2", "new-1", "new-2"}) {
				t.Errorf("left: %q", left)
			}
		},
	})
}

func TestPruneSessions_EngineRefusesToPruneWithoutAFilter(t *testing.T) {
	t.Parallel()
	f := newPruneFixture(t)
	runNewerSteps(t, resource.TestStep{
		Config:      f.config(`variable "prefix" { default = "" }` + triggered("palabra_prune_sessions", `id_prefix = var.prefix`)),
		ExpectError: words("No filter"),
	})
	f.expectWrites(t)
}

func TestSessionList_EngineQueriesSessions(t *testing.T) {
	t.Parallel()
	for _, typeName := range listTypes {
		t.Run(typeName, func(t *testing.T) {
			t.Parallel()
			f := newPruneFixture(t)
			address := typeName + ".test"
			named := func(id string) map[string]knownvalue.Check {
				return map[string]knownvalue.Check{"session_id": knownvalue.StringExact(id)}
			}
			runNewerSteps(t,
				// A query needs a folder whose provider is installed.
				resource.TestStep{Config: f.config(`data "palabra_session" "any" { id = "old-1" }`)},
				resource.TestStep{
					Query: true,
					// The provider's block is still in the folder, from the step before.
					Config: fmt.Sprintf(`
list %q "test" {
  provider         = palabra
  include_resource = true
  limit            = 2

  config {
    id_prefix = "old-"
  }
}`, typeName),
					QueryResultChecks: []querycheck.QueryResultCheck{
						querycheck.ExpectLength(address, 2),
						querycheck.ExpectIdentity(address, named("old-1")),
						querycheck.ExpectIdentity(address, named("old-2")),
						querycheck.ExpectNoIdentity(address, named("old-3")),
						querycheck.ExpectResourceKnownValues(address, queryfilter.ByResourceIdentity(named("old-1")), []querycheck.KnownValueCheck{
							{Path: tfjsonpath.New("expires_at"), KnownValue: knownvalue.StringExact(sinceStart(24 * time.Hour))},
						}),
					},
				},
			)
		})
	}
}

// TestPruneSessions_InterruptedRunFails: it must not end with "Apply complete!". The
// provider runs in a process of its own, as for users.
func TestPruneSessions_InterruptedRunFails(t *testing.T) {
	t.Parallel()
	needs(t, listsAndActions)
	f := newPruneFixture(t)
	w := newProcessCLI(t)
	w.write(f.config(triggered("palabra_prune_sessions", `id_prefix = "old-"`)))
	cmd, _ := w.command("apply", "-auto-approve", "-input=false")
	out := &waitingBuffer{text: "Deleted session old-1", found: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = out, out
	f.Inject(sandbox.Fault{Operation: sandbox.OperationDelete, SessionID: "old-2", Effect: interruptedBy(func() {
		// Once interrupted, the engine reads no more progress.
		<-out.found
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
	})})
	if err := cmd.Run(); err == nil {
		t.Error("the interrupted run succeeded")
	}
	said := unwrap(out.all.String())
	for _, want := range []string{"Stopped pruning after 1 deletion", `The deletion of session "old-2" was under way`, "Not tried: old-3"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is missing in: %s", want, said)
		}
	}
	if strings.Contains(said, "Apply complete") {
		t.Errorf("the engine takes it for complete: %s", said)
	}
}

// waitingBuffer tells when a text has been written to it.
type waitingBuffer struct {
	all   bytes.Buffer
	text  string
	found chan struct{}
	once  sync.Once
}

func (b *waitingBuffer) Write(p []byte) (int, error) {
	n, err := b.all.Write(p)
	if strings.Contains(b.all.String(), b.text) {
		b.once.Do(func() { close(b.found) })
	}
	return n, err
}
