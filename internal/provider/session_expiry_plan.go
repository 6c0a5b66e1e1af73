package provider

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

// ModifyPlan decides from configuration, state and private state alone. An
// engine plans an update a second time at apply and refuses an answer that
// differs, so no clock and no request may enter the decision; the request it
// does make, for a session that is new to the state, ends in a warning only.
func (r *sessionExpiryResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() {
		return
	}
	proposed, diags := newSessionExpiryModel(ctx, req.Plan)
	planned := proposed
	resp.Diagnostics.Append(diags...)
	resp.Diagnostics.Append(planned.validateLeadTime()...)
	if resp.Diagnostics.HasError() {
		return
	}
	planned.ID = planned.SessionID

	if req.State.Raw.IsNull() {
		planned.ExpiresAt = timetypes.NewRFC3339Unknown()
		planned.Expired = types.BoolValue(false)
		resp.Diagnostics.Append(r.claim(planned, false)...)
		resp.Diagnostics.Append(r.warnIfMissing(ctx, planned.SessionID)...)
		resp.Diagnostics.Append(resp.Plan.Set(ctx, planned.object())...)
		return
	}

	prior, diags := newSessionExpiryModel(ctx, req.State)
	resp.Diagnostics.Append(diags...)
	seen, diags := loadExpiryObservation(ctx, req.Private)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() || !prior.SessionID.Equal(planned.SessionID) {
		// A replacement: the engine asks again, without the prior state.
		return
	}
	resp.Diagnostics.Append(r.claim(planned, true)...)

	decision := decideExpiry(prior, planned, seen)
	resp.Diagnostics.Append(decision.diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	planned.ExpiresAt, planned.Expired = prior.ExpiresAt, prior.Expired
	if decision.renew {
		planned.ExpiresAt, planned.Expired = timetypes.NewRFC3339Unknown(), types.BoolValue(false)
	}
	if !planned.equal(proposed) {
		resp.Diagnostics.Append(resp.Plan.Set(ctx, planned.object())...)
	}
}

// expiryDecision is what a plan for a session in the state comes to.
type expiryDecision struct {
	// renew plans an unknown expires_at, which makes apply POST the TTL.
	renew bool
	diags diag.Diagnostics
}

func decideExpiry(prior, planned sessionExpiryModel, seen expiryObservation) expiryDecision {
	var decision expiryDecision
	changed := changedArguments(prior, planned)
	if prior.Expired.ValueBool() {
		for _, argument := range changed {
			decision.diags.AddAttributeError(path.Root(argument), "Session has reached its end",
				fmt.Sprintf("Session %q expired at %s and cannot be given a new lifetime; a changed %s would have to. "+
					"Undo the change, remove the resource, or give session_id the id of a session that exists.",
					planned.SessionID.ValueString(), prior.ExpiresAt.ValueString(), argument))
		}
		return decision
	}
	remaining := seen.ExpiresAt.Sub(seen.ServerTime)
	switch {
	case len(changed) > 0, planned.mayChange():
		decision.renew = true
	case planned.RenewBeforeSeconds.IsNull(), seen.ExpiresAt.IsZero(), seen.ServerTime.IsZero():
	case remaining < leadTime(prior, planned, seen):
		decision.renew = true
		decision.diags.AddWarning("Session is due for renewal",
			fmt.Sprintf("Session %q expires at %s, in %s; renew_before_seconds is %d.",
				planned.SessionID.ValueString(), seen.ExpiresAt.Format(time.RFC3339), readableDuration(remaining), planned.RenewBeforeSeconds.ValueInt64()))
	}
	return decision
}

// changedArguments names the arguments whose known change POSTs the TTL.
func changedArguments(prior, planned sessionExpiryModel) []string {
	var changed []string
	if !planned.TTLSeconds.IsUnknown() && !planned.TTLSeconds.Equal(prior.TTLSeconds) {
		changed = append(changed, "ttl_seconds")
	}
	if planned.RenewTriggers.IsUnknown() {
		return changed
	}
	if triggers := planned.RenewTriggers; !triggers.Equal(prior.RenewTriggers) && !hasUnknownElement(triggers) {
		changed = append(changed, "renew_triggers")
	}
	return changed
}

// mayChange says that a value which only apply knows can still ask for a POST.
// An unknown expires_at may turn out as the old one then, never the other way.
func (m *sessionExpiryModel) mayChange() bool {
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

// leadTime is renew_before_seconds, or, where the API granted no more than
// that, its share of what was granted: otherwise a capped session would be due
// again right after each renewal.
func leadTime(prior, planned sessionExpiryModel, seen expiryObservation) time.Duration {
	lead := planned.RenewBeforeSeconds.ValueInt64()
	if granted, asked := seen.GrantedSeconds, prior.TTLSeconds.ValueInt64(); granted > 0 && granted <= lead && granted < asked {
		lead = int64(float64(lead) * float64(granted) / float64(asked))
	}
	return time.Duration(lead) * time.Second
}

func (r *sessionExpiryResource) claim(planned sessionExpiryModel, prior bool) diag.Diagnostics {
	return r.data.claimSession(planned.SessionID, path.Root("session_id"), func() string {
		return fmt.Sprintf("palabra_session_expiry with ttl_seconds = %s, renew_before_seconds = %s, renew_triggers = %s, delete_on_destroy = %s",
			planned.TTLSeconds, planned.RenewBeforeSeconds, planned.RenewTriggers, planned.DeleteOnDestroy)
	}, prior)
}

// warnIfMissing tells the reader of a plan that a create is going to fail. It is
// no error: one dead session must not keep the others from being renewed.
func (r *sessionExpiryResource) warnIfMissing(ctx context.Context, sessionID types.String) diag.Diagnostics {
	var diags diag.Diagnostics
	id := sessionID.ValueString()
	if sessionID.IsUnknown() || r.data.client == nil || r.data.applying.Load() {
		return diags
	}
	if _, gone := r.data.gone.Load(id); gone {
		return diags // The read that found it gone has warned.
	}
	r.data.client.Prime(ctx)
	switch _, err := r.data.client.Read(ctx, id); {
	case err == nil:
	case errors.Is(err, palabra.ErrNotFound):
		diags.AddAttributeWarning(path.Root("session_id"), "Session does not exist",
			fmt.Sprintf("Session %q has expired or was deleted, so applying this resource will fail; the rest of the plan is not affected. "+
				"Remove it from the configuration, or give it the id of a session that exists.", id))
	case errors.Is(err, palabra.ErrUnauthorized):
		diags.Append(r.data.apiError("Unable to check session", err))
	default:
		diags.AddAttributeWarning(path.Root("session_id"), "Unable to check session",
			"Whether the session exists could not be found out; apply will tell.\n\n"+r.data.explain(err))
	}
	return diags
}
