//go:build unix

package engine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// script writes an executable that poses as an engine.
func script(t *testing.T, body string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "engine")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestInspect_BelievesTheProgramNotItsName(t *testing.T) {
	t.Parallel()
	for want, output := range map[string]string{
		"Terraform 1.11.4":     "Terraform v1.11.4\non linux_amd64",
		"OpenTofu 1.12.6":      "OpenTofu v1.12.6\non linux_amd64",
		"Terraform 1.15.0-rc1": "\nTerraform v1.15.0-rc1\n",
	} {
		path := script(t, "cat <<'EOF'\n"+output+"\nEOF")
		got, err := inspect(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		if got.String() != want || got.Path != path {
			t.Errorf("got %s at %s, want %s at %s", got, got.Path, want, path)
		}
	}
}

func TestInspect_RefusesOtherPrograms(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"another program": "echo Vault v1.15.0",
		"a failing one":   "exit 1",
	} {
		path := script(t, body)
		if _, err := inspect(t.Context(), path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v does not name %s", name, err, path)
		}
	}
}
