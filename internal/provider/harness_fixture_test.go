package provider_test

import (
	"fmt"
	"net/http"
	"slices"
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
	api, err := engine.Serve(options, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(api.Close)
	return &fixture{Sandbox: api.Sandbox, clock: clock, url: api.URL}
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

func (f *fixture) expectWrites(t *testing.T, want ...string) {
	t.Helper()
	if got := f.writes(); !slices.Equal(got, want) {
		t.Errorf("writes: %q, want %q", got, want)
	}
	f.ResetRequests()
}

func (f *fixture) expectCalls(t *testing.T, want string) {
	t.Helper()
	if got := strings.Join(f.calls(), ", "); got != want {
		t.Errorf("calls: %s\nwant:  %s", got, want)
	}
	f.ResetRequests()
}

// onlySession is the id of the one session that lives.
func (f *fixture) onlySession(t *testing.T) string {
	t.Helper()
	ids := f.sessionIDs()
	if len(ids) != 1 {
		t.Fatalf("sessions: %q, want one", ids)
	}
	return ids[0]
}

// expectNoneLeft checks that a run has created sessions, and that none is left.
func (f *fixture) expectNoneLeft(t *testing.T, out string) {
	t.Helper()
	created := 0
	for _, request := range f.Requests() {
		if request.Method == http.MethodPost && request.SessionID == "" && request.Status == http.StatusCreated {
			created++
		}
	}
	if left := f.sessionIDs(); created == 0 || len(left) > 0 {
		t.Errorf("%d sessions created, left: %q\n%s", created, left, out)
	}
	f.ResetRequests()
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

const (
	expiryAddress   = "palabra_session_expiry.test"
	testSessionPath = "/sessions/" + testSessionID
)

// expiryConfig sets the TTL of the test session; extra holds further arguments.
func expiryConfig(ttl int, extra string) string {
	return fmt.Sprintf(`
resource "palabra_session_expiry" "test" {
  session_id  = %q
  ttl_seconds = %d
  %s
}`, testSessionID, ttl, extra)
}
