package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine"
	"github.com/palabra-community/terraform-provider-palabra/internal/mirror"
	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// version is of the build under test only.
const version = "0.0.1"

// buildMirror builds the provider of the module in root into a filesystem
// mirror under work, and returns the CLI configuration that points an engine at
// it.
func buildMirror(ctx context.Context, root, work string) (string, error) {
	binary, err := mirror.Build(ctx, root, work, version)
	if err != nil {
		return "", err
	}
	folder := filepath.Join(work, "mirror")
	if _, err := mirror.Lay(folder, binary, version); err != nil {
		return "", err
	}
	cliConfig := filepath.Join(work, "cli.tfrc")
	return cliConfig, mirror.Configure(cliConfig, folder)
}

// tester is what the suites have in common.
type tester struct {
	engine     engine.Engine
	root, work string
	cliConfig  string
	out        io.Writer
}

// run runs init and test in a copy of the folder, so that the example stays as
// clean as it was.
func (t tester) run(ctx context.Context, suite string) error {
	endpoint, stop, err := startSandbox(ctx, seedFile(t.root, suite))
	if err != nil {
		return err
	}
	defer stop()
	folder, err := os.MkdirTemp(t.work, "suite-")
	if err != nil {
		return err
	}
	if err := os.CopyFS(folder, os.DirFS(suite)); err != nil {
		return err
	}
	if err := removeImports(folder); err != nil {
		return err
	}
	env := append(mirror.Environ(t.cliConfig),
		"PALABRA_API_URL="+endpoint,
		"PALABRA_CLIENT_ID="+sandbox.DefaultClientID,
		"PALABRA_CLIENT_SECRET="+sandbox.DefaultClientSecret,
	)
	for _, args := range [][]string{{"init", "-no-color", "-input=false"}, {"test", "-no-color"}} {
		command := exec.CommandContext(ctx, t.engine.Path, args...) // #nosec G204 -- the engine that was found, fixed arguments
		command.Dir, command.Env = folder, env
		command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
		command.WaitDelay = 10 * time.Second
		output, err := command.CombinedOutput()
		if args[0] == "test" || err != nil {
			fmt.Fprintf(t.out, "%s", output)
		}
		if err != nil {
			return fmt.Errorf("%s %s: %w", t.engine.Name, args[0], err)
		}
	}
	return nil
}

// startSandbox serves a sandbox that begins with the sessions of the seed file.
func startSandbox(ctx context.Context, seedFile string) (endpoint string, stop func(), err error) {
	seed, err := os.Open(seedFile) // #nosec G304 -- a file of an example
	if err != nil {
		return "", nil, err
	}
	defer seed.Close() //nolint:errcheck // only read
	s := sandbox.New(sandbox.Options{})
	if err := s.LoadSeed(seed); err != nil {
		return "", nil, fmt.Errorf("%s: %w", seedFile, err)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		server.Serve(listener) //nolint:errcheck,gosec // ends with stop
	}()
	return "http://" + listener.Addr().String(), func() {
		server.Close() //nolint:errcheck,gosec // nothing is left to do about it
		<-done
	}, nil
}

// seedFile is the suite's own, or the one with the sample sessions.
func seedFile(root, suite string) string {
	own := filepath.Join(suite, "sessions.json")
	if _, err := os.Stat(own); err == nil { // #nosec G703 -- a file of an example
		return own
	}
	return filepath.Join(root, "examples", "sandbox", "sessions.json")
}

// removeImports removes the examples of import blocks: each shows another way to
// import the same resource, so they are no configuration together.
func removeImports(folder string) error {
	files, err := filepath.Glob(filepath.Join(folder, "import-by-*.tf"))
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := os.Remove(file); err != nil {
			return err
		}
	}
	return nil
}
