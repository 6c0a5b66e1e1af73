package provider_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

const ephemeralType = "palabra_session"

func (p *protocol) open(ctx context.Context, arguments map[string]any) *tfprotov6.OpenEphemeralResourceResponse {
	p.t.Helper()
	resp, err := p.server.OpenEphemeralResource(ctx, &tfprotov6.OpenEphemeralResourceRequest{
		TypeName: ephemeralType, Config: p.dynamic(p.object(p.schemas.EphemeralResourceSchemas[ephemeralType], arguments)),
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return resp
}

func (p *protocol) renew(private []byte) *tfprotov6.RenewEphemeralResourceResponse {
	p.t.Helper()
	resp, err := p.server.RenewEphemeralResource(p.t.Context(), &tfprotov6.RenewEphemeralResourceRequest{TypeName: ephemeralType, Private: private})
	if err != nil {
		p.t.Fatal(err)
	}
	return resp
}

func (p *protocol) close(ctx context.Context, private []byte) []*tfprotov6.Diagnostic {
	p.t.Helper()
	resp, err := p.server.CloseEphemeralResource(ctx, &tfprotov6.CloseEphemeralResourceRequest{TypeName: ephemeralType, Private: private})
	if err != nil {
		p.t.Fatal(err)
	}
	return resp.Diagnostics
}

func TestSessionEphemeral_OpensRenewsAndCloses(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := newProtocol(t, f)

	opened := p.open(t.Context(), map[string]any{"ttl_seconds": 600, "intent": "event", "subscriber_count": 2})
	expectNone(t, opened.Diagnostics)
	id := f.onlySession(t)
	f.expectCalls(t, "POST /session, POST /sessions/"+id+", GET /sessions/"+id)
	result := p.attributes(opened.Result, p.schemas.EphemeralResourceSchemas[ephemeralType].ValueType())
	for name, value := range result {
		if value.IsNull() || !value.IsKnown() {
			t.Errorf("%s is %s", name, value)
		}
	}
	if got := textOf(result["id"]); got != id {
		t.Errorf("id %q, want %q", got, id)
	}
	if got, want := textOf(result["expires_at"]), sinceStart(10*time.Minute); got != want {
		t.Errorf("expires_at %s, want %s", got, want)
	}
	var subscribers []tftypes.Value
	if err := result["subscriber_tokens"].As(&subscribers); err != nil || len(subscribers) != 2 {
		t.Errorf("%d subscriber tokens (%v), want 2", len(subscribers), err)
	}
	if session, _ := f.Session(id); session.Intent != "event" {
		t.Errorf("intent %q", session.Intent)
	}

	f.clock.Advance(5 * time.Minute)
	renewed := p.renew(opened.Private)
	expectNone(t, renewed.Diagnostics)
	f.expectCalls(t, "POST /sessions/"+id+", GET /sessions/"+id)
	if session, _ := f.Session(id); !session.ExpiresAt.Equal(testStart.Add(15 * time.Minute)) {
		t.Errorf("renewed until %s", session.ExpiresAt)
	}
	if step := renewed.RenewAt.Sub(opened.RenewAt); step < 0 || step > time.Minute {
		t.Errorf("the renewal moves renew_at by %s: both are half of a lifetime after now", step)
	}

	expectNone(t, p.close(t.Context(), renewed.Private))
	f.expectCalls(t, "DELETE /sessions/"+id)
	if left := f.sessionIDs(); len(left) > 0 {
		t.Errorf("sessions left: %q", left)
	}
}

func TestSessionEphemeral_LivesTenMinutesByDefault(t *testing.T) {
	t.Parallel()
	c := newEphemeralCase(t)
	opened := c.open(t.Context(), nil)
	expectNone(t, opened.Diagnostics)
	id := c.onlySession(t)
	c.expectExpiry(t, 10*time.Minute)
	if want := c.local.Now().Add(5 * time.Minute); !opened.RenewAt.Equal(want) {
		t.Errorf("renew at %s, want %s", opened.RenewAt, want)
	}
	c.ResetRequests()

	c.advance(5 * time.Minute)
	renewed := c.renew(opened.Private)
	expectNone(t, renewed.Diagnostics)
	c.expectCalls(t, "POST /sessions/"+id+", GET /sessions/"+id)
	c.expectExpiry(t, 15*time.Minute)
	if want := c.local.Now().Add(5 * time.Minute); !renewed.RenewAt.Equal(want) {
		t.Errorf("renew at %s, want %s", renewed.RenewAt, want)
	}
}

// expectExpiry checks when the only session ends, counted from the start.
func (c *ephemeralCase) expectExpiry(t *testing.T, want time.Duration) {
	t.Helper()
	if session, _ := c.Session(c.onlySession(t)); !session.ExpiresAt.Equal(testStart.Add(want)) {
		t.Errorf("expires at %s, want %s", session.ExpiresAt, testStart.Add(want))
	}
}

// TestSessionEphemeral_RenewalAsksForTheConfiguredLifetime, and not for what the server
// had left of it when the session was read.
func TestSessionEphemeral_RenewalAsksForTheConfiguredLifetime(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.Inject(sandbox.Fault{Operation: sandbox.OperationGet, Effect: func(w http.ResponseWriter, r *http.Request, api http.Handler) {
		f.clock.Advance(7 * time.Second)
		w.Header().Set("Date", f.clock.Now().Format(http.TimeFormat))
		api.ServeHTTP(w, r)
	}})
	p := newProtocol(t, f)
	opened := p.open(t.Context(), map[string]any{"ttl_seconds": 60})
	f.ResetRequests()
	expectNone(t, p.renew(opened.Private).Diagnostics)
	if query := f.Requests()[0].Query; query != "ttl_seconds=60" {
		t.Errorf("renewal asks for %s", query)
	}
}

func TestSessionEphemeral_RenewalsAreTimedByWhatWasGranted(t *testing.T) {
	t.Parallel()
	c := newEphemeralCase(t, func(o *sandbox.Options) { o.MaxTTL = 10 * time.Minute })
	opened := c.open(t.Context(), map[string]any{"ttl_seconds": 100 * 3600})
	expectWarnings(t, opened.Diagnostics, 1)
	want := c.local.Now().Add(5 * time.Minute)
	if !opened.RenewAt.Equal(want) {
		t.Errorf("renew at %s, want %s", opened.RenewAt, want)
	}
	// The cap has been said once.
	expectNone(t, c.renew(opened.Private).Diagnostics)
}

// TestSessionEphemeral_FailedRenewalIsTriedAgain: an outage that is shorter than
// what is left must not end the session.
func TestSessionEphemeral_FailedRenewalIsTriedAgain(t *testing.T) {
	t.Parallel()
	for name, effect := range map[string]sandbox.Effect{
		"503":          sandbox.HTMLError(http.StatusServiceUnavailable),
		"429":          sandbox.RateLimited(""),
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
				if got := renewed.RenewAt.Sub(c.local.Now()); got != wait {
					t.Errorf("tried again after %s, want %s", got, wait)
				}
				private, renewAt = renewed.Private, renewed.RenewAt
			}
			remove()
			c.advance(renewAt.Sub(c.local.Now()))
			renewed := c.renew(private)
			expectNone(t, renewed.Diagnostics)
			if got := renewed.RenewAt.Sub(c.local.Now()); got != 5*time.Minute {
				t.Errorf("next renewal after %s, want 5m", got)
			}
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
				t.Errorf("no id is configured: %s", text)
			}
			if !renewed.RenewAt.IsZero() {
				t.Errorf("renewed again at %s", renewed.RenewAt)
			}
		})
	}
}

