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

// LocalVersion is the version of a build that is not a release. The constraint of the
// examples, "~> 0.1", accepts it, and no release has it, so a forgotten build shows.
const LocalVersion = "0.999.0"

// ProviderSource is the provider's address without the registry's host.
const ProviderSource = "palabra-community/palabra"

// The registries that an address without a host means to the engines.
const (
	terraformRegistry = "registry.terraform.io"
	openTofuRegistry  = "registry.opentofu.org"
)

var hosts = []string{terraformRegistry, openTofuRegistry}

// InstallProvider returns the environment in which an engine installs an executable
// of the provider, as a release from a registry and without development overrides.
// It puts files into dir.
func InstallProvider(dir, binary, version string) (env []string, err error) {
	mirror, config := filepath.Join(dir, "mirror"), filepath.Join(dir, "cli.tfrc")
	if _, err := MirrorProvider(mirror, binary, version); err != nil {
		return nil, err
	}
	if err := os.WriteFile(config, []byte(cliConfig(mirror)), 0o600); err != nil {
		return nil, err
	}
	return Environ(config), nil
}

// BuildProvider compiles this module, as a release is, into a file in dir and
// returns its path. The provider reports the version in its user agent.
func BuildProvider(ctx context.Context, dir, version string) (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, providerFile(version))
	// A stamp of the revision would need a git that trusts the clone.
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -X main.version="+version, "-o", binary, ".")
	build.Dir = root
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, output)
	}
	return binary, nil
}

// MirrorProvider copies the executable into dir, which has the layout of a filesystem
// mirror, as a version for this machine's platform. It returns the files.
func MirrorProvider(dir, binary, version string) ([]string, error) {
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
		// A running engine may still execute the old file, so it is replaced, not
		// rewritten.
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

// RemoveProvider removes every version that MirrorProvider put into dir, and returns
// the removed folders.
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
		// The folders above are removed if they are empty.
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

// Environ is an environment without this machine's settings of engines and of this
// provider. The engine uses the CLI configuration and prints no color.
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

func providerFile(version string) string { return executable("terraform-provider-palabra_v" + version) }
