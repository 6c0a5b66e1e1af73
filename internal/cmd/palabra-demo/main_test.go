package main

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	// So that a change of the provider invalidates the test's cached result.
	_ "github.com/palabra-community/terraform-provider-palabra/internal/provider"
)

var (
	timestamp = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)
	command   = regexp.MustCompile(`(?m)^\$ (terraform|tofu)`)
)

// normalized replaces what differs between two runs.
func normalized(output string) string {
	return command.ReplaceAllString(timestamp.ReplaceAllString(output, "TIME"), "$ ENGINE")
}

func TestDemo_PrintsWhatTheREADMEShows(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile("(?s)```text\n(== .*?)```").FindSubmatch(readme)
	if shown == nil {
		t.Fatal("README.md has no block with output of the demo")
	}
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	// The README omits lines, and keeps the order.
	rest := normalized(out.String())
	for line := range strings.Lines(normalized(string(shown[1]))) {
		_, after, found := strings.Cut(rest, "\n"+line)
		if strings.TrimSpace(line) == "" {
			continue
		}
		if !found {
			t.Fatalf("README.md shows\n%s\nwhich the demo does not print there:\n%s", line, out.String())
		}
		rest = "\n" + after
	}
}
