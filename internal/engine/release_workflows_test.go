package engine_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/go-version"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine"
)

var (
	goLine        = regexp.MustCompile(`(?m)^go (\S+)$`)
	toolchainLine = regexp.MustCompile(`(?m)^toolchain go(\S+)$`)
	uses          = regexp.MustCompile(`(?m)uses: (\S+)(.*)$`)
	pinned        = regexp.MustCompile(`^[\w./-]+@[0-9a-f]{40}$`)
)

func moduleFiles(t *testing.T, pattern ...string) map[string]string {
	t.Helper()
	root, err := engine.Root()
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]string)
	for _, p := range pattern {
		paths, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(p)))
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s matches no file: %v", p, err)
		}
		for _, path := range paths {
			content, err := os.ReadFile(path) // #nosec G304 -- a file of the module
			if err != nil {
				t.Fatal(err)
			}
			name, _ := filepath.Rel(root, path)
			found[filepath.ToSlash(name)] = string(content)
		}
	}
	return found
}

// setup-go installs what the toolchain line says, and forbids another version. A tool
// that needs a newer Go would not build in a workflow.
func TestRelease_GoOfWorkflowsBuildsEveryModule(t *testing.T) {
	t.Parallel()
	modules := moduleFiles(t, "go.mod", "tools/go.mod", "tools/*/go.mod")
	toolchain := toolchainLine.FindStringSubmatch(modules["go.mod"])
	if toolchain == nil {
		t.Fatal("go.mod has no toolchain line")
	}
	installed := version.Must(version.NewVersion(toolchain[1]))
	for name, content := range modules {
		if needed := goLine.FindStringSubmatch(content)[1]; version.Must(version.NewVersion(needed)).GreaterThan(installed) {
			t.Errorf("%s needs Go %s, but workflows install %s: raise the toolchain line of go.mod", name, needed, installed)
		}
		if name != "go.mod" && toolchainLine.MatchString(content) {
			t.Errorf("%s has a toolchain line, too", name)
		}
	}
	for name, content := range moduleFiles(t, ".github/workflows/*.yml") {
		if strings.Contains(content, "go-version:") {
			t.Errorf("%s names a Go version; go.mod does", name)
		}
		for i, step := range strings.Split(content, "actions/setup-go@")[1:] {
			if step, _, _ = strings.Cut(step, "- uses:"); !regexp.MustCompile(`go-version-file: (\S+/)?go\.mod\n`).MatchString(step) {
				t.Errorf("%s: setup-go %d does not take the version of go.mod", name, i+1)
			}
		}
	}
}

// A tag of an action can be moved to other code.
func TestRelease_WorkflowsPinActions(t *testing.T) {
	t.Parallel()
	for name, content := range moduleFiles(t, ".github/workflows/*.yml") {
		for _, match := range uses.FindAllStringSubmatch(content, -1) {
			if !pinned.MatchString(match[1]) || !strings.HasPrefix(strings.TrimSpace(match[2]), "# v") {
				t.Errorf("%s: %s is not pinned to a commit, with its version as a comment", name, match[1])
			}
		}
	}
}

// The job that can reach the signing key can reach only the listed hosts.
func TestRelease_JobsWithSecretsBlockOtherHosts(t *testing.T) {
	t.Parallel()
	content := moduleFiles(t, ".github/workflows/release.yml")[".github/workflows/release.yml"]
	jobs := regexp.MustCompile(`(?m)^  \w+:\n`).Split(content[strings.Index(content, "\njobs:\n"):], -1)[1:]
	for i, job := range jobs {
		_, steps, _ := strings.Cut(job, "    steps:\n")
		if !strings.HasPrefix(strings.TrimSpace(steps), "- uses: step-security/harden-runner@") || !strings.Contains(steps, "egress-policy: block") {
			t.Errorf("job %d of the release does not start by blocking other hosts", i+1)
		}
		if strings.Contains(job, "secrets.") && !strings.Contains(job, "environment: release") {
			t.Errorf("job %d of the release uses a secret outside the environment with approval", i+1)
		}
	}
	if len(jobs) < 4 {
		t.Errorf("%d jobs, want at least four", len(jobs))
	}
}
