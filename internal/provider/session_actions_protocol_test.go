package provider_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

func TestActions_PlanSendsNoRequest(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := newProtocol(t, f)
	for name, arguments := range map[string]map[string]any{
		"palabra_extend_session": {"session_id": testSessionID, "ttl_seconds": 60},
		"palabra_delete_session": {"session_id": testSessionID},
		"palabra_prune_sessions": {"id_prefix": "test-"},
	} {
		expectNone(t, p.validateAction(name, arguments))
		expectNone(t, p.planAction(name, arguments))
	}
	if calls := f.calls(); len(calls) > 0 {
		t.Errorf("calls: %q, want none", calls)
	}
}

func TestExtendAction_SetsTheLifetimeOnceForEachInvocation(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.putSession(testSessionID, time.Hour)
	p := newProtocol(t, f)
	for range 2 {
		f.clock.Advance(time.Minute)
		progress, diags := p.invoke(t.Context(), "palabra_extend_session", map[string]any{"session_id": testSessionID, "ttl_seconds": 7200})
		expectNone(t, diags)
		want := "Session " + testSessionID + " now expires at " + f.clock.Now().Add(2*time.Hour).Format(time.RFC3339)
		if !slices.Equal(progress, []string{want}) {
			t.Errorf("progress: %q, want %q", progress, want)
		}
	}
	f.expectWrites(t, "POST /sessions/"+testSessionID, "POST /sessions/"+testSessionID)
	if session, _ := f.Session(testSessionID); !session.ExpiresAt.Equal(testStart.Add(2*time.Minute + 2*time.Hour)) {
		t.Errorf("expires at %s", session.ExpiresAt)
	}
}

func TestExtendAction_NamesTheMissingSession(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := newProtocol(t, f)
	progress, diags := p.invoke(t.Context(), "palabra_extend_session", map[string]any{"session_id": "nobody", "ttl_seconds": 60})
	expectError(t, diags, "Unable to extend session", "nobody", "does not exist")
	if len(progress) > 0 {
		t.Errorf("progress: %q, want none", progress)
	}
	if diags[0].Attribute == nil || diags[0].Attribute.String() != `AttributeName("session_id")` {
		t.Errorf("attribute: %v, want session_id", diags[0].Attribute)
	}
}

func TestDeleteAction_MissingSessionIsNotAnError(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.putSession(testSessionID, time.Hour)
	p := newProtocol(t, f)
	for _, want := range []string{"Deleted session " + testSessionID, "Session " + testSessionID + " was already gone"} {
		progress, diags := p.invoke(t.Context(), "palabra_delete_session", map[string]any{"session_id": testSessionID})
		expectNone(t, diags)
		if !slices.Equal(progress, []string{want}) {
			t.Errorf("progress: %q, want %q", progress, want)
		}
	}
	if left := f.sessionIDs(); len(left) > 0 {
		t.Errorf("sessions left: %q", left)
	}
}

func TestActions_RefusedCredentialsAreNotAMissingSession(t *testing.T) {
	t.Parallel()
	for _, status := range []int{401, 403, 404} {
		f := newFixture(t, func(o *sandbox.Options) { o.BadCredentialsStatus = status })
		f.putSession(testSessionID, time.Hour)
		for name, arguments := range map[string]map[string]any{
			"palabra_extend_session": {"session_id": testSessionID, "ttl_seconds": 60},
			"palabra_delete_session": {"session_id": testSessionID},
			"palabra_prune_sessions": {"id_prefix": "test-"},
		} {
			// One for each: a run tells once what to do about refused credentials.
			p := newProtocolWith(t, map[string]any{"endpoint": f.url, "client_id": testClientID, "client_secret": "wrong", "max_retries": 0})
			progress, diags := p.invoke(t.Context(), name, arguments)
			expectError(t, diags, "refused the credentials from", "client_secret")
			if len(progress) > 0 {
				t.Errorf("%s at %d: progress %q, want none", name, status, progress)
			}
		}
	}
}

func TestActions_RefuseInvalidArguments(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := newProtocol(t, f)
	for _, test := range []struct {
		action    string
		arguments map[string]any
		want      string
	}{
		{"palabra_extend_session", map[string]any{"session_id": "", "ttl_seconds": 60}, "session_id string length must be at least 1"},
		{"palabra_extend_session", map[string]any{"session_id": "a", "ttl_seconds": 0}, "ttl_seconds value must be between 1"},
		{"palabra_delete_session", map[string]any{"session_id": ""}, "session_id string length must be at least 1"},
		{"palabra_prune_sessions", map[string]any{"id_prefix": ""}, "id_prefix string length must be at least 1"},
		{"palabra_prune_sessions", map[string]any{"id_prefix": "a", "max_deletions": 0}, "max_deletions value must be at least 1"},
		{"palabra_prune_sessions", map[string]any{"created_before": "yesterday"}, "RFC3339"},
	} {
		expectError(t, p.validateAction(test.action, test.arguments), test.want)
	}
	if calls := f.calls(); len(calls) > 0 {
		t.Errorf("calls: %q, want none", calls)
	}
}

