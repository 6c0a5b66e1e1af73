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

// machine describes what a finder sees: executables by the name or path that
// is looked up, each with what its version command tells.
type machine struct {
	env     string
	engines map[string]Engine
	broken  map[string]error
	// download and build are what those sources put into the cache, or why not.
	download, build any
	asked           []string
}

func (m *machine) finder() finder {
	return finder{
		getenv: func(name string) string {
			if name == EnvVar {
				return m.env
			}
			return ""
		},
		lookPath: func(name string) (string, error) {
			if _, ok := m.engines[name]; ok {
				return name, nil
			}
			if _, ok := m.broken[name]; ok {
				return name, nil
			}
			return "", &exec.Error{Name: name, Err: exec.ErrNotFound}
		},
		inspect: func(_ context.Context, path string) (Engine, error) {
			for name, e := range m.engines {
				if abs, _ := filepath.Abs(name); abs == path {
					e.Path = path
					return e, nil
				}
			}
			for name, err := range m.broken {
				if abs, _ := filepath.Abs(name); abs == path {
					return Engine{}, err
				}
			}
			return Engine{}, os.ErrNotExist
		},
		sources: []source{m.source("download", m.download), m.source("build", m.build)},
	}
}

func (m *machine) source(name string, outcome any) source {
	return source{name, func(_ context.Context, root string) (string, error) {
		m.asked = append(m.asked, name)
		if err, failed := outcome.(error); failed {
			return "", err
		}
		e, _ := outcome.(Engine)
		path := cached(root, e.Name)
		m.engines = map[string]Engine{path: e}
		return path, nil
	}}
}

func TestFind_PrefersTheChosenThenPathThenCacheThenASource(t *testing.T) {
	t.Parallel()

	root := t.TempDir()
	terraform := Engine{Name: Terraform, Version: "1.11.4"}
	tofu := Engine{Name: OpenTofu, Version: "1.12.6"}
	failing := errors.New("exit status 1")

	tests := map[string]struct {
		machine machine
		want    string
		asked   []string
	}{
		"chosen": {
			machine: machine{env: "/opt/tofu", engines: map[string]Engine{"/opt/tofu": tofu, Terraform: terraform}},
			want:    "OpenTofu 1.12.6",
		},
		"terraform in PATH": {
			machine: machine{engines: map[string]Engine{OpenTofu: tofu, Terraform: terraform}},
			want:    "Terraform 1.11.4",
		},
		"tofu in PATH": {
			machine: machine{engines: map[string]Engine{OpenTofu: tofu, cached(root, Terraform): terraform}},
			want:    "OpenTofu 1.12.6",
		},
		"broken terraform in PATH": {
			machine: machine{broken: map[string]error{Terraform: failing}, engines: map[string]Engine{OpenTofu: tofu}},
			want:    "OpenTofu 1.12.6",
		},
		"terraform in cache": {
			machine: machine{engines: map[string]Engine{cached(root, OpenTofu): tofu, cached(root, Terraform): terraform}},
			want:    "Terraform 1.11.4",
		},
		"tofu in cache": {
			machine: machine{engines: map[string]Engine{cached(root, OpenTofu): tofu}},
			want:    "OpenTofu 1.12.6",
		},
		"download": {
			machine: machine{download: terraform, build: tofu},
			want:    "Terraform 1.11.4",
			asked:   []string{"download"},
		},
		"build where nothing can be downloaded": {
			machine: machine{download: failing, build: tofu},
			want:    "OpenTofu 1.12.6",
			asked:   []string{"download", "build"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			m := test.machine
			got, err := m.finder().find(t.Context(), root)
			if err != nil {
				t.Fatal(err)
			}
			if got.String() != test.want {
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

func TestFind_WithoutAnyEngineSaysWhatToInstall(t *testing.T) {
	t.Parallel()

	offline := errors.New("dial tcp: no such host")
	m := machine{
		broken:   map[string]error{Terraform: errors.New("wrapper without a version")},
		download: offline,
		build:    errors.New("no module proxy"),
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

func TestFind_NeverReplacesABrokenChoice(t *testing.T) {
	t.Parallel()

	m := machine{env: "/opt/missing", engines: map[string]Engine{Terraform: {Name: Terraform, Version: "1.11.4"}}}
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

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	m := machine{download: context.Canceled, build: context.Canceled}
	_, err := m.finder().find(ctx, t.TempDir())
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want the cancellation", err)
	}
	var notFound *NotFoundError
	if errors.As(err, &notFound) {
		t.Error("an interrupted search claims that nothing is installed")
	}
}

func TestHas_ComparesWithTheFirstVersionOfThatEngine(t *testing.T) {
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

func TestTestEnv_PointsPluginTestingAtTheEngine(t *testing.T) {
	t.Parallel()

	for _, test := range []struct {
		engine Engine
		host   string
	}{
		{Engine{Path: "/bin/terraform", Name: Terraform}, "registry.terraform.io"},
		{Engine{Path: "/bin/tofu", Name: OpenTofu}, "registry.opentofu.org"},
	} {
		env := test.engine.TestEnv()
		if env["TF_ACC"] != "1" || env["TF_ACC_TERRAFORM_PATH"] != test.engine.Path || env["TF_ACC_PROVIDER_HOST"] != test.host {
			t.Errorf("%s: %v", test.engine.Name, env)
		}
	}
}
