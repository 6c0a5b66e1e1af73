package examples_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/hashicorp/go-version"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine"
)

var (
	required = regexp.MustCompile(`source\s*=\s*"palabra-community/palabra"(?:\s*version\s*=\s*"([^"]*)")?`)
	// newest is the first heading of the changelog.
	newest = regexp.MustCompile(`(?m)^## (\S+)`)
)

// Without a constraint, a new major version would reach users by itself; with one
// that rejects the newest version, the examples would install an old one.
func TestExamples_ConstrainTheProvider(t *testing.T) {
	t.Parallel()
	root, err := engine.Root()
	if err != nil {
		t.Fatal(err)
	}
	read := func(path string) string {
		content, err := os.ReadFile(path) // #nosec G304 -- files of the module
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	versions := []string{engine.LocalVersion, newest.FindStringSubmatch(read(filepath.Join(root, "CHANGELOG.md")))[1]}
	check := func(path string) {
		for _, match := range required.FindAllStringSubmatch(read(path), -1) {
			constraint, err := version.NewConstraint(match[1])
			if err != nil {
				t.Errorf("%s requires the provider without a version constraint", path)
				continue
			}
			for _, v := range versions {
				if !constraint.Check(version.Must(version.NewVersion(v))) {
					t.Errorf("%s requires %q, which %s does not satisfy", path, match[1], v)
				}
			}
		}
	}
	check(filepath.Join(root, "README.md"))
	err = filepath.WalkDir(filepath.Join(root, "examples"), func(path string, _ fs.DirEntry, err error) error {
		if filepath.Ext(path) == ".tf" {
			check(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
