package provider

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

// read reads a session for a refresh. A page of the list may be stale, so it may
// only confirm the state. Anything that would change the state is read singly.
func (d *providerData) read(ctx context.Context, m lifetimeModel, note lifetimeNote) (palabra.Session, error) {
	session, err := d.client.Read(ctx, m.SessionID.ValueString())
	if err != nil || !session.Listed {
		return session, err
	}
	unread := note.Instance == ""
	expiryIsNews := !session.ExpiresAt.IsZero() && (m.ExpiresAt.IsNull() || isEarlier(session.ExpiresAt, m.ExpiresAt))
	if unread || expiryIsNews || !m.isActive() {
		return d.client.Get(ctx, m.SessionID.ValueString())
	}
	return session, nil
}

// observe updates the model to a session that was just read, and returns the
// updated note.
func (m *lifetimeModel) observe(session palabra.Session, note lifetimeNote) (lifetimeNote, diag.Diagnostics) {
	var diags diag.Diagnostics
	note.ServerTime = session.ServerTime
	if !session.ExpiresAt.IsZero() {
		note.ExpiresAt = session.ExpiresAt
		if session.ExpiresAt.After(note.LatestEnd) {
			note.LatestEnd = session.ExpiresAt
		}
	}
	// When a client connects, the API resets the expiry to the present. So a past
	// expiry does not mean that the session has ended (only a 404 does), nor that
	// an ended session is back.
	if past := !session.ExpiresAt.IsZero() && !session.ServerTime.Before(session.ExpiresAt); !past || m.Active.IsNull() {
		m.Active = types.BoolValue(true)
	}
	switch {
	case m.ExpiresAt.IsNull():
		m.adopt(session)
	case isEarlier(session.ExpiresAt, m.ExpiresAt):
		diags.AddAttributeWarning(path.Root("expires_at"), "Session expires earlier than it was given",
			fmt.Sprintf("Session %q was given a lifetime until %s, and now expires at %s. A client connected, or another tool shortened the lifetime. "+
				"The session is renewed only after renew_at, or when ttl_seconds or renew_triggers change.",
				m.SessionID.ValueString(), m.ExpiresAt.ValueString(), session.ExpiresAt.Format(time.RFC3339)))
		m.ExpiresAt = timestamp(session.ExpiresAt)
	}
	m.RenewAt = m.renewAt(note)
	return note, diags
}

// adopt fills in the arguments after an import or a move. The API does not return
// the lifetime that a session was given, so it is derived: the last change of the
// session is the best guess of when its lifetime was set.
func (m *lifetimeModel) adopt(session palabra.Session) {
	m.ExpiresAt = timestamp(session.ExpiresAt)
	if m.DeleteOnDestroy.IsNull() {
		m.DeleteOnDestroy = types.BoolValue(true)
	}
	if !m.TTLSeconds.IsNull() || session.ExpiresAt.IsZero() {
		return
	}
	for _, since := range []time.Time{session.UpdatedAt, session.CreatedAt, session.ServerTime} {
		if lifetime := session.ExpiresAt.Sub(since); !since.IsZero() && lifetime >= time.Second {
			// Sub saturates at 292 years, which is above the maximum.
			m.TTLSeconds = newWholeNumber(min(int64(lifetime/time.Second), maxTTLSeconds))
			return
		}
	}
}

// isEarlier says whether a live expiry is early enough to count as drift.
func isEarlier(live time.Time, stored timetypes.RFC3339) bool {
	return !live.IsZero() && live.Before(timeOf(stored).Add(-expiryTolerance))
}

// lastKnownEnd is the last live expiry, or the stored one if none was seen.
func (m *lifetimeModel) lastKnownEnd(note lifetimeNote) time.Time {
	if !note.ExpiresAt.IsZero() {
		return note.ExpiresAt
	}
	return timeOf(m.ExpiresAt)
}

// whenItEnded describes the last known end in a message.
func (m *lifetimeModel) whenItEnded(note lifetimeNote) string {
	if end := m.lastKnownEnd(note); !end.IsZero() {
		return "its last known expiry is " + end.Format(time.RFC3339)
	}
	return "its last expiry is not known"
}

// endedWarning is shown once, by the read that first misses the session.
func (m *lifetimeModel) endedWarning(note lifetimeNote) diag.Diagnostic {
	return diag.NewWarningDiagnostic("Session has ended",
		fmt.Sprintf("The API does not find session %q any more (%s): it expired, was used and hung up, or was deleted. "+
			"It stays in the state with active = false, and nothing is planned for it. "+
			"Remove the resource when nothing refers to it any more, or configure a session that exists.",
			m.SessionID.ValueString(), m.whenItEnded(note)))
}
