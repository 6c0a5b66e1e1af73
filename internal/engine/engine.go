// Package engine finds the program that runs the provider: Terraform or
// OpenTofu. The acceptance tests, the demo and the build share it, so that all
// of them work on a machine that has only Go.
package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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

// RegistryHost is the registry that a provider address without a host means to
// this engine.
func (e Engine) RegistryHost() string {
	if e.Name == OpenTofu {
		return "registry.opentofu.org"
	}
	return "registry.terraform.io"
}

// TestEnv is what terraform-plugin-testing must find in the environment to run
// acceptance tests under this engine.
func (e Engine) TestEnv() map[string]string {
	return map[string]string{
		"TF_ACC":                "1",
		"TF_ACC_TERRAFORM_PATH": e.Path,
		"TF_ACC_PROVIDER_HOST":  e.RegistryHost(),
	}
}

// Find returns the engine to use: the one that PALABRA_ENGINE names, else
// terraform from PATH, else tofu from PATH, else one that lies in cacheDir,
// else the newest Terraform, downloaded into cacheDir. When there is none to be
// had, the error says what to install.
func Find(ctx context.Context, cacheDir string) (Engine, error) {
	return finder{
		getenv:   os.Getenv,
		lookPath: exec.LookPath,
		inspect:  inspect,
		install:  install,
	}.find(ctx, cacheDir)
}

// CacheDir is the folder of downloaded and built engines of the module that
// holds the working directory; version control ignores it.
func CacheDir() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the module's folder: %w", err)
	}
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			return filepath.Join(at, ".cache", "engines"), nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("no go.mod in %s or above it: run this inside a clone of the provider", dir)
		}
	}
}

// finder holds what reaches outside the process, so that tests need neither an
// engine nor a network.
type finder struct {
	getenv   func(string) string
	lookPath func(string) (string, error)
	inspect  func(ctx context.Context, path string) (Engine, error)
	install  func(ctx context.Context, dir string) (string, error)
}

func (f finder) find(ctx context.Context, cacheDir string) (Engine, error) {
	if chosen := f.getenv(EnvVar); chosen != "" {
		// A choice that does not work is an error: another engine than the one
		// asked for would make the run say something about the wrong program.
		e, err := f.look(ctx, chosen)
		if err != nil {
			return Engine{}, fmt.Errorf("%s=%s cannot be used: %w", EnvVar, chosen, err)
		}
		return e, nil
	}

	var broken []error
	for _, candidate := range []string{
		Terraform,
		OpenTofu,
		filepath.Join(cacheDir, executable(Terraform)),
		filepath.Join(cacheDir, executable(OpenTofu)),
	} {
		e, err := f.look(ctx, candidate)
		if err == nil {
			return e, nil
		}
		if ctx.Err() != nil {
			return Engine{}, ctx.Err()
		}
		if !errors.Is(err, exec.ErrNotFound) && !errors.Is(err, os.ErrNotExist) {
			broken = append(broken, err)
		}
	}

	path, err := f.install(ctx, cacheDir)
	if err == nil {
		return f.look(ctx, path)
	}
	if ctx.Err() != nil {
		return Engine{}, ctx.Err()
	}
	return Engine{}, &NotFoundError{Broken: broken, Install: err}
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

// inspect runs an executable to learn what it is: its name proves nothing, as
// version managers put wrappers of the same name first in PATH.
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
