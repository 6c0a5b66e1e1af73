package provider_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/echoprovider"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// TestSessionEphemeral_EngineOpensAndCloses in each phase of a run. The echo
// provider stores what its configuration contains.
func TestSessionEphemeral_EngineOpensAndCloses(t *testing.T) {
	t.Parallel()
	needs(t, ephemeralResources)
	f := newFixture(t)
	factories := protoV6Factories()
	factories["echo"] = echoprovider.NewProviderServer()
	data := tfjsonpath.New("data")
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{{
			Config: f.config(`
ephemeral "palabra_session" "test" {
  subscriber_count = 2
}

provider "echo" {
  data = ephemeral.palabra_session.test
}

resource "echo" "test" {}
`),
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue("echo.test", data.AtMapKey("publisher_token"), knownvalue.NotNull()),
				statecheck.ExpectKnownValue("echo.test", data.AtMapKey("subscriber_tokens"), knownvalue.ListSizeExact(2)),
				statecheck.ExpectKnownValue("echo.test", data.AtMapKey("expires_at"), knownvalue.StringExact(sinceStart(10*time.Minute))),
			},
		}},
	})
	f.expectNoneLeft(t, "")
}

// TestSessionEphemeral_FailedRunLeavesNoSession: engines never close an ephemeral
// resource when a run fails. The provider is the released command.
func TestSessionEphemeral_FailedRunLeavesNoSession(t *testing.T) {
	t.Parallel()
	needs(t, ephemeralResources)
	f := newFixture(t)
	w := newProcessCLI(t)
	w.build()
	w.write(f.config(`
ephemeral "palabra_session" "test" {
  lifecycle {
    postcondition {
      condition     = self.ws_url == "never"
      error_message = "for the test"
    }
  }
}`))
	said := w.fail("plan", "-input=false")
	if !strings.Contains(said, "for the test") {
		t.Errorf("the run did not fail for the postcondition: %s", said)
	}
	f.expectNoneLeft(t, said)
}

func TestSessionEphemeral_InterruptedRunLeavesNoSession(t *testing.T) {
	t.Parallel()
	needs(t, ephemeralResources)
	const config = `
ephemeral "palabra_session" "test" {}

resource "terraform_data" "step" {
  provisioner "local-exec" {
    command     = "exec sleep 600"
    environment = { ROOM = ephemeral.palabra_session.test.webrtc_room_name }
  }
}`
	t.Run("during a create", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		w := newProcessCLI(t)
		w.write(f.config(config))
		creating := make(chan struct{})
		// The interrupt and the answer race. Neither order may leave a session.
		f.Inject(sandbox.Fault{Operation: sandbox.OperationCreate, Count: 1, Effect: func(w http.ResponseWriter, r *http.Request, api http.Handler) {
			close(creating)
			api.ServeHTTP(w, r)
		}})
		f.expectNoneLeft(t, w.interrupt(newWatchedOutput(""), creating))
	})
	t.Run("while a session is open", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		w := newProcessCLI(t)
		w.write(f.config(config))
		out := newWatchedOutput("Provisioning with 'local-exec'")
		f.expectNoneLeft(t, w.interrupt(out, out.found))
	})
}
