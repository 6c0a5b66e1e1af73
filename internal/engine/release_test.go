package engine_test

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine"
	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

const project = "terraform-provider-palabra"

// releasePlatforms are in every release.
var releasePlatforms = []string{
	"darwin_amd64", "darwin_arm64",
	"freebsd_386", "freebsd_amd64", "freebsd_arm", "freebsd_arm64",
	"linux_386", "linux_amd64", "linux_arm", "linux_arm64",
	"windows_386", "windows_amd64", "windows_arm64",
}

// TestRelease_SuitsRegistryAndEngine tests the folder of goreleaser that
// PALABRA_RELEASE names, relative to the module.
func TestRelease_SuitsRegistryAndEngine(t *testing.T) {
	t.Parallel()
	dist := os.Getenv("PALABRA_RELEASE")
	if dist == "" {
		t.Skip("PALABRA_RELEASE names no folder with a release: make release-test")
	}
	root, err := engine.Root()
	if err != nil {
		t.Fatal(err)
	}
	if !filepath.IsAbs(dist) {
		dist = filepath.Join(root, dist)
	}
	version, sums := readSums(t, dist)
	manifest := project + "_" + version + "_manifest.json"
	if sums[manifest] == "" {
		t.Errorf("%s has no checksum", manifest)
	}
	var platforms []string
	for name, want := range sums {
		path := filepath.Join(dist, name)
		if name == manifest {
			// The upload renames it.
			path = filepath.Join(root, "terraform-registry-manifest.json")
		}
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != want {
			t.Errorf("%s does not match its checksum", name)
		}
		if platform, ok := strings.CutPrefix(name, project+"_"+version+"_"); ok && strings.HasSuffix(name, ".zip") {
			platforms = append(platforms, strings.TrimSuffix(platform, ".zip"))
		}
	}
	slices.Sort(platforms)
	if !slices.Equal(platforms, releasePlatforms) {
		t.Errorf("archives for %v, want %v", platforms, releasePlatforms)
	}
	applyReleased(t, root, unpack(t, dist, version), version)
}

// readSums reads the checksum list, whose name contains the version.
func readSums(t *testing.T, dist string) (version string, sums map[string]string) {
	t.Helper()
	lists, err := filepath.Glob(filepath.Join(dist, project+"_*_SHA256SUMS"))
	if err != nil || len(lists) != 1 {
		t.Fatalf("%d checksum lists in %s, want one: run make release-snapshot", len(lists), dist)
	}
	version = strings.TrimSuffix(strings.TrimPrefix(filepath.Base(lists[0]), project+"_"), "_SHA256SUMS")
	content, err := os.ReadFile(lists[0])
	if err != nil {
		t.Fatal(err)
	}
	sums = make(map[string]string)
	for line := range strings.Lines(string(content)) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		sums[name] = sum
	}
	return version, sums
}

// unpack returns the executable for this machine, whose name must be the one that
// engines look for. Beside it, the archive must contain the licence and nothing else.
func unpack(t *testing.T, dist, version string) string {
	t.Helper()
	name := project + "_" + version + "_" + runtime.GOOS + "_" + runtime.GOARCH + ".zip"
	archive, err := zip.OpenReader(filepath.Join(dist, name))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = archive.Close() }()
	want := project + "_v" + version
	if runtime.GOOS == "windows" {
		want += ".exe"
	}
	files := make(map[string]*zip.File)
	for _, file := range archive.File {
		files[file.Name] = file
	}
	executable := files[want]
	if len(files) != 2 || files["LICENSE"] == nil || executable == nil || executable.Mode()&0o111 != 0o111 {
		t.Fatalf("%s must contain %s, executable, LICENSE, and nothing else", name, want)
	}
	packed, err := executable.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = packed.Close() }()
	content, err := io.ReadAll(packed)
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(t.TempDir(), want)
	if err := os.WriteFile(binary, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return binary
}

// applyReleased uses the executable as a user would.
func applyReleased(t *testing.T, root, binary, version string) {
	t.Helper()
	found, err := engine.Find(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	env, err := engine.InstallProvider(t.TempDir(), binary, version)
	if err != nil {
		t.Fatal(err)
	}
	api := engine.ServeTest(t, sandbox.Options{}, filepath.Join(root, "examples", "sandbox", "sessions.json"))
	var agent atomic.Value
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		agent.Store(r.UserAgent())
		api.ServeHTTP(w, r)
	}))
	defer front.Close()
	work := engine.Workspace{Engine: found, Env: env}.In(t.TempDir(), append(api.Env(), "PALABRA_API_URL="+front.URL)...)
	if err := os.CopyFS(work.Dir, os.DirFS(filepath.Join(root, "examples", "demo"))); err != nil {
		t.Fatal(err)
	}
	work.MustRun(t, "init", "-input=false")
	work.MustRun(t, "apply", "-auto-approve")
	work.MustRun(t, "plan", "-detailed-exitcode") // Exit status 2 if it is not empty.
	work.MustRun(t, "destroy", "-auto-approve")
	if seen, _ := agent.Load().(string); !strings.Contains(seen, version) {
		t.Errorf("user agent %q lacks version %s: the linker did not set it", seen, version)
	}
}
