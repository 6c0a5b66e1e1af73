package provider

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// planCreate fills in what is known of a new instance.
func (m *lifetimeModel) planCreate() {
	m.Active = types.BoolValue(true)
	m.planWrite()
}

// planWrite marks the values that the POST of the TTL returns as unknown.
func (m *lifetimeModel) planWrite() {
	m.ExpiresAt = timetypes.NewRFC3339Unknown()
	m.RenewAt = timetypes.NewRFC3339Unknown()
	if m.RenewBeforeSeconds.IsNull() {
		m.RenewAt = timetypes.NewRFC3339Null()
	}
}

// planUpdate decides whether apply POSTs the TTL: it does if expires_at is unknown.
// The decision depends only on configuration, state and private state, because an
// engine plans an update again at apply and refuses a different answer.
func (m *lifetimeModel) planUpdate(prior lifetimeModel, note lifetimeNote) diag.Diagnostics {
	m.ExpiresAt, m.Active = prior.ExpiresAt, types.BoolValue(prior.isActive())
	m.TTLSeconds, m.RenewBeforeSeconds = m.TTLSeconds.orPrior(prior.TTLSeconds), m.RenewBeforeSeconds.orPrior(prior.RenewBeforeSeconds)
	if !prior.isActive() {
		m.RenewAt = timetypes.NewRFC3339Null()
		return m.changedAfterTheEnd(prior)
	}
	if m.renews(prior, note) {
		m.planWrite()
		return nil
	}
	m.RenewAt = m.renewAt(note)
	return nil
}

// rememberPrior keeps the prior state of an instance for priorOf. If the instance
// becomes a replacement, its create half gets its id from private state.
func (d *providerData) rememberPrior(ctx context.Context, prior lifetimeModel, note lifetimeNote, private privateStateWriter) (lifetimeNote, diag.Diagnostics) {
	var diags diag.Diagnostics
	if note.Instance == "" {
		note = note.withInstance()
		diags = note.save(ctx, private)
	}
	d.priors.Store(note.Instance, prior)
	return note, diags
}

// priorOf returns the prior state of an instance that is replaced. Engines plan
// the create half of a replacement without it.
func (d *providerData) priorOf(note lifetimeNote) (prior lifetimeModel, ok bool) {
	if note.Instance == "" {
		return prior, false
	}
	value, _ := d.priors.Load(note.Instance)
	prior, ok = value.(lifetimeModel)
	return prior, ok
}

// renews says whether an apply POSTs the TTL, or may have to.
func (m *lifetimeModel) renews(prior lifetimeModel, note lifetimeNote) bool {
	switch {
	case m.TTLSeconds.IsNull():
		return false
	case note.Unsent, len(m.renewingChanges(prior)) > 0, m.hasUnknownArgument():
		return true
	case m.RenewBeforeSeconds.Equal(prior.RenewBeforeSeconds):
		return m.due(note)
	}
	// The lead time has changed. The last read compared with the old one, so it may
	// not have saved a note although up to a tenth of the remaining time had passed.
	// Assume the least time that may be left.
	note.ExpiresAt = note.ServerTime.Add(note.left() * 9 / 10)
	return m.due(note)
}

// due says whether less than the lead time was left when the session was last
// seen.
func (m *lifetimeModel) due(note lifetimeNote) bool {
	if m.TTLSeconds.IsNull() || m.RenewBeforeSeconds.IsNull() || m.RenewBeforeSeconds.IsUnknown() || !note.observed() {
		return false
	}
	return note.left() < m.effectiveLead(note)
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
			m.SessionID.ValueString(), strings.Join(changed, ", ")))}
}

// validateLeadTime compares the two durations if both are known.
func (m *lifetimeModel) validateLeadTime() diag.Diagnostics {
	var diags diag.Diagnostics
	lead, ttl := m.RenewBeforeSeconds, m.TTLSeconds
	if lead.IsNull() || lead.IsUnknown() || ttl.IsNull() || ttl.IsUnknown() || lead.ValueInt64() < ttl.ValueInt64() {
		return diags
	}
	diags.AddAttributeError(path.Root("renew_before_seconds"), "Lead time is not smaller than the lifetime",
		fmt.Sprintf("renew_before_seconds (%d) must be smaller than ttl_seconds (%d). Otherwise every plan would renew the session.",
			lead.ValueInt64(), ttl.ValueInt64()))
	return diags
}

// readableDuration leaves out zero units at the end: 41m, 720h.
func readableDuration(d time.Duration) string {
	text := d.Round(time.Second).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
