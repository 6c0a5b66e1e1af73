package provider

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

const sessionExpiryType = "palabra_session_expiry"

var (
	_ resource.ResourceWithConfigure       = (*sessionExpiryResource)(nil)
	_ resource.ResourceWithIdentity        = (*sessionExpiryResource)(nil)
	_ resource.ResourceWithImportState     = (*sessionExpiryResource)(nil)
	_ resource.ResourceWithModifyPlan      = (*sessionExpiryResource)(nil)
	_ resource.ResourceWithMoveState       = (*sessionExpiryResource)(nil)
	_ resource.ResourceWithUpgradeIdentity = (*sessionExpiryResource)(nil)
	_ resource.ResourceWithValidateConfig  = (*sessionExpiryResource)(nil)
)

// sessionExpiryResource gives a lifetime to a session that something else created.
type sessionExpiryResource struct {
	data *providerData
}

func newSessionExpiryResource() resource.Resource { return &sessionExpiryResource{} }

type sessionExpiryModel struct {
	lifetimeModel

	SessionID types.String `tfsdk:"session_id"`
}

// load sets id, which repeats session_id and is missing until the first plan.
func (m *sessionExpiryModel) load(ctx context.Context, from valueGetter) diag.Diagnostics {
	diags := from.Get(ctx, m)
	m.ID = m.SessionID
	return diags
}

func (r *sessionExpiryResource) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = sessionExpiryType
}

func (r *sessionExpiryResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Gives an existing session a lifetime, renews it, and deletes the session on destroy.\n\n" +
			"~> **Destroying this resource deletes the session**, and with it a live conversation. So does removing its block or changing `session_id`. " +
			"If that must not happen, set and apply `delete_on_destroy = false`, or set `lifecycle { prevent_destroy = true }`. `-replace` and `taint` extend the session and do not delete it.\n\n" +
			"The resource states an intent: at the last apply, the session was given this lifetime. Neither passing time nor a live connection that moves the expiry later is drift. " +
			"Renewal happens only when Terraform runs. When the session has ended, `active` is false and nothing is planned.",
		Attributes: lifetimeSchema(map[string]schema.Attribute{
			"id": schema.StringAttribute{
				MarkdownDescription: "Same as `session_id`. Shown in plans even if `session_id` comes from a sensitive value.",
				Computed:            true,
			},
			"session_id": schema.StringAttribute{
				MarkdownDescription: sessionIDDescription + " A change replaces the resource.",
				Required:            true,
				Validators:          []validator.String{sessionIDValidator{}},
				PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
			},
			"ttl_seconds": schema.Int64Attribute{
				CustomType:          wholeNumberType{},
				MarkdownDescription: ttlSecondsDescription,
				Required:            true,
				Validators:          []validator.Int64{int64validator.Between(1, maxTTLSeconds)},
			},
		}),
	}
}

func (r *sessionExpiryResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = sessionIdentitySchema
}

func (r *sessionExpiryResource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	r.data = providerDataFrom(req.ProviderData, &resp.Diagnostics)
}

// ValidateConfig compares the two durations if both are known. ModifyPlan does so
// again for values that were unknown.
func (r *sessionExpiryResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	var config sessionExpiryModel
	resp.Diagnostics.Append(config.load(ctx, req.Config)...)
	resp.Diagnostics.Append(config.validateLeadTime()...)
}

// Create sets the lifetime of the session, which exists already.
func (r *sessionExpiryResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var model sessionExpiryModel
	resp.Diagnostics.Append(model.load(ctx, req.Plan)...)
	resp.Diagnostics.Append(r.data.refuseCreate(req)...)
	if resp.Diagnostics.HasError() {
		return
	}
	const summary = "Unable to set session expiry"
	client := r.data.clientForApply(summary, &resp.Diagnostics)
	if client == nil {
		return
	}
	// Noted before the call, because the answer may be lost.
	r.data.guard.noteWritten(model.ID.ValueString())
	got, diags, err := r.data.setLifetime(ctx, client, model.ID.ValueString(), model.ttl())
	resp.Diagnostics.Append(diags...)
	if err != nil {
		resp.Diagnostics.AddAttributeError(path.Root("session_id"), summary, r.data.explain(err))
		return
	}
	note := sessionNote{Instance: newInstanceID(), Account: client.Fingerprint()}
	model.recordGrant(&note, got)
	saveNew(ctx, &model, note, req, resp)
}

