package provider

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

// This file holds the rules of a lifetime: what a plan, a grant, an answer and an
// end do to the model and the note of an instance. They use no client, no engine
// and no clock: the same state and note always give the same answer.

// expiryTolerance is how much earlier than expected an expiry may be before it counts
// as drift or as a cap: timestamps are whole seconds, and answers take time.
const expiryTolerance = time.Minute

// Plan.

// planCreate fills in what is known of a new instance.
func (m *lifetimeModel) planCreate() {
	m.Active, m.Expired = types.BoolValue(true), types.BoolValue(false)
	m.planRenewal()
}

// planUpdate decides whether apply renews. The decision depends only on
// configuration, state and private state, because an engine plans an update again
// at apply and refuses a different answer.
func (m *lifetimeModel) planUpdate(prior lifetimeModel, note sessionNote) diag.Diagnostics {
	m.ExpiresAt = prior.ExpiresAt
	m.Active, m.Expired = types.BoolValue(prior.isActive()), types.BoolValue(prior.Expired.ValueBool())
	if !prior.isActive() {
		m.RenewAt = timetypes.NewRFC3339Null()
		return m.changedAfterTheEnd(prior)
	}
	if m.renews(prior, note) {
		m.planRenewal()
		return nil
	}
	m.RenewAt = m.renewAt(note)
	return nil
}

// planRenewal plans a POST of the TTL: it marks what the POST returns as unknown.
// An unknown expires_at is the only sign of it; apply asks renewalIsPlanned.
func (m *lifetimeModel) planRenewal() {
	m.ExpiresAt = timetypes.NewRFC3339Unknown()
	m.RenewAt = timetypes.NewRFC3339Unknown()
	if m.RenewBeforeSeconds.IsNull() {
		m.RenewAt = timetypes.NewRFC3339Null()
	}
}

// renewalIsPlanned says whether Update POSTs the TTL: if, and only if, the plan
// shows expires_at as known after apply.
func (m *lifetimeModel) renewalIsPlanned() bool { return m.ExpiresAt.IsUnknown() }

// renews says whether an apply POSTs the TTL, or may have to.
func (m *lifetimeModel) renews(prior lifetimeModel, note sessionNote) bool {
	switch {
	case m.TTLSeconds.IsNull():
		return false
	case note.Unsent, len(m.renewingChanges(prior)) > 0, m.hasUnknownArgument():
		return true
	}
	// The last read compared with the lead time in the state. With another one, the
	// session may be due and the note may not say so yet: then the next plan renews.
	return m.due(note)
}

// due says whether less than the lead time was left when the session was last
// seen.
func (m *lifetimeModel) due(note sessionNote) bool {
	if m.TTLSeconds.IsNull() || m.RenewBeforeSeconds.IsNull() || m.RenewBeforeSeconds.IsUnknown() || !note.observed() {
		return false
	}
	return note.left() < m.effectiveLead(note)
}

// effectiveLead is renew_before_seconds, but less after a capped write: a longer
// lead time would renew in every plan.
func (m *lifetimeModel) effectiveLead(note sessionNote) time.Duration {
	lead := seconds(m.RenewBeforeSeconds)
	if note.GrantedSeconds > 0 {
		return min(lead, note.longestLead())
	}
	return lead
}

// renewAt is the time from which plans renew. It is null without a lead time or a
// lifetime, without a known end, and after the end.
func (m *lifetimeModel) renewAt(note sessionNote) timetypes.RFC3339 {
	end := timeOf(m.ExpiresAt)
	if m.TTLSeconds.IsNull() || m.RenewBeforeSeconds.IsNull() || m.RenewBeforeSeconds.IsUnknown() || end.IsZero() || !m.isActive() {
		return timetypes.NewRFC3339Null()
	}
	return timestamp(end.Add(-m.effectiveLead(note)))
}

// renewingChanges names the arguments whose known change POSTs the TTL.
func (m *lifetimeModel) renewingChanges(prior lifetimeModel) []string {
	var changed []string
	if !m.TTLSeconds.IsUnknown() && !m.TTLSeconds.Equal(prior.TTLSeconds) {
		changed = append(changed, "ttl_seconds")
	}
	if triggers := m.RenewTriggers; !triggers.IsUnknown() && !hasUnknownElement(triggers) && !triggers.Equal(prior.RenewTriggers) {
		changed = append(changed, "renew_triggers")
	}
	return changed
}

// hasUnknownArgument says whether an argument is known only after apply, and may
// then require a POST. So expires_at must be planned as unknown: an engine accepts
// the old value in its place, but not a new value in place of a known one.
func (m *lifetimeModel) hasUnknownArgument() bool {
	return m.TTLSeconds.IsUnknown() || m.RenewBeforeSeconds.IsUnknown() ||
		m.RenewTriggers.IsUnknown() || hasUnknownElement(m.RenewTriggers)
}

func hasUnknownElement(m types.Map) bool {
	for _, element := range m.Elements() {
		if element.IsUnknown() {
			return true
		}
	}
	return false
}

