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

// planCreate fills in what a create decides.
func (m *lifetimeModel) planCreate() {
	m.Active = types.BoolValue(true)
	m.planWrite()
}

// planWrite marks as unknown what only the POST of the TTL decides.
func (m *lifetimeModel) planWrite() {
	m.ExpiresAt = timetypes.NewRFC3339Unknown()
	m.RenewAt = timetypes.NewRFC3339Unknown()
	if m.RenewBeforeSeconds.IsNull() {
		m.RenewAt = timetypes.NewRFC3339Null()
	}
}

// planUpdate decides what happens to a session that is in the state: an unknown
// expires_at makes apply POST the TTL. It goes by configuration, state and
// private state alone, because an engine plans an update a second time at apply
// and refuses a different answer.
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

// planPrior remembers the prior state of an instance, for the create half of a
// replacement. It gives the instance an id if it has none: engines hand the
// private state to the create half.
func (d *providerData) planPrior(ctx context.Context, prior lifetimeModel, note lifetimeNote, private privateStateWriter) (lifetimeNote, diag.Diagnostics) {
	var diags diag.Diagnostics
	if note.Instance == "" {
		note.Instance = newInstanceID()
		diags = note.save(ctx, private)
	}
	if d != nil {
		d.priors.Store(note.Instance, prior)
	}
	return note, diags
}

// priorOf is what the state says of an instance that is replaced.
func (d *providerData) priorOf(note lifetimeNote) (prior lifetimeModel, ok bool) {
	if d == nil || note.Instance == "" {
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
	case note.Unsent, len(m.changedForAPI(prior)) > 0, m.unknownForAPI():
		return true
	case m.RenewBeforeSeconds.Equal(prior.RenewBeforeSeconds):
		return m.due(note)
	}
	// The note may be older than this run by a tenth of what was left then, and
	// its read judged by the former lead time: go by the least that may be left.
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

// changedForAPI names the arguments whose known change POSTs the TTL.
func (m *lifetimeModel) changedForAPI(prior lifetimeModel) []string {
	var changed []string
	if !m.TTLSeconds.IsUnknown() && !m.TTLSeconds.Equal(prior.TTLSeconds) {
		changed = append(changed, "ttl_seconds")
	}
	if triggers := m.RenewTriggers; !triggers.IsUnknown() && !hasUnknownElement(triggers) && !triggers.Equal(prior.RenewTriggers) {
		changed = append(changed, "renew_triggers")
	}
	return changed
}

// unknownForAPI says that a value which only apply knows can still ask for a
// POST. An unknown expires_at may turn out as the old one then, never the other
// way round.
func (m *lifetimeModel) unknownForAPI() bool {
	return m.TTLSeconds.IsUnknown() || m.RenewBeforeSeconds.IsUnknown() ||
		m.RenewTriggers.IsUnknown() || hasUnknownElement(m.RenewTriggers)
}

// changedAfterTheEnd warns that a change cannot be sent. An error would keep the
// other sessions from being renewed.
func (m *lifetimeModel) changedAfterTheEnd(prior lifetimeModel) diag.Diagnostics {
	changed := m.changedForAPI(prior)
	if m.unknownForAPI() {
		changed = append(changed, "a value known after apply")
	} else if !m.RenewBeforeSeconds.Equal(prior.RenewBeforeSeconds) {
		changed = append(changed, "renew_before_seconds")
	}
	if len(changed) == 0 {
		return nil
	}
	return diag.Diagnostics{diag.NewWarningDiagnostic("Change cannot be sent to an ended session",
		fmt.Sprintf("Session %q has ended. The change of %s is recorded in the state and no request is sent. "+
			"If the session is found again, the next plan renews it. Otherwise remove the resource, or configure a session that exists.",
			m.SessionID.ValueString(), strings.Join(changed, ", ")))}
}

// validateLeadTime compares the two durations where both are known.
func (m *lifetimeModel) validateLeadTime() diag.Diagnostics {
	var diags diag.Diagnostics
	lead, ttl := m.RenewBeforeSeconds, m.TTLSeconds
	if lead.IsNull() || lead.IsUnknown() || ttl.IsNull() || ttl.IsUnknown() || lead.ValueInt64() < ttl.ValueInt64() {
		return diags
	}
	diags.AddAttributeError(path.Root("renew_before_seconds"), "Lead time is not smaller than the lifetime",
		fmt.Sprintf("renew_before_seconds (%d) must be smaller than ttl_seconds (%d): otherwise the session is due again as soon as it is renewed.",
			lead.ValueInt64(), ttl.ValueInt64()))
	return diags
}

// readableDuration is a duration without the zero units of its end: 41m, 720h.
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
