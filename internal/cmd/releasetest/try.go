package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine"
	"github.com/palabra-community/terraform-provider-palabra/internal/mirror"
	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

const (
	exampleFile = "examples/demo/main.tf"
	seedFile    = "examples/sandbox/sessions.json"
)

// try uses the released executable as a user would, in tmp, and returns the
// user agent that the API saw.
func try(ctx context.Context, e engine.Engine, tmp, binary, version string) (string, error) {
	packages, config, work := filepath.Join(tmp, "mirror"), filepath.Join(tmp, "cli.tfrc"), filepath.Join(tmp, "work")
	if _, err := mirror.Lay(packages, binary, version); err != nil {
		return "", err
	}
	if err := mirror.Configure(config, packages); err != nil {
		return "", err
	}
	example, err := os.ReadFile(exampleFile)
	if err != nil {
		return "", err
	}
	if err := os.Mkdir(work, 0o750); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(work, "main.tf"), example, 0o600); err != nil {
		return "", err
	}

	api := sandbox.New(sandbox.Options{})
	seed, err := os.Open(seedFile)
	if err != nil {
		return "", err
	}
	defer func() { _ = seed.Close() }()
	if err := api.LoadSeed(seed); err != nil {
		return "", err
	}
	var agent atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		agent.Store(r.UserAgent())
		api.ServeHTTP(w, r)
	}))
	defer server.Close()

	env := append(mirror.Environ(config),
		"PALABRA_API_URL="+server.URL,
		"PALABRA_CLIENT_ID="+sandbox.DefaultClientID,
		"PALABRA_CLIENT_SECRET="+sandbox.DefaultClientSecret,
	)
	for _, args := range [][]string{
		{"init", "-input=false"},
		{"apply", "-auto-approve"},
		{"plan", "-detailed-exitcode"}, // Exit status 2 when anything is left to do.
		{"destroy", "-auto-approve"},
	} {
		command := exec.CommandContext(ctx, e.Path, append(args, "-no-color")...)
		command.Dir, command.Env = work, env
		var output bytes.Buffer
		command.Stdout, command.Stderr = &output, &output
		if err := command.Run(); err != nil {
			return "", fmt.Errorf("%s %s: %w\n%s", e.Name, strings.Join(args, " "), err, output.String())
		}
	}
	seen, _ := agent.Load().(string)
	if !strings.Contains(seen, version) {
		return "", fmt.Errorf("user agent %q does not tell version %s: the linker did not set it", seen, version)
	}
	return seen, nil
}
