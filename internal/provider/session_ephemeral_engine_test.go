package provider_test

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
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

// build makes engines use the command of this module.
func (c *cli) build() {
	c.t.Helper()
	folder := c.t.TempDir()
	// Go takes a test's result from its cache unless a file changed that it read.
	if _, err := os.ReadFile("../../main.go"); err != nil {
		c.t.Fatal(err)
	}
	command := exec.CommandContext(c.t.Context(), "go", "build", "-o", filepath.Join(folder, pluginName), "../..") // #nosec G204 -- this module
	if out, err := command.CombinedOutput(); err != nil {
		c.t.Fatalf("go build: %v\n%s", err, out)
	}
	c.Env = append(c.Env, "TF_CLI_CONFIG_FILE="+overrideProvider(c.t, folder))
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

// interrupt applies, interrupts the engine at a moment, and returns what it
// said. An interrupted run has to fail.
func (c *cli) interrupt(out *watchedOutput, moment <-chan struct{}) (said string) {
	c.t.Helper()
	cmd, _ := c.command("apply", "-auto-approve", "-input=false")
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	<-moment
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		c.t.Error(err)
	}
	err := cmd.Wait()
	said = unwrap(out.all.String())
	if err == nil {
		c.t.Errorf("the interrupted run succeeded: %s", said)
	}
	return said
}

// watchedOutput tells when a text has been written to it.
type watchedOutput struct {
	all   bytes.Buffer
	text  string
	found chan struct{}
	once  sync.Once
}

func newWatchedOutput(text string) *watchedOutput {
	return &watchedOutput{text: text, found: make(chan struct{})}
}

func (o *watchedOutput) Write(p []byte) (int, error) {
	n, err := o.all.Write(p)
	if strings.Contains(o.all.String(), o.text) {
		o.once.Do(func() { close(o.found) })
	}
	return n, err
}
