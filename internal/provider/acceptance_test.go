package provider_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine"
	"github.com/palabra-community/terraform-provider-palabra/internal/provider"
	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

const (
	testClientID     = "test-client-id"
	testClientSecret = "test-client-secret-5f1c"
	testAPIKey       = "plbr_test-api-key-77aa"
	testSessionID    = "test-user.fec6b8fa.af4d2d22"
)

// testStart is when the sandbox's clock starts: a time that is not now, so that
// a wall clock in the provider shows.
var testStart = time.Date(2031, time.March, 14, 9, 26, 53, 0, time.UTC)

// testEngine is the engine under test.
var testEngine engine.Engine

// First versions of what only some engines have.
var (
	removedBlocks      = engine.Since{Terraform: "1.7", OpenTofu: "1.10"} // with lifecycle
	movedBetweenTypes  = engine.Since{Terraform: "1.8", OpenTofu: "1.10"}
	ephemeralResources = engine.Since{Terraform: "1.10", OpenTofu: "1.11"}
	identityImport     = engine.Since{Terraform: "1.12", OpenTofu: "1.12"}
	listsAndActions    = engine.Since{Terraform: "1.14"}
)

// needs skips a test whose subject the engine under test does not have.
func needs(t *testing.T, feature engine.Since) {
	t.Helper()
	if !testEngine.Has(feature) {
		t.Skipf("needs %s, and this is %s", feature, testEngine)
	}
}

// TestMain finds the engine once and clears the environment that the provider
// reads, so that the tests are the same on every machine.
func TestMain(m *testing.M) {
	found, err := engine.Find(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	testEngine = found
	environment := found.TestEnv()
	environment["CHECKPOINT_DISABLE"] = "1"
	for name, value := range environment {
		if err := os.Setenv(name, value); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "PALABRA_") || name == "TF_CLI_CONFIG_FILE" {
			if err := os.Unsetenv(name); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		}
	}
	code := m.Run()
	if report := liveReportText.Load(); report != nil {
		fmt.Print("\n" + *report + "\n")
	}
	os.Exit(code)
}

// fixture is a sandbox served over HTTP, with a clock that only the test moves.
type fixture struct {
	*sandbox.Sandbox
	clock *sandbox.Clock
	url   string
}

func newFixture(t *testing.T, adjust ...func(*sandbox.Options)) *fixture {
	t.Helper()
	clock := sandbox.NewClock(testStart)
	options := sandbox.Options{
		ClientID:     testClientID,
		ClientSecret: testClientSecret,
		APIKey:       testAPIKey,
		Now:          clock.Now,
	}
	for _, f := range adjust {
		f(&options)
	}
	server := sandbox.New(options)
	listener := httptest.NewServer(server)
	t.Cleanup(listener.Close)
	return &fixture{Sandbox: server, clock: clock, url: listener.URL}
}

// putSession stores a session that was created at the clock's present time.
func (f *fixture) putSession(id string, ttl time.Duration) {
	now := f.clock.Now()
	f.Put(sandbox.Session{ID: id, CreatedAt: now, UpdatedAt: now, ExpiresAt: now.Add(ttl)})
}

// config is a configuration with the provider set up for the fixture.
func (f *fixture) config(body string) string {
	return fmt.Sprintf(`
provider "palabra" {
  endpoint      = %q
  client_id     = %q
  client_secret = %q
}
%s`, f.url, testClientID, testClientSecret, body)
}

// calls returns the requests since the last reset as "METHOD path", list calls
// without their query.
func (f *fixture) calls() []string {
	var calls []string
	for _, request := range f.Requests() {
		calls = append(calls, request.Method+" "+strings.TrimPrefix(request.Path, "/session-storage"))
	}
	return calls
}

// writes returns the calls that change something.
func (f *fixture) writes() []string {
	var writes []string
	for _, call := range f.calls() {
		if !strings.HasPrefix(call, "GET ") {
			writes = append(writes, call)
		}
	}
	return writes
}

func protoV6Factories() map[string]func() (tfprotov6.ProviderServer, error) {
	return map[string]func() (tfprotov6.ProviderServer, error){
		"palabra": func() (tfprotov6.ProviderServer, error) { return provider.NewServer("test") },
	}
}

func runSteps(t *testing.T, steps ...resource.TestStep) {
	t.Helper()
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		Steps:                    steps,
	})
}

// sinceStart is the RFC 3339 time that long after the clock's start.
func sinceStart(d time.Duration) string { return testStart.Add(d).Format(time.RFC3339) }

// sessionIDs are those of the sessions that live, in the API's order.
func (f *fixture) sessionIDs() []string {
	ids := []string{}
	for _, session := range f.Sessions() {
		ids = append(ids, session.ID)
	}
	return ids
}
