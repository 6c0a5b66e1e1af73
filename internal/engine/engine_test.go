package engine

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// outcome is an engine, or why it cannot be used.
type outcome struct {
	Engine
	err error
}

// machine is what a finder sees: executables by name or path.
type machine struct {
	env             string
	engines         map[string]outcome
	download, build outcome
	asked           []string
}

func (m *machine) finder() finder {
	return finder{
		getenv: func(name string) string { return map[string]string{EnvVar: m.env}[name] },
		lookPath: func(name string) (string, error) {
			if _, ok := m.engines[name]; ok {
				return name, nil
			}
			return "", &exec.Error{Name: name, Err: exec.ErrNotFound}
		},
		inspect: func(_ context.Context, path string) (Engine, error) {
			for name, found := range m.engines {
				if abs, _ := filepath.Abs(name); abs == path {
					found.Path = path
					return found.Engine, found.err
				}
			}
			return Engine{}, os.ErrNotExist
		},
		sources: []source{m.source("download", &m.download), m.source("build", &m.build)},
	}
}

func (m *machine) source(name string, got *outcome) source {
	return source{name, func(_ context.Context, root string) (string, error) {
		m.asked = append(m.asked, name)
		path := cached(root, got.Name)
		m.engines = map[string]outcome{path: *got}
		return path, got.err
	}}
}

func TestFind_PrefersTheChosenThenPathThenCacheThenASource(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	cachedTerraform, cachedTofu := cached(root, Terraform), cached(root, OpenTofu)
	terraform, tofu := outcome{Engine: Engine{Name: Terraform, Version: "1.11.4"}}, outcome{Engine: Engine{Name: OpenTofu, Version: "1.12.6"}}
	failing := outcome{err: errors.New("exit status 1")}
	type engines = map[string]outcome
	for name, test := range map[string]struct {
		machine machine
		want    outcome
		asked   []string
	}{
		"chosen":                   {machine{env: "/opt/tofu", engines: engines{"/opt/tofu": tofu, Terraform: terraform}}, tofu, nil},
		"terraform in PATH":        {machine{engines: engines{OpenTofu: tofu, Terraform: terraform}}, terraform, nil},
		"tofu in PATH":             {machine{engines: engines{OpenTofu: tofu, cachedTerraform: terraform}}, tofu, nil},
		"broken terraform in PATH": {machine{engines: engines{OpenTofu: tofu, Terraform: failing}}, tofu, nil},
		"terraform in cache":       {machine{engines: engines{cachedTofu: tofu, cachedTerraform: terraform}}, terraform, nil},
		"tofu in cache":            {machine{engines: engines{cachedTofu: tofu}}, tofu, nil},
		"download":                 {machine{download: terraform, build: tofu}, terraform, []string{"download"}},
		"build":                    {machine{download: failing, build: tofu}, tofu, []string{"download", "build"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := test.machine
			got, err := m.finder().find(t.Context(), root)
			if err != nil {
				t.Fatal(err)
			}
			if got.String() != test.want.String() {
				t.Errorf("found %s, want %s", got, test.want)
			}
			if !filepath.IsAbs(got.Path) {
				t.Errorf("path %q is not absolute: commands run in other folders", got.Path)
			}
			if !slices.Equal(m.asked, test.asked) {
				t.Errorf("asked %q, want %q", m.asked, test.asked)
			}
		})
	}
}

func TestFind_WithoutAnEngineSaysWhatToInstall(t *testing.T) {
	t.Parallel()
	offline := errors.New("dial tcp: no such host")
	m := machine{
		engines:  map[string]outcome{Terraform: {err: errors.New("wrapper without a version")}},
		download: outcome{err: offline},
		build:    outcome{err: errors.New("no module proxy")},
	}
	_, err := m.finder().find(t.Context(), t.TempDir())
	if !errors.Is(err, offline) {
		t.Fatalf("error %v does not wrap why the download failed", err)
	}
	for _, want := range []string{
		"neither Terraform nor OpenTofu is installed",
		"wrapper without a version",
		"download: dial tcp: no such host",
		"build: no module proxy",
		"https://developer.hashicorp.com/terraform/install",
		"https://opentofu.org/docs/intro/install/",
		"export PALABRA_ENGINE=",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("message lacks %q:\n%v", want, err)
		}
	}
}

func TestFind_BrokenChoiceIsAnError(t *testing.T) {
	t.Parallel()
	m := machine{env: "/opt/missing", engines: map[string]outcome{Terraform: {Engine: Engine{Name: Terraform, Version: "1.11.4"}}}}
	_, err := m.finder().find(t.Context(), t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "PALABRA_ENGINE=/opt/missing") {
		t.Fatalf("error %v does not name the choice", err)
	}
	if len(m.asked) != 0 {
		t.Errorf("asked %q although an engine was chosen", m.asked)
	}
}

func TestFind_StopsWhenCancelled(t *testing.T) {
	t.Parallel()
	for i, asked := range [][]string{nil, {"download"}} {
		ctx, cancel := context.WithCancel(t.Context())
		m := machine{download: outcome{err: errors.New("offline")}}
		f := m.finder()
		f.sources[i].get = func(context.Context, string) (string, error) {
			cancel()
			return "", context.Canceled
		}
		if _, err := f.find(ctx, t.TempDir()); err != context.Canceled { //nolint:errorlint // and not that nothing is installed
			t.Errorf("cancelled in source %d: error %v, want the cancellation alone", i, err)
		}
		if !slices.Equal(m.asked, asked) {
			t.Errorf("cancelled in source %d: asked %q, want %q", i, m.asked, asked)
		}
	}
}

func TestEngine_HasFeaturesSinceItsOwnFirstVersion(t *testing.T) {
	t.Parallel()
	ephemeral, actions := Since{"1.10", "1.11"}, Since{Terraform: "1.14"}
	for _, test := range []struct {
		engine  Engine
		feature Since
		want    bool
	}{
		{Engine{Name: Terraform, Version: "1.9.8"}, ephemeral, false},
		{Engine{Name: Terraform, Version: "1.10.0"}, ephemeral, true},
		{Engine{Name: Terraform, Version: "1.10.0-rc1"}, ephemeral, true},
		{Engine{Name: OpenTofu, Version: "1.10.10"}, ephemeral, false},
		{Engine{Name: OpenTofu, Version: "1.11.0"}, ephemeral, true},
		{Engine{Name: Terraform, Version: "1.17.0-dev"}, actions, true},
		{Engine{Name: OpenTofu, Version: "1.99.0"}, actions, false},
	} {
		if got := test.engine.Has(test.feature); got != test.want {
			t.Errorf("%s, since %s: %t, want %t", test.engine, test.feature, got, test.want)
		}
	}
}

func TestRoot_IsTheModulesWhereverTheTestRuns(t *testing.T) {
	t.Parallel()
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "terraform-registry-manifest.json")); err != nil {
		t.Errorf("%s is not the module's root: %v", root, err)
	}
}