// changedAfterTheEnd warns that a change cannot be sent. It is not an error, because
// an error would stop the renewal of the other sessions.
func (m *lifetimeModel) changedAfterTheEnd(prior lifetimeModel) diag.Diagnostics {
	changed := m.renewingChanges(prior)
	if m.hasUnknownArgument() {
		changed = append(changed, "a value known after apply")
	} else if !m.RenewBeforeSeconds.Equal(prior.RenewBeforeSeconds) {
		changed = append(changed, "renew_before_seconds")
	}
	if len(changed) == 0 {
		return nil
	}
	return diag.Diagnostics{diag.NewWarningDiagnostic("Change cannot be sent to an ended session",
		fmt.Sprintf("Session %q has ended. The change of %s is recorded in the state and no request is sent. "+
			"If the session is found again, the next plan renews it. Otherwise, remove the resource or configure a session that exists.",
			m.ID.ValueString(), strings.Join(changed, ", ")))}
}

// shorteningWarning warns that the planned POST moves the end of the session, which
// lives until live, to an earlier time.
func (m *lifetimeModel) shorteningWarning(live, now time.Time) diag.Diagnostics {
	var diags diag.Diagnostics
	if !m.renewalIsPlanned() || m.TTLSeconds.IsNull() || m.TTLSeconds.IsUnknown() || live.IsZero() {
		return diags
	}
	if end := now.Add(m.ttl()); end.Before(live.Add(-expiryTolerance)) {
		diags.AddAttributeWarning(path.Root("ttl_seconds"), "Session gets a shorter lifetime",
			fmt.Sprintf("Session %q lives until %s. This plan gives it a lifetime of %s (ttl_seconds = %d): applied now, it expires at %s. "+
				"If it must not end earlier, raise ttl_seconds above what is left.",
				m.ID.ValueString(), live.UTC().Format(time.RFC3339), readableDuration(m.ttl()), m.TTLSeconds.ValueInt64(), end.UTC().Format(time.RFC3339)))
	}
	return diags
}

// Grant.

// grant is what a session got by a POST of the TTL.
type grant struct {
	ExpiresAt  time.Time
	ServerTime time.Time
	// Granted is ExpiresAt less the time of the write.
	Granted time.Duration
	// Calculated says that ExpiresAt was calculated, and not returned by the API.
	Calculated bool
	// Session is what was read back; zero if that failed.
	Session palabra.Session
}

// capped says whether clearly less was granted than requested.
func (g grant) capped(ttl time.Duration) bool { return g.Granted < ttl-min(expiryTolerance, ttl/2) }

// isStale says whether an answer seems to be from before a write: its lifetime is
// clearly shorter or longer than the one written, the session has not been updated
// since, and its expiry is a known earlier one, if any is known.
func isStale(session palabra.Session, writtenAt time.Time, ttl time.Duration, before []time.Time) bool {
	answered := grant{Granted: session.ExpiresAt.Sub(writtenAt)}
	if session.ExpiresAt.IsZero() || !answered.capped(ttl) && answered.Granted < ttl+expiryTolerance {
		return false
	}
	if !session.UpdatedAt.IsZero() && !session.UpdatedAt.Before(writtenAt.Add(-time.Second)) {
		return false
	}
	return len(before) == 0 || slices.ContainsFunc(before, func(old time.Time) bool {
		return session.ExpiresAt.Sub(old).Abs() <= expiryTolerance
	})
}

// recordGrant updates model and note to what a write was granted.
func (m *lifetimeModel) recordGrant(note *sessionNote, got grant) {
	note.ServerTime, note.ExpiresAt, note.LatestEnd, note.Unsent = got.ServerTime, got.ExpiresAt, got.ExpiresAt, false
	note.GrantedSeconds = 0
	if got.Granted < m.ttl() {
		note.GrantedSeconds = max(1, int64(got.Granted/time.Second))
	}
	m.ExpiresAt = timestamp(got.ExpiresAt)
	m.RenewAt = m.renewAt(*note)
}

// Answer.

// needsSingleRead says whether a session from a page of the list would change the
// state, or renew the session: a page may be stale, so it may only confirm.
func (m *lifetimeModel) needsSingleRead(listed palabra.Session, note sessionNote) bool {
	unread := note.Instance == ""
	expiryIsNews := !listed.ExpiresAt.IsZero() && (m.ExpiresAt.IsNull() || isEarlier(listed.ExpiresAt, m.ExpiresAt))
	return unread || expiryIsNews || m.due(note.seen(listed))
}

