package provider

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// expectInOrder expects every part in the text, in this order.
func expectInOrder(t *testing.T, text string, parts ...string) {
	t.Helper()
	rest := text
	for _, part := range parts {
		_, after, found := strings.Cut(rest, part)
		if !found {
			t.Errorf("%q is missing, or not in this order, in: %s", part, text)
			return
		}
		rest = after
	}
}

// TestProviderErrors_SayWhatFailedAndWhatToDo has one case for each advice. The
// client's own tests have the other faults of answers and connections.
func TestProviderErrors_SayWhatFailedAndWhatToDo(t *testing.T) {
	t.Parallel()
	const again = "Nothing was removed from the state."
	const nobody = "http://127.0.0.1:1" // No server of another test gets this port.
	endpoint := func(url string) attributes { return attributes{"endpoint": url} }

	s := newStory(t)
	s.put(testSessionID)
	s.config[room("a")] = lasts(testSessionID)
	s.run()
	for name, test := range map[string]struct {
		provider attributes
		effect   sandbox.Effect
		want     []string // in this order
		not      string
	}{
		"gateway error":        {nil, sandbox.HTMLError(http.StatusBadGateway), []string{"HTTP 502 Bad Gateway", "text/html", again}, ""},
		"gateway's 404":        {nil, sandbox.Replace(http.StatusNotFound, "text/html", "<html>no such page</html>"), []string{"HTTP 404", "probably not the base URL", again}, "Its message above gives the reason"},
		"rate limit":           {nil, sandbox.RateLimited("0"), []string{"HTTP 429", "lower -parallelism, or raise max_retries"}, ""},
		"refused request":      {nil, sandbox.NotOK(http.StatusConflict, "Conflict", "Not today", 1), []string{"Not today", "Its message above gives the reason"}, "again"},
		"credentials with 401": {nil, sandbox.RefuseCredentials(http.StatusUnauthorized), []string{"refused the credentials from the client_id attribute", "Nothing was removed from the state."}, "balance"},
		"credentials with 403": {nil, sandbox.RefuseCredentials(http.StatusForbidden), []string{"refused the credentials from the client_id attribute"}, ""},
		"credentials with 404": {nil, sandbox.RefuseCredentials(http.StatusNotFound), []string{"refused the credentials from the client_id attribute", "an API key (api_key) and a key pair", "not interchangeable"}, "does not exist"},
		"no answer in time":    {attributes{"request_timeout": "100ms"}, sandbox.Delay(time.Hour), []string{"no complete answer in time", again}, ""},
		"another API":          {endpoint(s.url + "/v1"), nil, []string{"probably not the base URL of the API"}, "not interchangeable"},
		"stopped sandbox":      {endpoint(nobody), nil, []string{"Is the sandbox running"}, ""},
	} {
		configured := maps.Clone(s.provider)
		maps.Copy(s.provider, test.provider)
		remove := func() {}
		if test.effect != nil {
			remove = s.Inject(sandbox.Fault{Effect: test.effect})
		}
		p := s.Plan(s.config, command{})
		remove()
		s.provider = configured
		said := problemText(p.Problems)
		if expectInOrder(t, said, test.want...); !p.Failed() || test.not != "" && strings.Contains(said, test.not) {
			t.Errorf("%s: failed: %t: %q is in: %s", name, p.Failed(), test.not, said)
		}
		expectInOrder(t, said, "Unable to read session", testSessionID)
	}
	s.expectEmptyPlan()
}

func TestProviderErrors_RenewalWithoutBalanceIsNoCreate(t *testing.T) {
	t.Parallel()
	s := newAppliedStory(t, configuration{room("it"): lasts("s1")}, "s1")
	s.Inject(sandbox.Fault{Operation: sandbox.OperationExpiry, Effect: sandbox.InsufficientBalance()})
	said := s.failedApply(configuration{room("it"): lasts("s1", attributes{"ttl_seconds": 7200})})
	expectInOrder(t, said, "no balance left", "keeps the expiry that it has")
	if strings.Contains(said, "about a minute") {
		t.Errorf("a renewal creates no session: %s", said)
	}
}

