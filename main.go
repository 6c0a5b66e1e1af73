// Command terraform-provider-palabra serves the Palabra provider to Terraform
// and OpenTofu.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/palabra-community/terraform-provider-palabra/internal/provider"
)

// version is set by the linker in releases; it becomes part of the user agent.
var version = "dev"

func main() {
	debug := flag.Bool("debug", false, "serve for a debugger such as delve: print TF_REATTACH_PROVIDERS and wait")
	flag.Parse()

	if err := serve(*debug); err != nil {
		fmt.Fprintln(os.Stderr, "terraform-provider-palabra:", err)
		os.Exit(1)
	}
}

func serve(debug bool) error {
	// A debugged provider writes to its own terminal, not to an engine.
	if !debug {
		if err := provider.LimitSDKLog(os.Getenv, os.Setenv); err != nil {
			return err
		}
	}
	return provider.Serve("registry.terraform.io/palabra-community/palabra", version, debug)
}
