// Package pipelines runs the files of examples/pipelines night after night, against
// a sandbox and an imitation of GitLab's backend.
package pipelines

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine"
	// So that a change of the provider invalidates the tests' cached results.
	_ "github.com/palabra-community/terraform-provider-palabra/internal/provider"
	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

const (
	moduleRoot    = "../.."
	kitFolder     = moduleRoot + "/examples/pipelines"
	version       = "0.1.99" // matches the constraint of main.tf
	apiKey        = "plbr_test-api-key-77aa"
	clientSecret  = "test-client-secret-88bb"
	statePassword = "test-job-token-99cc"
)

// prepared is built once: the engine, gojq, which every machine with Go can build,
// and the release archives of the provider, laid out as for terraform.d/plugins.
var prepared struct {
	engine      engine.Engine
	jq, plugins string
}

func TestMain(m *testing.M) {
	engine.RunTests(m, func(ctx context.Context, dir string) (err error) {
		prepared.jq, prepared.plugins = filepath.Join(dir, "jq"), filepath.Join(dir, "plugins")
		jq := exec.CommandContext(ctx, "go", "build", "-o", prepared.jq, "github.com/itchyny/gojq/cmd/gojq")
		jq.Dir = filepath.Join(moduleRoot, "tools", "pipelines")
		if out, err := jq.CombinedOutput(); err != nil {
			return fmt.Errorf("build jq: %w\n%s", err, out)
		}
		if prepared.engine, err = engine.Find(ctx); err != nil {
			return err
		}
		binary, err := engine.BuildProvider(ctx, dir, version)
		if err != nil {
			return err
		}
		return packProvider(binary, prepared.plugins)
	})
}

// packProvider packs this machine's build for every platform that apply.sh pins.
func packProvider(binary, plugins string) error {
	content, err := os.ReadFile(binary) // #nosec G304 -- just built
	if err != nil {
		return err
	}
	var archive bytes.Buffer
	packed := zip.NewWriter(&archive)
	header := &zip.FileHeader{Name: filepath.Base(binary)}
	header.SetMode(0o755)
	file, err := packed.CreateHeader(header)
	if err != nil {
		return err
	}
	_, _ = file.Write(content) // A buffer takes everything.
	if err := packed.Close(); err != nil {
		return err
	}
	for _, host := range []string{"registry.terraform.io", "registry.opentofu.org"} {
		folder := filepath.Join(plugins, host, engine.ProviderSource)
		if err := os.MkdirAll(folder, 0o750); err != nil {
			return err
		}
		for _, platform := range []string{"linux_amd64", "linux_arm64", runtime.GOOS + "_" + runtime.GOARCH} {
			name := fmt.Sprintf("terraform-provider-palabra_%s_%s.zip", version, platform)
			if err := os.WriteFile(filepath.Join(folder, name), archive.Bytes(), 0o600); err != nil {
				return err
			}
		}
	}
	return nil
}

// backend imitates GitLab's for one state: the lock stays if its owner is killed.
type backend struct {
	mu          sync.Mutex
	state, lock []byte
}

func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	_, password, _ := r.BasicAuth()
	switch isLock := strings.HasSuffix(r.URL.Path, "/lock"); {
	case password != statePassword:
		w.WriteHeader(http.StatusUnauthorized)
	case isLock && r.Method == http.MethodDelete:
		b.lock = nil
	case isLock && b.lock != nil:
		w.WriteHeader(http.StatusLocked)
		_, _ = w.Write(b.lock)
	case isLock:
		b.lock = body
	case r.Method == http.MethodPost:
		b.state = body
	case b.state == nil:
		w.WriteHeader(http.StatusNotFound)
	default:
		_, _ = w.Write(b.state)
	}
}

// content returns the state and the lock.
func (b *backend) held() (lock string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.lock)
}

func (b *backend) lose() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.state = nil
}

// kit is a repository with the kit's files, the account and the state behind them,
// and the platforms that take turns.
type kit struct {
	t *testing.T
	*sandbox.Sandbox
	clock      *sandbox.Clock
	backend    *backend
	platforms  []platform
	repository string
	// account is the environment that reaches the account; env is that of a person.
	account, env []string
	// sessions are those that are wanted, by name; hungUp are ids.
	sessions map[string]string
	hungUp   map[string]bool
	// ci holds what the imitations of curl and gh note, and the open issue.
	ci            string
	night, greens int
}