// failedApply applies a configuration, expects an error, and returns all texts.
func (s *story) failedApply(config configuration) string {
	s.t.Helper()
	out := s.Apply(s.Plan(config, command{}))
	if !out.Failed() {
		s.t.Fatalf("the apply succeeded: %s", problemText(out.Problems))
	}
	return problemText(out.Problems)
}

func TestProviderErrors_LostCreateSaysHowToFindAndDeleteTheSession(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.Inject(sandbox.Fault{Operation: sandbox.OperationCreate, Effect: sandbox.CutAfter()})
	said := s.failedApply(configuration{sessionAt("it"): creates()})
	s.expectWrites("POST")
	expectInOrder(t, said, "A session may have been created nevertheless; the request was not repeated, so there is at most one.")
	filter := regexp.MustCompile(`created_after = "([^"]+)"`).FindStringSubmatch(said)
	if filter == nil {
		t.Fatalf("no filter in: %s", said)
	}
	found, diags := newProtocolWith(t, s.provider).readData("palabra_sessions", attributes{"created_after": filter[1]})
	expectNone(t, diags)
	ids := stringsOf(t, member(found, "ids"))
	if len(ids) != 1 {
		t.Fatalf("the filter finds %q, want one session", ids)
	}
	s.Import(room("left"), &tfprotov6.ImportResourceStateRequest{ID: ids[0]})
	s.change(configuration{})
	s.lives(ids[0], false)
}

// TestProviderErrors_RefusalOfManyInstancesIsShownOnce: wrong credentials fail
// all of a plan without a request for each instance.
func TestProviderErrors_RefusalOfManyInstancesIsShownOnce(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusUnauthorized, http.StatusNotFound} {
		f := newFixture(t)
		p := newProtocol(t, f)
		f.Inject(sandbox.Fault{Effect: sandbox.RefuseCredentials(status)})
		var said [10]string // as many as engines read at once
		var workers sync.WaitGroup
		for i := range said {
			workers.Go(func() { said[i] = diagnosticText(p.readExpiry(numberedID(i))) })
		}
		workers.Wait()
		all := strings.Join(said[:], "\n")
		if strings.Count(all, "The API refused the credentials from") != 1 || !strings.Contains(all, "ERROR: Unable to read session") {
			t.Errorf("HTTP %d: the advice is not given once: %s", status, all)
		}
		// What was in flight, and a check.
		if n := len(f.calls()); n > len(said)+2 {
			t.Errorf("HTTP %d: %d requests", status, n)
		}
		f.ResetRequests()
		// Engines show warnings with the same summary as one.
		later := p.readExpiry(numberedID(11))
		expectWarnings(t, later, 1)
		expectInOrder(t, diagnosticText(later), "WARNING: Sessions not read, because the API has refused the credentials:", numberedID(11))
		f.expectCalls(t, "")
	}
}

// readExpiry refreshes a palabra_session_expiry.
func (p *protocol) readExpiry(id string) []*tfprotov6.Diagnostic {
	state := newObject(providerSchemas().ResourceSchemas[sessionExpiryType], attributes{
		"id": id, "session_id": id, "ttl_seconds": 3600, "expires_at": sinceStart(time.Hour), "active": true,
	})
	req := &tfprotov6.ReadResourceRequest{TypeName: sessionExpiryType, CurrentState: wire(state)}
	return must(p.server.ReadResource(p.t.Context(), req)).Diagnostics
}

// TestProviderErrors_RefusedDataSourceHidesNoRefusedRead: an engine turns the
// error of a data source in a check into a warning, so it does not fail the run.
func TestProviderErrors_RefusedDataSourceHidesNoRefusedRead(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := newProtocol(t, f)
	f.Inject(sandbox.Fault{Effect: sandbox.RefuseCredentials(http.StatusUnauthorized)})
	_, diags := p.readData("palabra_sessions", nil)
	expectError(t, diags, "refused the credentials from")
	expectError(t, p.readExpiry(testSessionID), "not sent")
}

