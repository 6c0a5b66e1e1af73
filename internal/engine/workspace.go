package engine

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// Workspace is a folder in which an engine runs.
type Workspace struct {
	Engine Engine
	Dir    string
	Env    []string // the whole environment
}

// Prepare finds an engine and builds the provider for it, with its files under
// dir. The workspace has no folder of its own yet; In returns one that has.
func Prepare(ctx context.Context, dir string) (Workspace, error) {
	found, err := Find(ctx)
	if err != nil {
		return Workspace{}, err
	}
	binary, err := BuildProvider(ctx, dir, LocalVersion)
	if err != nil {
		return Workspace{}, err
	}
	env, err := InstallProvider(dir, binary, LocalVersion)
	return Workspace{Engine: found, Env: env}, err
}

// In returns the same workspace in another folder, with more variables.
func (w Workspace) In(dir string, env ...string) Workspace {
	w.Dir, w.Env = dir, slices.Concat(w.Env, env)
	return w
}

// Command returns a command of the engine. When ctx ends it is interrupted, and
// killed after ten more seconds: engines write the state before they end.
func (w Workspace) Command(ctx context.Context, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, w.Engine.Path, args...)
	command.Dir, command.Env = w.Dir, w.Env
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 10 * time.Second
	return command
}

// Run runs a command and returns its output. An error contains the output, too.
func (w Workspace) Run(ctx context.Context, args ...string) (string, error) {
	output, err := w.Command(ctx, args...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s %s: %w\n%s", w.Engine.Name, strings.Join(args, " "), err, output)
	}
	return string(output), err
}
