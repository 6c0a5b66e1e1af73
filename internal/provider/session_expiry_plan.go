package provider

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

// ModifyPlan decides from configuration, state and private state alone: an engine
// plans an update again at apply and refuses a different answer. So neither a clock
// nor a request may affect the decision. The request for a new instance can only
// add a warning.
func (r *sessionExpiryResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	note, diags := loadLifetimeNote(ctx, req.Private)
	resp.Diagnostics.Append(diags...)
	if req.Plan.Raw.IsNull() {
		r.planDestroy(ctx, req, resp, note)
		return
	}
	var proposed types.Object
	resp.Diagnostics.Append(req.Plan.Get(ctx, &proposed)...)
	planned, diags := newSessionExpiryModel(ctx, req.Plan)
	resp.Diagnostics.Append(diags...)
	resp.Diagnostics.Append(planned.validateLeadTime()...)
	if resp.Diagnostics.HasError() {
		return
	}

	if req.State.Raw.IsNull() {
		planned.planCreate()
		resp.Diagnostics.Append(r.planSuccessor(ctx, planned.lifetimeModel, note, resp.Private)...)
		resp.Diagnostics.Append(r.warnIfMissing(ctx, planned.SessionID)...)
		resp.Diagnostics.Append(resp.Plan.Set(ctx, planned.object())...)
		return
	}

	prior, diags := newSessionExpiryModel(ctx, req.State)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	note, diags = r.data.rememberPrior(ctx, prior.lifetimeModel, note, resp.Private)
	resp.Diagnostics.Append(diags...)
	if !prior.SessionID.Equal(planned.SessionID) {
		// A replacement: the engine plans the create half next, without the prior
		// state. If the new id is unknown, create_before_destroy still deletes the
		// old session.
		if prior.deletes() {
			resp.Diagnostics.Append(r.claim(prior.lifetimeModel, note, deletes)...)
		}
		return
	}
	if prior.isActive() {
		resp.Diagnostics.Append(r.claim(planned.lifetimeModel, note, keeps)...)
	}
	resp.Diagnostics.Append(planned.planUpdate(prior.lifetimeModel, note)...)
	if object := planned.object(); !object.Equal(proposed) {
		resp.Diagnostics.Append(resp.Plan.Set(ctx, object)...)
	}
}

// planSuccessor claims the session of a new instance. It also tells the delete half
// of a replacement which session the create half extends.
func (r *sessionExpiryResource) planSuccessor(ctx context.Context, planned lifetimeModel, note lifetimeNote, private privateStateWriter) diag.Diagnostics {
	diags := r.claim(planned, note, keeps)
	next := successor{SessionID: planned.SessionID.ValueString()}
	if prior, ok := r.data.priorOf(note); ok && planned.SessionID.IsUnknown() {
		next.DeletedElsewhere = r.data.claims.deletedByManaged(prior.SessionID.ValueString())
	}
	diags.Append(savePrivate(ctx, private, successorKey, next)...)
	return diags
}

// warnIfMissing warns in the plan that a create will fail. It is not an error,
// because an error would stop the renewal of the other sessions.
func (r *sessionExpiryResource) warnIfMissing(ctx context.Context, sessionID types.String) diag.Diagnostics {
	var diags diag.Diagnostics
	id := sessionID.ValueString()
	if sessionID.IsUnknown() || r.data.client == nil || r.data.applying.Load() {
		return diags
	}
	r.data.client.Prime(ctx)
	switch _, err := r.data.client.Read(ctx, id); {
	case err == nil:
	case errors.Is(err, palabra.ErrNotFound):
		diags.AddAttributeWarning(path.Root("session_id"), "Session does not exist",
			fmt.Sprintf("The API does not find session %q: the id is misspelled, or the session has expired or was deleted.%s Applying this resource will fail; the rest of the plan is not affected. "+
				"Remove the resource, or set session_id to a session that exists.", id, spaceAtAnEnd(id)))
	case errors.Is(err, palabra.ErrUnauthorized):
		diags.Append(r.data.apiError("Unable to check session", err))
	default:
		diags.AddAttributeWarning(path.Root("session_id"), "Unable to check session",
			fmt.Sprintf("It is not known whether session %q exists. If it does not, apply will fail.\n\n%s", id, r.data.explain(err)))
	}
	return diags
}