// Read keeps the instance of an ended session: removing it would plan a create,
// which can only fail.
func (r *sessionExpiryResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var model sessionExpiryModel
	r.data.refreshLifetime(ctx, &model, req, resp, func(gone error, note *sessionNote) (keep bool, diags diag.Diagnostics) {
		return true, r.data.keepEnded(&model.lifetimeModel, gone, note)
	})
}

// Update sets the lifetime again if the plan says so.
func (r *sessionExpiryResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var planned, prior sessionExpiryModel
	r.data.updateLifetime(ctx, &planned, &prior, req, resp)
}

// Delete deletes the session, unless delete_on_destroy is false or the plan keeps it.
func (r *sessionExpiryResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var model sessionExpiryModel
	r.data.destroyLifetime(ctx, &model, req, resp)
}

func (r *sessionExpiryResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	importSession(ctx, path.Root("session_id"), req, resp)
}

// MoveState takes over sessions from other resource types.
func (r *sessionExpiryResource) MoveState(context.Context) []resource.StateMover {
	return []resource.StateMover{sessionMover(sessionExpiryType, map[string]moveSource{
		"restapi_object":   fromRestapiObject,
		"restful_resource": fromRestfulResource,
		"terraform_data":   fromTerraformData,
		managedSessionType: fromSession,
		sessionExpiryType:  fromElsewhere(fromSessionExpiry),
	})}
}

// UpgradeIdentity replaces the identity of a moved restful_resource, which OpenTofu
// keeps.
func (r *sessionExpiryResource) UpgradeIdentity(context.Context) map[int64]resource.IdentityUpgrader {
	return upgradeKeptIdentity(sessionExpiryType)
}

// ModifyPlan decides from configuration, state and private state alone: an engine
// plans an update again at apply and refuses a different answer. So neither a clock
// nor a request may affect the decision. The request for a new instance can only
// add a warning.
func (r *sessionExpiryResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	defer r.data.refusePlan(ctx, req, resp)
	var planned, prior sessionExpiryModel
	note, more := r.data.beginPlan(ctx, sessionExpiryType, &planned, &prior, req, resp)
	if !more {
		return
	}
	resp.Diagnostics.Append(planned.validateLeadTime()...)
	if resp.Diagnostics.HasError() {
		return
	}
	if req.State.Raw.IsNull() {
		planned.planCreate()
		resp.Diagnostics.Append(r.data.guard.planSuccessor(ctx, sessionExpiryType, planned.lifetimeModel, note, resp.Private)...)
		resp.Diagnostics.Append(r.warnIfMissing(ctx, planned.SessionID)...)
		resp.Diagnostics.Append(r.data.warnOfShortening(planned.lifetimeModel)...)
		setPlan(ctx, &planned, req, resp)
		return
	}
	if !prior.SessionID.Equal(planned.SessionID) {
		// A replacement: the engine plans the create half next, without the prior
		// state. If the new id is unknown, create_before_destroy still deletes the
		// old session.
		if prior.deletes() {
			replaced := newClaim(sessionExpiryType, prior.lifetimeModel, note, deletes)
			replaced.spared = planned.SessionID.IsUnknown()
			resp.Diagnostics.Append(r.data.guard.claimSession(prior.ID.ValueString(), replaced)...)
		}
		setPlan(ctx, &planned, req, resp)
		return
	}
	held := newClaim(sessionExpiryType, planned.lifetimeModel, note, keeps)
	held.ended = !prior.isActive()
	resp.Diagnostics.Append(r.data.guard.claimSession(planned.ID.ValueString(), held)...)
	resp.Diagnostics.Append(planned.planUpdate(prior.lifetimeModel, note)...)
	resp.Diagnostics.Append(r.data.warnOfShortening(planned.lifetimeModel)...)
	setPlan(ctx, &planned, req, resp)
}

// warnIfMissing warns in the plan that a create will fail. It is not an error,
// because an error would stop the renewal of the other sessions.
func (r *sessionExpiryResource) warnIfMissing(ctx context.Context, sessionID types.String) diag.Diagnostics {
	var diags diag.Diagnostics
	id := sessionID.ValueString()
	if sessionID.IsUnknown() || r.data.client == nil || r.data.guard.isApplying() {
		return diags
	}
	switch session, err := r.data.client.Get(ctx, id); {
	case err == nil:
		r.data.guard.noteRead(id, sessionNote{ServerTime: session.ServerTime, ExpiresAt: session.ExpiresAt})
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
