package provider_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/palabra-community/terraform-provider-palabra/internal/provider"
)

const pluginName = "terraform-provider-palabra"

// init lets this test binary be the plugin: a workspace links it under the name
// that engines look for. What runs is then what was compiled for the test, race
// detector included, in a process of its own that an engine starts and logs.
func init() {
	if !strings.HasPrefix(filepath.Base(os.Args[0]), pluginName) {
		return
	}
	if err := provider.Serve("registry.terraform.io/palabra-community/palabra", "test", false); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// workspace is a folder in which the engine's command line is run.
type workspace struct {
	t   *testing.T
	dir string
	// env is added to an environment without anything that engines or the
	// provider read.
	env []string
}

func newWorkspace(t *testing.T, env ...string) *workspace {
	t.Helper()
	w := &workspace{t: t, dir: t.TempDir(), env: env}
	plugins := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	name := pluginName
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if err := os.Symlink(self, filepath.Join(plugins, name)); err != nil {
		t.Fatal(err)
	}
	rc := filepath.Join(plugins, "cli.tfrc")
	w.writeTo(rc, fmt.Sprintf("provider_installation {\n  dev_overrides {\n    \"palabra-community/palabra\" = %q\n  }\n  direct {}\n}\n", plugins))
	w.env = append(w.env, "TF_CLI_CONFIG_FILE="+rc, "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1")
	return w
}

func (w *workspace) writeTo(path, content string) {
	w.t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// write replaces the configuration.
func (w *workspace) write(body string) {
	w.t.Helper()
	w.writeTo(filepath.Join(w.dir, "main.tf"), `
terraform {
  required_providers {
    palabra = { source = "palabra-community/palabra" }
  }
}
`+body)
}

// command is an engine command that is not started yet.
func (w *workspace) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(w.t.Context(), os.Getenv("TF_ACC_TERRAFORM_PATH"), args...) // #nosec G204 -- the engine under test
	cmd.Dir = w.dir
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); !strings.HasPrefix(name, "TF_") && !strings.HasPrefix(name, "PALABRA_") {
			cmd.Env = append(cmd.Env, entry)
		}
	}
	cmd.Env = append(cmd.Env, w.env...)
	return cmd
}

// try runs the engine and returns what it printed on both streams.
func (w *workspace) try(args ...string) (output string, ok bool) {
	w.t.Helper()
	var out bytes.Buffer
	cmd := w.command(args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		w.t.Fatal(err)
	}
	return out.String(), err == nil
}

// run is try for what has to succeed.
func (w *workspace) run(args ...string) string {
	w.t.Helper()
	out, ok := w.try(args...)
	if !ok {
		w.t.Fatalf("%s failed:\n%s", strings.Join(args, " "), out)
	}
	return out
}

// fail is try for what has to fail.
func (w *workspace) fail(args ...string) string {
	w.t.Helper()
	out, ok := w.try(args...)
	if ok {
		w.t.Fatalf("%s succeeded:\n%s", strings.Join(args, " "), out)
	}
	return out
}

func (w *workspace) read(name string) string {
	w.t.Helper()
	content, err := os.ReadFile(filepath.Join(w.dir, name))
	if err != nil {
		w.t.Fatal(err)
	}
	return string(content)
}

// unzip returns everything that a plan file holds.
func (w *workspace) unzip(name string) string {
	w.t.Helper()
	archive, err := zip.OpenReader(filepath.Join(w.dir, name))
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() {
		if err := archive.Close(); err != nil {
			w.t.Error(err)
		}
	}()
	var all strings.Builder
	for _, file := range archive.File {
		content, err := file.Open()
		if err == nil {
			_, err = io.Copy(&all, content) // #nosec G110 -- a plan file of our own making
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
	return all.String()
}
