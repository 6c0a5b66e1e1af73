package provider

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// ephemeralCase is a fixture and a provider. The provider's local clock differs
// from the server's.
type ephemeralCase struct {
	*fixture
	*protocol
	local *sandbox.Clock
}

func newEphemeralCase(t *testing.T, adjust ...func(*sandbox.Options)) *ephemeralCase {
	t.Helper()
	c := &ephemeralCase{fixture: newFixture(t, adjust...), local: sandbox.NewClock(testStart.Add(-17 * time.Hour))}
	c.protocol = newProtocolAt(t, c.fixture, c.local)
	return c
}

// advance moves both clocks.
func (c *ephemeralCase) advance(d time.Duration) {
	c.clock.Advance(d)
	c.local.Advance(d)
}

// fault injects one until it is removed.
func (c *ephemeralCase) fault(operation sandbox.Operation, effect sandbox.Effect) (remove func()) {
	return c.Inject(sandbox.Fault{Operation: operation, Effect: effect})
}

func ephemeralConfig(arguments attributes) *tfprotov6.DynamicValue {
	return wire(newObject(providerSchemas().EphemeralResourceSchemas[managedSessionType], arguments))
}

func (p *protocol) open(ctx context.Context, arguments attributes) *tfprotov6.OpenEphemeralResourceResponse {
	req := &tfprotov6.OpenEphemeralResourceRequest{TypeName: managedSessionType, Config: ephemeralConfig(arguments)}
	return must(p.server.OpenEphemeralResource(ctx, req))
}

func (p *protocol) renew(private []byte) *tfprotov6.RenewEphemeralResourceResponse {
	req := &tfprotov6.RenewEphemeralResourceRequest{TypeName: managedSessionType, Private: private}
	return must(p.server.RenewEphemeralResource(p.t.Context(), req))
}

func (p *protocol) close(ctx context.Context, private []byte) []*tfprotov6.Diagnostic {
	req := &tfprotov6.CloseEphemeralResourceRequest{TypeName: managedSessionType, Private: private}
	return must(p.server.CloseEphemeralResource(ctx, req)).Diagnostics
}

// resultOf is what an opening returned.
func resultOf(opened *tfprotov6.OpenEphemeralResourceResponse) tftypes.Value {
	return unwire(providerSchemas().EphemeralResourceSchemas[managedSessionType].ValueType(), opened.Result)
}

func TestSessionEphemeral_OpensWithEveryAttribute(t *testing.T) {
	t.Parallel()
	c := newEphemeralCase(t)
	opened := c.open(t.Context(), attributes{"ttl_seconds": 600, "intent": "event", "subscriber_count": 2})
	expectNone(t, opened.Diagnostics)
	id := c.onlySession(t)
	c.expectCalls(t, "POST, POST "+id+", GET "+id)
	result := resultOf(opened)
	for name, value := range members(result) {
		if value.IsNull() || !value.IsKnown() {
			t.Errorf("%s is %s", name, value)
		}
	}
	tokens := stringsOf(t, member(result, "subscriber_tokens"))
	if text(result, "id") != id || text(result, "expires_at") != sinceStart(10*time.Minute) || len(tokens) != 2 {
		t.Errorf("opened: %s", result)
	}
	if session, _ := c.Session(id); session.Intent != "event" {
		t.Errorf("intent %q", session.Intent)
	}
}

