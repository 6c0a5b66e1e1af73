// Package mirror puts a build of the provider where an engine finds it at
// init: into a folder laid out like a registry. What is tested that way is what
// a user gets, without development overrides.
package mirror

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// Hosts are the registries under which the provider is laid out: each engine
// completes an address without a host with its own.
func Hosts() []string { return []string{"registry.terraform.io", "registry.opentofu.org"} }

// Source is the provider's address without the registry's host.
const Source = "palabra-community/palabra"

// Build compiles the module in root, as a release is, into a file in dir and
// returns its path.
// The version is what the provider reports in its user agent.
func Build(ctx context.Context, root, dir, version string) (string, error) {
	binary := filepath.Join(dir, binaryName(version))
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w -X main.version="+version, "-o", binary, ".")
	build.Dir = root
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, output)
	}
	return binary, nil
}

// Lay copies the binary into dir for every registry host, as the given
// version and this machine's platform, and returns the files.
func Lay(dir, binary, version string) ([]string, error) {
	files := make([]string, 0, len(Hosts()))
	for _, host := range Hosts() {
		file := filepath.Join(dir, host, filepath.FromSlash(Source), version, runtime.GOOS+"_"+runtime.GOARCH, binaryName(version))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return nil, err
		}
		// Another file, not other bytes in the same one: a running engine may
		// still execute the old.
		if err := os.Remove(file); err != nil && !os.IsNotExist(err) {
			return nil, err
		}
		content, err := os.ReadFile(binary)
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(file, content, 0o755); err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

// Configure writes a CLI configuration into the file that makes an engine take
// this provider from the mirror in dir, and every other one from its registry.
func Configure(file, dir string) error {
	included := make([]string, 0, len(Hosts()))
	for _, host := range Hosts() {
		included = append(included, fmt.Sprintf("%q", host+"/"+Source))
	}
	list := strings.Join(included, ", ")
	content := fmt.Sprintf(`provider_installation {
  filesystem_mirror {
    path    = %q
    include = [%s]
  }
  direct {
    exclude = [%s]
  }
}
`, filepath.ToSlash(dir), list, list)
	return os.WriteFile(file, []byte(content), 0o600)
}

// Environ is the environment for an engine that uses the CLI configuration and
// nothing of how this machine's user has set up engines or this provider.
func Environ(cliConfig string) []string {
	var env []string
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "TF_") && !strings.HasPrefix(entry, "TOFU_") && !strings.HasPrefix(entry, "PALABRA_") {
			env = append(env, entry)
		}
	}
	return append(env, "TF_CLI_CONFIG_FILE="+cliConfig, "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1")
}

// UserDir is the folder that engines search for providers of the user's own.
func UserDir() (string, error) {
	if runtime.GOOS == "windows" {
		config, err := os.UserConfigDir()
		if err != nil {
			return "", err
		}
		return filepath.Join(config, "terraform.d", "plugins"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, ".terraform.d", "plugins"), nil
}

func binaryName(version string) string {
	name := "terraform-provider-palabra_v" + version
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return name
}
