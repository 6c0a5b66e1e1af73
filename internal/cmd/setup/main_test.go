package main

import (
	"io/fs"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestSetup_UninstallRemovesWhatInstallCreated(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	builds := func() (files []string) {
		t.Helper()
		err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && strings.HasPrefix(entry.Name(), "terraform-provider-palabra") {
				files = append(files, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return files
	}
	run := func(args ...string) string {
		t.Helper()
		var out strings.Builder
		if err := run(t.Context(), &out, dir, args); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}

	said := run("install", "-version=1.2.3")
	installed := builds()
	if len(installed) != 2 || !slices.ContainsFunc(installed, func(file string) bool {
		return strings.Contains(filepath.ToSlash(file), "registry.terraform.io/palabra-community/palabra/1.2.3/"+runtime.GOOS+"_"+runtime.GOARCH+"/")
	}) {
		t.Errorf("installed %q", installed)
	}
	if !strings.Contains(said, "make uninstall") {
		t.Errorf("install does not say how to undo it:\n%s", said)
	}
	run("uninstall")
	if left := builds(); len(left) != 0 {
		t.Errorf("left: %q", left)
	}
	if said := run("uninstall"); !strings.Contains(said, "nothing is installed") {
		t.Errorf("a second uninstall says %q", said)
	}
}

func TestSetup_WithoutACommandListsTheCommands(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"explode"}} {
		if err := run(t.Context(), nil, "", args); err == nil || !strings.Contains(err.Error(), "uninstall") {
			t.Errorf("%q: %v", args, err)
		}
	}
}
