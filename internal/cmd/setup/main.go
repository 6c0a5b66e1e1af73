// Command setup finds the engine that the demo and the tests use, and installs or
// removes a build of the provider.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine"
)

const usage = `usage: setup COMMAND
  engine               print the path of Terraform or OpenTofu; get one where there is none
  describe             print its name, version and path
  tofu                 build OpenTofu from its Go module and print its path
  install [-version]   build the provider and put it where init finds it
  uninstall            remove every build that install has put there`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	dir, err := engine.UserDir()
	if err == nil {
		err = run(ctx, os.Stdout, dir, os.Args[1:])
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "setup:", err)
		os.Exit(1)
	}
}

// run runs a command; dir is where engines look for the user's own providers.
func run(ctx context.Context, out io.Writer, dir string, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("no command\n%s", usage)
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	version := flags.String("version", engine.LocalVersion, "`version` to install as; engines never choose a pre-release by themselves")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	switch args[0] {
	case "engine", "describe":
		e, err := engine.Find(ctx)
		if err != nil {
			return err
		}
		if args[0] == "describe" {
			fmt.Fprint(out, e, " ")
		}
		fmt.Fprintln(out, e.Path)
		return nil
	case "tofu":
		root, err := engine.Root()
		if err != nil {
			return err
		}
		path, err := engine.BuildOpenTofu(ctx, root)
		if err != nil {
			return err
		}
		fmt.Fprintln(out, path)
		return nil
	case "install":
		return install(ctx, out, dir, *version)
	case "uninstall":
		return uninstall(out, dir)
	default:
		return fmt.Errorf("no command %q\n%s", args[0], usage)
	}
}

func install(ctx context.Context, out io.Writer, dir, version string) error {
	tmp, err := os.MkdirTemp("", "palabra-setup-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	binary, err := engine.BuildProvider(ctx, tmp, version)
	if err != nil {
		return err
	}
	files, err := engine.MirrorProvider(dir, binary, version)
	if err != nil {
		return err
	}
	for _, file := range files {
		fmt.Fprintln(out, "installed", file)
	}
	fmt.Fprintf(out, `
Any configuration with this block finds it at init:

  terraform {
    required_providers {
      palabra = {
        source  = %q
        version = "~> 0.1"
      }
    }
  }

As long as it is there, init takes this provider from no registry; "make uninstall"
removes it. In a folder that was initialised with another build, remove
.terraform.lock.hcl before the next init: it holds the old version and checksum.
`, engine.ProviderSource)
	// Engines search only where such a block says.
	if file := os.Getenv("TF_CLI_CONFIG_FILE"); file != "" {
		fmt.Fprintf(out, "\nTF_CLI_CONFIG_FILE is set: a provider_installation block in %s would keep this folder from being searched.\n", file)
	}
	return nil
}

func uninstall(out io.Writer, dir string) error {
	removed, err := engine.RemoveProvider(dir)
	for _, folder := range removed {
		fmt.Fprintln(out, "removed", folder)
	}
	if err == nil && len(removed) == 0 {
		fmt.Fprintln(out, "nothing is installed in", dir)
	}
	return err
}
