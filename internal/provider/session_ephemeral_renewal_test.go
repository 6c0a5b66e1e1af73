package provider

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

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
	for name, test := range map[string]struct {
		arguments              attributes
		maxTTL, asked, granted time.Duration
		warnings               int
	}{
		"default":    {nil, 0, 10 * time.Minute, 10 * time.Minute, 0},
		"configured": {attributes{"ttl_seconds": 60}, 0, time.Minute, time.Minute, 0},
		"capped":     {attributes{"ttl_seconds": 360_000}, 10 * time.Minute, 100 * time.Hour, 10 * time.Minute, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newEphemeralCase(t, func(o *sandbox.Options) { o.MaxTTL = test.maxTTL })
			opened := c.open(t.Context(), test.arguments)
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
		})
	}
}

// TestSessionEphemeral_FailedRenewalIsTriedAgain: an outage that is shorter than
// what is left must not end the session.
func TestSessionEphemeral_FailedRenewalIsTriedAgain(t *testing.T) {
	t.Parallel()
	for name, effect := range map[string]sandbox.Effect{
		"503":          sandbox.HTMLError(http.StatusServiceUnavailable),
		"cut":          sandbox.CutBefore(),
		"refused once": sandbox.Respond(http.StatusBadRequest, "application/json", `{"error":"not now"}`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newEphemeralCase(t)
			opened := c.open(t.Context(), nil)
			private, renewAt := opened.Private, opened.RenewAt
			remove := c.fault(sandbox.OperationExpiry, effect)
			for _, wait := range []time.Duration{150 * time.Second, 75 * time.Second} {
				c.advance(renewAt.Sub(c.local.Now()))
				renewed := c.renew(private)
				expectWarnings(t, renewed.Diagnostics, 1)
				if text := diagnosticText(renewed.Diagnostics); !strings.Contains(text, "lives until "+sinceStart(10*time.Minute)) {
					t.Errorf("the warning does not say until when the session lives: %s", text)
				}
				c.expectRenewal(t, renewed.RenewAt, wait)
				private, renewAt = renewed.Private, renewed.RenewAt
			}
			remove()
			c.advance(renewAt.Sub(c.local.Now()))
			renewed := c.renew(private)
			expectNone(t, renewed.Diagnostics)
			c.expectRenewal(t, renewed.RenewAt, 5*time.Minute)
		})
	}
}

func TestSessionEphemeral_RenewalEndsWithTheSessionOrItsCredentials(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		lose func(*ephemeralCase)
		want string
	}{
		"deleted": {func(c *ephemeralCase) { c.Remove(c.sessionIDs()[0]) }, "Run the command again to open another session"},
		"credentials": {
			func(c *ephemeralCase) {
				c.fault(sandbox.OperationExpiry, sandbox.RefuseCredentials(http.StatusUnauthorized))
			},
			"refused the credentials",
		},
		"out of time": {func(c *ephemeralCase) {
			c.fault(sandbox.OperationExpiry, sandbox.HTMLError(http.StatusServiceUnavailable))
			c.local.Advance(10 * time.Minute)
		}, "it expired at " + sinceStart(10*time.Minute)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newEphemeralCase(t)
			opened := c.open(t.Context(), nil)
			id := c.onlySession(t)
			test.lose(c)
			renewed := c.renew(opened.Private)
			expectError(t, renewed.Diagnostics, "Unable to renew session", id, test.want)
			if text := diagnosticText(renewed.Diagnostics); strings.Contains(text, "remove it from the configuration") {
				t.Errorf("no configuration contains the id: %s", text)
			}
			if !renewed.RenewAt.IsZero() {
				t.Errorf("the engine is asked to renew at %s", renewed.RenewAt)
			}
		})
	}
}

func TestSessionEphemeral_CloseDeletesTheSession(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		prepare func(c *ephemeralCase, cancel func())
		left    int
		want    []string
	}{
		"interrupted":    {prepare: func(_ *ephemeralCase, cancel func()) { cancel() }},
		"gone meanwhile": {prepare: func(c *ephemeralCase, _ func()) { c.Remove(c.sessionIDs()[0]) }},
		"refused": {
			prepare: func(c *ephemeralCase, _ func()) {
				c.fault(sandbox.OperationDelete, sandbox.HTMLError(http.StatusBadGateway))
			},
			left: 1,
			want: []string{"Unable to delete session", "502", "remains until " + sinceStart(10*time.Minute)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newEphemeralCase(t)
			opened := c.open(t.Context(), nil)
			id := c.onlySession(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			test.prepare(c, cancel)
			diags := c.close(ctx, opened.Private)
			if test.want == nil {
				expectNone(t, diags)
			} else {
				expectError(t, diags, append(test.want, id)...)
			}
			if left := c.sessionIDs(); len(left) != test.left {
				t.Errorf("sessions left: %q, want %d", left, test.left)
			}
		})
	}
}
