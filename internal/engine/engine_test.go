package engine

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// machine describes what a finder sees: executables by the name or path that
// is looked up, each with what its version command tells.
type machine struct {
	env        string
	engines    map[string]Engine
	broken     map[string]error
	installed  string
	installErr error
	installs   int
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
		install: func(context.Context, string) (string, error) {
			m.installs++
			if m.installErr == nil {
				m.engines = map[string]Engine{m.installed: {Name: Terraform, Version: "1.14.0"}}
			}
			return m.installed, m.installErr
		},
	}
}

func TestFindPrefersTheChosenThenPathThenCacheThenDownload(t *testing.T) {
	t.Parallel()

	cache := t.TempDir()
	cached := func(name string) string { return filepath.Join(cache, executable(name)) }
	terraform := Engine{Name: Terraform, Version: "1.11.4"}
	tofu := Engine{Name: OpenTofu, Version: "1.12.6"}
	failing := errors.New("exit status 1")

	tests := map[string]struct {
		machine  machine
		want     string
		installs int
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
			machine: machine{engines: map[string]Engine{OpenTofu: tofu, cached(Terraform): terraform}},
			want:    "OpenTofu 1.12.6",
		},
		"broken terraform in PATH": {
			machine: machine{broken: map[string]error{Terraform: failing}, engines: map[string]Engine{OpenTofu: tofu}},
			want:    "OpenTofu 1.12.6",
		},
		"terraform in cache": {
			machine: machine{engines: map[string]Engine{cached(OpenTofu): tofu, cached(Terraform): terraform}},
			want:    "Terraform 1.11.4",
		},
		"tofu in cache": {
			machine: machine{engines: map[string]Engine{cached(OpenTofu): tofu}},
			want:    "OpenTofu 1.12.6",
		},
		"download": {
			machine:  machine{installed: cached(Terraform)},
			want:     "Terraform 1.14.0",
			installs: 1,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			m := test.machine
			got, err := m.finder().find(t.Context(), cache)
			if err != nil {
				t.Fatal(err)
			}
			if got.String() != test.want {
				t.Errorf("found %s, want %s", got, test.want)
			}
			if !filepath.IsAbs(got.Path) {
				t.Errorf("path %q is not absolute: commands run in other folders", got.Path)
			}
			if m.installs != test.installs {
				t.Errorf("%d downloads, want %d", m.installs, test.installs)
			}
		})
	}
}

func TestFindWithoutAnyEngineSaysWhatToInstall(t *testing.T) {
	t.Parallel()

	offline := errors.New("dial tcp: no such host")
	m := machine{
		broken:     map[string]error{Terraform: errors.New("wrapper without a version")},
		installErr: offline,
	}
	_, err := m.finder().find(t.Context(), t.TempDir())
	if !errors.Is(err, offline) {
		t.Fatalf("error %v does not wrap why the download failed", err)
	}
	for _, want := range []string{
		"neither Terraform nor OpenTofu is installed",
		"wrapper without a version",
		"dial tcp: no such host",
		"https://developer.hashicorp.com/terraform/install",
		"https://opentofu.org/docs/intro/install/",
		"make tofu",
		"export PALABRA_ENGINE=",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("message lacks %q:\n%v", want, err)
		}
	}
}

func TestFindNeverReplacesABrokenChoice(t *testing.T) {
	t.Parallel()

	m := machine{env: "/opt/missing", engines: map[string]Engine{Terraform: {Name: Terraform, Version: "1.11.4"}}}
	_, err := m.finder().find(t.Context(), t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "PALABRA_ENGINE=/opt/missing") {
		t.Fatalf("error %v does not name the choice", err)
	}
	if m.installs != 0 {
		t.Error("downloaded an engine although one was chosen")
	}
}

func TestFindStopsWhenCancelled(t *testing.T) {
	t.Parallel()

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	m := machine{installErr: context.Canceled}
	_, err := m.finder().find(ctx, t.TempDir())
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want the cancellation", err)
	}
	var notFound *NotFoundError
	if errors.As(err, &notFound) {
		t.Error("an interrupted search claims that nothing is installed")
	}
}

func TestTestEnvPointsPluginTestingAtTheEngine(t *testing.T) {
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
