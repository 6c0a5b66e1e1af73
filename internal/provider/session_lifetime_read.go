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

// read reads a session for a refresh. A list may lag behind the API, so a page
// may only confirm what the state holds: whatever would change it is asked again
// with a read of its own.
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
// note of it.
func (m *lifetimeModel) observe(session palabra.Session, note lifetimeNote) (lifetimeNote, diag.Diagnostics) {
	var diags diag.Diagnostics
	note.ServerTime = session.ServerTime
	if !session.ExpiresAt.IsZero() {
		note.ExpiresAt = session.ExpiresAt
		if session.ExpiresAt.After(note.LatestEnd) {
			note.LatestEnd = session.ExpiresAt
		}
	}
	// A session that connects has its expiry reset to the present, so one that
	// has passed does not mean that the session has ended; only a 404 does. Nor
	// does it bring an ended one back.
	if past := !session.ExpiresAt.IsZero() && !session.ServerTime.Before(session.ExpiresAt); !past || m.Active.IsNull() {
		m.Active = types.BoolValue(true)
	}
	switch {
	case m.ExpiresAt.IsNull():
		m.adopt(session)
	case isEarlier(session.ExpiresAt, m.ExpiresAt):
		diags.AddAttributeWarning(path.Root("expires_at"), "Session expires earlier than it was given",
			fmt.Sprintf("Session %q was to live until %s and now expires at %s. A client that connected or another tool shortened it. "+
				"It is renewed only if renew_before_seconds or another change asks for it.",
				m.SessionID.ValueString(), m.ExpiresAt.ValueString(), session.ExpiresAt.Format(time.RFC3339)))
		m.ExpiresAt = timestamp(session.ExpiresAt)
	}
	m.RenewAt = m.renewAt(note)
	return note, diags
}

// adopt fills in what an import or a move does not name. The API does not report
// the lifetime that a session was given; its last change is the closest to when
// it was.
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
			// A difference of more than 292 years saturates, and is clamped, too.
			m.TTLSeconds = newWholeNumber(min(int64(lifetime/time.Second), maxTTLSeconds))
			return
		}
	}
}

// isEarlier says whether a live expiry is so much earlier than the stored one
// that it counts as drift.
func isEarlier(live time.Time, stored timetypes.RFC3339) bool {
	return !live.IsZero() && live.Before(timeOf(stored).Add(-expiryTolerance))
}

// lastKnownEnd is the live expiry that was last seen, or the stored one.
func (m *lifetimeModel) lastKnownEnd(note lifetimeNote) time.Time {
	if !note.ExpiresAt.IsZero() {
		return note.ExpiresAt
	}
	return timeOf(m.ExpiresAt)
}

// whenItEnded names the last known end in a message.
func (m *lifetimeModel) whenItEnded(note lifetimeNote) string {
	if end := m.lastKnownEnd(note); !end.IsZero() {
		return "its last known expiry is " + end.Format(time.RFC3339)
	}
	return "its last expiry is not known"
}

// endedWarning is shown once, by the read that finds the session ended.
func (m *lifetimeModel) endedWarning(note lifetimeNote) diag.Diagnostic {
	return diag.NewWarningDiagnostic("Session has ended",
		fmt.Sprintf("The API does not find session %q any more (%s): it expired, was used and hung up, or was deleted. "+
			"It stays in the state with active = false, and nothing is planned for it. "+
			"Remove the resource when nothing refers to it any more, or configure a session that exists.",
			m.SessionID.ValueString(), m.whenItEnded(note)))
}
