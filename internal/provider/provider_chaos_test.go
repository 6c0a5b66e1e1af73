//go:build unix

package provider_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine"
	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

const (
	// commonSessions is for the normal suite; make chaos has more, and more seeds.
	commonSessions = 20

	// chaosShare is the share of faulty answers.
	chaosShare = 0.3
	// parallelism is what engines use by default.
	parallelism = 10
	// maxRuns bounds how often a command is repeated.
	maxRuns = 15
)

// chaos is one life of many sessions under faults.
type chaos struct {
	*cli
	api  *sandbox.Sandbox
	gate *gate
	n    int

	runs, kills, reported, replaced int
	// lost is an upper bound of the sessions that were being created when the
	// engine was killed: no state has them.
	lost int
}

func newChaos(t *testing.T, seed uint64, n int) *chaos {
	t.Helper()
	clock := sandbox.NewClock(testStart)
	api := sandbox.New(sandbox.Options{
		ClientID: testClientID, ClientSecret: testClientSecret, Now: clock.Now, Seed: seed, SessionLimit: 100 * n,
	})
	for i := range n {
		api.Put(sandbox.Session{ID: numberedID(i)})
	}
	g := &gate{api: api}
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	return &chaos{
		cli: newProcessCLI(t, "PALABRA_API_URL="+server.URL, "PALABRA_CLIENT_ID="+testClientID, "PALABRA_CLIENT_SECRET="+testClientSecret),
		api: api, gate: g, n: n,
	}
}

// configure creates n/2 sessions and manages n/2 of the n that exist. The others
// are bystanders.
func (c *chaos) configure(ttl int) {
	c.write(manyExpiries(c.n/2, ttl) + fmt.Sprintf("\nresource \"palabra_session\" \"many\" {\n  count = %d\n  ttl_seconds = %d\n}\n", c.n-c.n/2, ttl))
}

// until repeats a command until it succeeds. Only a command that removes may take
// sessions out of the state.
func (c *chaos) until(removes bool, args ...string) {
	c.t.Helper()
	for range maxRuns {
		before := c.state()
		c.runs++
		out, ok := c.try(args...)
		c.account(before, out, removes)
		if ok {
			return
		}
	}
	c.t.Fatalf("%s did not succeed in %d runs", strings.Join(args, " "), maxRuns)
}

func (c *chaos) account(before map[string]stateInstance, out string, removes bool) {
	c.t.Helper()
	c.reported += strings.Count(unwrap(out), "A session may have been created nevertheless")
	after := c.state()
	for id, was := range before {
		if _, kept := after[id]; kept || removes {
			continue
		}
		if was.Status == "tainted" {
			c.replaced++
			continue
		}
		c.t.Errorf("session %s was lost from the state:\n%s", id, out)
	}
}

// kill starts a command, and kills engine and provider once the API has received
// that many writes.
func (c *chaos) kill(removes bool, writes int, args ...string) {
	c.t.Helper()
	still, release := c.gate.arm(writes)
	before := c.state()
	var out bytes.Buffer
	cmd, _ := c.command(args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-still:
	case err := <-ended:
		c.t.Fatalf("%s ended before it could be killed: %v\n%s", strings.Join(args, " "), err, out.String())
	}
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); err != nil {
		c.t.Fatal(err)
	}
	if err := <-ended; err == nil {
		c.t.Fatal("the engine survived its kill")
	}
	// The API executes requests whose sender is dead.
	release()
	c.kills++
	c.runs++
	c.account(before, out.String(), removes)
}

// live creates, updates and destroys under faults, kills the engine in the middle
// of each, and returns a summary.
func (c *chaos) live() string {
	c.t.Helper()
	apply := []string{"apply", "-auto-approve", "-input=false"}
	destroy := append(apply, "-destroy")
	stop := c.api.Chaos(chaosShare)

	c.configure(3600)
	c.kill(false, c.n/4, apply...)
	c.lost = parallelism
	c.until(false, apply...)
	c.expectAgreement(time.Hour)
	c.until(false, "plan", "-input=false", "-detailed-exitcode")

	c.configure(7200)
	c.kill(false, c.n/4, apply...)
	c.until(false, apply...)
	c.expectAgreement(2 * time.Hour)

	orphans := c.orphans()
	if orphans > c.reported+c.lost {
		c.t.Errorf("%d sessions are orphans, but only %d errors said so, and %d creates were killed", orphans, c.reported, c.lost)
	}
	deleted := make(map[string]bool)
	for _, request := range c.api.Requests() {
		if _, exists := c.api.Session(request.SessionID); request.Method == http.MethodDelete && !exists {
			deleted[request.SessionID] = true
		}
	}
	if len(deleted) > c.replaced {
		c.t.Errorf("deleted before the destroy: %v; only %d were replaced because they were tainted", deleted, c.replaced)
	}

	c.kill(true, c.n/4, destroy...)
	c.until(true, destroy...)
	stop()
	if left := c.state(); len(left) != 0 {
		c.t.Errorf("the state still holds %v", left)
	}
	c.expectBystandersUntouched()
	faulty, all := 0, c.api.Requests()
	for _, request := range all {
		if request.Fault != "" {
			faulty++
		}
	}
	return fmt.Sprintf("%d sessions, %d commands (%d killed), %d requests (%d %% faulty), %d orphans (%d reported, at most %d killed)",
		c.n, c.runs, c.kills, len(all), 100*faulty/len(all), orphans, c.reported, c.lost)
}

// TestProviderChaos_StateAndServerAgree has another seed for each engine.
func TestProviderChaos_StateAndServerAgree(t *testing.T) {
	t.Parallel()
	seed := uint64(1)
	if testEngine.Name == engine.OpenTofu {
		seed = 2
	}
	t.Log(newChaos(t, seed, commonSessions).live())
}
