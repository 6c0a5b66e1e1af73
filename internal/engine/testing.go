package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// RunTests runs the tests of a package that share what prepare puts into a
// temporary folder, and ends the process. TestMain calls it.
func RunTests(m *testing.M, prepare func(ctx context.Context, dir string) error) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "palabra-tests-")
		if err == nil {
			defer func() { _ = os.RemoveAll(dir) }()
			err = prepare(context.Background(), dir)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

// ServeTest is Serve until the end of a test.
func ServeTest(t testing.TB, options sandbox.Options, seedFile string) *API {
	t.Helper()
	api, err := Serve(options, seedFile)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(api.Close)
	return api
}

// ServeProviders serves providers, by namespace and name, in the process of a test. It
// returns the value of TF_REATTACH_PROVIDERS with which an engine uses them.
func ServeProviders(t *testing.T, e Engine, providers map[string]func() tfprotov6.ProviderServer) (reattach string, stop func()) {
	t.Helper()
	type address struct{ Network, String string }
	var stops []func()
	configs := make(map[string]any)
	for name, server := range providers {
		config, stop := serveProvider(t, name, server)
		stops = append(stops, stop)
		configs[e.Registry()+"/"+name] = map[string]any{
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

// MustRun is Run for a command that must succeed in a test.
func (w Workspace) MustRun(t testing.TB, args ...string) string {
	t.Helper()
	output, err := w.Run(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	return output
}
