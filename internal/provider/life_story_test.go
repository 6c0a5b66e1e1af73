package provider_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

const otherClientID = "other-client-id"

// story is a user's workspace: a configuration, a simulated engine with its
// state, the API, and somebody else's account at the same API.
type story struct {
	*simulated
	t      *testing.T
	box    *sandbox.Sandbox
	clock  *sandbox.Clock
	config configuration
}

// accounts sends each request to the account that its credentials belong to.
type accounts struct {
	own, other *sandbox.Sandbox
	busy       sync.RWMutex
}

func (a *accounts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.busy.RLock()
	defer a.busy.RUnlock()
	if r.Header.Get("ClientID") == otherClientID {
		a.other.ServeHTTP(w, r)
		return
	}
	a.own.ServeHTTP(w, r)
}

// wait returns when every request is over, also those that nobody waits for any
// more.
func (a *accounts) wait() {
	a.busy.Lock()
	defer a.busy.Unlock()
}

func (a *accounts) requests() []sandbox.Request {
	return append(a.own.Requests(), a.other.Requests()...)
}

func (a *accounts) reset() {
	a.own.ResetRequests()
	a.other.ResetRequests()
}

// newAccounts are two accounts with one clock.
func newAccounts(options sandbox.Options) *accounts {
	options.ClientID, options.ClientSecret, options.APIKey = testClientID, testClientSecret, testAPIKey
	other := sandbox.Options{ClientID: otherClientID, ClientSecret: testClientSecret, Now: options.Now}
	return &accounts{own: sandbox.New(options), other: sandbox.New(other)}
}

func pairOf(url, clientID string) attributes {
	return attributes{
		"endpoint": stringOf(url), "client_id": stringOf(clientID), "client_secret": stringOf(testClientSecret),
		"max_retries": numberOf(0), "bulk_read": boolOf(false),
	}
}

func keyOf(url string) attributes {
	return attributes{"endpoint": stringOf(url), "api_key": stringOf(testAPIKey), "max_retries": numberOf(0), "bulk_read": boolOf(false)}
}

func newStory(t *testing.T, adjust ...func(*sandbox.Options)) *story {
	t.Helper()
	clock := sandbox.NewClock(testStart)
	options := sandbox.Options{Now: clock.Now}
	for _, f := range adjust {
		f(&options)
	}
	both := newAccounts(options)
	server := httptest.NewServer(both)
	t.Cleanup(server.Close)
	return &story{
		simulated: newSimulated(t.Context(), t, pairOf(server.URL, testClientID)),
		t:         t, box: both.own, clock: clock, config: make(configuration),
	}
}

func (s *story) url() string { return text(objectOfAny(s.provider), "endpoint") }

func objectOfAny(values attributes) tftypes.Value {
	types := make(map[string]tftypes.Type, len(values))
	for name, value := range values {
		types[name] = value.Type()
	}
	return tftypes.NewValue(tftypes.Object{AttributeTypes: types}, map[string]tftypes.Value(values))
}

func room(name string) address { return address{expiryType, name} }

// put stores sessions that live for a day.
func (s *story) put(ids ...string) {
	for _, id := range ids {
		s.box.Put(sandbox.Session{ID: id, CreatedAt: s.clock.Now(), ExpiresAt: s.clock.Now().Add(24 * time.Hour)})
	}
}

// lasts is a block that gives a session an hour; more overrides arguments.
func lasts(id string, more ...attributes) block {
	b := block{arguments: attributes{"session_id": stringOf(id), "ttl_seconds": numberOf(3600)}}
	for _, values := range more {
		for name, value := range values {
			b.arguments[name] = value
		}
	}
	return b
}

// creates is a palabra_session with a lifetime of an hour.
func creates(more ...attributes) block {
	b := lasts("", more...)
	delete(b.arguments, "session_id")
	return b
}

// run plans and applies what has to succeed, and returns its warnings, each once:
// an update is planned again at apply.
func (s *story) run(how ...command) []problem {
	s.t.Helper()
	p := s.plan(s.config, oneOf(how))
	if p.failed() {
		s.t.Fatalf("plan: %s", problemText(p.problems))
	}
	out := s.apply(p)
	if out.failed() {
		s.t.Fatalf("apply: %s", problemText(out.problems))
	}
	all := p.problems
	for _, found := range out.problems {
		if !slices.Contains(all, found) {
			all = append(all, found)
		}
	}
	return all
}

// refused plans what has to fail at plan time, and expects every part in the
// error.
func (s *story) refused(how command, parts ...string) {
	s.t.Helper()
	p := s.plan(s.config, how)
	var errors []problem
	for _, found := range p.problems {
		if !found.warning {
			errors = append(errors, found)
		}
	}
	if len(errors) == 0 {
		s.t.Errorf("the plan has no error, want one that says %q; actions: %v", parts, actionsOf(p))
		return
	}
	for _, part := range parts {
		if !strings.Contains(problemText(errors), part) {
			s.t.Errorf("errors:\n%s\nwant %q in them", problemText(errors), part)
		}
	}
}

func oneOf(how []command) command {
	if len(how) == 0 {
		return command{}
	}
	return how[0]
}

func actionsOf(p plannedRun) map[string]string {
	all := make(map[string]string)
	for at, c := range p.changes {
		all[at.String()] = c.action.String()
	}
	return all
}

func problemText(problems []problem) string {
	var lines []string
	for _, p := range problems {
		kind := "error"
		if p.warning {
			kind = "warning"
		}
		lines = append(lines, kind+" at "+p.step+" of "+p.at.String()+": "+p.summary+": "+p.text)
	}
	return strings.Join(lines, "\n")
}

// writes are the requests that change something, since the last call.
func (s *story) writes() []string {
	writes := []string{}
	for _, request := range s.box.Requests() {
		if request.Method != http.MethodGet {
			writes = append(writes, strings.TrimSpace(request.Method+" "+request.SessionID))
		}
	}
	s.box.ResetRequests()
	return writes
}

func (s *story) expectWrites(want ...string) {
	s.t.Helper()
	got := s.writes()
	slices.Sort(got)
	if slices.Sort(want); !slices.Equal(got, want) {
		s.t.Errorf("writes: %q, want %q", got, want)
	}
}

// expectEmptyPlan also says that it is silent, and that applying it leaves the
// state alone.
func (s *story) expectEmptyPlan() {
	s.t.Helper()
	p, serial := s.plan(s.config, command{}), s.serial
	if !p.empty() || len(p.problems) > 0 {
		s.t.Errorf("the second plan: %v\n%s", actionsOf(p), problemText(p.problems))
		return
	}
	if s.apply(p); s.serial != serial {
		s.t.Errorf("applying an empty plan changed the state")
	}
}

func (s *story) lives(id string, want bool) {
	s.t.Helper()
	if _, lives := s.box.Session(id); lives != want {
		s.t.Errorf("session %q lives: %t, want %t", id, lives, want)
	}
}

func (s *story) active(at address, want bool) {
	s.t.Helper()
	if got := member(s.state.current[at].value, "active"); !got.Equal(boolOf(want)) {
		s.t.Errorf("active of %s: %s, want %t", at, got, want)
	}
}
