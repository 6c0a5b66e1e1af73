package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// ModifyPlan decides from configuration, state and private state alone, as that of
// palabra_session_expiry does.
func (r *sessionResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	note, diags := loadLifetimeNote(ctx, req.Private)
	resp.Diagnostics.Append(diags...)
	if req.Plan.Raw.IsNull() {
		r.planDestroy(ctx, req, resp, note)
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
			resp.Diagnostics.Append(r.claim(prior, note, deletes)...)
		}
		resp.Diagnostics.Append(resp.Plan.Set(ctx, planned.object())...)
		return
	}

	prior, diags := newSessionResourceModel(ctx, req.State)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	note, diags = r.data.rememberPrior(ctx, prior.lifetimeModel, note, resp.Private)
	resp.Diagnostics.Append(diags...)
	resp.Diagnostics.Append(planned.planOptionalUpdate(config.TTLSeconds, prior.lifetimeModel, note)...)
	resp.Diagnostics.Append(planned.validateLeadTime()...)
	if imported := prior.PublisherToken.IsNull(); !imported && !planned.SubscriberCount.Equal(prior.SubscriberCount) {
		resp.Diagnostics.AddAttributeWarning(path.Root("subscriber_count"), "Change has no effect on the session",
			"subscriber_count is used only when a session is created. The change is recorded in the state. "+
				"To use it, replace the session with -replace: that deletes this session and creates another.")
	}
	if prior.isActive() {
		effect := keeps
		if planned.needsNewSession(prior) {
			effect = deletes
		}
		if effect == keeps || prior.deletes() {
			held := planned.newClaim(r.typeName, note.Instance, effect)
			held.extends = !config.TTLSeconds.IsNull()
			resp.Diagnostics.Append(r.data.claim(prior.SessionID.ValueString(), held)...)
		}
	}
	resp.Diagnostics.Append(resp.Plan.Set(ctx, planned.object())...)
}

// planOptionalUpdate leaves the lifetime alone if ttl_seconds is not configured. The
// state then holds that of an import or of an earlier configuration.
func (m *sessionResourceModel) planOptionalUpdate(configured wholeNumber, prior lifetimeModel, note lifetimeNote) diag.Diagnostics {
	if !configured.IsNull() {
		return m.planUpdate(prior, note)
	}
	stored := prior.TTLSeconds
	m.TTLSeconds, prior.TTLSeconds = nullWholeNumber(), nullWholeNumber()
	diags := m.planUpdate(prior, note)
	m.TTLSeconds = stored
	return diags
}

// needsNewSession says whether a changed argument replaces the session.
func (m *sessionResourceModel) needsNewSession(prior *sessionResourceModel) bool {
	createdHere := !prior.PublisherToken.IsNull()
	return needsNewSession(prior.Intent, m.Intent, createdHere) || needsNewSession(prior.AggregationID, m.AggregationID, createdHere)
}

// needsNewSession compares an argument with the one that the session was created
// with. If the session was created here, null in the state means that the argument
// was not set. After an import, it means that the argument is not known.
func needsNewSession(prior, planned attr.Value, createdHere bool) bool {
	return !planned.IsNull() && !planned.Equal(prior) && (createdHere || !prior.IsNull())
}

// requiresReplace is needsNewSession for the plan modifier of an attribute. Only a
// session that was created here has a publisher token.
func requiresReplace(ctx context.Context, req planmodifier.StringRequest, resp *stringplanmodifier.RequiresReplaceIfFuncResponse) {
	var publisherToken types.String
	resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root("publisher_token"), &publisherToken)...)
	resp.RequiresReplace = needsNewSession(req.StateValue, req.ConfigValue, !publisherToken.IsNull())
}