// TestSessionEphemeral_FailedOpenDeletesTheSession: engines close only what they
// were given.
func TestSessionEphemeral_FailedOpenDeletesTheSession(t *testing.T) {
	t.Parallel()
	always := func(effect sandbox.Effect) func(func()) sandbox.Effect {
		return func(func()) sandbox.Effect { return effect }
	}
	type row struct {
		operation sandbox.Operation
		effect    func(interrupt func()) sandbox.Effect
		want      string
	}
	eachRow(t, map[string]row{
		"refused":   {sandbox.OperationExpiry, always(sandbox.RefuseCredentials(http.StatusForbidden)), "refused the credentials"},
		"not found": {sandbox.OperationExpiry, always(missingSession), "404"},
		// The answer is waited for, because it contains the id of the session.
		"interrupted in the create": {sandbox.OperationCreate, interruptedBefore, "interrupted"},
		"interrupted in the write":  {sandbox.OperationExpiry, interruptedBy, "interrupted"},
		"interrupted in the read":   {sandbox.OperationGet, interruptedBy, "interrupted"},
	}, func(t *testing.T, test row) {
		c := newEphemeralCase(t)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		c.fault(test.operation, test.effect(cancel))
		opened := c.open(ctx, attributes{"ttl_seconds": 60})
		expectError(t, opened.Diagnostics, "Unable to open session", test.want)
		c.expectNoneLeft(t, diagnosticText(opened.Diagnostics))
	})
}

var missingSession = sandbox.Respond(http.StatusNotFound, "application/json", `{}`)

// interruptedBefore cancels the operation and answers nevertheless.
func interruptedBefore(cancel func()) sandbox.Effect {
	return func(w http.ResponseWriter, r *http.Request, api http.Handler) {
		cancel()
		api.ServeHTTP(w, r)
	}
}

// interruptedBy cancels the operation while its request is under way. A server
// notices that the client has left only once it has read the body.
func interruptedBy(cancel func()) sandbox.Effect {
	return func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		_, _ = io.Copy(io.Discard, r.Body)
		cancel()
		<-r.Context().Done()
	}
}

func TestSessionEphemeral_SessionThatCannotBeDeletedIsNamed(t *testing.T) {
	t.Parallel()
	c := newEphemeralCase(t)
	c.fault(sandbox.OperationExpiry, sandbox.HTMLError(http.StatusBadGateway))
	c.fault(sandbox.OperationDelete, sandbox.HTMLError(http.StatusBadGateway))
	opened := c.open(t.Context(), nil)
	expectError(t, opened.Diagnostics, "Unable to open session", "Session left behind", strconv.Quote(c.onlySession(t)))
}

// TestSessionEphemeral_FailedCreateIsNotRepeated, and nothing is deleted: no id
// is known.
func TestSessionEphemeral_FailedCreateIsNotRepeated(t *testing.T) {
	t.Parallel()
	for want, effect := range map[string]sandbox.Effect{
		"limit of active sessions":                     sandbox.SessionLimitReached(http.StatusForbidden),
		"A session may have been created nevertheless": sandbox.CutAfter(),
	} {
		c := newEphemeralCase(t)
		c.fault(sandbox.OperationCreate, effect)
		expectError(t, c.open(t.Context(), nil).Diagnostics, "Unable to open session", want)
		c.expectWrites(t, "POST")
	}
}

// TestSessionEphemeral_OpensInSpiteOfAFault that leaves the lifetime known.
func TestSessionEphemeral_OpensInSpiteOfAFault(t *testing.T) {
	t.Parallel()
	for warnings, read := range []sandbox.Effect{sandbox.Replace(http.StatusOK, "application/json", `{"data":{}}`), missingSession} {
		c := newEphemeralCase(t)
		c.Inject(sandbox.Fault{Operation: sandbox.OperationExpiry, Count: 1, Effect: missingSession}) // It is new.
		c.fault(sandbox.OperationGet, read)
		opened := c.open(t.Context(), attributes{"ttl_seconds": 60})
		expectWarnings(t, opened.Diagnostics, warnings)
		c.expectExpiry(t, time.Minute)
		if got, want := text(resultOf(opened), "expires_at"), sinceStart(time.Minute); got != want {
			t.Errorf("expires_at %s, want %s", got, want)
		}
		c.expectRenewal(t, opened.RenewAt, 30*time.Second)
	}
}

