//go:build linux

package engine_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// script copies a script of tools/ into a module of its own, with the files given by
// name and content, and with programs that replace those of the machine.
func script(t *testing.T, name string, files, programs map[string]string) func(args ...string) (string, error) {
	t.Helper()
	dir, bin := t.TempDir(), t.TempDir()
	write := func(path, content string) {
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o700); err != nil { // #nosec G306 -- executables
			t.Fatal(err)
		}
	}
	write(filepath.Join(dir, "tools", name), moduleFiles(t, "tools/"+name)["tools/"+name])
	for file, content := range files {
		write(filepath.Join(dir, file), content)
	}
	for program, body := range programs {
		write(filepath.Join(bin, program), "#!/bin/bash\n"+body)
	}
	return func(args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), filepath.Join(dir, "tools", name), args...) // #nosec G204 -- a script of the module
		cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "GOVULNDB=")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
}

func TestReleaseNotes_AreTheSectionOfTheVersion(t *testing.T) {
	t.Parallel()
	notes := script(t, "release-notes.sh", map[string]string{"CHANGELOG.md": `# Changelog

## 0.2.0 (Unreleased)

* next

## 0.1.10 (January 2, 2027)

* ten

## 0.1.1 (December 31, 2026)

FEATURES:

* one

## 0.1.0 (December 1, 2026)

* zero
`}, nil)
	for tag, want := range map[string]string{
		"v0.1.10": "* ten\n\n",
		"v0.1.1":  "FEATURES:\n\n* one\n\n",
		"v0.1.0":  "* zero\n",
	} {
		if out, err := notes(tag); err != nil || out != want {
			t.Errorf("notes of %s: %q, %v, want %q", tag, out, err, want)
		}
	}
	for _, tag := range []string{"v0.2.0", "v0.3.0", "v0.1", "v0x1.0"} {
		if out, err := notes(tag); err == nil || !strings.HasPrefix(out, "CHANGELOG.md needs the heading") {
			t.Errorf("notes of %s: %q, %v, want that the changelog lacks a dated section", tag, out, err)
		}
	}
}

// govulncheck and go are replaced, so that the test needs no database.
func TestVulncheck_ScansEveryModuleAndSaysIfItCannot(t *testing.T) {
	t.Parallel()
	offline := "exit 6"
	module := func(copies string) string {
		return `case $1 in mod) exit 1;; env) echo ` + copies + `;; esac`
	}
	cache := t.TempDir()
	if err := os.MkdirAll(filepath.Join(cache, "golang.org", "x", "vulndb@v0", "data", "osv"), 0o750); err != nil {
		t.Fatal(err)
	}
	found := func(ids ...string) string {
		return `echo "$GOVERSION $*"; case $* in *tools/a*) printf 'Vulnerability #1: %s\n' ` + strings.Join(ids, " ") + `; exit 3;; esac`
	}
	for name, test := range map[string]struct {
		curl, copies, scanner string
		fails                 bool
		want                  string
	}{
		"no database":                {offline, "/nowhere", "exit 3", false, "NOT CHECKED: known vulnerabilities"},
		"the module's copy":          {offline, cache, "echo $*", false, "-db file://" + cache},
		"the published database":     {"exit 0", "/nowhere", "echo $*", false, "-db https://vuln.go.dev ./..."},
		"as releases are built":      {"exit 0", "/nowhere", found("GO-2026-6905", "GO-2026-6225"), false, "go1.99.7 -db https://vuln.go.dev ./..."},
		"a tool's new vulnerability": {"exit 0", "/nowhere", found("GO-2026-6905", "GO-2026-1"), true, "GO-2026-1\n"},
		"a tool that does not load":  {"exit 0", "/nowhere", "case $* in *tools/a*) echo broken; exit 1;; esac", true, "broken"},
		"the provider's":             {"exit 0", "/nowhere", "case $* in *./...) exit 3;; esac", true, "tools/a"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check := script(t, "vulncheck.sh",
				map[string]string{"go.mod": "module m\n\ntoolchain go1.99.7\n", "tools/go.mod": "", "tools/a/go.mod": ""},
				map[string]string{"curl": test.curl, "go": module(test.copies), "govulncheck": test.scanner})
			out, err := check("govulncheck")
			if (err != nil) != test.fails || !strings.Contains(out, test.want) {
				t.Errorf("error %v, want %v and %q:\n%s", err, test.fails, test.want, out)
			}
		})
	}
}
