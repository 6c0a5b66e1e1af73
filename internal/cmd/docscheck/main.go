// Command docscheck validates the HCL that users are shown: every example and
// every code block of the documentation. Each is checked by the engine against
// a build of the provider, installed as a user would install it.
//
// A block that stands for part of a page is completed with the blocks it refers
// to, taken from the same page or folder, and with the provider's address. What
// the engine is too old to know is checked against the provider's own schema
// instead, and listed.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "docscheck:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, w io.Writer) error {
	units, err := collect(os.DirFS("."))
	if err != nil {
		return err
	}
	if len(units) == 0 {
		return errors.New("found neither examples nor code blocks: run this in the module's root")
	}
	cache, err := engine.CacheDir()
	if err != nil {
		return err
	}
	found, err := engine.Find(ctx, cache)
	if err != nil {
		return err
	}
	schema, err := loadSchema(ctx)
	if err != nil {
		return err
	}
	v, err := newValidator(ctx, found)
	if err != nil {
		return err
	}
	defer v.close()

	able, err := abilitiesOf(found)
	if err != nil {
		return err
	}
	checker := checker{able: able, schema: schema, validate: v.validate}
	failures, validated := 0, 0
	var unchecked []string
	for _, u := range units {
		result := checker.check(ctx, u)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		for _, problem := range result.problems {
			failures++
			fmt.Fprintf(w, "%s: %s\n", u.name, problem)
		}
		if result.validated {
			validated++
		}
		for _, reason := range result.beyond {
			unchecked = append(unchecked, u.name+": "+reason)
		}
	}
	slices.Sort(unchecked)
	for _, line := range slices.Compact(unchecked) {
		fmt.Fprintln(w, "NOTICE", line)
	}
	fmt.Fprintf(w, "%d of %d examples and code blocks validated by %s, %d problems\n", validated, len(units), found, failures)
	if failures > 0 {
		return fmt.Errorf("%d problems", failures)
	}
	return nil
}
