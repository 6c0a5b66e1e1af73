// Command engine prints the path of the Terraform or OpenTofu executable that
// the demo, the tests and the build use, and gets one where there is none.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine"
)

func main() {
	describe := flag.Bool("describe", false, "print name and version too")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *describe)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "engine:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, describe bool) error {
	cache, err := engine.CacheDir()
	if err != nil {
		return err
	}
	e, err := engine.Find(ctx, cache)
	if err != nil {
		return err
	}
	if describe {
		fmt.Printf("%s (%s)\n", e, e.Path)
		return nil
	}
	fmt.Println(e.Path)
	return nil
}