// TestSessionEphemeral_OpeningInAPlanHidesNoConflict: an opening writes, and the
// plan is still a plan.
func TestSessionEphemeral_OpeningInAPlanHidesNoConflict(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.put("s1")
	s.config = configuration{room("before"): lasts("s1")}
	s.run()
	p := newProtocolWith(t, attributes{"endpoint": s.url, "client_id": testClientID, "client_secret": testClientSecret})
	expectNone(t, p.open(t.Context(), nil).Diagnostics)
	s.server, s.config = p.server, configuration{room("after"): lasts("s1")}
	s.refused(command{}, "Plan deletes a session that it keeps")
}

// TestSessionEphemeral_EngineOpensAndCloses in each phase of a run.
func TestSessionEphemeral_EngineOpensAndCloses(t *testing.T) {
	t.Parallel()
	needs(t, ephemeralResources)
	f, c := newFixture(t), newCLI(t)
	c.write(f.config(`
ephemeral "palabra_session" "test" { subscriber_count = 2 }
resource "terraform_data" "step" {
  provisioner "local-exec" {
    command     = "printenv TOKENS EXPIRY > values"
    environment = {
      TOKENS = length(ephemeral.palabra_session.test.subscriber_tokens)
      EXPIRY = ephemeral.palabra_session.test.expires_at
    }
  }
}`))
	said := c.run("apply", "-auto-approve")
	if got, want := c.read("values"), "2\n"+sinceStart(10*time.Minute)+"\n"; got != want {
		t.Errorf("subscriber tokens and expiry: %q, want %q", got, want)
	}
	f.expectNoneLeft(t, said)
}

// TestSessionEphemeral_FailedRunLeavesNoSession: engines never close an ephemeral
// resource when a run fails.
func TestSessionEphemeral_FailedRunLeavesNoSession(t *testing.T) {
	t.Parallel()
	needs(t, ephemeralResources)
	f, w := newFixture(t), newProcessCLI(t)
	w.write(f.config(`
ephemeral "palabra_session" "test" {
  lifecycle {
    postcondition {
      condition     = self.ws_url == "never"
      error_message = "for the test"
    }
  }
}`))
	said := w.fail("plan", "-input=false")
	if !strings.Contains(said, "for the test") {
		t.Errorf("the run did not fail for the postcondition: %s", said)
	}
	f.expectNoneLeft(t, said)
}

// expectExpiry checks when the only session ends, counted from the start.
func (c *ephemeralCase) expectExpiry(t *testing.T, want time.Duration) {
	t.Helper()
	if session, _ := c.Session(c.onlySession(t)); !session.ExpiresAt.Equal(testStart.Add(want)) {
		t.Errorf("expires at %s, want %s", session.ExpiresAt, testStart.Add(want))
	}
}

// expectRenewal checks how long from now the engine is asked to renew.
func (c *ephemeralCase) expectRenewal(t *testing.T, renewAt time.Time, want time.Duration) {
	t.Helper()
	if got := renewAt.Sub(c.local.Now()); got != want {
		t.Errorf("next renewal in %s, want %s", got, want)
	}
}

func TestSessionEphemeral_RenewsAfterHalfOfWhatIsGranted(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		asked, maxTTL, granted time.Duration
		warnings               int
	}{
		{time.Minute, 0, time.Minute, 0},
		{100 * time.Hour, 10 * time.Minute, 10 * time.Minute, 1},
	} {
		c := newEphemeralCase(t, func(o *sandbox.Options) { o.MaxTTL = test.maxTTL })
		opened := c.open(t.Context(), attributes{"ttl_seconds": int(test.asked / time.Second)})
		expectWarnings(t, opened.Diagnostics, test.warnings)
		id, half := c.onlySession(t), test.granted/2
		c.expectExpiry(t, test.granted)
		c.expectRenewal(t, opened.RenewAt, half)

		c.advance(half)
		c.ResetRequests()
		renewed := c.renew(opened.Private)
		expectNone(t, renewed.Diagnostics) // Opening has told the cap.
		if got, want := c.Requests()[0].Query, fmt.Sprintf("ttl_seconds=%d", test.asked/time.Second); got != want {
			t.Errorf("the renewal asks for %s, want %s", got, want)
		}
		c.expectCalls(t, "POST "+id+", GET "+id)
		c.expectExpiry(t, half+test.granted)
		c.expectRenewal(t, renewed.RenewAt, half)

		expectNone(t, c.close(t.Context(), renewed.Private))
		c.expectCalls(t, "DELETE "+id)
	}
}

