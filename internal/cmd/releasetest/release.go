package main

import (
	"archive/zip"
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const project = "terraform-provider-palabra"

// wantedPlatforms must be in every release.
var wantedPlatforms = []string{
	"darwin_amd64", "darwin_arm64",
	"freebsd_386", "freebsd_amd64", "freebsd_arm", "freebsd_arm64",
	"linux_386", "linux_amd64", "linux_arm", "linux_arm64",
	"windows_386", "windows_amd64", "windows_arm64",
}

// maxBinary bounds what is unpacked, in bytes.
const maxBinary = 256 << 20

// release is a folder with what goes to a registry.
type release struct {
	dir       string
	version   string
	sums      map[string]string // SHA-256 in hex, by file name
	platforms []string
}

// openRelease reads the checksum list, whose name tells the version.
func openRelease(dir string) (*release, error) {
	lists, err := filepath.Glob(filepath.Join(dir, project+"_*_SHA256SUMS"))
	if err != nil {
		return nil, err
	}
	if len(lists) != 1 {
		return nil, fmt.Errorf("%d checksum lists in %s, want one: run make release-snapshot", len(lists), dir)
	}
	r := &release{dir: dir, sums: map[string]string{}}
	r.version = strings.TrimSuffix(strings.TrimPrefix(filepath.Base(lists[0]), project+"_"), "_SHA256SUMS")
	file, err := os.Open(lists[0])
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		sum, name, ok := strings.Cut(lines.Text(), "  ")
		if !ok {
			return nil, fmt.Errorf("%s: not a checksum and a name: %q", lists[0], lines.Text())
		}
		r.sums[name] = sum
		platform := strings.TrimPrefix(strings.TrimSuffix(name, ".zip"), project+"_"+r.version+"_")
		if strings.HasSuffix(name, ".zip") && platform+".zip" != name {
			r.platforms = append(r.platforms, platform)
		}
	}
	slices.Sort(r.platforms)
	return r, lines.Err()
}

// verify checks what a registry checks when it takes a release.
func (r *release) verify() error {
	if !slices.Equal(r.platforms, wantedPlatforms) {
		return fmt.Errorf("archives for %v, want %v", r.platforms, wantedPlatforms)
	}
	var problems []error
	for _, platform := range wantedPlatforms {
		if _, ok := r.sums[r.sandbox(platform)]; !ok {
			problems = append(problems, fmt.Errorf("%s has no checksum", r.sandbox(platform)))
		}
	}
	for name, want := range r.sums {
		content, err := os.ReadFile(r.file(name))
		if err != nil {
			problems = append(problems, err)
			continue
		}
		if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != want {
			problems = append(problems, fmt.Errorf("%s does not match its checksum", name))
		}
	}
	return errors.Join(append(problems, r.verifyManifest())...)
}

func (r *release) verifyManifest() error {
	name := project + "_" + r.version + "_manifest.json"
	if _, ok := r.sums[name]; !ok {
		return fmt.Errorf("%s has no checksum", name)
	}
	content, err := os.ReadFile(r.file(name))
	if err != nil {
		return err
	}
	var manifest struct {
		Version  int `json:"version"`
		Metadata struct {
			ProtocolVersions []string `json:"protocol_versions"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(content, &manifest); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if manifest.Version != 1 || !slices.Equal(manifest.Metadata.ProtocolVersions, []string{"6.0"}) {
		return fmt.Errorf("%s: version %d, protocols %v", name, manifest.Version, manifest.Metadata.ProtocolVersions)
	}
	return nil
}

// sandbox is the name of the sandbox's archive, which no registry takes.
func (r *release) sandbox(platform string) string {
	suffix := ".tar.gz"
	if strings.HasPrefix(platform, "windows_") {
		suffix = ".zip"
	}
	return "palabra-sandbox_" + r.version + "_" + platform + suffix
}

// file is where an artifact lies: goreleaser uploads the manifest under another
// name than it has in the repository, and leaves no copy in its folder.
func (r *release) file(name string) string {
	if strings.HasSuffix(name, "_manifest.json") {
		return "terraform-registry-manifest.json"
	}
	return filepath.Join(r.dir, name)
}

// unpack writes the executable of an archive into dir. It must be the only
// file, and have the name that an engine looks for.
func (r *release) unpack(dir, platform string) (string, error) {
	name := project + "_" + r.version + "_" + platform + ".zip"
	archive, err := zip.OpenReader(filepath.Join(r.dir, name))
	if err != nil {
		return "", err
	}
	defer func() { _ = archive.Close() }()

	want := project + "_v" + r.version
	if strings.HasPrefix(platform, "windows_") {
		want += ".exe"
	}
	if len(archive.File) != 1 || archive.File[0].Name != want {
		return "", fmt.Errorf("%s does not hold %s alone", name, want)
	}
	packed := archive.File[0]
	if packed.Mode()&0o111 != 0o111 {
		return "", fmt.Errorf("%s in %s is not executable: %v", want, name, packed.Mode())
	}
	in, err := packed.Open()
	if err != nil {
		return "", err
	}
	defer func() { _ = in.Close() }()
	content, err := io.ReadAll(io.LimitReader(in, maxBinary))
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return "", err
	}
	path := filepath.Join(dir, want)
	return path, os.WriteFile(path, content, 0o755)
}
