package engine

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestMirrorProvider_PutsEachBuildWhereBothEnginesLook(t *testing.T) {
	t.Parallel()
	dir, binary := t.TempDir(), filepath.Join(t.TempDir(), "built")
	// The second build is shorter and replaces the first.
	for _, content := range []string{"a longer first build", "second"} {
		if err := os.WriteFile(binary, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		files, err := MirrorProvider(dir, binary, "1.2.3")
		if err != nil {
			t.Fatal(err)
		}
		for _, host := range []string{"registry.terraform.io", "registry.opentofu.org"} {
			want := filepath.Join(dir, host, "palabra-community", "palabra", "1.2.3", runtime.GOOS+"_"+runtime.GOARCH, executable("terraform-provider-palabra_v1.2.3"))
			if !slices.Contains(files, want) {
				t.Errorf("no file %s in %v", want, files)
			}
			if got, err := os.ReadFile(want); err != nil || string(got) != content {
				t.Errorf("%s contains %q (%v), want %q", want, got, err, content)
			}
			if info, err := os.Stat(want); err != nil || runtime.GOOS != "windows" && info.Mode()&0o100 == 0 {
				t.Errorf("%s is not executable (%v)", want, err)
			}
		}
	}
	if _, err := MirrorProvider(dir, filepath.Join(dir, "absent"), "1.2.3"); !os.IsNotExist(err) {
		t.Errorf("without a build: error %v, want that the file does not exist", err)
	}
}

func TestRemoveProvider_RemovesEveryVersionOnly(t *testing.T) {
	t.Parallel()
	dir, binary := t.TempDir(), filepath.Join(t.TempDir(), "built")
	if err := os.WriteFile(binary, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"0.0.1", "1.2.3"} {
		if _, err := MirrorProvider(dir, binary, version); err != nil {
			t.Fatal(err)
		}
	}
	another := filepath.Join(dir, hosts[0], "hashicorp", "random")
	if err := os.MkdirAll(another, 0o750); err != nil {
		t.Fatal(err)
	}
	removed, err := RemoveProvider(dir)
	if err != nil || len(removed) != len(hosts) {
		t.Fatalf("removed %q, %v, want a folder for each registry", removed, err)
	}
	var left []string
	for _, pattern := range []string{"*", "*/*"} {
		names, _ := filepath.Glob(filepath.Join(dir, pattern))
		left = append(left, names...)
	}
	if want := []string{filepath.Join(dir, hosts[0]), filepath.Dir(another)}; !slices.Equal(left, want) {
		t.Errorf("left %q, want %q", left, want)
	}
	if removed, err := RemoveProvider(dir); err != nil || len(removed) != 0 {
		t.Errorf("the second time: %q, %v", removed, err)
	}
}

func TestCLIConfig_TakesThisProviderFromTheMirrorOnly(t *testing.T) {
	t.Parallel()
	content := cliConfig("/some/mirror")
	mirrored, direct, found := strings.Cut(content, "direct")
	if !found || !strings.Contains(mirrored, `path    = "/some/mirror"`) {
		t.Fatalf("unexpected configuration:\n%s", content)
	}
	for _, host := range hosts {
		address := `"` + host + "/" + ProviderSource + `"`
		if !strings.Contains(mirrored, address) || !strings.Contains(direct, address) {
			t.Errorf("%s is not taken from the mirror alone:\n%s", address, content)
		}
	}
}

func TestEnviron_OmitsTheUsersSettings(t *testing.T) {
	t.Setenv("TF_LOG", "TRACE")
	t.Setenv("PALABRA_API_KEY", "plbr_real")
	t.Setenv("TF_CLI_CONFIG_FILE", "/home/user/.terraformrc")
	t.Setenv("UNRELATED", "kept")

	env := Environ("/tmp/cli.tfrc")
	for _, entry := range env {
		if strings.Contains(entry, "plbr_real") || strings.HasPrefix(entry, "TF_LOG=") || strings.Contains(entry, "/home/user") {
			t.Errorf("%s reaches the engine", entry)
		}
	}
	for _, want := range []string{"UNRELATED=kept", "TF_CLI_CONFIG_FILE=/tmp/cli.tfrc"} {
		if !slices.Contains(env, want) {
			t.Errorf("%s is missing", want)
		}
	}
}