// TestProviderErrors_RefusedReadHidesNoOtherError: the credentials have worked, so
// each call is sent.
func TestProviderErrors_RefusedReadHidesNoOtherError(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.putSession("a", time.Hour)
	p := newProtocol(t, f)
	expectNone(t, p.readExpiry("a"))
	f.Inject(sandbox.Fault{SessionID: "b", Effect: sandbox.RefuseCredentials(http.StatusUnauthorized)})
	f.Inject(sandbox.Fault{SessionID: "c", Effect: sandbox.HTMLError(http.StatusBadGateway)})
	expectError(t, p.readExpiry("b"), "refused the credentials from")
	expectError(t, p.readExpiry("c"), "Unable to read session", "502")
}

// TestProviderErrors_SilenceIsExplainedOnce: an API that does not answer fails every
// instance. One that answers may have several reasons.
func TestProviderErrors_SilenceIsExplainedOnce(t *testing.T) {
	t.Parallel()
	for want, effect := range map[int]sandbox.Effect{1: sandbox.CutBefore(), 2: sandbox.HTMLError(http.StatusBadGateway)} {
		f := newFixture(t)
		p := newProtocol(t, f)
		f.Inject(sandbox.Fault{Effect: effect})
		said := diagnosticText(p.readExpiry(testSessionID)) + diagnosticText(p.readExpiry(testSessionID))
		if strings.Count(said, "Run the command again") != want || strings.Count(said, strconv.Quote(testSessionID)) != 2 {
			t.Errorf("the advice is not given %d times: %s", want, said)
		}
	}
}
func TestSessionLimit_NamesTheOldestSessionsOnce(t *testing.T) {
	t.Parallel()
	s := newStory(t, func(o *sandbox.Options) { o.SessionLimit = 7 })
	for i := range 7 {
		s.put(fmt.Sprintf("test-user.fec6b8f%d.af4d2d2%d", i, i))
		s.clock.Advance(time.Minute)
	}
	said := s.failedApply(configuration{sessionAt("a"): creates(), sessionAt("b"): creates(), sessionAt("c"): creates()})
	expectInOrder(t, said, "limit of active sessions", // the API's own words
		"The account has 7 sessions. The oldest:\n  test-u…2d20, created "+sinceStart(0)+", expires "+sinceStart(time.Hour)+"\n  test-u…2d21,",
		"\"Clean up an account near its limit\"", "palabra_prune_sessions", "create_before_destroy")
	if strings.Contains(said, "2d25") || strings.Contains(said, "fec6b8f0") || strings.Count(said, "The oldest") != 1 {
		t.Errorf("said too much: %s", said)
	}
	s.expectCalls(t, "POST, GET, POST, POST")
}

func TestSessionLimit_ReadsOnePageAtMost(t *testing.T) {
	t.Parallel()
	limit, listed := sandbox.SessionLimitReached(http.StatusForbidden), func(body string) sandbox.Effect {
		return sandbox.Respond(http.StatusOK, "application/json", body)
	}
	ages := listed(`{"data":[{"id":"ageless"}, {"id":"aged","created_at":"2031-03-14T09:00:00Z"}]}`)
	for name, test := range map[string]struct {
		create, list sandbox.Effect
		calls        string
		want         []string
		named        bool
	}{
		"many":              {limit, nil, "POST, GET", []string{"The account has at least 100 sessions. The oldest:"}, true},
		"one of no age":     {limit, ages, "POST, GET", []string{"has 2 sessions. The oldest:", "created 2031-03-14T09:00:00Z", "created at an unknown time"}, true},
		"the list fails":    {limit, sandbox.HTMLError(http.StatusNotFound), "POST, GET", []string{"as its plan allows"}, false},
		"the list is empty": {limit, listed(`{"data":[]}`), "POST, GET", []string{"as its plan allows"}, false},
		"another error":     {sandbox.InsufficientBalance(), nil, "POST", []string{"no balance left"}, false},
	} {
		s := newStory(t)
		s.putMany(120)
		s.Inject(sandbox.Fault{Operation: sandbox.OperationCreate, Effect: test.create})
		if test.list != nil {
			s.Inject(sandbox.Fault{Operation: sandbox.OperationList, Effect: test.list})
		}
		said := s.failedApply(configuration{sessionAt("a"): creates()})
		expectInOrder(t, said, test.want...)
		if strings.Contains(said, "The oldest") != test.named {
			t.Errorf("%s: %s", name, said)
		}
		s.expectCalls(t, test.calls)
	}
}
