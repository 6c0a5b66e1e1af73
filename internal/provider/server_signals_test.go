//go:build unix

package provider

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// endings are the ways in which a run is ended from outside. timeout, systemd and
// the runners of pipelines signal the process group, and so the provider, too.
var endings = map[string]ending{
	"interrupted":   {signal: syscall.SIGINT},
	"terminated":    {signal: syscall.SIGTERM, group: true},
	"hung up":       {signal: syscall.SIGHUP, group: true, kills: true},
	"engine killed": {signal: syscall.SIGKILL, kills: true},
}

type ending struct {
	signal syscall.Signal
	group  bool
	// kills says that the engine ends at once.
	kills bool
}

// groupRun is a command in a process group of its own.
type groupRun struct {
	t   *testing.T
	cmd *exec.Cmd
	// out is what the engine has written so far.
	out func() string
	// wait returns when the engine has ended.
	wait func()
	// gone is closed when every process that inherited the input of the engine is
	// gone. Engines let providers inherit it.
	gone chan struct{}
}

func (c *cli) startGroup(args ...string) *groupRun {
	c.t.Helper()
	// Under nohup, the engine would inherit that SIGHUP is ignored.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	cmd, _ := c.command(args...)
	run := &groupRun{t: c.t, cmd: cmd, out: func() string { return c.read("output") }, gone: make(chan struct{})}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	output := must(os.Create(filepath.Join(c.Dir, "output")))
	c.t.Cleanup(func() { _ = output.Close() })
	cmd.Stdout, cmd.Stderr = output, output
	read, write, err := os.Pipe()
	if err != nil {
		c.t.Fatal(err)
	}
	cmd.Stdin = write
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	run.wait = sync.OnceFunc(func() {
		if err := cmd.Wait(); err == nil {
			c.t.Errorf("the run succeeded: %s", run.out())
		}
	})
	_ = write.Close()
	go func() {
		defer close(run.gone)
		_, _ = io.Copy(io.Discard, read)
		_ = read.Close()
	}()
	return run
}

// end signals at a moment.
func (r *groupRun) end(how ending, moment <-chan struct{}) {
	r.t.Helper()
	select {
	case <-moment:
	case <-r.gone:
		r.wait()
		r.t.Fatalf("the run ended before the signal: %s", r.out())
	}
	target := r.cmd.Process.Pid
	if how.group {
		target = -target
	}
	if err := syscall.Kill(target, how.signal); err != nil {
		r.t.Error(err)
	}
}

func TestServer_SignalledRunLeavesNoEphemeralSession(t *testing.T) {
	t.Parallel()
	needs(t, ephemeralResources)
	eachRow(t, endings, func(t *testing.T, how ending) {
		f := newFixture(t)
		// The provider logs its last requests to a pipe that nobody reads any more.
		w := newProcessCLI(t, "TF_LOG_PROVIDER=TRACE", "TF_LOG_PATH="+filepath.Join(t.TempDir(), "log"))
		if err := syscall.Mkfifo(filepath.Join(w.Dir, "started"), 0o600); err != nil {
			t.Fatal(err)
		}
		w.write(f.config(`
ephemeral "palabra_session" "test" {}

resource "terraform_data" "step" {
  provisioner "local-exec" {
    command     = "echo > started; exec sleep 600"
    environment = { ROOM = ephemeral.palabra_session.test.webrtc_room_name }
  }
}`))
		started := make(chan struct{})
		go func() {
			defer close(started)
			w.read("started")
		}()
		run := w.startGroup("apply", "-auto-approve")
		run.end(how, started)
		run.wait()
		<-run.gone
		f.expectNoneLeft(t, run.out())
	})
}

// TestServer_SignalledRunLosesNoNewSession: it is in the state or, if the engine
// cannot receive it any more, deleted.
func TestServer_SignalledRunLosesNoNewSession(t *testing.T) {
	t.Parallel()
	eachRow(t, endings, func(t *testing.T, how ending) {
		f, w := newFixture(t), newProcessCLI(t)
		w.write(f.config(`resource "palabra_session" "test" { ttl_seconds = 3600 }`))
		creating, ended := make(chan struct{}), make(chan struct{})
		f.Inject(sandbox.Fault{Operation: sandbox.OperationCreate, Count: 1, Effect: func(w http.ResponseWriter, r *http.Request, api http.Handler) {
			close(creating)
			<-ended
			api.ServeHTTP(w, r)
		}})
		run := w.startGroup("apply", "-auto-approve")
		run.end(how, creating)
		if how.kills {
			run.wait()
		}
		close(ended)
		run.wait()
		<-run.gone
		if how.kills {
			f.expectNoneLeft(t, run.out())
		} else if ids := f.sessionIDs(); len(ids) != 1 || !strings.Contains(w.read("terraform.tfstate"), ids[0]) {
			t.Errorf("sessions %q, want one that is in the state: %s", ids, run.out())
		}
	})
}

// TestServer_TerminatedPruneReports what it has done.
func TestServer_TerminatedPruneReports(t *testing.T) {
	t.Parallel()
	needs(t, listsAndActions)
	f, w := newFixture(t), newProcessCLI(t)
	f.putSession("old-1", never)
	f.putSession("old-2", never)
	w.write(f.config(`
action "palabra_prune_sessions" "test" {
  config { id_prefix = "old-" }
}` + triggerOf("action.palabra_prune_sessions.test")))
	deleting := make(chan struct{})
	f.Inject(sandbox.Fault{Operation: sandbox.OperationDelete, SessionID: "old-2", Effect: func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		close(deleting)
		<-r.Context().Done()
	}})
	run := w.startGroup("apply", "-auto-approve")
	// An engine that receives a progress after the signal loses the error at the end.
	shown := make(chan struct{})
	go func() {
		<-deleting
		for !strings.Contains(unwrap(run.out()), "Deleted session old-1") {
			time.Sleep(time.Millisecond)
		}
		close(shown)
	}()
	run.end(endings["terminated"], shown)
	run.wait()
	<-run.gone
	if said := unwrap(run.out()); !strings.Contains(said, "Stopped pruning after 1 deletion") {
		t.Errorf("the report is missing: %s", said)
	}
	if ids := f.sessionIDs(); !slices.Equal(ids, []string{"old-2"}) {
		t.Errorf("left: %q", ids)
	}
}
