package provider_test

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// ephemeralCase is a fixture, and the provider with a local clock that only the
// test moves. The clock is not the server's.
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

// TestSessionEphemeral_FailedOpenDeletesTheSession: the engine closes only what
// it was given.
func TestSessionEphemeral_FailedOpenDeletesTheSession(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		effect sandbox.Effect
		want   string
	}{
		"refused":      {sandbox.Respond(http.StatusBadRequest, "application/json", `{"error":"refused for the test"}`), "refused for the test"},
		"ok: false":    {sandbox.Respond(http.StatusOK, "application/json", `{"ok":false,"errors":[{"detail":"not done"}]}`), "not done"},
		"unauthorized": {sandbox.RefuseCredentials(http.StatusForbidden), "refused the credentials"},
		"cut off":      {sandbox.CutBefore(), "set session expiry"},
		"lost":         {sandbox.CutAfter(), "set session expiry"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newEphemeralCase(t)
			c.fault(sandbox.OperationExpiry, test.effect)
			opened := c.open(t.Context(), map[string]any{"ttl_seconds": 60})
			expectError(t, opened.Diagnostics, "Unable to open session", test.want)
			c.expectDeletedLast(t)
		})
	}
}

// TestSessionEphemeral_FailedReadBackIsAWarning: the lifetime is known without it.
func TestSessionEphemeral_FailedReadBackIsAWarning(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		effect   sandbox.Effect
		warnings int
	}{
		"fails":      {sandbox.HTMLError(http.StatusBadGateway), 1},
		"truncated":  {sandbox.Truncate(), 1},
		"another":    {sandbox.Replace(http.StatusOK, "application/json", `{"data":{"id":"another"}}`), 1},
		"not found":  {sandbox.Respond(http.StatusNotFound, "application/json", `{}`), 1},
		"hung up on": {sandbox.CutBefore(), 1},
		"no expiry":  {sandbox.Replace(http.StatusOK, "application/json", `{"data":{}}`), 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newEphemeralCase(t)
			c.fault(sandbox.OperationGet, test.effect)
			opened := c.open(t.Context(), map[string]any{"ttl_seconds": 60})
			expectWarnings(t, opened.Diagnostics, test.warnings)
			c.onlySession(t)
			result := c.attributes(opened.Result, c.schemas.EphemeralResourceSchemas[ephemeralType].ValueType())
			if got, want := textOf(result["expires_at"]), sinceStart(time.Minute); got != want {
				t.Errorf("expires_at %s, want %s", got, want)
			}
			if want := c.local.Now().Add(30 * time.Second); !opened.RenewAt.Equal(want) {
				t.Errorf("renew at %s, want %s", opened.RenewAt, want)
			}
		})
	}
}

func TestSessionEphemeral_NewSessionThatIsNotFoundIsAskedAgain(t *testing.T) {
	t.Parallel()
	notFound := sandbox.Respond(http.StatusNotFound, "application/json", `{}`)
	t.Run("found", func(t *testing.T) {
		t.Parallel()
		c := newEphemeralCase(t)
		c.Inject(sandbox.Fault{Operation: sandbox.OperationExpiry, Count: 1, Effect: notFound})
		expectNone(t, c.open(t.Context(), nil).Diagnostics)
		if session, _ := c.Session(c.onlySession(t)); !session.ExpiresAt.Equal(testStart.Add(10 * time.Minute)) {
			t.Errorf("expires at %s", session.ExpiresAt)
		}
	})
	t.Run("missing", func(t *testing.T) {
		t.Parallel()
		c := newEphemeralCase(t)
		c.fault(sandbox.OperationExpiry, notFound)
		expectError(t, c.open(t.Context(), nil).Diagnostics, "Unable to open session", "404")
		c.expectDeletedLast(t)
	})
}

func TestSessionEphemeral_InterruptedOpenDeletesTheSession(t *testing.T) {
	t.Parallel()
	for operation, effect := range map[sandbox.Operation]func(cancel func()) sandbox.Effect{
		// The answer is waited for, as it tells the id of the session.
		sandbox.OperationCreate: func(cancel func()) sandbox.Effect {
			return func(w http.ResponseWriter, r *http.Request, api http.Handler) {
				cancel()
				api.ServeHTTP(w, r)
			}
		},
		sandbox.OperationExpiry: interruptedBy,
		sandbox.OperationGet:    interruptedBy,
	} {
		t.Run(string(operation), func(t *testing.T) {
			t.Parallel()
			c := newEphemeralCase(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			c.fault(operation, effect(cancel))
			opened := c.open(ctx, map[string]any{"ttl_seconds": 60})
			expectError(t, opened.Diagnostics, "Unable to open session", "interrupted")
			if left := c.sessionIDs(); len(left) > 0 {
				t.Errorf("sessions left: %q", left)
			}
		})
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

// expectDeletedLast checks that what was created is gone when the error is
// returned.
func (f *fixture) expectDeletedLast(t *testing.T) {
	t.Helper()
	calls := f.calls()
	if last := calls[len(calls)-1]; calls[0] != "POST /session" || !strings.HasPrefix(last, "DELETE /sessions/") {
		t.Errorf("calls: %q, want a creation first and a deletion last", calls)
	}
	if left := f.sessionIDs(); len(left) > 0 {
		t.Errorf("sessions left: %q", left)
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

func TestSessionEphemeral_RefusedCreateDeletesNothing(t *testing.T) {
	t.Parallel()
	c := newEphemeralCase(t, func(o *sandbox.Options) { o.SessionLimit = 1 })
	c.putSession(testSessionID, time.Hour)
	opened := c.open(t.Context(), map[string]any{"ttl_seconds": 60})
	expectError(t, opened.Diagnostics, "Unable to open session", "The limit of active sessions is reached")
	c.expectWrites(t, "POST /session")
}

// TestSessionEphemeral_UnansweredCreateSaysThatASessionMayExist: its id is not
// known, so it cannot be deleted.
func TestSessionEphemeral_UnansweredCreateSaysThatASessionMayExist(t *testing.T) {
	t.Parallel()
	c := newEphemeralCase(t)
	c.fault(sandbox.OperationCreate, sandbox.CutAfter())
	expectError(t, c.open(t.Context(), nil).Diagnostics, "A session may have been created nevertheless")
}
