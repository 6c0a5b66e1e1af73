package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine"
	"github.com/palabra-community/terraform-provider-palabra/internal/mirror"
	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// call is a request that the sandbox answered.
type call struct {
	method, path, query string
	status              int
	duration            time.Duration
}

type demo struct {
	out     io.Writer
	engine  engine.Engine
	folder  string
	env     []string
	sandbox *sandbox.Sandbox
	server  *http.Server
	calls   map[string]int
}

func newDemo(ctx context.Context, out io.Writer) (*demo, error) {
	root, err := moduleRoot(ctx)
	if err != nil {
		return nil, err
	}
	fmt.Fprintln(out, "Looking for Terraform or OpenTofu")
	found, err := engine.Find(ctx, filepath.Join(root, ".cache", "engines"))
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(out, "  %s %s\n", found.Name, found.Version)

	folder, err := os.MkdirTemp("", "palabra-demo-")
	if err != nil {
		return nil, err
	}
	d := &demo{out: out, engine: found, folder: folder, calls: make(map[string]int)}
	if err := d.prepare(ctx, root); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

// moduleRoot is the folder of the module that the command is run in.
func moduleRoot(ctx context.Context) (string, error) {
	gomod, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMOD: %w", err)
	}
	root := filepath.Dir(strings.TrimSpace(string(gomod)))
	if _, err := os.Stat(filepath.Join(root, "examples", "demo", "main.tf")); err != nil {
		return "", errors.New("run this from the folder of the project: examples/demo/main.tf is not here")
	}
	return root, nil
}

func (d *demo) prepare(ctx context.Context, root string) error {
	fmt.Fprintln(d.out, "Building the provider")
	if err := d.buildProvider(ctx, root); err != nil {
		return err
	}
	example, err := os.ReadFile(filepath.Join(root, "examples", "demo", "main.tf")) // #nosec G304 -- a file of this module
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(d.folder, "main.tf"), example, 0o600); err != nil {
		return err
	}
	fmt.Fprintln(d.out, "Starting the sandbox")
	return d.startSandbox(ctx, filepath.Join(root, "examples", "sandbox", "sessions.json"))
}

func (d *demo) buildProvider(ctx context.Context, root string) error {
	const version = "0.0.1"
	binary, err := mirror.Build(ctx, root, d.folder, version)
	if err != nil {
		return err
	}
	folder, cliConfig := filepath.Join(d.folder, "mirror"), filepath.Join(d.folder, "cli.tfrc")
	if _, err := mirror.Lay(folder, binary, version); err != nil {
		return err
	}
	d.env = mirror.Environ(cliConfig)
	return mirror.Configure(cliConfig, folder)
}

func (d *demo) startSandbox(ctx context.Context, seedFile string) error {
	d.sandbox = sandbox.New(sandbox.Options{})
	seed, err := os.Open(seedFile) // #nosec G304 -- a file of this module
	if err != nil {
		return err
	}
	defer seed.Close() //nolint:errcheck // only read
	if err := d.sandbox.LoadSeed(seed); err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	d.server = &http.Server{Handler: d.sandbox, ReadHeaderTimeout: 10 * time.Second}
	go d.server.Serve(listener) //nolint:errcheck // ends with close

	endpoint := "http://" + listener.Addr().String()
	fmt.Fprintf(d.out, "  %s\n", endpoint)
	d.env = append(d.env,
		"PALABRA_API_URL="+endpoint,
		"PALABRA_API_KEY="+sandbox.DefaultAPIKey,
		"TF_CLI_ARGS=-no-color",
	)
	return nil
}

func (d *demo) close() {
	if d.server != nil {
		d.server.Close() //nolint:errcheck,gosec // nothing is left to do about it
	}
	os.RemoveAll(d.folder) //nolint:errcheck,gosec // a temporary folder
}

func (d *demo) run(ctx context.Context, s step) error {
	fmt.Fprintf(d.out, "\n== %s\n$ %s %s\n", s.title, d.engine.Name, strings.Join(s.args, " "))
	d.sandbox.ResetRequests()

	command := exec.CommandContext(ctx, d.engine.Path, s.args...) // #nosec G204 -- the steps of this program
	command.Dir = d.folder
	command.Env = d.env
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 10 * time.Second
	output, err := command.CombinedOutput()
	for line := range bytes.Lines(bytes.TrimSpace(output)) {
		fmt.Fprintf(d.out, "  | %s", line)
	}
	fmt.Fprintln(d.out)
	if err != nil {
		return fmt.Errorf("%s %s: %w", d.engine.Name, strings.Join(s.args, " "), err)
	}

	calls := d.takeCalls()
	if len(calls) == 0 {
		fmt.Fprintln(d.out, "  API calls: none")
	} else {
		fmt.Fprintln(d.out, "  API calls:")
	}
	for _, c := range calls {
		d.calls[c.method]++
		fmt.Fprintf(d.out, "    %-6s %s%s -> %d (%s)\n", c.method, c.path, c.query, c.status, c.duration.Round(10*time.Microsecond))
	}
	return s.check(calls)
}

func (d *demo) takeCalls() []call {
	var calls []call
	for _, r := range d.sandbox.Requests() {
		c := call{method: r.Method, path: r.Path, status: r.Status, duration: r.Duration}
		if r.Query != "" {
			c.query = "?" + r.Query
		}
		calls = append(calls, c)
	}
	return calls
}

func (d *demo) summarize() {
	left := len(d.sandbox.Sessions())
	fmt.Fprintf(d.out, `
== Summary
  Set a lifetime:      1 POST and 1 GET for the session
  Unchanged plan:      nothing written
  Changed lifetime:    updated in place, 1 POST and 1 GET
  Destroy:             1 DELETE
  All API calls:       %d GET, %d POST, %d DELETE
  Sessions left:       %d (the samples that nothing managed)
`, d.calls["GET"], d.calls["POST"], d.calls["DELETE"], left)
}
