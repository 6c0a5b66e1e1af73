package main

import (
	"os"
	"path/filepath"
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
	names := make(map[string]bool)
	for _, m := range mutations {
		source, err := os.ReadFile(filepath.Join(root, folder, m.file))
		if err != nil {
			t.Error(err)
		}
		if n := strings.Count(string(source), m.old); n != 1 {
			t.Errorf("%s: %s has the old text %d times, not once", m.name, m.file, n)
		}
		if names[m.name] {
			t.Errorf("%s is in the list twice", m.name)
		}
		names[m.name] = true
	}
}
