package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/mirror"
)

func TestMain(m *testing.M) {
	// The benchmark uses its own executable as the provider that does nothing.
	if startedByEngine() {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestQuickBenchmarkReportsEveryStepOfEveryVariant(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := run(t.Context(), options{runs: 1, latency: time.Millisecond, machine: "a test machine", folder: folder, quick: true}); err != nil {
		t.Fatal(err)
	}
	report := read(t, folder, "README.md")
	for _, s := range allSteps {
		for _, v := range variants {
			if row := fmt.Sprintf("| 5 | 5 | %s | %s |", s, v); !strings.Contains(report, row) {
				t.Errorf("no row %q in\n%s", row, report)
			}
		}
	}
	for _, want := range []string{"on a test machine", "| start to the first answered call |"} {
		if !strings.Contains(report, want) {
			t.Errorf("no %q in\n%s", want, report)
		}
	}
	if plot := read(t, folder, "bench.svg"); !strings.Contains(plot, "refresh, nothing to change, N = 5") {
		t.Errorf("no bar for the refresh in\n%s", plot)
	}
}

// An engine takes every line apart that its provider sends, also those that it
// then does not show.
func TestProviderSendsTheSDKsLogOnlyWhereTheEngineShowsIt(t *testing.T) {
	t.Parallel()
	binary, err := mirror.Build(t.Context(), filepath.Join("..", "..", ".."), t.TempDir(), "0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		env  []string
		want bool
	}{
		"nothing set":        {nil, false},
		"the engine's own":   {[]string{"TF_LOG_CORE=TRACE"}, false},
		"errors":             {[]string{"TF_LOG=ERROR"}, false},
		"everything":         {[]string{"TF_LOG=TRACE"}, true},
		"providers":          {[]string{"TF_LOG_PROVIDER=TRACE"}, true},
		"protocol, quietly":  {[]string{"TF_LOG=ERROR", "TF_LOG_SDK_PROTO=TRACE"}, true},
		"all but the SDK":    {[]string{"TF_LOG=TRACE", "TF_LOG_SDK=OFF"}, false},
		"JSON is everything": {[]string{"TF_LOG=JSON"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stderr bytes.Buffer
			provider := exec.CommandContext(t.Context(), binary) // #nosec G204 -- built above
			provider.Env = append(mirror.Environ(""), test.env...)
			provider.Stderr = &stderr
			if err := start(t.Context(), provider); err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(stderr.String(), `"@module":"sdk`); got != test.want {
				t.Errorf("lines of the SDK: %t, want %t\n%s", got, test.want, stderr.String())
			}
		})
	}
}

func read(t *testing.T, folder, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(folder, name)) // #nosec G304 -- a file of this test
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
