package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// ModifyPlan decides like that of palabra_session_expiry: from configuration,
// state and private state alone.
func (r *sessionResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	note, diags := loadLifetimeNote(ctx, req.Private)
	resp.Diagnostics.Append(diags...)
	if req.Plan.Raw.IsNull() {
		prior, diags := newSessionResourceModel(ctx, req.State)
		resp.Diagnostics.Append(diags...)
		resp.Diagnostics.Append(r.data.planDestroy(ctx, managedSessionType, prior.lifetimeModel, note, resp.Private)...)
		return
	}
	config, diags := newSessionResourceModel(ctx, req.Config)
	resp.Diagnostics.Append(diags...)
	planned, diags := newSessionResourceModel(ctx, req.Plan)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	if req.State.Raw.IsNull() {
		planned.planCreate()
		if config.TTLSeconds.IsNull() {
			planned.TTLSeconds = nullWholeNumber()
		}
		resp.Diagnostics.Append(planned.validateLeadTime()...)
		if prior, replaced := r.data.priorOf(note); replaced && prior.deletes() {
			resp.Diagnostics.Append(r.data.claim(prior.SessionID.ValueString(), prior.newClaim(managedSessionType, note.Instance, deletes))...)
		}
		resp.Diagnostics.Append(resp.Plan.Set(ctx, planned.object())...)
		return
	}

	prior, diags := newSessionResourceModel(ctx, req.State)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	note, diags = r.data.planPrior(ctx, prior.lifetimeModel, note, resp.Private)
	resp.Diagnostics.Append(diags...)
	resp.Diagnostics.Append(planned.planUpdateFor(config.TTLSeconds, prior.lifetimeModel, note)...)
	resp.Diagnostics.Append(planned.validateLeadTime()...)
	if imported := prior.PublisherToken.IsNull(); !imported && !planned.SubscriberCount.Equal(prior.SubscriberCount) {
		resp.Diagnostics.AddAttributeWarning(path.Root("subscriber_count"), "Change has no effect on the session",
			"subscriber_count is used only when a session is created. The change is recorded in the state. "+
				"To create another session with it, which deletes this one, plan with -replace.")
	}
	if prior.isActive() {
		effect := keeps
		if planned.replaces(prior) {
			effect = deletes
		}
		if effect == keeps || prior.deletes() {
			held := planned.newClaim(managedSessionType, note.Instance, effect)
			held.extends = !config.TTLSeconds.IsNull()
			resp.Diagnostics.Append(r.data.claim(prior.SessionID.ValueString(), held)...)
		}
	}
	resp.Diagnostics.Append(resp.Plan.Set(ctx, planned.object())...)
}

// planUpdateFor leaves the lifetime alone where the configuration has no
// ttl_seconds: what the state holds then is from an import or an earlier
// configuration.
func (m *sessionResourceModel) planUpdateFor(configured wholeNumber, prior lifetimeModel, note lifetimeNote) diag.Diagnostics {
	if !configured.IsNull() {
		return m.planUpdate(prior, note)
	}
	stored := prior.TTLSeconds
	m.TTLSeconds, prior.TTLSeconds = nullWholeNumber(), nullWholeNumber()
	diags := m.planUpdate(prior, note)
	m.TTLSeconds = stored
	return diags
}

func (r *sessionResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	config, diags := newSessionResourceModel(ctx, req.Config)
	resp.Diagnostics.Append(diags...)
	resp.Diagnostics.Append(config.validateLeadTime()...)
}

// replaces says whether a changed argument of the creation needs another
// session.
func (m *sessionResourceModel) replaces(prior sessionResourceModel) bool {
	created := !prior.PublisherToken.IsNull()
	return differsFromCreation(prior.Intent, m.Intent, created) || differsFromCreation(prior.AggregationID, m.AggregationID, created)
}

// differsFromCreation says whether a planned argument differs from what the
// session was created with. What an import left unset is not known to differ; a
// session that was created here without the argument does: only that one has a
// token.
func differsFromCreation(prior, planned attr.Value, created bool) bool {
	return !planned.IsNull() && !planned.Equal(prior) && (created || !prior.IsNull())
}

// replacesSession is differsFromCreation for the plan modifier of an attribute.
func replacesSession(ctx context.Context, state tfsdk.State, prior, configured attr.Value, diags *diag.Diagnostics) bool {
	var publisherToken types.String
	diags.Append(state.GetAttribute(ctx, path.Root("publisher_token"), &publisherToken)...)
	return differsFromCreation(prior, configured, !publisherToken.IsNull())
}
