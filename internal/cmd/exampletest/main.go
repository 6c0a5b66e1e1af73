// Command exampletest runs the "terraform test" suites of the examples: it
// builds the provider, and gives each folder with a *.tftest.hcl file a copy of
// its own and a fresh sandbox with the folder's sessions.json or the sample
// sessions. It needs no account.
//
//	go run ./internal/cmd/exampletest [folder …]
//
// Without arguments it runs what is under examples.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "exampletest:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, roots []string, out io.Writer) error {
	if len(roots) == 0 {
		roots = []string{"examples"}
	}
	suites, err := findSuites(roots)
	if err != nil {
		return err
	}
	cache, err := engine.CacheDir()
	if err != nil {
		return err
	}
	found, err := engine.Find(ctx, cache)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s, %d suites\n", found, len(suites))

	work, err := os.MkdirTemp("", "palabra-exampletest-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work) //nolint:errcheck // a temporary folder
	t := tester{engine: found, root: filepath.Dir(filepath.Dir(cache)), work: work, out: out}
	if t.cliConfig, err = buildMirror(ctx, t.root, work); err != nil {
		return err
	}

	var failed []string
	for _, suite := range suites {
		fmt.Fprintf(out, "\n== %s\n", suite)
		if err := t.run(ctx, suite); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			fmt.Fprintf(out, "%v\n", err)
			failed = append(failed, suite)
		}
	}
	if len(failed) > 0 {
		return fmt.Errorf("%d of %d suites failed: %s", len(failed), len(suites), strings.Join(failed, ", "))
	}
	fmt.Fprintf(out, "\nAll %d suites passed.\n", len(suites))
	return nil
}

// findSuites returns the folders that hold test files, in order. None at all is
// an error: a run that tests nothing must not pass.
func findSuites(roots []string) ([]string, error) {
	var suites []string
	for _, root := range roots {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error { // #nosec G703 -- the folders to test are the caller's choice
			if err != nil {
				return err
			}
			if entry.IsDir() && entry.Name() == ".terraform" {
				return filepath.SkipDir
			}
			if folder := filepath.Dir(path); strings.HasSuffix(path, ".tftest.hcl") && !slices.Contains(suites, folder) {
				suites = append(suites, folder)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if len(suites) == 0 {
		return nil, errors.New("no *.tftest.hcl file under " + strings.Join(roots, ", "))
	}
	slices.Sort(suites)
	return suites, nil
}