// newKit has done the first run, for room.a, room.b and room.c.
func newKit(t *testing.T) *kit {
	t.Helper()
	// Not the present, so that a kit that uses the machine's clock fails.
	clock := sandbox.NewClock(time.Date(2031, time.March, 14, 2, 17, 0, 0, time.UTC))
	k := &kit{
		t: t, clock: clock, backend: &backend{}, platforms: platforms(t), repository: t.TempDir(), ci: t.TempDir(),
		sessions: map[string]string{"lobby": "room.a", "stage": "room.b", "hall": "room.c"}, hungUp: make(map[string]bool),
	}
	k.Sandbox, k.account = k.serveAccount()
	k.put("room.a", "room.b", "room.c", "room.d")
	server := httptest.NewServer(k.backend)
	t.Cleanup(server.Close)

	address := server.URL + "/projects/1"
	cliConfig := filepath.Join(t.TempDir(), "empty.tfrc")
	writeFile(t, cliConfig, "")
	k.env = append(engine.Environ(cliConfig), "PATH="+k.commands()+string(os.PathListSeparator)+os.Getenv("PATH"),
		"CI="+k.ci, "CI_API_V4_URL="+server.URL, "CI_PROJECT_ID=1", "CI_JOB_TOKEN="+statePassword,
		"HEARTBEAT_URL=https://heartbeat.example.com", "TF_CLI_ARGS_apply=-lock-timeout=1s",
		"GITLAB_PROJECT="+address, "GITLAB_TOKEN="+statePassword,
		"TF_HTTP_ADDRESS="+address+"/terraform/state/palabra-sessions", "TF_HTTP_PASSWORD="+statePassword, "TF_HTTP_USERNAME=person",
		"TF_HTTP_LOCK_ADDRESS="+address+"/lock", "TF_HTTP_LOCK_METHOD=POST", "TF_HTTP_UNLOCK_ADDRESS="+address+"/lock", "TF_HTTP_UNLOCK_METHOD=DELETE")
	for _, name := range []string{"main.tf", "renew.sh", "apply.sh", "gitlab/backend.tf"} {
		k.write(filepath.Base(name), readFile(t, filepath.Join(kitFolder, name)))
	}
	writeFile(t, filepath.Join(k.ci, "curl.log"), "")
	k.want()
	k.apply()
	return k
}

// serveAccount serves another account, with the same credentials.
func (k *kit) serveAccount() (*sandbox.Sandbox, []string) {
	api := engine.ServeTest(k.t, sandbox.Options{APIKey: apiKey, ClientSecret: clientSecret, Now: k.clock.Now}, "")
	return api.Sandbox, api.Env()
}

// put stores sessions for 60 days.
func (k *kit) put(ids ...string) {
	now := k.clock.Now()
	for _, id := range ids {
		k.Put(sandbox.Session{ID: id, CreatedAt: now, UpdatedAt: now, ExpiresAt: now.Add(60 * 24 * time.Hour)})
	}
}

// commands returns a folder with the engine under its own name, jq, and imitations
// of curl and gh.
func (k *kit) commands() string {
	k.t.Helper()
	bin := k.t.TempDir()
	for name, target := range map[string]string{prepared.engine.Name: prepared.engine.Path, "jq": prepared.jq} {
		if err := os.Symlink(target, filepath.Join(bin, name)); err != nil {
			k.t.Fatal(err)
		}
	}
	for name, body := range map[string]string{
		"curl": `echo "$*" >>"$CI/curl.log"`,
		"gh": `echo "$*" >>"$CI/gh.log"
case "$1 $2" in
"issue list") [ ! -f "$CI/issue" ] || echo 17 ;;
"issue create" | "issue comment") echo "$*" >"$CI/issue" ;;
"issue close") rm "$CI/issue" ;;
esac`,
	} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+body+"\n"), 0o700); err != nil { // #nosec G306 -- has to be executable
			k.t.Fatal(err)
		}
	}
	return bin
}

// want writes the sessions of the variable.
func (k *kit) want() {
	k.t.Helper()
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(k.sessions)) {
		fmt.Fprintf(&text, "  %s = %q\n", name, k.sessions[name])
	}
	k.write("sessions.auto.tfvars", "sessions = {\n"+text.String()+"}\n")
}

func (k *kit) write(name, content string) {
	k.t.Helper()
	writeFile(k.t, filepath.Join(k.repository, name), content)
}

// edit changes a file of the repository, and returns what takes the change back.
func (k *kit) edit(name, old, replacement string) (undo func()) {
	k.t.Helper()
	content := readFile(k.t, filepath.Join(k.repository, name))
	if !strings.Contains(content, old) {
		k.t.Fatalf("%s lacks %q", name, old)
	}
	k.write(name, strings.ReplaceAll(content, old, replacement))
	return func() { k.write(name, content) }
}

// checkout copies the repository, with the provider.
func (k *kit) checkout() string {
	k.t.Helper()
	dir := k.t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(k.repository)); err != nil {
		k.t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "terraform.d"), 0o750); err != nil {
		k.t.Fatal(err)
	}
	if err := os.Symlink(prepared.plugins, filepath.Join(dir, "terraform.d", "plugins")); err != nil {
		k.t.Fatal(err)
	}
	return dir
}

// apply is what a person does: apply.sh, a yes, and a commit of the lock file.
func (k *kit) apply() {
	k.t.Helper()
	const lockFile = ".terraform.lock.hcl"
	k.write(lockFile, readFile(k.t, filepath.Join(k.person("yes\n"), lockFile)))
}

// person runs apply.sh in a checkout, which it returns.
func (k *kit) person(input string, words ...string) (dir string) {
	k.t.Helper()
	dir = k.checkout()
	command := k.command(dir, append([]string{"sh", "apply.sh", k.platforms[0].name}, words...), k.account)
	command.Stdin = strings.NewReader(input)
	if out, err := command.CombinedOutput(); err != nil {
		k.t.Fatalf("apply.sh: %v\n%s", err, out)
	}
	return dir
}

func (k *kit) command(dir string, words, env []string) *exec.Cmd {
	command := exec.CommandContext(k.t.Context(), words[0], words[1:]...) // #nosec G204 -- the kit's own commands
	command.Dir, command.Env = dir, slices.Concat(k.env, env)
	return command
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
