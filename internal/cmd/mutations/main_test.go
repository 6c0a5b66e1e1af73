package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// minimumFaults is how many faults the list has at least.
const minimumFaults = 60

func TestMutations_EachFitsTheCode(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..", "..")
	content, err := os.ReadFile(filepath.Join(root, list))
	if err != nil {
		t.Fatal(err)
	}
	mutations, err := parse(string(content))
	if err != nil {
		t.Fatal(err)
	}
	if len(mutations) < minimumFaults {
		t.Errorf("%d faults, want at least %d", len(mutations), minimumFaults)
	}
	tests := testsOf(t, filepath.Join(root, folder))
	names := make(map[string]bool)
	for _, m := range mutations {
		source, err := os.ReadFile(filepath.Join(root, folder, m.file))
		if err != nil {
			t.Error(err)
		}
		if n := strings.Count(string(source), m.old); n != 1 {
			t.Errorf("%s: %s has the old text %d times, not once", m.name, m.file, n)
		}
		if m.by != "" && !regexp.MustCompile(`(?m)^func `+m.by+`\(`).MatchString(tests) {
			t.Errorf("%s: no test is called %s", m.name, m.by)
		}
		if names[m.name] {
			t.Errorf("%s is in the list twice", m.name)
		}
		names[m.name] = true
	}
}

// testsOf are the tests of a package, as one text.
func testsOf(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, file := range files {
		content, err := os.ReadFile(file) // #nosec G304 -- a file of the package
		if err != nil {
			t.Fatal(err)
		}
		text.Write(content)
	}
	return text.String()
}
