// Command palabra-install builds the provider and puts it where `terraform init`
// and `tofu init` find it without a registry and without overrides.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/palabra-community/terraform-provider-palabra/internal/mirror"
)

func main() {
	version := flag.String("version", "0.1.0", "version to install as; engines never choose a pre-release by themselves")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout, *version)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "palabra-install:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, w io.Writer, version string) error {
	dir, err := mirror.UserDir()
	if err != nil {
		return err
	}
	tmp, err := os.MkdirTemp("", "palabra-install-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(tmp) }()

	binary, err := mirror.Build(ctx, ".", tmp, version)
	if err != nil {
		return err
	}
	files, err := mirror.Lay(dir, binary, version)
	if err != nil {
		return err
	}
	for _, file := range files {
		fmt.Fprintln(w, "installed", file)
	}
	fmt.Fprintf(w, `
Any configuration with this block finds it at init:

  terraform {
    required_providers {
      palabra = {
        source  = %q
        version = %q
      }
    }
  }

In a folder that was initialised with another build of this version, remove
.terraform.lock.hcl before the next init: it holds the old checksum.
`, mirror.Source, version)
	// An engine that has been told where to look does not look anywhere else.
	if file := os.Getenv("TF_CLI_CONFIG_FILE"); file != "" {
		fmt.Fprintf(w, "\nTF_CLI_CONFIG_FILE is set: a provider_installation block in %s would keep this folder from being searched.\n", file)
	}
	return nil
}
