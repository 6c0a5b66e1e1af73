package provider_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"

	"github.com/palabra-community/terraform-provider-palabra/internal/provider"
)

const pluginName = "terraform-provider-palabra"

// init lets this test binary be the plugin, under the name that engines look for.
// What runs is then what was compiled for the test, race detector included.
func init() {
	if !strings.HasPrefix(filepath.Base(os.Args[0]), pluginName) {
		return
	}
	if err := provider.Serve("registry.terraform.io/palabra-community/palabra", "test", false); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// linkTestAsPlugin returns a CLI configuration with which engines start this test
// binary as the provider.
func linkTestAsPlugin(t *testing.T) (cliConfig string) {
	t.Helper()
	folder := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	name := pluginName
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if err := os.Symlink(self, filepath.Join(folder, name)); err != nil {
		t.Fatal(err)
	}
	return overrideProvider(t, folder)
}

// overrideProvider returns a CLI configuration with which engines take the
// provider from a folder.
func overrideProvider(t *testing.T, folder string) (cliConfig string) {
	t.Helper()
	cliConfig = filepath.Join(folder, "cli.tfrc")
	content := fmt.Sprintf("provider_installation {\n  dev_overrides {\n    \"hashicorp/palabra\" = %q\n  }\n  direct {}\n}\n", folder)
	if err := os.WriteFile(cliConfig, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return cliConfig
}

// newServer is the provider under test.
func newServer() *provider.Server {
	server, err := provider.NewServer("test")
	if err != nil {
		panic(err) // It depends on nothing but the framework's version.
	}
	return server
}

func newProviderServer() tfprotov6.ProviderServer { return newServer() }

// serveProviders starts providers and returns the value of TF_REATTACH_PROVIDERS
// for them.
func serveProviders(t *testing.T, providers map[string]func() tfprotov6.ProviderServer) (reattach string, stop func()) {
	t.Helper()
	type address struct{ Network, String string }
	var stops []func()
	configs := make(map[string]any)
	for name, server := range providers {
		config, stop := serveProvider(t, name, server)
		stops = append(stops, stop)
		configs[os.Getenv("TF_ACC_PROVIDER_HOST")+"/"+name] = attributes{
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
