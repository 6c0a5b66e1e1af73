// Package pipelines tests what is shipped in examples/pipelines: the gate on
// recorded plans, and the commands of each pipeline through thirty nights.
package pipelines

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine"
	// The go command is to run these again when the provider has changed.
	_ "github.com/palabra-community/terraform-provider-palabra/internal/provider"
	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

const (
	moduleRoot = "../.."
	kitFolder  = moduleRoot + "/examples/pipelines"
	apiKey     = "plbr_test-api-key-77aa"
)

// start is when the sandbox's clock starts: a time that is not now, so that a
// wall clock in a pipeline shows.
var start = time.Date(2031, time.March, 14, 2, 17, 0, 0, time.UTC)

// tools are built once: jq of Go, which every machine that runs the tests can
// build, and the provider as from a registry.
type tools struct {
	dir    string
	jq     string
	engine engine.Engine
	// environment is all of it, but for where the API is.
	environment []string
}

var shared struct {
	once sync.Once
	tools
	err error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.dir != "" {
		_ = os.RemoveAll(shared.dir)
	}
	os.Exit(code)
}

func needTools(t *testing.T) tools {
	t.Helper()
	shared.once.Do(func() { shared.err = shared.build(context.Background()) })
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.tools
}

func (k *tools) build(ctx context.Context) (err error) {
	if k.dir, err = os.MkdirTemp("", "pipelines-"); err != nil {
		return err
	}
	k.jq = filepath.Join(k.dir, "jq")
	jq := exec.CommandContext(ctx, "go", "build", "-o", k.jq, "github.com/itchyny/gojq/cmd/gojq") // #nosec G204 -- fixed but for the folder
	jq.Dir = filepath.Join(moduleRoot, "tools", "pipelines")
	if out, err := jq.CombinedOutput(); err != nil {
		return fmt.Errorf("build jq: %w\n%s", err, out)
	}
	if k.environment, err = engine.Provider(ctx, k.dir, "0.0.1"); err != nil {
		return err
	}
	k.engine, err = engine.Find(ctx)
	return err
}

// workspace is a folder in which an engine and the kit's commands run against a
// sandbox whose clock only the test moves.
type workspace struct {
	t   *testing.T
	dir string
	tools
	*engine.API
	clock *sandbox.Clock
	// env is added to every command.
	env []string
}

func newWorkspace(t *testing.T) *workspace {
	t.Helper()
	w := &workspace{t: t, dir: t.TempDir(), tools: needTools(t), clock: sandbox.NewClock(start)}
	api, err := engine.Serve(sandbox.Options{APIKey: apiKey, Now: w.clock.Now}, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(api.Close)
	w.API, w.env = api, api.Env()
	return w
}

// putSession stores a session that was created at the clock's present time.
func (w *workspace) putSession(id string, ttl time.Duration) {
	now := w.clock.Now()
	w.Put(sandbox.Session{ID: id, CreatedAt: now, UpdatedAt: now, ExpiresAt: now.Add(ttl)})
}

func (w *workspace) write(name, content string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(content), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// result is what a command printed, both streams together, and its exit code.
type result struct {
	output string
	code   int
}

func (w *workspace) run(name string, args ...string) result {
	w.t.Helper()
	cmd := exec.CommandContext(w.t.Context(), name, args...) // #nosec G204 -- the kit's own commands
	cmd.Dir = w.dir
	cmd.Env = slices.Concat(w.environment, w.env)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		w.t.Fatal(err)
	}
	return result{out.String(), cmd.ProcessState.ExitCode()}
}

// engineRun runs an engine command that has to succeed.
func (w *workspace) engineRun(args ...string) string {
	w.t.Helper()
	r := w.run(w.engine.Path, args...)
	if r.code != 0 {
		w.t.Fatalf("%s: exit code %d\n%s", strings.Join(args, " "), r.code, r.output)
	}
	return r.output
}

// show is what the engine tells in JSON of a plan file, or of the state.
func (w *workspace) show(args ...string) string {
	w.t.Helper()
	cmd := exec.CommandContext(w.t.Context(), w.engine.Path, append([]string{"show", "-json"}, args...)...) // #nosec G204 -- the engine under test
	cmd.Dir, cmd.Env = w.dir, w.environment
	out, err := cmd.Output()
	if err != nil {
		w.t.Fatalf("show: %v", err)
	}
	return string(out)
}

// writes are the calls that change something, in order of their paths.
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
