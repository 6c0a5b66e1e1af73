package provider_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	tfjson "github.com/hashicorp/terraform-json"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"

	"github.com/palabra-community/terraform-provider-palabra/internal/provider"
)

// cli is a folder in which the engine's own command line runs, for what test
// steps cannot express: saved plans, -target, the text of warnings. The provider
// runs inside the test, a new one for each command, as engines start it.
type cli struct {
	t   *testing.T
	dir string
	// others are providers beside this one, by namespace and name.
	others map[string]func() tfprotov6.ProviderServer
}

func newCLI(t *testing.T) *cli {
	t.Helper()
	return &cli{t: t, dir: t.TempDir()}
}

// write replaces the configuration.
func (c *cli) write(config string) {
	c.t.Helper()
	if err := os.WriteFile(filepath.Join(c.dir, "main.tf"), []byte(config), 0o600); err != nil {
		c.t.Fatal(err)
	}
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

// command is an engine command that is not started yet, and its provider, which
// is; stop ends the provider.
func (c *cli) command(args ...string) (cmd *exec.Cmd, stop func()) {
	c.t.Helper()
	providers := map[string]func() tfprotov6.ProviderServer{
		// What a configuration without required_providers means.
		"hashicorp/palabra": newServer,
	}
	maps.Copy(providers, c.others)
	reattach, stop := serveProviders(c.t, providers)
	cmd = exec.CommandContext(c.t.Context(), os.Getenv("TF_ACC_TERRAFORM_PATH"), args...) // #nosec G204 -- the engine under test
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), "TF_REATTACH_PROVIDERS="+reattach, "TF_IN_AUTOMATION=1", "TF_CLI_CONFIG_FILE="+os.DevNull)
	return cmd, stop
}

// newServer is the provider under test.
func newServer() tfprotov6.ProviderServer {
	server, err := provider.NewServer("test")
	if err != nil {
		panic(err) // It depends on nothing but the framework's version.
	}
	return server
}

// run runs a command that has to succeed, and returns what a person would read,
// as one line.
func (c *cli) run(args ...string) string {
	c.t.Helper()
	out, errOut, code := c.exec(withoutColor(args)...)
	if code != 0 {
		c.t.Fatalf("%s: exit code %d\n%s%s", strings.Join(args, " "), code, out, errOut)
	}
	return unwrap(out + errOut)
}

// fail is run for a command that has to fail.
func (c *cli) fail(args ...string) string {
	c.t.Helper()
	out, errOut, code := c.exec(withoutColor(args)...)
	if code == 0 {
		c.t.Fatalf("%s succeeded\n%s%s", strings.Join(args, " "), out, errOut)
	}
	return unwrap(out + errOut)
}

// planned is a saved plan.
type planned struct {
	*tfjson.Plan
	// text is what a person would read, as one line.
	text string
}

// plan makes a plan and saves it as tfplan.
func (c *cli) plan(args ...string) planned {
	c.t.Helper()
	text := c.run(append([]string{"plan", "-input=false", "-out=tfplan"}, args...)...)
	p := planned{text: text, Plan: new(tfjson.Plan)}
	c.show(p.Plan, "tfplan")
	return p
}

// state is the present state, without a refresh.
func (c *cli) state() *tfjson.State {
	c.t.Helper()
	state := new(tfjson.State)
	c.show(state)
	return state
}

func (c *cli) show(into json.Unmarshaler, args ...string) {
	c.t.Helper()
	out, errOut, code := c.exec(append([]string{"show", "-json"}, args...)...)
	if code != 0 {
		c.t.Fatalf("show: exit code %d\n%s", code, errOut)
	}
	if err := into.UnmarshalJSON([]byte(out)); err != nil {
		c.t.Fatalf("show: %v\n%s", err, out)
	}
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

// unknown says whether the plan leaves an attribute of a resource to apply.
func (p planned) unknown(address, attribute string) bool {
	for _, change := range p.ResourceChanges {
		if after, ok := change.Change.AfterUnknown.(map[string]any); ok && change.Address == address {
			unknown, _ := after[attribute].(bool)
			return unknown
		}
	}
	return false
}

// values are the attributes of a resource in the state; nil where it has none of
// that address.
func (c *cli) values(address string) map[string]any {
	c.t.Helper()
	state := c.state()
	if state.Values == nil || state.Values.RootModule == nil {
		return nil
	}
	for _, resource := range state.Values.RootModule.Resources {
		if resource.Address == address {
			return resource.AttributeValues
		}
	}
	return nil
}

func withoutColor(args []string) []string {
	return append(append([]string(nil), args...), "-no-color")
}

// unwrap undoes the frames and line breaks that an engine lays over messages.
func unwrap(text string) string {
	return strings.Join(strings.Fields(strings.NewReplacer("│", " ", "╷", " ", "╵", " ").Replace(text)), " ")
}

// serveProviders starts providers and returns what TF_REATTACH_PROVIDERS has to
// say about them.
func serveProviders(t *testing.T, providers map[string]func() tfprotov6.ProviderServer) (reattach string, stop func()) {
	t.Helper()
	type address struct{ Network, String string }
	var stops []func()
	configs := make(map[string]any)
	for name, server := range providers {
		config, stop := serveProvider(t, name, server)
		stops = append(stops, stop)
		configs[os.Getenv("TF_ACC_PROVIDER_HOST")+"/"+name] = map[string]any{
			"Protocol":        config.Protocol,
			"ProtocolVersion": config.ProtocolVersion,
			"Pid":             config.Pid,
			"Test":            true,
			"Addr":            address{config.Addr.Network(), config.Addr.String()},
		}
	}
	value, err := json.Marshal(configs)
	if err != nil {
		t.Fatal(err)
	}
	return string(value), func() {
		for _, stop := range stops {
			stop()
		}
	}
}

func serveProvider(t *testing.T, name string, server func() tfprotov6.ProviderServer) (config *plugin.ReattachConfig, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	started := make(chan *plugin.ReattachConfig, 1)
	stopped := make(chan struct{})
	served := make(chan error, 1)
	go func() {
		served <- tf6server.Serve(name, server, tf6server.WithDebug(ctx, started, stopped),
			tf6server.WithGoPluginLogger(hclog.NewNullLogger()), tf6server.WithLoggingSink(t))
	}()
	select {
	case config = <-started:
	case err := <-served:
		cancel()
		t.Fatalf("the provider did not start: %v", err)
	}
	return config, func() {
		cancel()
		<-stopped
	}
}
