// Package pipelines tests the files of examples/pipelines: the gate on recorded
// plans, and the commands of each pipeline night after night.
package pipelines

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine"
	// So that a change of the provider invalidates the tests' cached results.
	_ "github.com/palabra-community/terraform-provider-palabra/internal/provider"
	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

const (
	moduleRoot = "../.."
	kitFolder  = moduleRoot + "/examples/pipelines"
	apiKey     = "plbr_test-api-key-77aa"
)

// start is the first time of the sandbox's clock. It is not now, so that a pipeline
// that uses the wall clock fails.
var start = time.Date(2031, time.March, 14, 2, 17, 0, 0, time.UTC)

// prepared is built once: the provider as from a registry, and gojq, which every
// machine with Go can build.
var prepared struct {
	engine.Workspace
	jq string
}

func TestMain(m *testing.M) {
	engine.RunTests(m, func(ctx context.Context, dir string) (err error) {
		prepared.jq = filepath.Join(dir, "jq")
		jq := exec.CommandContext(ctx, "go", "build", "-o", prepared.jq, "github.com/itchyny/gojq/cmd/gojq")
		jq.Dir = filepath.Join(moduleRoot, "tools", "pipelines")
		if out, err := jq.CombinedOutput(); err != nil {
			return fmt.Errorf("build jq: %w\n%s", err, out)
		}
		prepared.Workspace, err = engine.Prepare(ctx, dir)
		return err
	})
}

// workspace is a folder in which an engine and the kit's commands run against a
// sandbox whose clock only the test moves.
type workspace struct {
	t *testing.T
	engine.Workspace
	*sandbox.Sandbox
	clock *sandbox.Clock
}

func newWorkspace(t *testing.T) *workspace {
	t.Helper()
	clock := sandbox.NewClock(start)
	api := engine.ServeTest(t, sandbox.Options{APIKey: apiKey, Now: clock.Now}, "")
	return &workspace{t: t, Workspace: prepared.In(t.TempDir(), api.Env()...), Sandbox: api.Sandbox, clock: clock}
}

// putSession stores a session that was created at the clock's present time.
func (w *workspace) putSession(id string, ttl time.Duration) {
	now := w.clock.Now()
	w.Put(sandbox.Session{ID: id, CreatedAt: now, UpdatedAt: now, ExpiresAt: now.Add(ttl)})
}

func (w *workspace) write(name, content string) {
	w.t.Helper()
	writeFile(w.t, filepath.Join(w.Dir, name), content)
}

// result is the output of a command, both streams together, and its exit code.
type result struct {
	output string
	code   int
}

func (w *workspace) run(name string, args ...string) result {
	w.t.Helper()
	cmd := exec.CommandContext(w.t.Context(), name, args...) // #nosec G204 -- the kit's own commands
	cmd.Dir, cmd.Env = w.Dir, w.Env
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		w.t.Fatal(err)
	}
	return result{out.String(), cmd.ProcessState.ExitCode()}
}

// engineRun runs an engine command that must succeed, and returns its output.
func (w *workspace) engineRun(args ...string) string {
	w.t.Helper()
	return w.MustRun(w.t, args...)
}

// writes returns the calls that change something, in order of their paths.
func (w *workspace) writes() []string {
	var writes []string
	for _, request := range w.Requests() {
		if request.Method != "GET" {
			writes = append(writes, request.Method+" "+strings.TrimPrefix(request.Path, "/session-storage"))
		}
	}
	slices.Sort(writes)
	return writes
}
