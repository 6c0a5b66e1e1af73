//go:build unix

package provider

import (
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// parallelism is what engines use by default.
const parallelism = 10

var (
	chaosSeeds    = flag.Uint64("chaos.seeds", 1, "how many seeds the chaos runs")
	chaosSessions = flag.Int("chaos.sessions", 20, "how many sessions each seed has")
)

// chaos is one life of n sessions under faults.
type chaos struct {
	*cli
	api *sandbox.Sandbox
	n   int
	// gate, if there is one, holds each request before it reaches the API.
	gate atomic.Pointer[func(write bool)]
	// reported counts the creates that an error said to be lost, replaced the tainted
	// sessions.
	reported, replaced int
}

// TestProviderChaos_StateAndServerAgree creates, updates and destroys under faults,
// and kills the engine in the middle of each.
func TestProviderChaos_StateAndServerAgree(t *testing.T) {
	t.Parallel()
	for seed := uint64(1); seed <= *chaosSeeds; seed++ {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			n := *chaosSessions
			c := &chaos{n: n, api: sandbox.New(sandbox.Options{
				ClientID: testClientID, ClientSecret: testClientSecret, Now: sandbox.NewClock(testStart).Now, Seed: seed, SessionLimit: 100 * n,
			})}
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if hold := c.gate.Load(); hold != nil {
					(*hold)(r.Method != http.MethodGet)
				}
				c.api.ServeHTTP(w, r)
			}))
			t.Cleanup(server.Close)
			for i := range n {
				c.api.Put(sandbox.Session{ID: numberedID(i)})
			}
			c.cli = newProcessCLI(t, "PALABRA_API_URL="+server.URL, "PALABRA_CLIENT_ID="+testClientID, "PALABRA_CLIENT_SECRET="+testClientSecret)
			c.live()
			_, _ = fmt.Fprintf(os.Stdout, "seed %d: failed: %t; %d sessions, %d requests, %d creates reported as lost\n",
				seed, t.Failed(), n, len(c.api.Requests()), c.reported)
		})
	}
}

func (c *chaos) live() {
	c.t.Helper()
	apply := []string{"apply", "-auto-approve", "-input=false"}
	destroy := append(apply, "-destroy")
	stop := c.api.Chaos(0.3)

	c.configure(3600)
	c.kill(false, apply...)
	c.until(false, apply...)
	c.expectAgreement(time.Hour)
	c.until(false, "plan", "-input=false", "-detailed-exitcode")

	c.configure(7200)
	c.kill(false, apply...)
	c.until(false, apply...)
	c.expectAgreement(2 * time.Hour)
	c.expectFewLosses()

	c.kill(true, destroy...)
	c.until(true, destroy...)
	stop()
	if left := c.state(); len(left) != 0 {
		c.t.Errorf("the state still holds %v", left)
	}
	c.expectBystandersUntouched()
}

// configure creates n/2 sessions and manages n/2 of the n that exist. The others
// are bystanders.
func (c *chaos) configure(ttl int) {
	c.write(manyExpiries(c.n/2, ttl, "") + fmt.Sprintf("\nresource \"palabra_session\" \"many\" {\n  count = %d\n  ttl_seconds = %d\n}\n", c.n-c.n/2, ttl))
}

// until repeats a command until it succeeds. Only a command that removes may take
// sessions out of the state.
func (c *chaos) until(removes bool, args ...string) {
	c.t.Helper()
	for range 15 {
		before := c.state()
		out, ok := c.try(args...)
		if c.account(before, out, removes); ok {
			return
		}
	}
	c.t.Fatalf("%s did not succeed in 15 runs", strings.Join(args, " "))
}

func (c *chaos) account(before map[string]stateInstance, out string, removes bool) {
	c.t.Helper()
	c.reported += strings.Count(unwrap(out), "A session may have been created nevertheless")
	after := c.state()
	for id, was := range before {
		switch _, kept := after[id]; {
		case kept, removes:
		case was.Status == "tainted":
			c.replaced++
		default:
			c.t.Errorf("session %s was lost from the state:\n%s", id, out)
		}
	}
}

// kill starts a command, and kills engine and provider in its middle: the API has
// received the writes of a quarter of the sessions, and all parallel operations wait
// for it. An engine that is killed while it writes the state leaves an empty file.
func (c *chaos) kill(removes bool, args ...string) {
	c.t.Helper()
	var writes, held atomic.Int64
	still, open := make(chan struct{}), make(chan struct{})
	hold := func(write bool) {
		if write {
			writes.Add(1)
		}
		if int(writes.Load()) < c.n/4 {
			return
		}
		if held.Add(1) == parallelism {
			close(still)
		}
		<-open
	}
	c.gate.Store(&hold)
	before := c.state()
	run := c.startGroup(args...)
	run.end(ending{signal: syscall.SIGKILL, group: true}, still)
	run.wait()
	// The API executes requests whose sender is dead.
	c.gate.Store(nil)
	close(open)
	c.account(before, run.out(), removes)
}

// state is the state by session id.
func (c *chaos) state() map[string]stateInstance {
	c.t.Helper()
	sessions := make(map[string]stateInstance)
	for _, instances := range c.instances() {
		for _, instance := range instances {
			sessions[fmt.Sprint(instance.Attributes["id"])] = instance
		}
	}
	return sessions
}

// expectAgreement expects the same sessions and expiries in the state and the API.
func (c *chaos) expectAgreement(ttl time.Duration) {
	c.t.Helper()
	state := c.state()
	if len(state) != c.n {
		c.t.Errorf("the state holds %d sessions, want %d", len(state), c.n)
	}
	want := testStart.Add(ttl)
	for id, held := range state {
		session, ok := c.api.Session(id)
		if !ok || !session.ExpiresAt.Equal(want) || held.Attributes["expires_at"] != want.Format(time.RFC3339) || held.Status == "tainted" {
			c.t.Errorf("session %s: state %+v, API %+v (exists: %t), want both to expire at %s", id, held, session, ok, want)
		}
	}
}

// expectFewLosses expects that each created session is in the state, was reported as
// perhaps lost, or was under way when the engine was killed, and that nothing was
// deleted but what a taint replaces. It deletes the lost ones, as the errors advise.
func (c *chaos) expectFewLosses() {
	c.t.Helper()
	deleted := make(map[string]bool)
	for _, request := range c.api.Requests() {
		if _, exists := c.api.Session(request.SessionID); request.Method == http.MethodDelete && !exists {
			deleted[request.SessionID] = true
		}
	}
	if len(deleted) > c.replaced {
		c.t.Errorf("deleted before the destroy: %v; only %d were replaced because they were tainted", deleted, c.replaced)
	}
	lost, state := 0, c.state()
	for _, session := range c.api.Sessions() {
		if _, managed := state[session.ID]; !managed && strings.HasPrefix(session.ID, "sandbox-user.") {
			lost++
			c.api.Remove(session.ID)
		}
	}
	if lost > c.reported+parallelism {
		c.t.Errorf("%d created sessions are not in the state, and only %d errors said so", lost, c.reported)
	}
}

// expectBystandersUntouched expects the bystanders, and no other session.
func (c *chaos) expectBystandersUntouched() {
	c.t.Helper()
	left := c.api.Sessions()
	for _, session := range left {
		if session.ID < numberedID(c.n/2) || !session.ExpiresAt.Equal(testStart.Add(30*24*time.Hour)) {
			c.t.Errorf("after everything was destroyed, the API holds %+v", session)
		}
	}
	if want := c.n - c.n/2; len(left) != want {
		c.t.Errorf("%d sessions left, want the %d bystanders", len(left), want)
	}
}
