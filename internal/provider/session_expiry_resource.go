package provider

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

var (
	_ resource.ResourceWithConfigure      = (*sessionExpiryResource)(nil)
	_ resource.ResourceWithIdentity       = (*sessionExpiryResource)(nil)
	_ resource.ResourceWithImportState    = (*sessionExpiryResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*sessionExpiryResource)(nil)
	_ resource.ResourceWithValidateConfig = (*sessionExpiryResource)(nil)
)

type sessionExpiryResource struct {
	data *providerData
}

type sessionIdentityModel struct {
	SessionID types.String `tfsdk:"session_id"`
}

func newSessionExpiryResource() resource.Resource { return &sessionExpiryResource{} }

func (r *sessionExpiryResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_session_expiry"
}

func (r *sessionExpiryResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = identityschema.Schema{
		Version: sessionIdentityVersion,
		Attributes: map[string]identityschema.Attribute{
			"session_id": identityschema.StringAttribute{
				Description:       "Id of the session, exactly as the API returns it.",
				RequiredForImport: true,
			},
		},
	}
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
	seen, diags := r.extend(ctx, "Unable to set session expiry", &model)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, model.object())...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, sessionIdentityModel{SessionID: model.SessionID})...)
	resp.Diagnostics.Append(seen.save(ctx, resp.Private)...)
}

func (r *sessionExpiryResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	model, diags := newSessionExpiryModel(ctx, req.State)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	// Before anything can return: engines refuse an answer without identity,
	// also when the session is gone or the state was written without one.
	if resp.Identity.Raw.IsFullyNull() {
		resp.Diagnostics.Append(resp.Identity.Set(ctx, sessionIdentityModel{SessionID: model.SessionID})...)
	}
	if r.data.client == nil {
		resp.Diagnostics.Append(r.data.notRefreshed(model.SessionID.ValueString()))
		return
	}

	seen, diags := loadExpiryObservation(ctx, req.Private)
	resp.Diagnostics.Append(diags...)
	session, err := r.data.client.Read(ctx, model.SessionID.ValueString())
	switch {
	case err == nil:
		before := model
		resp.Diagnostics.Append(model.observe(session)...)
		seen.ServerTime = session.ServerTime
		if !session.ExpiresAt.IsZero() {
			seen.ExpiresAt = session.ExpiresAt
		}
		// The answer holds the prior state already, and encoding it again is most
		// of what a refresh costs here.
		if !model.equal(before) {
			resp.Diagnostics.Append(resp.State.Set(ctx, model.object())...)
		}
		resp.Diagnostics.Append(seen.save(ctx, resp.Private)...)
	case errors.Is(err, palabra.ErrNotFound):
		if !model.endedNaturally(seen, err) {
			r.data.gone.Store(model.SessionID.ValueString(), true)
			resp.State.RemoveResource(ctx)
			resp.Diagnostics.Append(model.deletedEarly()...)
			return
		}
		if !model.Expired.ValueBool() {
			model.Expired = types.BoolValue(true)
			resp.Diagnostics.AddWarning("Session has reached its end",
				fmt.Sprintf("Session %q expired at %s. Nothing more can be done with it; remove it from the configuration when nothing refers to it any more.",
					model.SessionID.ValueString(), model.lastKnownExpiry(seen).Format(time.RFC3339)))
		}
		resp.Diagnostics.Append(resp.State.Set(ctx, model.object())...)
	default:
		resp.Diagnostics.Append(r.data.apiError("Unable to read session", err))
	}
}

// Update writes if, and only if, the plan said so by an unknown expires_at.
func (r *sessionExpiryResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	model, diags := newSessionExpiryModel(ctx, req.Plan)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	if model.ExpiresAt.IsUnknown() {
		seen, diags := r.extend(ctx, "Unable to extend session", &model)
		resp.Diagnostics.Append(diags...)
		if resp.Diagnostics.HasError() {
			return
		}
		resp.Diagnostics.Append(seen.save(ctx, resp.Private)...)
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, model.object())...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, sessionIdentityModel{SessionID: model.SessionID})...)
}

func (r *sessionExpiryResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	model, diags := newSessionExpiryModel(ctx, req.State)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	if !model.DeleteOnDestroy.IsNull() && !model.DeleteOnDestroy.ValueBool() {
		return
	}
	resp.Diagnostics.Append(r.data.deleteSession(ctx, model.SessionID.ValueString())...)
}

func (r *sessionExpiryResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	resource.ImportStatePassthroughWithIdentity(ctx, path.Root("session_id"), path.Root("session_id"), req, resp)
	if req.ID != "" {
		// The answer to an import by id has the same identity as one by identity.
		resp.Diagnostics.Append(resp.Identity.Set(ctx, sessionIdentityModel{SessionID: types.StringValue(req.ID)})...)
	}
}

// extend POSTs the TTL and reads the session back into model. Once the POST is
// accepted nothing may be an error any more: an engine taints what its create
// failed on, and replacing it would delete the session.
func (r *sessionExpiryResource) extend(ctx context.Context, summary string, model *sessionExpiryModel) (expiryObservation, diag.Diagnostics) {
	var (
		diags     diag.Diagnostics
		sessionID = model.SessionID.ValueString()
		ttl       = time.Duration(model.TTLSeconds.ValueInt64()) * time.Second
	)
	client := r.data.configuredClient(summary, &diags)
	if client == nil {
		return expiryObservation{}, diags
	}
	r.data.applying.Store(true)
	written, err := client.SetExpiry(ctx, sessionID, model.TTLSeconds.ValueInt64())
	if err != nil {
		diags.AddAttributeError(path.Root("session_id"), summary, r.data.explain(err))
		return expiryObservation{}, diags
	}

	seen := expiryObservation{ServerTime: written, ExpiresAt: written.Add(ttl)}
	session, err := client.Get(ctx, sessionID)
	switch {
	case err != nil:
		diags.AddWarning("Session not read back",
			fmt.Sprintf("The API accepted ttl_seconds = %d for session %q, but reading it back failed, so expires_at is calculated; the next plan reads it again.\n\n%s",
				model.TTLSeconds.ValueInt64(), sessionID, sentence(err.Error())))
	case !session.ExpiresAt.IsZero():
		seen = expiryObservation{ServerTime: session.ServerTime, ExpiresAt: session.ExpiresAt}
	}
	granted := seen.ExpiresAt.Sub(written)
	seen.GrantedSeconds = int64(granted / time.Second)
	if granted < ttl-min(expiryTolerance, ttl/2) {
		diags.AddAttributeWarning(path.Root("ttl_seconds"), "Session granted less than asked",
			fmt.Sprintf("Session %q was asked to live %s (ttl_seconds = %d), and the API granted %s, until %s. "+
				"It may cap lifetimes; a smaller ttl_seconds states what really holds.",
				sessionID, readableDuration(ttl), model.TTLSeconds.ValueInt64(), readableDuration(granted), seen.ExpiresAt.Format(time.RFC3339)))
	}
	model.ID = model.SessionID
	model.ExpiresAt = timestamp(seen.ExpiresAt)
	model.Expired = types.BoolValue(false)
	return seen, diags
}
