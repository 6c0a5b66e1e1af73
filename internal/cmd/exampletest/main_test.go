package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestFindSuitesReturnsEachFolderWithTestFilesOnce(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for _, file := range []string{
		"b/main.tf", "b/one.tftest.hcl", "b/two.tftest.hcl", "b/.terraform/modules/x/three.tftest.hcl",
		"a/deep/four.tftest.hcl", "c/main.tf",
	} {
		write(t, filepath.Join(root, file), "")
	}
	suites, err := findSuites([]string{root})
	if want := []string{filepath.Join(root, "a", "deep"), filepath.Join(root, "b")}; err != nil || !slices.Equal(suites, want) {
		t.Errorf("got %q, %v, want %q", suites, err, want)
	}
}

func TestFindSuitesRefusesToTestNothing(t *testing.T) {
	t.Parallel()
	if suites, err := findSuites([]string{t.TempDir()}); err == nil {
		t.Errorf("got %q, want an error", suites)
	}
}

func TestRunReportsWhichSuitesFail(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	const suite = `
provider "palabra" {}

run "test" {
  assert {
    condition     = length(data.palabra_sessions.all.ids) == COUNT
    error_message = "The sandbox holds another number of sessions."
  }
}
`
	for folder, count := range map[string]string{"good": "3", "bad": "4"} {
		write(t, filepath.Join(root, folder, "main.tf"), `
terraform {
  required_providers {
    palabra = {
      source = "palabra-community/palabra"
    }
  }
}

data "palabra_sessions" "all" {}
`)
		write(t, filepath.Join(root, folder, "main.tftest.hcl"), strings.ReplaceAll(suite, "COUNT", count))
	}
	var out bytes.Buffer
	err := run(t.Context(), []string{root}, &out)
	if err == nil || !strings.Contains(err.Error(), "1 of 2 suites failed: "+filepath.Join(root, "bad")) {
		t.Errorf("got error %v, want it to name the bad suite alone; output:\n%s", err, out.String())
	}
	if _, err := os.Stat(filepath.Join(root, "good", ".terraform")); err == nil {
		t.Error("the suite ran in the example's own folder")
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
