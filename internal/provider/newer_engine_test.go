package provider_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/querycheck"
	"github.com/hashicorp/terraform-plugin-testing/querycheck/queryfilter"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"
)

// runNewerSteps runs steps that need actions or "terraform query". Engines
// without them skip the test; the tests through the protocol cover the same
// there.
func runNewerSteps(t *testing.T, steps ...resource.TestStep) {
	t.Helper()
	resource.Test(t, resource.TestCase{
		TerraformVersionChecks:   []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_14_0)},
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

func TestEngineInvokesTheExtendAction(t *testing.T) {
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

func TestEngineInvokesTheDeleteAction(t *testing.T) {
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

func TestEngineInvokesThePruneAction(t *testing.T) {
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

func TestEngineRefusesToPruneWithoutAFilter(t *testing.T) {
	t.Parallel()
	f := newPruneFixture(t)
	runNewerSteps(t, resource.TestStep{
		Config:      f.config(`variable "prefix" { default = "" }` + triggered("palabra_prune_sessions", `id_prefix = var.prefix`)),
		ExpectError: words("No filter"),
	})
	f.expectWrites(t)
}

func TestEngineQueriesSessions(t *testing.T) {
	t.Parallel()
	for typeName, identity := range listTypes {
		t.Run(typeName, func(t *testing.T) {
			t.Parallel()
			f := newPruneFixture(t)
			address := typeName + ".test"
			named := func(id string) map[string]knownvalue.Check {
				return map[string]knownvalue.Check{identity: knownvalue.StringExact(id)}
			}
			runNewerSteps(t,
				// A query needs a folder whose provider is installed.
				resource.TestStep{Config: f.config(`data "palabra_session" "any" { id = "old-1" }`)},
				resource.TestStep{
					Query: true,
					Config: f.config(fmt.Sprintf(`
list %q "test" {
  provider         = palabra
  include_resource = true
  limit            = 2

  config {
    id_prefix = "old-"
  }
}`, typeName)),
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
