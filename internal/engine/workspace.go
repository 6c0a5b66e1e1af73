package engine

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Workspace is a folder in which an engine runs.
type Workspace struct {
	Engine Engine
	Dir    string
	Env    []string // all of it, such as what Provider and API.Env return
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

// Run runs a command and returns what it printed, which is in the error, too,
// where the command fails.
func (w Workspace) Run(ctx context.Context, args ...string) (string, error) {
	output, err := w.Command(ctx, args...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s %s: %w\n%s", w.Engine.Name, strings.Join(args, " "), err, output)
	}
	return string(output), err
}
