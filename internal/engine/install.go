package engine

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/hashicorp/hc-install/product"
	"github.com/hashicorp/hc-install/releases"
)

// NotFoundError says that there is no engine and how to get one.
type NotFoundError struct {
	Broken  []error // executables that were found but do not run
	Install error   // why the download failed
}

func (e *NotFoundError) Error() string {
	var b strings.Builder
	b.WriteString("neither Terraform nor OpenTofu is installed")
	for _, err := range e.Broken {
		fmt.Fprintf(&b, "\n  found but not usable: %v", err)
	}
	fmt.Fprintf(&b, "\n  Terraform could not be downloaded: %v", e.Install)
	b.WriteString(`

Do one of these and run the command again:
  - install Terraform: https://developer.hashicorp.com/terraform/install
  - install OpenTofu:  https://opentofu.org/docs/intro/install/
  - build OpenTofu here, with Go alone: make tofu
  - name an executable that is not in PATH: export ` + EnvVar + `=/path/to/terraform`)
	return b.String()
}

// Unwrap returns why the download failed.
func (e *NotFoundError) Unwrap() error { return e.Install }

// installTimeout bounds the download of some 30 MB.
const installTimeout = 5 * time.Minute

// install downloads the newest Terraform and checks its signature. The file
// appears in dir at once or not at all, because several test binaries may be
// installing at the same time.
func install(ctx context.Context, dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return "", err
	}
	tmp, err := os.MkdirTemp(dir, "download-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(tmp) }()

	fmt.Fprintln(os.Stderr, "No terraform or tofu in PATH: downloading Terraform into", dir)
	source := &releases.LatestVersion{Product: product.Terraform, InstallDir: tmp, Timeout: installTimeout}
	downloaded, err := source.Install(ctx)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, executable(Terraform))
	if err := os.Rename(downloaded, path); err != nil {
		return "", err
	}
	return path, nil
}

func executable(name string) string {
	if runtime.GOOS == "windows" {
		return name + ".exe"
	}
	return name
}
