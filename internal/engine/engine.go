// Package engine finds Terraform or OpenTofu, installs a build of the provider for
// it, and runs it in a folder against a sandbox. The demo, the tests and the
// make targets share it, so that all of them work on a machine that has only Go.
package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"

	"github.com/hashicorp/go-version"
)

// EnvVar names the environment variable that chooses the engine: a path, or a
// name that is looked up in PATH.
const EnvVar = "PALABRA_ENGINE"

// Names of the two engines, as their executables are called.
const (
	Terraform = "terraform"
	OpenTofu  = "tofu"
)

// Engine is an executable that is known to run.
type Engine struct {
	Path    string // absolute
	Name    string // Terraform or OpenTofu
	Version string // such as "1.14.3", without a leading "v"
}

// String reads as a person would say it: "Terraform 1.14.3".
func (e Engine) String() string {
	if e.Name == OpenTofu {
		return "OpenTofu " + e.Version
	}
	return "Terraform " + e.Version
}

// Registry is the host that an address without one means to this engine.
func (e Engine) Registry() string {
	if e.Name == OpenTofu {
		return openTofuRegistry
	}
	return terraformRegistry
}

// Since is the first version of each engine that has a feature, such as "1.10". An
// empty version means that no version of that engine has it.
type Since struct{ Terraform, OpenTofu string }

// String reads as a person would say it: "Terraform 1.10 or OpenTofu 1.11".
func (s Since) String() string {
	if s.OpenTofu == "" {
		return "Terraform " + s.Terraform
	}
	return "Terraform " + s.Terraform + " or OpenTofu " + s.OpenTofu
}

// Has says whether this engine has the feature. A pre-release counts as the
// version that it leads to.
func (e Engine) Has(feature Since) bool {
	first := feature.Terraform
	if e.Name == OpenTofu {
		first = feature.OpenTofu
	}
	if first == "" {
		return false
	}
	return version.Must(version.NewVersion(e.Version)).Core().GreaterThanOrEqual(version.Must(version.NewVersion(first)))
}

// Find returns the engine to use: the one that PALABRA_ENGINE names, else
// terraform from PATH, else tofu from PATH, else one that was downloaded or built
// into .cache/engines, else the newest Terraform, downloaded there, else an
// OpenTofu that is built there. If it gets none, the error says what to install.
func Find(ctx context.Context) (Engine, error) {
	root, err := Root()
	if err != nil {
		return Engine{}, err
	}
	return finder{
		getenv:   os.Getenv,
		lookPath: exec.LookPath,
		inspect:  inspect,
		sources:  []source{{"download Terraform", download}, {"build OpenTofu", BuildOpenTofu}},
	}.find(ctx, root)
}

// Root is the folder of the module that holds the working directory.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the module's folder: %w", err)
	}
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("no go.mod in %s or above it: run this inside a clone of the provider", dir)
		}
	}
}

// finder holds the functions that leave the process, so that tests need neither an
// engine nor a network.
type finder struct {
	getenv   func(string) string
	lookPath func(string) (string, error)
	inspect  func(ctx context.Context, path string) (Engine, error)
	sources  []source
}

// source puts an engine into the cache of the module in root.
type source struct {
	name string
	get  func(ctx context.Context, root string) (path string, err error)
}

func (f finder) find(ctx context.Context, root string) (Engine, error) {
	if chosen := f.getenv(EnvVar); chosen != "" {
		// Another engine would give results about the wrong program.
		e, err := f.look(ctx, chosen)
		if err != nil {
			return Engine{}, fmt.Errorf("%s=%s cannot be used: %w", EnvVar, chosen, err)
		}
		return e, nil
	}

	var problems []error
	for _, candidate := range []string{Terraform, OpenTofu, cached(root, Terraform), cached(root, OpenTofu)} {
		e, err := f.look(ctx, candidate)
		if err == nil {
			return e, nil
		}
		if !errors.Is(err, exec.ErrNotFound) && !errors.Is(err, os.ErrNotExist) {
			problems = append(problems, fmt.Errorf("found but not usable: %w", err))
		}
	}
	for _, s := range f.sources {
		if ctx.Err() != nil {
			return Engine{}, ctx.Err()
		}
		path, err := s.get(ctx, root)
		if err == nil {
			return f.look(ctx, path)
		}
		problems = append(problems, fmt.Errorf("%s: %w", s.name, err))
	}
	if ctx.Err() != nil {
		return Engine{}, ctx.Err()
	}
	return Engine{}, notFound(problems)
}

func (f finder) look(ctx context.Context, candidate string) (Engine, error) {
	path, err := f.lookPath(candidate)
	if err != nil {
		return Engine{}, err
	}
	if path, err = filepath.Abs(path); err != nil {
		return Engine{}, err
	}
	return f.inspect(ctx, path)
}

var versionLine = regexp.MustCompile(`(?m)^(Terraform|OpenTofu) v(\S+)`)

// inspect runs an executable to learn what it is. Its name proves nothing: version
// managers put wrappers of the same name first in PATH.
func inspect(ctx context.Context, path string) (Engine, error) {
	cmd := exec.CommandContext(ctx, path, "version")
	// The check for a newer release would wait for a network that may be absent.
	cmd.Env = append(os.Environ(), "CHECKPOINT_DISABLE=1")
	out, err := cmd.Output()
	if err != nil {
		return Engine{}, fmt.Errorf("%s version: %w", path, err)
	}
	match := versionLine.FindSubmatch(out)
	if match == nil {
		return Engine{}, fmt.Errorf("%s is neither Terraform nor OpenTofu: its version command printed no version of either", path)
	}
	name := Terraform
	if string(match[1]) == "OpenTofu" {
		name = OpenTofu
	}
	return Engine{Path: path, Name: name, Version: string(match[2])}, nil
}
