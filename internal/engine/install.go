package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/hashicorp/hc-install/product"
	"github.com/hashicorp/hc-install/releases"
)

// notFound says how to get an engine. The problems are the executables that do not
// run, and the failed downloads and builds.
func notFound(problems []error) error {
	return fmt.Errorf(`neither Terraform nor OpenTofu is installed
%w

Do one of these and run the command again:
  - install Terraform: https://developer.hashicorp.com/terraform/install
  - install OpenTofu:  https://opentofu.org/docs/intro/install/
  - name an executable that is not in PATH: export `+EnvVar+`=/path/to/terraform`, errors.Join(problems...))
}

// downloadTimeout bounds the download of some 30 MB.
const downloadTimeout = 5 * time.Minute

// download gets the newest Terraform and checks its signature.
func download(ctx context.Context, root string) (string, error) {
	return intoCache(root, Terraform, func(dir, _ string) (string, error) {
		fmt.Fprintln(os.Stderr, "No terraform or tofu in PATH: downloading Terraform into .cache/engines")
		newest := &releases.LatestVersion{Product: product.Terraform, InstallDir: dir, Timeout: downloadTimeout}
		return newest.Install(ctx)
	})
}

// BuildOpenTofu builds OpenTofu from its Go module, in the version of
// tools/opentofu, into the cache of the module in root, and returns its path.
func BuildOpenTofu(ctx context.Context, root string) (string, error) {
	return intoCache(root, OpenTofu, func(_, file string) (string, error) {
		fmt.Fprintln(os.Stderr, "Building OpenTofu from its Go module into .cache/engines. This takes some minutes, once.")
		build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", file,
			"-ldflags=-s -w -X github.com/opentofu/opentofu/version.dev=no", "github.com/opentofu/opentofu/cmd/tofu")
		build.Dir = filepath.Join(root, "tools", "opentofu")
		if output, err := build.CombinedOutput(); err != nil {
			return "", fmt.Errorf("go build in tools/opentofu: %w\n%s", err, output)
		}
		return file, nil
	})
}

// intoCache lets get make an executable, in dir or as file, and renames it into the
// cache: several test binaries may do this at the same time.
func intoCache(root, name string, get func(dir, file string) (string, error)) (string, error) {
	path := cached(root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return "", err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(path), "new-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	made, err := get(tmp, filepath.Join(tmp, executable(name)))
	if err != nil {
		return "", err
	}
	return path, os.Rename(made, path)
}

func cached(root, name string) string {
	return filepath.Join(root, ".cache", "engines", executable(name))
}

func executable(name string) string {
	if runtime.GOOS == "windows" {
		return name + ".exe"
	}
	return name
}
