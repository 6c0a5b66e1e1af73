//go:build unix

package provider_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

const (
	// commonSeeds are what the normal suite runs; make chaos runs more, larger.
	commonSeeds    = 2
	commonSessions = 20

	// chaosShare is how many answers are faulty.
	chaosShare = 0.3
	// parallelism is what engines use by default.
	parallelism = 10
	// maxRuns is how often a person would repeat a command before giving up.
	maxRuns = 15
)

// gate stands before the API. Armed, it lets some writes through and then holds
// everything: the engine is in the middle of its work then, and as soon as it
// waits with all its parallel operations, nothing moves any more.
type gate struct {
	api http.Handler

	mu     sync.Mutex
	armed  bool
	writes int // to let through
	held   int
	still  chan struct{} // closed when everything is held
	open   chan struct{} // closed to let everything through
}

func (g *gate) arm(writes int) (still <-chan struct{}, release func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.armed, g.writes, g.held = true, writes, 0
	g.still, g.open = make(chan struct{}), make(chan struct{})
	return g.still, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.armed = false
		close(g.open)
	}
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	if g.armed {
		if r.Method != http.MethodGet && g.writes > 0 {
			g.writes--
		}
		if g.writes == 0 {
			if g.held++; g.held == parallelism {
				close(g.still)
			}
			open := g.open
			g.mu.Unlock()
			<-open
			g.mu.Lock()
		}
	}
	g.mu.Unlock()
	g.api.ServeHTTP(w, r)
}

// chaos is one life of many sessions under faults.
type chaos struct {
	*workspace
	api  *sandbox.Sandbox
	gate *gate
	n    int

	runs, kills, reported, replaced int
	// lost is an upper bound of the sessions whose creation was under way when
	// the engine was killed: nobody was left to remember them.
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
		workspace: newWorkspace(t, "PALABRA_API_URL="+server.URL, "PALABRA_CLIENT_ID="+testClientID, "PALABRA_CLIENT_SECRET="+testClientSecret),
		api:       api, gate: g, n: n,
	}
}

// configure makes half of the sessions the provider's own; the other half
// existed before. As many again are nobody's business.
func (c *chaos) configure(ttl int) {
	c.write(manyExpiries(c.n/2, ttl) + fmt.Sprintf("\nresource \"palabra_session\" \"many\" {\n  count = %d\n  ttl_seconds = %d\n}\n", c.n-c.n/2, ttl))
}

// held is what the state says of one session.
type held struct {
	expiresAt string
	tainted   bool
}

// state reads the state file as it lies there, also after a kill.
func (c *chaos) state() map[string]held {
	c.t.Helper()
	content, err := os.ReadFile(filepath.Join(c.dir, "terraform.tfstate"))
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(content) == 0 {
		return nil // The engine makes an empty file to lock it.
	}
	var file struct {
		Resources []struct {
			Instances []struct {
				Status     string `json:"status"`
				Attributes struct {
					ID        string `json:"id"`
					ExpiresAt string `json:"expires_at"`
				} `json:"attributes"`
			} `json:"instances"`
		} `json:"resources"`
	}
	if err == nil {
		err = json.Unmarshal(content, &file)
	}
	if err != nil {
		c.t.Fatalf("the state is damaged: %v\n%s", err, content)
	}
	sessions := make(map[string]held)
	for _, resource := range file.Resources {
		for _, instance := range resource.Instances {
			sessions[instance.Attributes.ID] = held{expiresAt: instance.Attributes.ExpiresAt, tainted: instance.Status == "tainted"}
		}
	}
	return sessions
}

// until repeats a command until it succeeds, which is all that a person has to
// do. Nothing may leave the state on the way, except what the command removes.
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

func (c *chaos) account(before map[string]held, out string, removes bool) {
	c.t.Helper()
	c.reported += strings.Count(unwrap(out), "A session may have been created nevertheless")
	after := c.state()
	for id, was := range before {
		if _, kept := after[id]; kept || removes {
			continue
		}
		if was.tainted {
			c.replaced++
			continue
		}
		c.t.Errorf("session %s was lost from the state:\n%s", id, out)
	}
}

// kill starts a command and kills the engine and the provider with it when the
// given number of writes have reached the API.
func (c *chaos) kill(removes bool, writes int, args ...string) {
	c.t.Helper()
	still, release := c.gate.arm(writes)
	before := c.state()
	var out bytes.Buffer
	cmd := c.command(args...)
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
	// What was on its way arrives after the death of who sent it.
	release()
	c.kills++
	c.runs++
	c.account(before, out.String(), removes)
}

// expectAgreement compares what the state holds with what the API holds.
func (c *chaos) expectAgreement(ttl time.Duration) {
	c.t.Helper()
	state := c.state()
	if len(state) != c.n {
		c.t.Errorf("the state holds %d sessions, want %d", len(state), c.n)
	}
	want := testStart.Add(ttl)
	for id, held := range state {
		session, ok := c.api.Session(id)
		if !ok || !session.ExpiresAt.Equal(want) || held.expiresAt != want.Format(time.RFC3339) || held.tainted {
			c.t.Errorf("session %s: state %+v, API %+v (exists: %t), want both to expire at %s", id, held, session, ok, want)
		}
	}
}

// orphans deletes the sessions that the API holds and neither the state nor
// anybody else knows of, as the errors advise.
func (c *chaos) orphans() (n int) {
	c.t.Helper()
	state := c.state()
	for _, session := range c.api.Sessions() {
		if _, managed := state[session.ID]; !managed && strings.HasPrefix(session.ID, "sandbox-user.") {
			n++
			c.api.Remove(session.ID)
		}
	}
	return n
}

// live lets n sessions live under faults, the engine being killed in the middle
// of creating, updating and destroying, and returns a line about it.
func (c *chaos) live() string {
	c.t.Helper()
	apply := []string{"apply", "-auto-approve", "-input=false", "-no-color"}
	destroy := append(apply, "-destroy")
	stop := c.api.Chaos(chaosShare)

	c.configure(3600)
	c.kill(false, c.n/4, apply...)
	c.lost = parallelism
	c.until(false, apply...)
	c.expectAgreement(time.Hour)
	c.until(false, "plan", "-input=false", "-no-color", "-detailed-exitcode")

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
		c.t.Errorf("deleted before anybody asked for it: %v; only %d were replaced because they were tainted", deleted, c.replaced)
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

// expectBystandersUntouched also says that nothing else is left on the server.
func (c *chaos) expectBystandersUntouched() {
	c.t.Helper()
	want := make(map[string]bool)
	for i := c.n / 2; i < c.n; i++ {
		want[numberedID(i)] = true
	}
	for _, session := range c.api.Sessions() {
		if !want[session.ID] || !session.ExpiresAt.Equal(testStart.Add(30*24*time.Hour)) {
			c.t.Errorf("after everything was destroyed, the API holds %+v", session)
		}
		delete(want, session.ID)
	}
	if len(want) > 0 {
		c.t.Errorf("sessions that were nobody's business are gone: %v", want)
	}
}

func TestStateAndServerAgreeAfterChaosAndKills(t *testing.T) {
	t.Parallel()
	for seed := uint64(1); seed <= commonSeeds; seed++ {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			t.Log(newChaos(t, seed, commonSessions).live())
		})
	}
}
