package engine

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// RunTests runs the tests of a package that share what prepare puts into a
// temporary folder, and ends the process. TestMain calls it.
func RunTests(m *testing.M, prepare func(ctx context.Context, dir string) error) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "palabra-tests-")
		if err == nil {
			defer func() { _ = os.RemoveAll(dir) }()
			err = prepare(context.Background(), dir)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

// ServeTest is Serve until the end of a test.
func ServeTest(t testing.TB, options sandbox.Options, seedFile string) *API {
	t.Helper()
	api, err := Serve(options, seedFile)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(api.Close)
	return api
}

// MustRun is Run for a command that must succeed in a test.
func (w Workspace) MustRun(t testing.TB, args ...string) string {
	t.Helper()
	output, err := w.Run(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	return output
}
