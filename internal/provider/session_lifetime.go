package provider

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

const (
	// expiryTolerance is how much earlier than expected an expiry may be before it
	// counts as drift or as a cap: timestamps are whole seconds, and answers take
	// time.
	expiryTolerance = time.Minute
	// rereadDelay is the wait before a read is repeated, because the API may lag
	// behind a write.
	rereadDelay = time.Second
)

// lifetime is what a session was granted by a POST of the TTL.
type lifetime struct {
	ExpiresAt  time.Time
	ServerTime time.Time
	// Granted is ExpiresAt less the time of the write.
	Granted time.Duration
	// Calculated says that ExpiresAt was calculated, and not returned by the API.
	Calculated bool
	// Session is what was read back; zero if that failed.
	Session palabra.Session
}

// writeLifetime POSTs the TTL and reads the session back. before are the known
// expiries from before the write. Only a failed POST is an error. What fails after
// an accepted POST is a warning, because an engine would taint a new instance.
func (d *providerData) writeLifetime(ctx context.Context, client *palabra.Client, sessionID string, ttl time.Duration, before ...time.Time) (lifetime, diag.Diagnostics, error) {
	// Set before the call, because the answer may be lost: Delete keeps sessions
	// that this process has written.
	d.written.Store(sessionID, true)
	written, err := client.SetExpiry(ctx, sessionID, int64(ttl/time.Second))
	if errors.Is(err, palabra.ErrNotFound) {
		d.written.Delete(sessionID)
	}
	if err != nil {
		return lifetime{}, nil, err
	}
	calculated := lifetime{ExpiresAt: written.Add(ttl), ServerTime: written, Granted: ttl, Calculated: true}
	session, diags := d.readBack(ctx, client, sessionID, func(session palabra.Session) bool {
		return isStale(session, written, ttl, before)
	})
	calculated.Session = session
	if session.ExpiresAt.IsZero() {
		return calculated, diags, nil
	}
	if isStale(session, written, ttl, before) && len(before) > 0 {
		// A wrongly assumed cap can lose the session; a calculated expiry cannot.
		return calculated, diags, nil
	}
	got := lifetime{ExpiresAt: session.ExpiresAt, ServerTime: session.ServerTime, Granted: session.ExpiresAt.Sub(written), Session: session}
	if got.capped(ttl) {
		diags.AddAttributeWarning(path.Root("ttl_seconds"), "Session granted less than asked",
			fmt.Sprintf("Session %q was to live %s (ttl_seconds = %d), and the API reports that it expires at %s. "+
				"The API may cap lifetimes. Lower ttl_seconds to the granted lifetime.",
				sessionID, readableDuration(ttl), int64(ttl/time.Second), got.ExpiresAt.Format(time.RFC3339)))
	}
	return got, diags, nil
}

// writeFirstLifetime is writeLifetime for a session that was just created. It
// retries a 404 once, because the API may lag behind the creation.
func (d *providerData) writeFirstLifetime(ctx context.Context, client *palabra.Client, sessionID string, ttl time.Duration) (lifetime, diag.Diagnostics, error) {
	got, diags, err := d.writeLifetime(ctx, client, sessionID, ttl)
	if errors.Is(err, palabra.ErrNotFound) {
		d.pause(ctx, rereadDelay)
		return d.writeLifetime(ctx, client, sessionID, ttl)
	}
	return got, diags, err
}

// readBack reads a session after a write. It reads a second time if the API may
// lag behind the write. A failure is a warning.
func (d *providerData) readBack(ctx context.Context, client *palabra.Client, sessionID string, stale func(palabra.Session) bool) (palabra.Session, diag.Diagnostics) {
	session, err := client.Get(ctx, sessionID)
	if errors.Is(err, palabra.ErrNotFound) || err == nil && stale(session) {
		d.pause(ctx, rereadDelay)
		if again, againErr := client.Get(ctx, sessionID); againErr == nil || err != nil {
			session, err = again, againErr
		}
	}
	if err != nil {
		return palabra.Session{}, diag.Diagnostics{diag.NewWarningDiagnostic("Session not read back",
			fmt.Sprintf("The write succeeded, but session %q could not be read afterwards. "+
				"Timestamps are calculated or missing until the next plan reads them.\n\n%s", sessionID, sentence(err.Error())))}
	}
	return session, nil
}