// observe updates the model to a session that was just read, and returns the
// updated note.
func (m *lifetimeModel) observe(session palabra.Session, note sessionNote) (sessionNote, diag.Diagnostics) {
	var diags diag.Diagnostics
	note = note.seen(session)
	// When a client connects, the API resets the expiry to the present. So a past
	// expiry does not mean that the session has ended (only a 404 does), nor that
	// an ended session is back.
	if past := !session.ExpiresAt.IsZero() && !session.ServerTime.Before(session.ExpiresAt); !past || m.Active.IsNull() {
		m.Active, m.Expired = types.BoolValue(true), types.BoolValue(false)
	}
	if m.Expired.IsNull() { // an older version wrote the state
		m.Expired = types.BoolValue(false)
	}
	switch {
	case m.ExpiresAt.IsNull():
		m.adopt(session)
	case isEarlier(session.ExpiresAt, m.ExpiresAt):
		diags.AddAttributeWarning(path.Root("expires_at"), "Session expires earlier than it was given",
			fmt.Sprintf("Session %q was given a lifetime until %s, and now expires at %s. A client connected, or another tool shortened the lifetime. "+
				"%s",
				m.ID.ValueString(), m.ExpiresAt.ValueString(), session.ExpiresAt.Format(time.RFC3339), m.whenRenewed(note)))
		m.ExpiresAt = timestamp(session.ExpiresAt)
	}
	// It is null after an import or a move, and in states of earlier builds.
	if m.DeleteOnDestroy.IsNull() {
		m.DeleteOnDestroy = types.BoolValue(true)
	}
	m.RenewAt = m.renewAt(note)
	return note, diags
}

// cautiousTime is the server's time, or this machine's if the two disagree and it
// leaves less of the session's lifetime: a renewal too many costs less than a
// session that is not renewed.
func cautiousTime(session palabra.Session) time.Time {
	if clocksDisagree(session) && session.LocalTime.After(session.ServerTime) {
		return session.LocalTime
	}
	return session.ServerTime
}

// whenRenewed says what ends the shorter lifetime.
func (m *lifetimeModel) whenRenewed(note sessionNote) string {
	switch {
	case m.due(note):
		return "Less than renew_before_seconds is left, so the next apply renews it."
	case m.RenewBeforeSeconds.IsNull():
		return "It is renewed only when ttl_seconds or renew_triggers change."
	}
	return "It is renewed when less than renew_before_seconds is left, or when ttl_seconds or renew_triggers change."
}

// adopt fills in the arguments after an import or a move. The API does not return
// the lifetime that a session was given, so it is derived: the last change of the
// session is the best guess of when its lifetime was set.
func (m *lifetimeModel) adopt(session palabra.Session) {
	m.ExpiresAt = timestamp(session.ExpiresAt)
	if !m.TTLSeconds.IsNull() || session.ExpiresAt.IsZero() {
		return
	}
	for _, since := range []time.Time{session.UpdatedAt, session.CreatedAt, session.ServerTime} {
		if ttl := session.ExpiresAt.Sub(since); !since.IsZero() && ttl >= time.Second {
			// Sub saturates at 292 years, which is above the maximum.
			m.TTLSeconds = types.Int64Value(min(int64(ttl/time.Second), maxTTLSeconds))
			return
		}
	}
}

// isEarlier says whether a live expiry is early enough to count as drift.
func isEarlier(live time.Time, stored timetypes.RFC3339) bool {
	return !live.IsZero() && live.Before(timeOf(stored).Add(-expiryTolerance))
}

// End.

// markEnded sets the model to that of a session that was found missing. If it was
// missing before, how it ended stays as it is.
func (m *lifetimeModel) markEnded(prior lifetimeModel, note sessionNote, missingAt time.Time) {
	m.ExpiresAt, m.RenewAt = prior.ExpiresAt, timetypes.NewRFC3339Null()
	if m.Expired = prior.Expired; prior.isActive() || prior.Expired.IsNull() {
		m.Expired = types.BoolValue(prior.ranOut(note, missingAt))
	}
	m.Active = types.BoolValue(false)
}

// ranOut says whether the latest known end of the session had passed at a time. An
// end that is not known has not.
func (m *lifetimeModel) ranOut(note sessionNote, at time.Time) bool {
	end := timeOf(m.ExpiresAt)
	if note.LatestEnd.After(end) {
		end = note.LatestEnd
	}
	return !end.IsZero() && !at.Before(end)
}

// lastKnownEnd is the last live expiry, or the stored one if none was seen.
func (m *lifetimeModel) lastKnownEnd(note sessionNote) time.Time {
	if !note.ExpiresAt.IsZero() {
		return note.ExpiresAt
	}
	return timeOf(m.ExpiresAt)
}

// whenItEnded describes the last known end in a message.
func (m *lifetimeModel) whenItEnded(note sessionNote) string {
	if end := m.lastKnownEnd(note); !end.IsZero() {
		return "its last known expiry is " + end.Format(time.RFC3339)
	}
	return "its last expiry is not known"
}

// endedWarning is shown once, by the read that first misses the session.
func (m *lifetimeModel) endedWarning(note sessionNote) diag.Diagnostic {
	return diag.NewWarningDiagnostic("Session has ended",
		fmt.Sprintf("The API does not find session %q any more (%s): it expired, was used and hung up, or was deleted. "+
			"It stays in the state with active = false, and nothing is planned for it. "+
			"Remove the resource when nothing refers to it any more, or configure a session that exists.",
			m.ID.ValueString(), m.whenItEnded(note)))
}
