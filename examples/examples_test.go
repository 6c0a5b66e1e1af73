// Package examples_test tries what the documentation tells users to write: every
// folder with a configuration is validated, and where it has a suite, tested
// against a sandbox of its own. A file that needs a newer engine says so in its
// leading comment: "# Needs Terraform 1.10 or OpenTofu 1.11".
package examples_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine"
	// The go command is to run this again when the provider has changed.
	_ "github.com/palabra-community/terraform-provider-palabra/internal/provider"
	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// suites is the first version of each engine with "test".
var suites = engine.Since{Terraform: "1.6", OpenTofu: "1.6"}

func TestExamples(t *testing.T) {
	t.Parallel()
	found, err := engine.Find(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	env, err := engine.Provider(t.Context(), t.TempDir(), "0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	t.Log(found)
	for _, folder := range folders(t) {
		t.Run(filepath.ToSlash(folder), func(t *testing.T) {
			t.Parallel()
			api, err := engine.Serve(sandbox.Options{Control: true}, seedFile(folder))
			if err != nil {
				t.Fatal(err)
			}
			defer api.Close()
			e := example{t, engine.Workspace{Engine: found, Dir: t.TempDir(), Env: append(slices.Clone(env), api.Env()...)}}
			if err := os.CopyFS(e.Dir, os.DirFS(folder)); err != nil {
				t.Fatal(err)
			}
			e.try()
		})
	}
}

// folders returns those with a configuration.
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

// seedFile is the folder's own, or the one with the sample sessions.
func seedFile(folder string) string {
	own := filepath.Join(folder, "sessions.json")
	if _, err := os.Stat(own); err == nil {
		return own
	}
	return filepath.Join("sandbox", "sessions.json")
}

// example is a copy of a folder, as engines write beside what they read.
type example struct {
	t *testing.T
	engine.Workspace
}

func (e example) try() {
	e.t.Helper()
	// Each shows another way to import the same resource.
	imports := e.takeOut("import-by-*.tf")
	for _, pattern := range []string{"*.tf", "*.tfquery.hcl"} {
		for _, file := range e.glob(pattern) {
			if why := e.lacks(file); why != "" {
				e.t.Skip(why)
			}
		}
	}
	validate := []string{"validate"}
	if len(e.glob("*.tfquery.hcl")) > 0 {
		validate = append(validate, "-query")
	}
	e.run("init", "-input=false", "-backend=false")
	e.run(validate...)
	for name, content := range imports {
		e.write(name, content)
		if why := e.lacks(filepath.Join(e.Dir, name)); why != "" {
			e.t.Log(why)
		} else {
			e.run(validate...)
		}
		e.takeOut(name)
	}
	e.test()
}

var runBlock = regexp.MustCompile(`(?m)^run "`)

// test runs the suites and counts: an engine that knows no suites, or not these,
// reports success, too.
func (e example) test() {
	e.t.Helper()
	want := 0
	for _, file := range e.glob("*.tftest.hcl") {
		why := e.lacks(file)
		if why == "" && !e.Engine.Has(suites) {
			why = filepath.Base(file) + " needs an engine with suites"
		}
		if why != "" {
			e.t.Log(why)
			e.takeOut(filepath.Base(file))
			continue
		}
		want += len(runBlock.FindAllString(e.read(file), -1))
	}
	if want == 0 {
		return
	}
	if out, line := e.run("test"), fmt.Sprintf("Success! %d passed, 0 failed.", want); !strings.Contains(out, line) {
		e.t.Errorf("not %q, but:\n%s", line, out)
	}
}

var needs = regexp.MustCompile(`^(?:#.*\n)*?# Needs Terraform ([\d.]*\d)(?: or OpenTofu ([\d.]*\d))?\b`)

// lacks says why the engine cannot take the file; it is empty where it can.
func (e example) lacks(file string) string {
	e.t.Helper()
	found := needs.FindStringSubmatch(e.read(file))
	if found == nil {
		return ""
	}
	if first := (engine.Since{Terraform: found[1], OpenTofu: found[2]}); !e.Engine.Has(first) {
		return fmt.Sprintf("%s needs %s, and this is %s", filepath.Base(file), first, e.Engine)
	}
	return ""
}

func (e example) run(args ...string) string {
	e.t.Helper()
	out, err := e.Run(e.t.Context(), args...)
	if err != nil {
		e.t.Fatal(err)
	}
	return out
}

func (e example) glob(pattern string) []string {
	e.t.Helper()
	files, err := filepath.Glob(filepath.Join(e.Dir, pattern))
	if err != nil {
		e.t.Fatal(err)
	}
	return files
}

func (e example) read(file string) string {
	e.t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		e.t.Fatal(err)
	}
	return string(content)
}

func (e example) write(name, content string) {
	e.t.Helper()
	if err := os.WriteFile(filepath.Join(e.Dir, name), []byte(content), 0o600); err != nil {
		e.t.Fatal(err)
	}
}

// takeOut removes files and returns their content by name.
func (e example) takeOut(pattern string) map[string]string {
	e.t.Helper()
	taken := make(map[string]string)
	for _, file := range e.glob(pattern) {
		taken[filepath.Base(file)] = e.read(file)
		if err := os.Remove(file); err != nil {
			e.t.Fatal(err)
		}
	}
	return taken
}

var block = regexp.MustCompile("(?ms)^[ \t]*(?:```|~~~)(?:terraform|hcl|tf)\n(.*?)^[ \t]*(?:```|~~~)$")

// A block that a page does not take from the examples would not be validated.
func TestPages_TakeConfigurationsFromTheExamples(t *testing.T) {
	t.Parallel()
	var all []string
	for _, folder := range folders(t) {
		files, _ := filepath.Glob(filepath.Join(folder, "*.tf"))
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, string(content))
		}
	}
	pages, _ := filepath.Glob(filepath.Join("..", "templates", "*", "*.md.tmpl"))
	more, _ := filepath.Glob(filepath.Join("..", "*.md"))
	pages = append(pages, filepath.Join("..", "templates", "index.md.tmpl"))
	for _, page := range append(pages, more...) {
		content, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range block.FindAllStringSubmatch(string(content), -1) {
			if !slices.Contains(all, found[1]) {
				t.Errorf("%s has a block that is no file under examples; include one with tffile:\n%s", page, found[1])
			}
		}
	}
}
