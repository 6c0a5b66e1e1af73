// Command palabra-demo builds the provider and takes a real engine through
// plan, apply, change and destroy against an embedded sandbox, showing the API
// calls of each step. It needs no account and no network beyond Go modules.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine"
	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Stdout)
	interrupted := ctx.Err() != nil
	stop()
	switch {
	case interrupted:
		fmt.Fprintln(os.Stderr, "palabra-demo: interrupted; everything temporary was removed")
		os.Exit(130)
	case err != nil:
		fmt.Fprintln(os.Stderr, "palabra-demo:", err)
		os.Exit(1)
	}
}

const managedSession = "/session-storage/sessions/58347ae0-8a5d-41cf-96d9-166b550b3335.b0327ccf.3c0742bc"

// step is a command and the calls on the managed session that it must make.
type step struct {
	title, command string
	want           []string
}

var steps = []step{
	{"Set up the working folder", "init", nil},
	{"Plan: read one session, list all, plan a lifetime", "plan -out=first.tfplan", []string{"GET"}},
	{"Apply: set the lifetime", "apply first.tfplan", []string{"GET", "POST", "GET"}},
	{"Plan again: nothing to change", "plan -detailed-exitcode", nil},
	{"Plan a longer lifetime", "plan -var=ttl_seconds=5184000 -out=second.tfplan", nil},
	{"Apply: update in place", "apply second.tfplan", []string{"POST", "GET"}},
	{"Plan the destroy", "plan -destroy -var=ttl_seconds=5184000 -out=destroy.tfplan", nil},
	{"Destroy: delete the session", "apply destroy.tfplan", []string{"DELETE"}},
}

func run(ctx context.Context, out io.Writer) error {
	root, err := engine.Root()
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "Looking for Terraform or OpenTofu, and building the provider")
	dir, err := os.MkdirTemp("", "palabra-demo-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	prepared, err := engine.Prepare(ctx, dir)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "  %s\nStarting the sandbox\n", prepared.Engine)
	api, err := engine.Serve(sandbox.Options{}, filepath.Join(root, "examples", "sandbox", "sessions.json"))
	if err != nil {
		return err
	}
	defer api.Close()
	fmt.Fprintf(out, "  %s\n", api.URL)

	work := prepared.In(filepath.Join(dir, "work"), api.Env()...)
	if err := os.CopyFS(work.Dir, os.DirFS(filepath.Join(root, "examples", "demo"))); err != nil {
		return err
	}
	total := make(map[string]int)
	for _, s := range steps {
		if err := s.run(ctx, out, work, api, total); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, `
== Summary
  Set a lifetime:      checked, 1 POST and 1 GET
  Unchanged plan:      nothing written
  Changed lifetime:    updated in place, 1 POST and 1 GET
  Destroy:             1 DELETE
  All API calls:       %d GET, %d POST, %d DELETE
  Sessions left:       %d (the samples that nothing managed)
`, total["GET"], total["POST"], total["DELETE"], len(api.Sessions()))
	return nil
}

// run runs the step, shows the engine's output and the API calls, and compares the
// calls with those that the step promises.
func (s step) run(ctx context.Context, out io.Writer, work engine.Workspace, api *engine.API, total map[string]int) error {
	fmt.Fprintf(out, "\n== %s\n$ %s %s\n", s.title, work.Engine.Name, s.command)
	api.ResetRequests()
	output, err := work.Run(ctx, strings.Fields(s.command)...)
	if err != nil {
		return err
	}
	for line := range strings.Lines(strings.TrimSpace(output)) {
		fmt.Fprintf(out, "  | %s", line)
	}
	fmt.Fprint(out, "\n\n")

	var got []string
	for _, r := range api.Requests() {
		total[r.Method]++
		if r.Path == managedSession {
			got = append(got, r.Method)
		} else if r.Method != "GET" {
			return fmt.Errorf("%s: unexpected write: %s %s", s.command, r.Method, r.Path)
		}
		fmt.Fprintf(out, "  API: %s %s -> %d\n", r.Method, r.Target(), r.Status)
	}
	if !slices.Equal(got, s.want) {
		return fmt.Errorf("%s: calls on the managed session %q, want %q", s.command, got, s.want)
	}
	return nil
}
