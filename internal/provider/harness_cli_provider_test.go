package provider_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

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
