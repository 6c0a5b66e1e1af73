package engine

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// ProviderSource is the provider's address without the registry's host.
const ProviderSource = "palabra-community/palabra"

// hosts are the registries under which the provider is laid out: each engine
// completes an address without a host with its own.
var hosts = []string{"registry.terraform.io", "registry.opentofu.org"}

// Provider builds the provider of this module and returns the environment in which
// an engine installs it, as a release from a registry and without development
// overrides. Its files are under dir.
func Provider(ctx context.Context, dir, version string) (env []string, err error) {
	binary, err := BuildProvider(ctx, dir, version)
	if err != nil {
		return nil, err
	}
	return ProviderFrom(dir, binary, version)
}

// ProviderFrom is Provider for an executable that is built.
func ProviderFrom(dir, binary, version string) (env []string, err error) {
	mirror, config := filepath.Join(dir, "mirror"), filepath.Join(dir, "cli.tfrc")
	if _, err := LayProvider(mirror, binary, version); err != nil {
		return nil, err
	}
	if err := os.WriteFile(config, []byte(cliConfig(mirror)), 0o600); err != nil {
		return nil, err
	}
	return Environ(config), nil
}

// BuildProvider compiles this module, as a release is, into a file in dir and
// returns its path. The version is what the provider reports in its user agent.
func BuildProvider(ctx context.Context, dir, version string) (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, providerFile(version))
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w -X main.version="+version, "-o", binary, ".")
	build.Dir = root
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, output)
	}
	return binary, nil
}

// LayProvider copies the executable into dir, laid out like the registries, as the
// given version for this machine's platform, and returns the files.
func LayProvider(dir, binary, version string) ([]string, error) {
	content, err := os.ReadFile(binary)
	if err != nil {
		return nil, err
	}
	files := make([]string, 0, len(hosts))
	for _, host := range hosts {
		file := filepath.Join(dir, host, filepath.FromSlash(ProviderSource), version, runtime.GOOS+"_"+runtime.GOARCH, providerFile(version))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return nil, err
		}
		// Another file, not other bytes in the same one: a running engine may
		// still execute the old.
		if err := os.Remove(file); err != nil && !os.IsNotExist(err) {
			return nil, err
		}
		if err := os.WriteFile(file, content, 0o755); err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

// RemoveProvider removes every version that LayProvider laid out in dir, and
// returns the folders.
func RemoveProvider(dir string) ([]string, error) {
	var removed []string
	for _, host := range hosts {
		folder := filepath.Join(dir, host, filepath.FromSlash(ProviderSource))
		if _, err := os.Stat(folder); os.IsNotExist(err) {
			continue
		}
		if err := os.RemoveAll(folder); err != nil {
			return removed, err
		}
		removed = append(removed, folder)
		// The folders above, if they are empty now.
		_ = os.Remove(filepath.Dir(folder))
		_ = os.Remove(filepath.Join(dir, host))
	}
	return removed, nil
}

// cliConfig makes an engine take this provider from the mirror, and every other
// one from its registry.
func cliConfig(mirror string) string {
	addresses := make([]string, 0, len(hosts))
	for _, host := range hosts {
		addresses = append(addresses, fmt.Sprintf("%q", host+"/"+ProviderSource))
	}
	list := strings.Join(addresses, ", ")
	return fmt.Sprintf(`provider_installation {
  filesystem_mirror {
    path    = %q
    include = [%s]
  }
  direct {
    exclude = [%s]
  }
}
`, filepath.ToSlash(mirror), list, list)
}

// Environ is the environment for an engine that uses the CLI configuration, prints
// no color, and takes nothing from how this machine's user has set up engines or
// this provider.
func Environ(cliConfig string) []string {
	var env []string
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "TF_") && !strings.HasPrefix(entry, "TOFU_") && !strings.HasPrefix(entry, "PALABRA_") {
			env = append(env, entry)
		}
	}
	return append(env, "TF_CLI_CONFIG_FILE="+cliConfig, "TF_CLI_ARGS=-no-color", "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1")
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

func providerFile(version string) string {
	name := "terraform-provider-palabra_v" + version
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return name
}
