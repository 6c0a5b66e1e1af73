// Package examples_test validates every folder with a configuration, and runs its
// suites against a sandbox. A file that needs a newer engine says so in its leading
// comment: "# Needs Terraform 1.10 or OpenTofu 1.11".
package examples_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine"
	// So that a change of the provider invalidates the tests' cached results.
	_ "github.com/palabra-community/terraform-provider-palabra/internal/provider"
	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// suites is the first version of each engine with "test".
var suites = engine.Since{Terraform: "1.6", OpenTofu: "1.6"}

// prepared is an engine with a build of the provider, for all tests.
var prepared engine.Workspace

func TestMain(m *testing.M) {
	engine.RunTests(m, func(ctx context.Context, dir string) (err error) {
		prepared, err = engine.Prepare(ctx, dir)
		return err
	})
}

func TestExamples_AreValidAndTheirSuitesPass(t *testing.T) {
	t.Parallel()
	for _, folder := range folders(t) {
		if folder == serviceFolder {
			continue
		}
		t.Run(filepath.ToSlash(folder), func(t *testing.T) {
			t.Parallel()
			newExample(t, folder, serve(t, folder).Env()...).try()
		})
	}
}

// serve serves a sandbox with the folder's sessions, or the sample sessions.
func serve(t *testing.T, folder string) *engine.API {
	t.Helper()
	seedFile := filepath.Join(folder, "sessions.json")
	if _, err := os.Stat(seedFile); err != nil {
		seedFile = filepath.Join("sandbox", "sessions.json")
	}
	return engine.ServeTest(t, sandbox.Options{Control: true}, seedFile)
}

// folders returns the folders with a configuration.
func folders(t *testing.T) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if entry.IsDir() && entry.Name() == ".terraform" {
			return fs.SkipDir
		}
		folder := filepath.Dir(path)
		if strings.HasSuffix(path, ".tf") && !slices.Contains(found, folder) {
			found = append(found, folder)
		}
		return err
	})
	if err != nil || len(found) == 0 {
		t.Fatalf("no configuration: %v", err)
	}
	return found
}

// example is a copy of a folder: engines write files into it.
type example struct {
	t *testing.T
	engine.Workspace
}

func newExample(t *testing.T, folder string, env ...string) example {
	t.Helper()
	const shared = "guides/test-your-modules/elsewhere" // Suites of other folders use this module, too.
	root := t.TempDir()
	for _, copied := range []string{folder, shared} {
		if err := os.CopyFS(filepath.Join(root, copied), os.DirFS(copied)); err != nil && !errors.Is(err, fs.ErrExist) {
			t.Fatal(err)
		}
	}
	return example{t, prepared.In(filepath.Join(root, folder), env...)}
}

func (e example) try() {
	e.t.Helper()
	// Each of them imports the same resource in another way.
	imports := e.takeOut("import-by-*.tf")
	for _, pattern := range []string{"*.tf", "*.tfquery.hcl"} {
		for _, file := range e.glob(pattern) {
			if why := lacks(e.Engine, read(e.t, file)); why != "" {
				e.t.Skip(filepath.Base(file), why)
			}
		}
	}
	if strings.Contains(read(e.t, e.glob("*.tf")[0]), "# Needs the provider ") {
		e.run("fmt", "-check", "-diff") // Other providers are not installed here.
		return
	}
	validate := []string{"validate"}
	if len(e.glob("*.tfquery.hcl")) > 0 {
		validate = append(validate, "-query")
	}
	runs := e.keepReadableSuites()
	e.run("init", "-input=false", "-backend=false")
	e.run(validate...)
	for name, content := range imports {
		write(e.t, filepath.Join(e.Dir, name), content)
		if why := lacks(e.Engine, content); why != "" {
			e.t.Log(name, why)
		} else {
			e.run(validate...)
		}
		e.takeOut(name)
	}
	if runs == 0 {
		return
	}
	if out, line := e.run("test"), fmt.Sprintf("Success! %d passed, 0 failed.", runs); !strings.Contains(out, line) {
		e.t.Errorf("not %q, but:\n%s", line, out)
	}
}

var runBlock = regexp.MustCompile(`(?m)^run "`)

// keepReadableSuites removes the suites that the engine cannot read, because some
// engines read them at init. It counts the runs of the others: an engine that ignores
// a suite succeeds, too.
func (e example) keepReadableSuites() (runs int) {
	e.t.Helper()
	for _, file := range e.glob("*.tftest.hcl") {
		content := read(e.t, file)
		why := lacks(e.Engine, content)
		if why == "" && !e.Engine.Has(suites) {
			why = "needs an engine with suites"
		}
		if why != "" {
			e.t.Log(filepath.Base(file), why)
			e.takeOut(filepath.Base(file))
			continue
		}
		runs += len(runBlock.FindAllString(content, -1))
	}
	return runs
}

var needs = regexp.MustCompile(`^(?:#.*\n)*?# Needs Terraform ([\d.]*\d)(?: or OpenTofu ([\d.]*\d))?\b`)

// lacks says why an engine cannot read a configuration; empty if it can.
func lacks(e engine.Engine, configuration string) string {
	found := needs.FindStringSubmatch(configuration)
	if found == nil {
		return ""
	}
	if first := (engine.Since{Terraform: found[1], OpenTofu: found[2]}); !e.Has(first) {
		return fmt.Sprintf("needs %s, and this is %s", first, e)
	}
	return ""
}

func (e example) run(args ...string) string {
	e.t.Helper()
	return e.MustRun(e.t, args...)
}

func (e example) glob(pattern string) []string {
	e.t.Helper()
	files, err := filepath.Glob(filepath.Join(e.Dir, pattern))
	if err != nil {
		e.t.Fatal(err)
	}
	return files
}

func read(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// takeOut removes files and returns their contents by name.
func (e example) takeOut(pattern string) map[string]string {
	e.t.Helper()
	taken := make(map[string]string)
	for _, file := range e.glob(pattern) {
		taken[filepath.Base(file)] = read(e.t, file)
		if err := os.Remove(file); err != nil {
			e.t.Fatal(err)
		}
	}
	return taken
}