// capped says whether clearly less was granted than requested.
func (l lifetime) capped(ttl time.Duration) bool { return l.Granted < ttl-min(expiryTolerance, ttl/2) }

// isStale says whether an answer seems to be from before a write: its lifetime is
// clearly shorter or longer than the one written, the session has not been updated
// since, and its expiry is a known earlier one, if any is known.
func isStale(session palabra.Session, written time.Time, ttl time.Duration, before []time.Time) bool {
	const rounding = 2 * time.Second
	answered := lifetime{Granted: session.ExpiresAt.Sub(written)}
	if session.ExpiresAt.IsZero() || !answered.capped(ttl) && answered.Granted < ttl+expiryTolerance {
		return false
	}
	if !session.UpdatedAt.IsZero() && !session.UpdatedAt.Before(written.Add(-time.Second)) {
		return false
	}
	return len(before) == 0 || slices.ContainsFunc(before, func(old time.Time) bool {
		return session.ExpiresAt.Sub(old).Abs() <= rounding
	})
}

// recordGrant updates model and note to what a write was granted.
func (m *lifetimeModel) recordGrant(note *lifetimeNote, got lifetime) {
	note.ServerTime, note.ExpiresAt, note.LatestEnd, note.Unsent = got.ServerTime, got.ExpiresAt, got.ExpiresAt, false
	note.GrantedSeconds = 0
	if got.Granted < m.ttl() {
		note.GrantedSeconds = max(1, int64(got.Granted/time.Second))
	}
	m.ExpiresAt = timestamp(got.ExpiresAt)
	m.RenewAt = m.renewAt(*note)
}

// update writes if, and only if, the plan left expires_at unknown. If the session
// is gone, the model becomes inactive, so that the error is reported only once.
func (d *providerData) update(ctx context.Context, m *lifetimeModel, prior lifetimeModel, note *lifetimeNote) diag.Diagnostics {
	if m.ExpiresAt.IsUnknown() {
		return d.renew(ctx, m, prior, note)
	}
	if !m.isActive() && len(m.renewingChanges(prior)) > 0 {
		note.Unsent = true
	}
	return nil
}

func (d *providerData) renew(ctx context.Context, m *lifetimeModel, prior lifetimeModel, note *lifetimeNote) diag.Diagnostics {
	var diags diag.Diagnostics
	const summary = "Unable to extend session"
	client := d.configuredClient(summary, &diags)
	if client == nil {
		return diags
	}
	var before []time.Time
	for _, known := range []time.Time{note.ExpiresAt, timeOf(prior.ExpiresAt)} {
		if !known.IsZero() {
			before = append(before, known)
		}
	}
	d.applying.Store(true)
	got, diags, err := d.writeLifetime(ctx, client, m.SessionID.ValueString(), m.ttl(), before...)
	switch {
	case err == nil:
		note.Account = client.Fingerprint()
		m.recordGrant(note, got)
	case errors.Is(err, palabra.ErrNotFound):
		m.markEnded(prior)
		note.Unsent = true
		diags.Append(d.apiError(summary, err))
	default:
		diags.Append(d.apiError(summary, err))
	}
	return diags
}

// markEnded sets the model to that of a session that is gone.
func (m *lifetimeModel) markEnded(prior lifetimeModel) {
	m.ExpiresAt = prior.ExpiresAt
	m.Active = types.BoolValue(false)
	m.RenewAt = timestamp(time.Time{})
}
