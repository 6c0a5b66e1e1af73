package provider

import (
	"context"
	"errors"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

var (
	_ resource.ResourceWithConfigure       = (*sessionExpiryResource)(nil)
	_ resource.ResourceWithIdentity        = (*sessionExpiryResource)(nil)
	_ resource.ResourceWithImportState     = (*sessionExpiryResource)(nil)
	_ resource.ResourceWithModifyPlan      = (*sessionExpiryResource)(nil)
	_ resource.ResourceWithMoveState       = (*sessionExpiryResource)(nil)
	_ resource.ResourceWithUpgradeIdentity = (*sessionExpiryResource)(nil)
	_ resource.ResourceWithValidateConfig  = (*sessionExpiryResource)(nil)
)

type sessionExpiryResource struct {
	data *providerData
}

func newSessionExpiryResource() resource.Resource { return &sessionExpiryResource{} }

func (r *sessionExpiryResource) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = sessionExpiryType
}

func (r *sessionExpiryResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = sessionIdentitySchema
}

func (r *sessionExpiryResource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	r.data = providerDataFrom(req.ProviderData, &resp.Diagnostics)
}

func (r *sessionExpiryResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	model, diags := newSessionExpiryModel(ctx, req.Plan)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	const summary = "Unable to set session expiry"
	client := r.data.configuredClient(summary, &resp.Diagnostics)
	if client == nil {
		return
	}
	r.data.applying.Store(true)
	got, diags, err := r.data.writeLifetime(ctx, client, model.SessionID.ValueString(), model.ttl())
	resp.Diagnostics.Append(diags...)
	if err != nil {
		resp.Diagnostics.AddAttributeError(path.Root("session_id"), summary, r.data.explain(err))
		return
	}
	note := lifetimeNote{Instance: newInstanceID(), Account: client.Fingerprint()}
	model.Active = types.BoolValue(true)
	model.recordGrant(&note, got)
	resp.Diagnostics.Append(resp.State.Set(ctx, model.object())...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, sessionIdentityModel{SessionID: model.SessionID})...)
	resp.Diagnostics.Append(note.save(ctx, resp.Private)...)
}

func (r *sessionExpiryResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	model, diags := newSessionExpiryModel(ctx, req.State)
	resp.Diagnostics.Append(diags...)
	note, diags := loadLifetimeNote(ctx, req.Private)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	// Set the identity before anything can return: engines refuse an answer without
	// it, even if the session is gone or an older state has no identity.
	if resp.Identity.Raw.IsFullyNull() {
		resp.Diagnostics.Append(resp.Identity.Set(ctx, sessionIdentityModel{SessionID: model.SessionID})...)
	}
	if r.data.client == nil {
		resp.Diagnostics.Append(r.data.notRefreshed(model.SessionID.ValueString()))
		return
	}

	before, newer := model, note.withInstance()
	session, err := r.data.read(ctx, model.lifetimeModel, note)
	switch {
	case err == nil:
		r.data.noteAccount(&newer)
		newer, diags = model.observe(session, newer)
		resp.Diagnostics.Append(diags...)
	case !errors.Is(err, palabra.ErrNotFound):
		resp.Diagnostics.Append(r.data.readError(model.SessionID.ValueString(), err))
		return
	case model.ExpiresAt.IsNull() && note.Instance == "":
		// An import or a move of a missing session: the engine reports the error.
		resp.State.RemoveResource(ctx)
		return
	default:
		if model.isActive() {
			resp.Diagnostics.Append(model.endedWarning(note))
		}
		model.markEnded(model.lifetimeModel)
		if r.data.sameAccount(note) {
			newer.Account = r.data.client.Fingerprint()
		}
	}
	// The answer already holds the prior state, and encoding it again is most of
	// the cost of a refresh.
	if !model.object().Equal(before.object()) {
		resp.Diagnostics.Append(resp.State.Set(ctx, model.object())...)
	}
	if note.differs(newer, model.lifetimeModel) {
		resp.Diagnostics.Append(newer.save(ctx, resp.Private)...)
	}
}

// Update writes if, and only if, expires_at is unknown in the plan.
func (r *sessionExpiryResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	model, diags := newSessionExpiryModel(ctx, req.Plan)
	resp.Diagnostics.Append(diags...)
	prior, diags := newSessionExpiryModel(ctx, req.State)
	resp.Diagnostics.Append(diags...)
	note, diags := loadLifetimeNote(ctx, req.Private)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(r.data.update(ctx, &model.lifetimeModel, prior.lifetimeModel, &note)...)
	if resp.Diagnostics.HasError() && model.isActive() {
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, model.object())...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, sessionIdentityModel{SessionID: model.SessionID})...)
	resp.Diagnostics.Append(note.save(ctx, resp.Private)...)
}

func (r *sessionExpiryResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	model, diags := newSessionExpiryModel(ctx, req.State)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(r.data.destroy(ctx, model.lifetimeModel, req.Private)...)
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
	})}
}

// UpgradeIdentity replaces the identity of a moved restful_resource, which OpenTofu
// keeps.
func (r *sessionExpiryResource) UpgradeIdentity(context.Context) map[int64]resource.IdentityUpgrader {
	return upgradeKeptIdentity(sessionExpiryType)
}
