package provider_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	tfjson "github.com/hashicorp/terraform-json"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine"
)

// cli is a folder in which the engine's own command line runs, for what test
// steps cannot express: saved plans, -target, the text of warnings, interrupts.
type cli struct {
	engine.Workspace
	t *testing.T
	// inside serves the provider in the test, a new one for each command, as
	// engines start it.
	inside bool
	// others are further providers to serve, by namespace and name.
	others map[string]func() tfprotov6.ProviderServer
}

func newCLI(t *testing.T) *cli {
	t.Helper()
	return &cli{Workspace: engine.Workspace{Engine: testEngine, Dir: t.TempDir(), Env: engine.Environ(os.DevNull)}, t: t, inside: true}
}

// newProcessCLI runs the provider in a separate process, which the engine starts,
// logs and ends as it does for users.
func newProcessCLI(t *testing.T, env ...string) *cli {
	t.Helper()
	c := newCLI(t)
	c.inside = false
	c.Env = append(engine.Environ(linkTestAsPlugin(t)), env...)
	return c
}

// write replaces the configuration.
func (c *cli) write(config string) {
	c.t.Helper()
	if err := os.WriteFile(filepath.Join(c.Dir, "main.tf"), []byte(config), 0o600); err != nil {
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

// command is an engine command that is not started. A provider inside the test
// is started, and runs until stop.
func (c *cli) command(args ...string) (cmd *exec.Cmd, stop func()) {
	c.t.Helper()
	cmd = c.Command(c.t.Context(), args...)
	if !c.inside {
		return cmd, func() {}
	}
	providers := map[string]func() tfprotov6.ProviderServer{
		// What a configuration without required_providers means.
		"hashicorp/palabra": newProviderServer,
	}
	maps.Copy(providers, c.others)
	reattach, stop := engine.ServeProviders(c.t, c.Engine, providers)
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

// run is try for a command that has to succeed.
func (c *cli) run(args ...string) string {
	c.t.Helper()
	said, ok := c.try(args...)
	if !ok {
		c.t.Fatalf("%s failed: %s", strings.Join(args, " "), said)
	}
	return said
}

// fail is try for a command that has to fail.
func (c *cli) fail(args ...string) string {
	c.t.Helper()
	said, ok := c.try(args...)
	if ok {
		c.t.Fatalf("%s succeeded: %s", strings.Join(args, " "), said)
	}
	return said
}

// planned is a saved plan.
type planned struct {
	*tfjson.Plan
	// text is the output of the command as one line.
	text string
}

// plan makes a plan and saves it as tfplan.
func (c *cli) plan(args ...string) planned {
	c.t.Helper()
	text := c.run(append([]string{"plan", "-input=false", "-out=tfplan"}, args...)...)
	p := planned{text: text, Plan: new(tfjson.Plan)}
	out, errOut, code := c.exec("show", "-json", "tfplan")
	if err := p.UnmarshalJSON([]byte(out)); code != 0 || err != nil {
		c.t.Fatalf("show: %v\n%s%s", err, out, errOut)
	}
	return p
}

// actions are the planned actions, "no-op" included, by resource address; a
// replacement is "delete create".
func (p planned) actions() map[string]string {
	all := make(map[string]string)
	for _, change := range p.ResourceChanges {
		var names []string
		for _, action := range change.Change.Actions {
			names = append(names, string(action))
		}
		all[change.Address] = strings.Join(names, " ")
	}
	return all
}

// unzip returns the contents of all files in a plan file.
func (c *cli) unzip(name string) string {
	c.t.Helper()
	archive, err := zip.OpenReader(filepath.Join(c.Dir, name))
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() {
		if err := archive.Close(); err != nil {
			c.t.Error(err)
		}
	}()
	var all strings.Builder
	for _, file := range archive.File {
		content, err := file.Open()
		if err == nil {
			_, err = io.Copy(&all, content) // #nosec G110 -- a plan file of our own making
		}
		if err != nil {
			c.t.Fatal(err)
		}
	}
	return all.String()
}

// unwrap removes the frames and line breaks that engines put into messages.
func unwrap(text string) string {
	return strings.Join(strings.Fields(strings.NewReplacer("│", " ", "╷", " ", "╵", " ").Replace(text)), " ")
}
