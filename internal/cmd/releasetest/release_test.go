package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// writeRelease lays out archives as goreleaser does and returns their folder.
func writeRelease(t *testing.T, platforms []string, inside string, mode os.FileMode) string {
	t.Helper()
	dir := t.TempDir()
	var sums bytes.Buffer
	for _, platform := range platforms {
		var archive bytes.Buffer
		w := zip.NewWriter(&archive)
		header := &zip.FileHeader{Name: inside}
		header.SetMode(mode)
		file, err := w.CreateHeader(header)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.Write([]byte(platform)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		name := "terraform-provider-palabra_1.2.3_" + platform + ".zip"
		if err := os.WriteFile(filepath.Join(dir, name), archive.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(archive.Bytes()), name)
	}
	if err := os.WriteFile(filepath.Join(dir, "terraform-provider-palabra_1.2.3_SHA256SUMS"), sums.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestTheVersionComesFromTheChecksumListsName(t *testing.T) {
	t.Parallel()

	r, err := openRelease(writeRelease(t, []string{"linux_amd64"}, "terraform-provider-palabra_v1.2.3", 0o755))
	if err != nil {
		t.Fatal(err)
	}
	if r.version != "1.2.3" || len(r.platforms) != 1 || r.platforms[0] != "linux_amd64" {
		t.Errorf("version %s, platforms %v", r.version, r.platforms)
	}
}

func TestAMissingPlatformOrAChangedArchiveIsRefused(t *testing.T) {
	t.Parallel()

	few, err := openRelease(writeRelease(t, []string{"linux_amd64"}, "terraform-provider-palabra_v1.2.3", 0o755))
	if err != nil {
		t.Fatal(err)
	}
	if err := few.verify(); err == nil || !strings.Contains(err.Error(), "windows_amd64") {
		t.Errorf("error %v does not say what is wanted", err)
	}

	dir := writeRelease(t, wantedPlatforms, "terraform-provider-palabra_v1.2.3", 0o755)
	changed := "terraform-provider-palabra_1.2.3_linux_arm64.zip"
	if err := os.WriteFile(filepath.Join(dir, changed), []byte("other"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := openRelease(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.verify(); err == nil || !strings.Contains(err.Error(), changed+" does not match") {
		t.Errorf("error %v does not name the changed archive", err)
	}
	if err := r.verify(); err == nil || !strings.Contains(err.Error(), "manifest.json has no checksum") {
		t.Errorf("error %v does not miss the manifest", err)
	}
	for _, missing := range []string{"palabra-sandbox_1.2.3_linux_amd64.tar.gz has no checksum", "palabra-sandbox_1.2.3_windows_amd64.zip has no checksum"} {
		if err := r.verify(); err == nil || !strings.Contains(err.Error(), missing) {
			t.Errorf("error %v does not say that %s", err, missing)
		}
	}
}

func TestAnArchiveHoldsOneExecutableOfTheRightName(t *testing.T) {
	t.Parallel()

	for name, test := range map[string]struct {
		inside string
		mode   os.FileMode
		want   string
	}{
		"good":           {"terraform-provider-palabra_v1.2.3", 0o755, ""},
		"another name":   {"terraform-provider-palabra", 0o755, "does not hold"},
		"not executable": {"terraform-provider-palabra_v1.2.3", 0o644, "not executable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			r, err := openRelease(writeRelease(t, []string{"linux_amd64"}, test.inside, test.mode))
			if err != nil {
				t.Fatal(err)
			}
			path, err := r.unpack(t.TempDir(), "linux_amd64")
			if test.want != "" {
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("error %v, want %q", err, test.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if content, err := os.ReadFile(path); err != nil || string(content) != "linux_amd64" {
				t.Errorf("unpacked %q (%v)", content, err)
			}
		})
	}
}
