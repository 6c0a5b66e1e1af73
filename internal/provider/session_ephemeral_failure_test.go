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

// TestEphemeralSessionThatFailsToOpenIsDeletedFirst covers each step after the
// creation.
func TestEphemeralSessionThatFailsToOpenIsDeletedFirst(t *testing.T) {
	t.Parallel()
	refuse := sandbox.Respond(http.StatusBadRequest, "application/json", `{"error":"refused for the test"}`)
	for name, test := range map[string]struct {
		operation sandbox.Operation
		effect    sandbox.Effect
		want      string
	}{
		"lifetime refused":      {sandbox.OperationExpiry, refuse, "refused for the test"},
		"lifetime unauthorized": {sandbox.OperationExpiry, sandbox.RefuseCredentials(http.StatusForbidden), "refused the credentials"},
		"lifetime cut off":      {sandbox.OperationExpiry, sandbox.CutBefore(), "set session expiry"},
		"lifetime lost":         {sandbox.OperationExpiry, sandbox.CutAfter(), "set session expiry"},
		"read fails":            {sandbox.OperationGet, sandbox.HTMLError(http.StatusBadGateway), "502"},
		"read is truncated":     {sandbox.OperationGet, sandbox.Truncate(), "cut off"},
		"read is for another":   {sandbox.OperationGet, sandbox.Replace(200, "application/json", `{"data":{"id":"another"}}`), "another session"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.Inject(sandbox.Fault{Operation: test.operation, Effect: test.effect})
			opened := newDirect(t, f).open(t.Context(), map[string]any{"ttl_seconds": 60})
			expectError(t, opened.Diagnostics, "Unable to open session", test.want)
			f.expectDeletedLast(t)
		})
	}
}

func TestEphemeralSessionIsDeletedWhenItsOpeningIsInterrupted(t *testing.T) {
	t.Parallel()
	for _, operation := range []sandbox.Operation{sandbox.OperationExpiry, sandbox.OperationGet} {
		t.Run(string(operation), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			f.Inject(sandbox.Fault{Operation: operation, Effect: interruptedBy(cancel)})
			opened := newDirect(t, f).open(ctx, map[string]any{"ttl_seconds": 60})
			expectError(t, opened.Diagnostics, "Unable to open session", "interrupted")
			if left := f.sessionIDs(); len(left) > 0 {
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

func TestEphemeralSessionThatCannotBeDeletedEitherIsNamed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.Inject(sandbox.Fault{Operation: sandbox.OperationGet, Effect: sandbox.HTMLError(http.StatusBadGateway)})
	f.Inject(sandbox.Fault{Operation: sandbox.OperationDelete, Effect: sandbox.HTMLError(http.StatusBadGateway)})
	opened := newDirect(t, f).open(t.Context(), nil)
	expectError(t, opened.Diagnostics, "Unable to open session", "Session left behind", strconv.Quote(f.onlySession(t)))
}

func TestEphemeralSessionThatIsNotCreatedNeedsNoCleaning(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *sandbox.Options) { o.SessionLimit = 1 })
	f.putSession(testSessionID, time.Hour)
	opened := newDirect(t, f).open(t.Context(), map[string]any{"ttl_seconds": 60})
	expectError(t, opened.Diagnostics, "Unable to open session", "The limit of active sessions is reached")
	f.expectCalls(t, "POST /session")
}

// TestInterruptedCreateSaysThatASessionMayExist: its id is not known, so it
// cannot be deleted.
func TestInterruptedCreateSaysThatASessionMayExist(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f.Inject(sandbox.Fault{Operation: sandbox.OperationCreate, Effect: interruptedBy(cancel)})
	opened := newDirect(t, f).open(ctx, nil)
	expectError(t, opened.Diagnostics, "A session may have been created nevertheless")
}
