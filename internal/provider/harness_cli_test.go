package provider

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	tfjson "github.com/hashicorp/terraform-json"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine"
)

// testEngine is the engine under test.
var testEngine engine.Engine

// First versions of what only some engines have.
var (
	movedBetweenTypes  = engine.Since{Terraform: "1.8", OpenTofu: "1.10"}
	ephemeralResources = engine.Since{Terraform: "1.10", OpenTofu: "1.11"}
	listsAndActions    = engine.Since{Terraform: "1.14"}
)

// needs skips a test whose subject the engine under test does not have.
func needs(t *testing.T, feature engine.Since) {
	t.Helper()
	if !testEngine.Has(feature) {
		t.Skipf("needs %s, and this is %s", feature, testEngine)
	}
}

const pluginName = "terraform-provider-palabra"

// TestMain lets this test binary be the plugin, under the name that engines look for.
// What runs is then what was compiled for the test, race detector included. Otherwise it
// finds the engine once and clears the environment that the provider reads, so that the
// tests are the same on every machine.
func TestMain(m *testing.M) {
	var err error
	if strings.HasPrefix(filepath.Base(os.Args[0]), pluginName) {
		err = Serve("registry.terraform.io/palabra-community/palabra", "test", false)
	} else if testEngine, err = engine.Find(context.Background()); err == nil {
		for _, entry := range os.Environ() {
			if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "PALABRA_") || name == "TF_CLI_CONFIG_FILE" {
				_ = os.Unsetenv(name)
			}
		}
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// cli is a folder in which the command line of a real engine runs.
type cli struct {
	engine.Workspace
	t *testing.T
	// providers are served in the test, a new one for each command, as engines start
	// them. The engine starts the others itself.
	providers map[string]func() tfprotov6.ProviderServer
}

func newCLI(t *testing.T) *cli {
	t.Helper()
	return &cli{
		Workspace: engine.Workspace{Engine: testEngine, Dir: t.TempDir(), Env: engine.Environ(os.DevNull)}, t: t,
		// What a configuration without required_providers means.
		providers: map[string]func() tfprotov6.ProviderServer{"hashicorp/palabra": newProviderServer},
	}
}

// newProcessCLI runs the provider in a process of its own, which the engine starts,
// logs and ends as it does for users.
func newProcessCLI(t *testing.T, env ...string) *cli {
	t.Helper()
	c, folder := newCLI(t), t.TempDir()
	self := must(os.Executable())
	name, config := pluginName, filepath.Join(folder, "cli.tfrc")
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if err := os.Symlink(self, filepath.Join(folder, name)); err != nil {
		t.Fatal(err)
	}
	content := fmt.Sprintf("provider_installation {\n  dev_overrides {\n    \"hashicorp/palabra\" = %q\n  }\n  direct {}\n}\n", folder)
	if err := os.WriteFile(config, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	c.providers, c.Env = nil, append(engine.Environ(config), env...)
	return c
}

// write replaces the configuration.
func (c *cli) write(config string) { c.writeFile("main.tf", config) }

func (c *cli) writeFile(name, content string) {
	c.t.Helper()
	if err := os.WriteFile(filepath.Join(c.Dir, name), []byte(content), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cli) read(name string) string {
	c.t.Helper()
	content, err := os.ReadFile(filepath.Join(c.Dir, name))
	if err != nil {
		c.t.Fatal(err)
	}
	return string(content)
}

// command is an engine command that is not started. The providers in the test run
// until stop.
func (c *cli) command(args ...string) (cmd *exec.Cmd, stop func()) {
	c.t.Helper()
	cmd = c.Command(c.t.Context(), args...)
	if len(c.providers) == 0 {
		return cmd, func() {}
	}
	reattach, stop := engine.ServeProviders(c.t, c.Engine, c.providers)
	cmd.Env = append(cmd.Env, "TF_REATTACH_PROVIDERS="+reattach)
	return cmd, stop
}

// exec runs an engine command and returns what it printed and its exit code.
func (c *cli) exec(args ...string) (stdout, stderr string, code int) {
	c.t.Helper()
	cmd, stop := c.command(args...)
	defer stop()
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		c.t.Fatal(err)
	}
	return out.String(), errOut.String(), cmd.ProcessState.ExitCode()
}

// try runs a command and returns its whole output as one line.
func (c *cli) try(args ...string) (said string, ok bool) {
	c.t.Helper()
	out, errOut, code := c.exec(args...)
	return unwrap(out + errOut), code == 0
}

func (c *cli) expect(success bool, args ...string) string {
	c.t.Helper()
	said, ok := c.try(args...)
	if ok != success {
		c.t.Fatalf("%q has succeeded: %t: %s", args, ok, said)
	}
	return said
}

// run and fail are try for a command that has to succeed, or to fail.
func (c *cli) run(args ...string) string  { c.t.Helper(); return c.expect(true, args...) }
func (c *cli) fail(args ...string) string { c.t.Helper(); return c.expect(false, args...) }

// plan makes a plan and saves it as tfplan. said is the output of the command. The
// actions, "no-op" included, are by resource address; a replacement is "delete create".
func (c *cli) plan(args ...string) (actions map[string]string, said string) {
	c.t.Helper()
	said = c.run(append([]string{"plan", "-input=false", "-out=tfplan"}, args...)...)
	out, errOut, code := c.exec("show", "-json", "tfplan")
	var plan tfjson.Plan
	if err := plan.UnmarshalJSON([]byte(out)); code != 0 || err != nil {
		c.t.Fatalf("show: %v\n%s%s", err, out, errOut)
	}
	actions = make(map[string]string)
	for _, change := range plan.ResourceChanges {
		actions[change.Address] = strings.Trim(fmt.Sprint(change.Change.Actions), "[]")
	}
	return actions, said
}

// unwrap removes the frames and line breaks that engines put into messages.
func unwrap(text string) string {
	return strings.Join(strings.Fields(strings.NewReplacer("│", " ", "╷", " ", "╵", " ").Replace(text)), " ")
}

// stateFile is what engines store.
type stateFile struct{ Resources []stateResource }

type stateResource struct {
	Type, Name, Provider string
	Instances            []stateInstance
}

// provider is the address of the provider.
func (r stateResource) provider() string { return strings.Split(r.Provider, `"`)[1] }

type stateInstance struct {
	Status, Deposed      string
	SchemaVersion        int64 `json:"schema_version"`
	Attributes, Identity map[string]any
}

func readStateFile(t *testing.T, name string) (state stateFile) {
	t.Helper()
	content, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(content) == 0 {
		return state // The engine makes an empty file to lock it.
	}
	if err == nil {
		err = json.Unmarshal(content, &state)
	}
	if err != nil {
		t.Fatalf("the state is damaged: %v\n%s", err, content)
	}
	return state
}

// instances are those in the state file, by address without index. It works
// after an engine was killed, too.
func (c *cli) instances() map[string][]stateInstance {
	c.t.Helper()
	all := make(map[string][]stateInstance)
	for _, resource := range readStateFile(c.t, filepath.Join(c.Dir, "terraform.tfstate")).Resources {
		all[resource.Type+"."+resource.Name] = resource.Instances
	}
	return all
}

// values are the attributes of a resource with one instance; nil without it.
func (c *cli) values(address string) map[string]any {
	c.t.Helper()
	if instances := c.instances()[address]; len(instances) == 1 {
		return instances[0].Attributes
	}
	return nil
}
