package provider_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// build makes engines use the command of this module.
func (c *cli) build() {
	c.t.Helper()
	folder := c.t.TempDir()
	// Go takes a test's result from its cache unless a file changed that it read.
	if _, err := os.ReadFile("../../main.go"); err != nil {
		c.t.Fatal(err)
	}
	command := exec.CommandContext(c.t.Context(), "go", "build", "-o", filepath.Join(folder, pluginName), "../..") // #nosec G204 -- this module
	if out, err := command.CombinedOutput(); err != nil {
		c.t.Fatalf("go build: %v\n%s", err, out)
	}
	c.Env = append(c.Env, "TF_CLI_CONFIG_FILE="+overrideProvider(c.t, folder))
}

// interrupt applies, interrupts the engine at a moment, and returns what it
// said. An interrupted run has to fail.
func (c *cli) interrupt(out *watchedOutput, moment <-chan struct{}) (said string) {
	c.t.Helper()
	cmd, _ := c.command("apply", "-auto-approve", "-input=false")
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-moment:
	case err := <-ended:
		c.t.Fatalf("the run ended before it could be interrupted: %v\n%s", err, out.all.String())
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		c.t.Error(err)
	}
	err := <-ended
	said = unwrap(out.all.String())
	if err == nil {
		c.t.Errorf("the interrupted run succeeded: %s", said)
	}
	return said
}

// watchedOutput tells when a text has been written to it.
type watchedOutput struct {
	all   bytes.Buffer
	text  string
	found chan struct{}
	once  sync.Once
}

func newWatchedOutput(text string) *watchedOutput {
	return &watchedOutput{text: text, found: make(chan struct{})}
}

func (o *watchedOutput) Write(p []byte) (int, error) {
	n, err := o.all.Write(p)
	if strings.Contains(o.all.String(), o.text) {
		o.once.Do(func() { close(o.found) })
	}
	return n, err
}
