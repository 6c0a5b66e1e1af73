package provider_test

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

const planCommand, applyCommand = "plan", "apply -auto-approve"

// TestSessionEphemeral_FailedRunLeavesNoSession: engines never close an ephemeral
// resource when a run fails. The provider runs in a process of its own, which the
// engine ends as it does for users.
func TestSessionEphemeral_FailedRunLeavesNoSession(t *testing.T) {
	t.Parallel()
	needs(t, ephemeralResources)
	const open = "\nephemeral \"palabra_session\" \"test\" {}\n"
	for name, test := range map[string]struct {
		command, config, want string
	}{
		"local-exec fails": {applyCommand, open + `
resource "terraform_data" "step" {
  provisioner "local-exec" {
    command     = "exit 3"
    environment = { ROOM = ephemeral.palabra_session.test.webrtc_room_name }
  }
}`, "exit status 3"},
		"postcondition fails in plan": {planCommand, `
ephemeral "palabra_session" "test" {
  lifecycle {
    postcondition {
      condition     = self.ws_url == "never"
      error_message = "for the test"
    }
  }
}`, "for the test"},
		"sibling cannot be opened": {planCommand, open + `
ephemeral "palabra_session" "second" {
  depends_on = [ephemeral.palabra_session.test]
}
ephemeral "palabra_session" "third" {
  depends_on = [ephemeral.palabra_session.second]
}`, "Unable to open session"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, func(o *sandbox.Options) { o.SessionLimit = 2 })
			w := newProcessCLI(t)
			w.write(f.config(test.config))
			// Two runs fill an account of two sessions, if each leaves one behind.
			for range 2 {
				out, ok := w.try(append(strings.Fields(test.command), "-input=false")...)
				if ok || !strings.Contains(out, test.want) {
					t.Fatalf("the run did not fail for %q:\n%s", test.want, out)
				}
				f.expectNoneLeft(t, out)
			}
		})
	}
}

// TestSessionEphemeral_InterruptedRunLeavesNoSession, wherever the interrupt hits
// the run.
func TestSessionEphemeral_InterruptedRunLeavesNoSession(t *testing.T) {
	t.Parallel()
	needs(t, ephemeralResources)
	const config = `
ephemeral "palabra_session" "test" {}

resource "terraform_data" "step" {
  provisioner "local-exec" {
    command     = "touch started; exec sleep 600"
    environment = { ROOM = ephemeral.palabra_session.test.webrtc_room_name }
  }
}`
	for name, fault := range map[string]sandbox.Fault{
		"create in plan":   {Operation: sandbox.OperationCreate},
		"create in apply":  {Operation: sandbox.OperationCreate, Skip: 1},
		"write in apply":   {Operation: sandbox.OperationExpiry, Skip: 1},
		"read in apply":    {Operation: sandbox.OperationGet, Skip: 1},
		"close after plan": {Operation: sandbox.OperationDelete},
		"local-exec":       {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			w := newProcessCLI(t)
			w.write(f.config(config))
			cmd, _ := w.command("apply", "-auto-approve", "-input=false")
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			begun := make(chan struct{})
			interrupt := func() {
				<-begun
				if err := cmd.Process.Signal(os.Interrupt); err != nil {
					t.Error(err)
				}
			}
			if fault.Operation != "" {
				// The interrupt and the answer race; neither order may leave a session.
				fault.Count, fault.Effect = 1, func(w http.ResponseWriter, r *http.Request, api http.Handler) {
					interrupt()
					api.ServeHTTP(w, r)
				}
				f.Inject(fault)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			close(begun)
			if fault.Operation == "" {
				w.await("started")
				interrupt()
			}
			if err := cmd.Wait(); err == nil {
				t.Errorf("the interrupted run succeeded:\n%s", out.String())
			}
			f.expectNoneLeft(t, out.String())
		})
	}
}

// TestSessionEphemeral_FailedRunOfTheReleasedCommandLeavesNoSession: the other
// tests serve the provider from the test's own executable.
func TestSessionEphemeral_FailedRunOfTheReleasedCommandLeavesNoSession(t *testing.T) {
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
	out, ok := w.try("plan", "-input=false")
	if ok || !strings.Contains(out, "for the test") {
		t.Fatalf("the run did not fail for the postcondition:\n%s", out)
	}
	f.expectNoneLeft(t, out)
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

// TestSessionEphemeral_OpeningInAPlanHidesNoConflict: an opening writes, and a
// plan is still a plan after it.
func TestSessionEphemeral_OpeningInAPlanHidesNoConflict(t *testing.T) {
	t.Parallel()
	needs(t, ephemeralResources)
	f := newFixture(t)
	f.putSession(testSessionID, time.Hour)
	w := newProcessCLI(t)
	config := func(name string) string {
		return f.config(`
ephemeral "palabra_session" "test" {}

resource "palabra_session_expiry" "` + name + `" {
  session_id  = "` + testSessionID + `"
  ttl_seconds = 3600
  depends_on  = [ephemeral.palabra_session.test]
}`)
	}
	w.write(config("before"))
	if out, ok := w.try("apply", "-auto-approve", "-input=false"); !ok {
		t.Fatal(out)
	}
	w.write(config("after"))
	if out, ok := w.try("plan", "-input=false"); ok || !strings.Contains(out, "Plan deletes a session that it keeps") {
		t.Errorf("a rename without a moved block is planned:\n%s", out)
	}
}