// TestSessionEphemeral_FailedRenewalIsTriedAgain: an outage that is shorter than
// what is left must not end the session.
func TestSessionEphemeral_FailedRenewalIsTriedAgain(t *testing.T) {
	t.Parallel()
	c := newEphemeralCase(t)
	opened := c.open(t.Context(), nil)
	private, renewAt := opened.Private, opened.RenewAt
	for _, test := range []struct {
		effect   sandbox.Effect
		warning  string
		nextWait time.Duration
	}{
		{sandbox.HTMLError(http.StatusServiceUnavailable), "lives until " + sinceStart(10*time.Minute), 150 * time.Second},
		{sandbox.Respond(http.StatusBadRequest, "application/json", `{"error":"not now"}`), "not now", 75 * time.Second},
		{nil, "", 5 * time.Minute},
		{sandbox.CutBefore(), "lives until " + sinceStart(18*time.Minute+45*time.Second), 150 * time.Second},
	} {
		remove := func() {}
		if test.effect != nil {
			remove = c.fault(sandbox.OperationExpiry, test.effect)
		}
		c.advance(renewAt.Sub(c.local.Now()))
		renewed := c.renew(private)
		remove()
		expectWarnings(t, renewed.Diagnostics, min(1, len(test.warning)))
		if said := diagnosticText(renewed.Diagnostics); !strings.Contains(said, test.warning) {
			t.Errorf("%q is missing in: %s", test.warning, said)
		}
		c.expectRenewal(t, renewed.RenewAt, test.nextWait)
		private, renewAt = renewed.Private, renewed.RenewAt
	}
}

func TestSessionEphemeral_RenewalEndsWithTheSessionOrItsCredentials(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		atAPI, here time.Duration // what passes by each clock
		effect      sandbox.Effect
		want        string
	}{
		"ended":       {10 * time.Minute, 0, sandbox.Delay(0), "Run the command again to open another session"},
		"credentials": {0, 0, sandbox.RefuseCredentials(http.StatusUnauthorized), "refused the credentials"},
		"out of time": {0, 10 * time.Minute, sandbox.HTMLError(http.StatusServiceUnavailable), "it expired at " + sinceStart(10*time.Minute)},
	} {
		c := newEphemeralCase(t)
		opened := c.open(t.Context(), nil)
		id := c.onlySession(t)
		c.clock.Advance(test.atAPI)
		c.local.Advance(test.here)
		c.fault(sandbox.OperationExpiry, test.effect)
		renewed := c.renew(opened.Private)
		expectError(t, renewed.Diagnostics, "Unable to renew session", id, test.want)
		if said := diagnosticText(renewed.Diagnostics); strings.Contains(said, "remove it from the configuration") || !renewed.RenewAt.IsZero() {
			t.Errorf("%s: no configuration contains the id, and the engine is asked to renew at %s: %s", name, renewed.RenewAt, said)
		}
	}
}

func TestSessionEphemeral_CloseDeletesTheSession(t *testing.T) {
	t.Parallel()
	c := newEphemeralCase(t)
	opened := c.open(t.Context(), nil)
	id := c.onlySession(t)
	remove := c.fault(sandbox.OperationDelete, sandbox.HTMLError(http.StatusBadGateway))
	expectError(t, c.close(t.Context(), opened.Private), "Unable to delete session", id, "502", "remains until "+sinceStart(10*time.Minute))
	remove()
	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	for range 2 { // A session that is gone is not an error.
		expectNone(t, c.close(interrupted, opened.Private))
	}
	c.expectNoneLeft(t, "")
}
