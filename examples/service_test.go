package examples_test

import (
	"bufio"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// serviceFolder has the suites that users run against the sandbox of a release.
var serviceFolder = filepath.Join("guides", "test-your-modules")

// TestService_RunsTheSuitesOfTheGuide starts the sandbox as pipelines do: as a
// process, without the repository.
func TestService_RunsTheSuitesOfTheGuide(t *testing.T) {
	t.Parallel()
	address := startSandbox(t)
	for _, id := range []string{"test-user.fec6b8fa.af4d2d22", "test-user.30d7f63e.9e77c70e", "58347ae0-8a5d-41cf-96d9-166b550b3335.b0327ccf.3c0742bc"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+"/sandbox/put?id="+url.QueryEscape(id), nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("put %s: %s", id, resp.Status)
		}
	}
	newExample(t, serviceFolder, "PALABRA_API_URL="+address, "PALABRA_API_KEY="+sandbox.DefaultAPIKey).try()
}

// startSandbox builds the sandbox as for a release, starts it in an empty folder,
// and returns its address.
func startSandbox(t *testing.T) string {
	t.Helper()
	command := filepath.Join(t.TempDir(), "palabra-sandbox")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", command, "../internal/cmd/palabra-sandbox").CombinedOutput(); err != nil { // #nosec G204 -- the project's own command
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.CommandContext(t.Context(), command, "--addr", "127.0.0.1:0", "--control") // #nosec G204 -- the project's own command
	cmd.Dir = t.TempDir()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// The end of the test's context has killed the process.
	t.Cleanup(func() { _ = cmd.Wait() })
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if address, ok := strings.CutPrefix(lines.Text(), "export PALABRA_API_URL="); ok {
			go func() {
				for lines.Scan() { // A full pipe would block the sandbox.
				}
			}()
			return address
		}
	}
	t.Fatalf("the sandbox printed no address: %v", lines.Err())
	return ""
}
