package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine"
	"github.com/palabra-community/terraform-provider-palabra/internal/mirror"
)

// buildVersion is that of the build that is validated against; examples without a
// constraint take any.
const buildVersion = "0.1.0"

const requiredProviders = `terraform {
  required_providers {
    palabra = {
      source = "` + mirror.Source + `"
    }
  }
}
`

// validator runs an engine in temporary folders.
type validator struct {
	engine engine.Engine
	dir    string
	env    []string
	count  int
}

// newValidator builds the provider and initialises one folder, whose providers
// every code block then uses: an init of its own would take longer than all of
// the validation.
func newValidator(ctx context.Context, e engine.Engine) (*validator, error) {
	dir, err := os.MkdirTemp("", "docscheck-")
	if err != nil {
		return nil, err
	}
	v := &validator{engine: e, dir: dir}
	if err := v.prepare(ctx); err != nil {
		v.close()
		return nil, err
	}
	return v, nil
}

func (v *validator) prepare(ctx context.Context) error {
	binary, err := mirror.Build(ctx, ".", v.dir, buildVersion)
	if err != nil {
		return err
	}
	packages, config := filepath.Join(v.dir, "mirror"), filepath.Join(v.dir, "cli.tfrc")
	if _, err := mirror.Lay(packages, binary, buildVersion); err != nil {
		return err
	}
	if err := mirror.Configure(config, packages); err != nil {
		return err
	}
	v.env = mirror.Environ(config)
	base := v.base()
	if err := os.Mkdir(base, 0o750); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(base, mainFile), []byte(requiredProviders), 0o600); err != nil {
		return err
	}
	return v.run(ctx, base, nil, "init", "-backend=false", "-input=false")
}

func (v *validator) base() string { return filepath.Join(v.dir, "base") }

func (v *validator) close() { _ = os.RemoveAll(v.dir) }

// validate asks the engine about a copy of the folder, as engines write beside
// what they read, or about the content.
func (v *validator) validate(ctx context.Context, folder string, content files) error {
	v.count++
	dir := filepath.Join(v.dir, fmt.Sprint("unit-", v.count))
	if folder != "" {
		if err := os.CopyFS(dir, os.DirFS(folder)); err != nil {
			return err
		}
		if err := v.run(ctx, dir, nil, "init", "-backend=false", "-input=false"); err != nil {
			return err
		}
		return v.run(ctx, dir, nil, "validate")
	}

	if err := os.Mkdir(dir, 0o750); err != nil {
		return err
	}
	if !strings.Contains(content[mainFile], "required_providers") {
		content[mainFile] = requiredProviders + content[mainFile]
	}
	lock, err := os.ReadFile(filepath.Join(v.base(), ".terraform.lock.hcl"))
	if err != nil {
		return err
	}
	content[".terraform.lock.hcl"] = string(lock)
	for name, text := range content {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	shared := []string{"TF_DATA_DIR=" + filepath.Join(v.base(), ".terraform")}
	args := []string{"validate"}
	if content[queryFile] != "" {
		args = append(args, "-query")
	}
	return v.run(ctx, dir, shared, args...)
}

func (v *validator) run(ctx context.Context, dir string, env []string, args ...string) error {
	command := exec.CommandContext(ctx, v.engine.Path, append(args, "-no-color")...)
	command.Dir = dir
	command.Env = append(v.env[:len(v.env):len(v.env)], env...)
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	if err := command.Run(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", v.engine.Name, strings.Join(args, " "), err, output.String())
	}
	return nil
}
