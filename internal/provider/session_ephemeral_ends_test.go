package provider_test

import (
	"bytes"
	"fmt"
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
			w := newWorkspace(t)
			w.write(f.config(test.config))
			// Two runs fill an account of two sessions, if each leaves one behind.
			for range 2 {
				out, ok := w.try(append(strings.Fields(test.command), "-input=false", "-no-color")...)
				if ok || !strings.Contains(unwrap(out), test.want) {
					t.Fatalf("the run did not fail for %q:\n%s", test.want, out)
				}
				f.expectNoneLeft(t, out)
			}
		})
	}
}

// expectNoneLeft checks that a run has created sessions, and that none is left.
func (f *fixture) expectNoneLeft(t *testing.T, out string) {
	t.Helper()
	created := 0
	for _, request := range f.Requests() {
		if request.Method == http.MethodPost && request.SessionID == "" && request.Status == http.StatusCreated {
			created++
		}
	}
	if left := f.sessionIDs(); created == 0 || len(left) > 0 {
		t.Errorf("%d sessions created, left: %q\n%s", created, left, out)
	}
	f.ResetRequests()
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
			w := newWorkspace(t)
			w.write(f.config(config))
			cmd := w.command("apply", "-auto-approve", "-input=false", "-no-color")
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			interrupt := func() {
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

// await waits for a file in the workspace.
func (w *workspace) await(name string) {
	w.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := os.Stat(w.dir + "/" + name); err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-w.t.Context().Done():
			w.t.Fatal("the run ended before the file was written")
		}
	}
}

// TestSessionEphemeral_FailedRunOfTheReleasedCommandLeavesNoSession: the other
// tests serve the provider from the test's own executable.
func TestSessionEphemeral_FailedRunOfTheReleasedCommandLeavesNoSession(t *testing.T) {
	t.Parallel()
	needs(t, ephemeralResources)
	f := newFixture(t)
	w := newWorkspace(t)
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
	out, ok := w.try("plan", "-input=false", "-no-color")
	if ok || !strings.Contains(unwrap(out), "for the test") {
		t.Fatalf("the run did not fail for the postcondition:\n%s", out)
	}
	f.expectNoneLeft(t, out)
}

// build makes engines use the command of this module.
func (w *workspace) build() {
	w.t.Helper()
	folder := w.t.TempDir()
	// Go takes a test's result from its cache unless a file changed that it read.
	if _, err := os.ReadFile("../../main.go"); err != nil {
		w.t.Fatal(err)
	}
	command := exec.CommandContext(w.t.Context(), "go", "build", "-o", filepath.Join(folder, pluginName), "../..") // #nosec G204 -- this module
	if out, err := command.CombinedOutput(); err != nil {
		w.t.Fatalf("go build: %v\n%s", err, out)
	}
	rc := filepath.Join(folder, "cli.tfrc")
	w.writeTo(rc, fmt.Sprintf("provider_installation {\n  dev_overrides {\n    \"palabra-community/palabra\" = %q\n  }\n  direct {}\n}\n", folder))
	w.env = append(w.env, "TF_CLI_CONFIG_FILE="+rc)
}

// TestSessionEphemeral_OpeningInAPlanHidesNoConflict: an opening writes, and a
// plan is still a plan after it.
func TestSessionEphemeral_OpeningInAPlanHidesNoConflict(t *testing.T) {
	t.Parallel()
	needs(t, ephemeralResources)
	f := newFixture(t)
	f.putSession(testSessionID, time.Hour)
	w := newWorkspace(t)
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
	if out, ok := w.try("apply", "-auto-approve", "-input=false", "-no-color"); !ok {
		t.Fatal(out)
	}
	w.write(config("after"))
	if out, ok := w.try("plan", "-input=false", "-no-color"); ok || !strings.Contains(unwrap(out), "Plan deletes a session that it keeps") {
		t.Errorf("a rename without a moved block is planned:\n%s", out)
	}
}