func TestSessionEphemeral_CloseDeletesWhateverHappens(t *testing.T) {
	t.Parallel()
	t.Run("interrupted", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		p := newProtocol(t, f)
		opened := p.open(t.Context(), nil)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		expectNone(t, p.close(ctx, opened.Private))
		if left := f.sessionIDs(); len(left) > 0 {
			t.Errorf("sessions left: %q", left)
		}
	})
	t.Run("gone meanwhile", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		p := newProtocol(t, f)
		opened := p.open(t.Context(), nil)
		f.Remove(f.onlySession(t))
		expectNone(t, p.close(t.Context(), opened.Private))
	})
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		p := newProtocol(t, f)
		opened := p.open(t.Context(), nil)
		f.Inject(sandbox.Fault{Operation: sandbox.OperationDelete, Effect: sandbox.HTMLError(http.StatusBadGateway)})
		expectError(t, p.close(t.Context(), opened.Private), "Unable to delete session", f.onlySession(t), "502", "remains until "+sinceStart(10*time.Minute))
	})
}

func TestSessionEphemeral_RefusesInvalidArguments(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := newProtocol(t, f)
	for name, value := range map[string]any{"ttl_seconds": 0, "subscriber_count": 11, "intent": ""} {
		resp, err := p.server.ValidateEphemeralResourceConfig(t.Context(), &tfprotov6.ValidateEphemeralResourceConfigRequest{
			TypeName: ephemeralType, Config: p.dynamic(p.object(p.schemas.EphemeralResourceSchemas[ephemeralType], map[string]any{name: value})),
		})
		if err != nil {
			t.Fatal(err)
		}
		expectError(t, resp.Diagnostics, name)
	}
	f.expectCalls(t, "")
}