// TestExtendAction_ReportsWhatTheAPISaid keeps the reason visible that the API gives.
func TestExtendAction_ReportsWhatTheAPISaid(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.putSession(testSessionID, time.Hour)
	f.Inject(sandbox.Fault{
		Operation: sandbox.OperationExpiry,
		Effect:    sandbox.Respond(http.StatusUnprocessableEntity, "application/json", `{"ok":false,"errors":[{"title":"Validation error","detail":"ttl_seconds is too large","status":422}]}`),
	})
	_, diags := newProtocol(t, f).invoke(t.Context(), "palabra_extend_session", map[string]any{"session_id": testSessionID, "ttl_seconds": 60})
	expectError(t, diags, "Validation error", "ttl_seconds is too large")
	if strings.Contains(diagnosticText(diags), "status of the Palabra service") {
		t.Errorf("diagnostics blame the network: %s", diagnosticText(diags))
	}
}

// TestActions_OKFalseIsAFailure whatever the status of the answer.
func TestActions_OKFalseIsAFailure(t *testing.T) {
	t.Parallel()
	for name, arguments := range map[string]map[string]any{
		"palabra_extend_session": {"session_id": testSessionID, "ttl_seconds": 60},
		"palabra_delete_session": {"session_id": testSessionID},
		"palabra_prune_sessions": {"created_before": sinceStart(time.Hour)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.putSession(testSessionID, time.Hour)
			for _, operation := range []sandbox.Operation{sandbox.OperationExpiry, sandbox.OperationDelete} {
				f.Inject(sandbox.Fault{Operation: operation, Effect: sandbox.Respond(http.StatusOK, "application/json", `{"ok":false,"errors":[{"detail":"not done"}]}`)})
			}
			progress, diags := newProtocol(t, f).invoke(t.Context(), name, arguments)
			expectError(t, diags, "not done", testSessionID)
			for _, message := range progress {
				if strings.HasPrefix(message, "Deleted session") || strings.Contains(message, "expires at") {
					t.Errorf("claims what did not happen: %s", message)
				}
			}
		})
	}
}

// TestExtendAction_ReportsWhatWasGranted, not what was asked for.
func TestExtendAction_ReportsWhatWasGranted(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *sandbox.Options) { o.MaxTTL = time.Hour })
	f.putSession(testSessionID, time.Minute)
	progress, diags := newProtocol(t, f).invoke(t.Context(), "palabra_extend_session", map[string]any{"session_id": testSessionID, "ttl_seconds": 7200})
	expectWarnings(t, diags, 1)
	expectProgress(t, progress, "Session "+testSessionID+" now expires at "+sinceStart(time.Hour))
}

func TestExtendAction_UnreadExpiryIsNotClaimed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.putSession(testSessionID, time.Minute)
	f.Inject(sandbox.Fault{Operation: sandbox.OperationGet, Effect: sandbox.HTMLError(http.StatusBadGateway)})
	progress, diags := newProtocol(t, f).invoke(t.Context(), "palabra_extend_session", map[string]any{"session_id": testSessionID, "ttl_seconds": 7200})
	expectWarnings(t, diags, 1)
	expectProgress(t, progress, "Session "+testSessionID+" should now expire at "+sinceStart(2*time.Hour)+", which was not read back")
}

// TestActions_InterruptSaysWhatIsOpen: the request may have had its effect.
func TestActions_InterruptSaysWhatIsOpen(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		arguments map[string]any
		want      string
	}{
		"palabra_extend_session": {map[string]any{"session_id": testSessionID, "ttl_seconds": 60}, "may have got the new lifetime"},
		"palabra_delete_session": {map[string]any{"session_id": testSessionID}, "may be deleted already"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.putSession(testSessionID, time.Hour)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			f.Inject(sandbox.Fault{Effect: interruptedBy(cancel)})
			_, diags := newProtocol(t, f).invoke(ctx, name, test.arguments)
			expectError(t, diags, testSessionID, test.want)
			if strings.Contains(diagnosticText(diags), "nothing has to be repaired") {
				t.Errorf("diagnostics: %s", diagnosticText(diags))
			}
		})
	}
}
