package provider

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

const (
	testClientID     = "test-client-id"
	otherClientID    = "other-client-id"
	testClientSecret = "test-client-secret-5f1c"
	testAPIKey       = "plbr_test-api-key-77aa"
	testSessionID    = "test-user.fec6b8fa.af4d2d22"
)

// testStart is when the sandbox's clock starts: a time that is not now, so that
// a wall clock in the provider shows.
var testStart = time.Date(2031, time.March, 14, 9, 26, 53, 0, time.UTC)

// fixture is the API with a clock that only the test moves: the account of the
// test, and another account.
type fixture struct {
	*sandbox.Sandbox
	other *sandbox.Sandbox
	// elsewhere is another API that accepts the same credentials.
	elsewhere *sandbox.Sandbox
	clock     *sandbox.Clock
	url       string
	busy      sync.RWMutex
}

func newFixture(t *testing.T, adjust ...func(*sandbox.Options)) *fixture {
	t.Helper()
	var options sandbox.Options
	for _, f := range adjust {
		f(&options)
	}
	f := newAccounts(options)
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	f.url = server.URL
	return f
}

// newAccounts is a fixture that is not served.
func newAccounts(options sandbox.Options) *fixture {
	clock := sandbox.NewClock(testStart)
	options.ClientID, options.ClientSecret, options.APIKey, options.Now = testClientID, testClientSecret, testAPIKey, clock.Now
	other := sandbox.Options{ClientID: otherClientID, ClientSecret: testClientSecret, Now: clock.Now}
	return &fixture{Sandbox: sandbox.New(options), other: sandbox.New(other), elsewhere: sandbox.New(options), clock: clock}
}

// boxes are all accounts.
func (f *fixture) boxes() []*sandbox.Sandbox {
	return []*sandbox.Sandbox{f.Sandbox, f.other, f.elsewhere}
}

// elsewhereURL is the endpoint of the other API.
func (f *fixture) elsewhereURL() string { return strings.Replace(f.url, "127.0.0.1", "localhost", 1) }

// ServeHTTP sends each request to the account that its credentials belong to.
func (f *fixture) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.busy.RLock()
	defer f.busy.RUnlock()
	switch {
	case r.Header.Get("ClientID") == otherClientID:
		f.other.ServeHTTP(w, r)
	case strings.HasPrefix(r.Host, "localhost"):
		f.elsewhere.ServeHTTP(w, r)
	default:
		f.Sandbox.ServeHTTP(w, r)
	}
}

// wait returns when every request is over, also those that nobody waits for any
// more.
func (f *fixture) wait() {
	f.busy.Lock()
	defer f.busy.Unlock()
}

// Requests are those to all accounts.
func (f *fixture) Requests() (all []sandbox.Request) {
	for _, box := range f.boxes() {
		all = append(all, box.Requests()...)
	}
	return all
}

func (f *fixture) ResetRequests() {
	for _, box := range f.boxes() {
		box.ResetRequests()
	}
}

func pairOf(url, clientID string) attributes {
	return attributes{"endpoint": url, "client_id": clientID, "client_secret": testClientSecret, "max_retries": 0}
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

// calls are the requests since the last reset, each as its method and session.
func (f *fixture) calls() []string {
	var calls []string
	for _, request := range f.Requests() {
		calls = append(calls, strings.TrimSpace(request.Method+" "+request.SessionID))
	}
	return calls
}

// writes are the calls that change something. It forgets all requests.
func (f *fixture) writes() []string {
	writes := slices.DeleteFunc(f.calls(), func(call string) bool { return strings.HasPrefix(call, "GET") })
	f.ResetRequests()
	return writes
}

func (f *fixture) expectWrites(t *testing.T, want ...string) {
	t.Helper()
	if got := f.writes(); !slices.Equal(got, want) {
		t.Errorf("writes: %q, want %q", got, want)
	}
}

func (f *fixture) expectCalls(t *testing.T, want string) {
	t.Helper()
	expectEqual(t, "calls", strings.Join(f.calls(), ", "), want)
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
	created := slices.ContainsFunc(f.Requests(), func(r sandbox.Request) bool {
		return r.Method == http.MethodPost && r.SessionID == "" && r.Status == http.StatusCreated
	})
	if left := f.sessionIDs(); !created || len(left) > 0 {
		t.Errorf("created: %t, left: %q\n%s", created, left, out)
	}
	f.ResetRequests()
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

const expiryAddress = "palabra_session_expiry.test"

// expiryConfig sets the TTL of the test session; extra holds further arguments.
func expiryConfig(ttl int, extra string) string {
	return fmt.Sprintf(`
resource "palabra_session_expiry" "test" {
  session_id  = %q
  ttl_seconds = %d
  %s
}`, testSessionID, ttl, extra)
}

// manyExpiries manages the lifetime of n sessions, whose ids numberedID makes.
func manyExpiries(n, ttl int, extra string) string {
	return fmt.Sprintf(`
resource "palabra_session_expiry" "many" {
  for_each    = toset([for i in range(%d) : format("test-user.%%08x.af4d2d22", i)])
  session_id  = each.key
  ttl_seconds = %d
  %s
}`, n, ttl, extra)
}

func numberedID(i int) string { return fmt.Sprintf("test-user.%08x.af4d2d22", i) }
