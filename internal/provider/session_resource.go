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
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

var (
	_ resource.ResourceWithConfigure   = (*sessionResource)(nil)
	_ resource.ResourceWithIdentity    = (*sessionResource)(nil)
	_ resource.ResourceWithImportState = (*sessionResource)(nil)
	_ resource.ResourceWithModifyPlan  = (*sessionResource)(nil)
)

type sessionResource struct {
	data *providerData
}

type sessionResourceModel struct {
	ID               types.String      `tfsdk:"id"`
	TTLSeconds       types.Int64       `tfsdk:"ttl_seconds"`
	Intent           types.String      `tfsdk:"intent"`
	SubscriberCount  types.Int64       `tfsdk:"subscriber_count"`
	PublisherToken   types.String      `tfsdk:"publisher_token"`
	SubscriberTokens types.List        `tfsdk:"subscriber_tokens"`
	WebRTCURL        types.String      `tfsdk:"webrtc_url"`
	WebRTCRoomName   types.String      `tfsdk:"webrtc_room_name"`
	WSURL            types.String      `tfsdk:"ws_url"`
	CreatedAt        timetypes.RFC3339 `tfsdk:"created_at"`
	ExpiresAt        timetypes.RFC3339 `tfsdk:"expires_at"`
}

type sessionResourceIdentityModel struct {
	ID types.String `tfsdk:"id"`
}

func newSessionResource() resource.Resource { return &sessionResource{} }

func (r *sessionResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_session"
}

func (r *sessionResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = identityschema.Schema{
		Attributes: map[string]identityschema.Attribute{
			"id": identityschema.StringAttribute{
				Description:       "Id of the session, exactly as the API returns it.",
				RequiredForImport: true,
			},
		},
	}
}

func (r *sessionResource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	r.data = providerDataFrom(req.ProviderData, &resp.Diagnostics)
}

func (r *sessionResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var model sessionResourceModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	const summary = "Unable to create session"
	client := r.data.configuredClient(summary, &resp.Diagnostics)
	if client == nil {
		return
	}
	r.data.applying.Store(true)
	created, err := client.Create(ctx, newCreateRequest(model.Intent, model.SubscriberCount))
	if err != nil {
		resp.Diagnostics.Append(r.data.apiError(summary, err))
		return
	}
	model.created(created)
	// Before anything else can fail: what is in the state is not lost, and the
	// tokens are never told again.
	save := func() {
		resp.Diagnostics.Append(resp.State.Set(ctx, model)...)
		resp.Diagnostics.Append(resp.Identity.Set(ctx, sessionResourceIdentityModel{ID: model.ID})...)
	}
	save()

	if err := r.setLifetime(ctx, client, &model); err != nil {
		resp.Diagnostics.AddError("Unable to set the lifetime of the new session",
			fmt.Sprintf("Session %q was created and is in the state, marked as tainted: the next apply deletes it and creates another. \"untaint\" keeps it as it is.\n\n%s",
				created.ID, r.data.explain(err)))
		return
	}
	resp.Diagnostics.Append(r.readBack(ctx, client, &model)...)
	save()
	// The id was not known when the plan looked for conflicts; now those that
	// are created after this one are told.
	resp.Diagnostics.Append(r.claim(model, false)...)
}

func (r *sessionResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var model sessionResourceModel
	resp.Diagnostics.Append(req.State.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	// Before anything can return: see the Read of palabra_session_expiry.
	resp.Diagnostics.Append(resp.Identity.Set(ctx, sessionResourceIdentityModel{ID: model.ID})...)
	if r.data.client == nil {
		resp.Diagnostics.Append(r.data.notRefreshed(model.ID.ValueString()))
		return
	}
	session, err := r.data.client.Read(ctx, model.ID.ValueString())
	switch {
	case err == nil:
		model.observe(session)
		resp.Diagnostics.Append(resp.State.Set(ctx, model)...)
	case errors.Is(err, palabra.ErrNotFound):
		resp.State.RemoveResource(ctx)
		if imported := model.CreatedAt.IsNull() && model.PublisherToken.IsNull(); !imported {
			resp.Diagnostics.AddWarning("Session does not exist any more",
				fmt.Sprintf("Session %q has expired or was deleted by somebody else, so it leaves the state. As long as the configuration holds the resource, plans show a new session, with new tokens.",
					model.ID.ValueString()))
		}
	default:
		resp.Diagnostics.Append(r.data.apiError("Unable to read session", err))
	}
}

// Update POSTs the TTL if, and only if, the plan said so by an unknown
// expires_at.
func (r *sessionResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var model sessionResourceModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if model.ExpiresAt.IsUnknown() {
		const summary = "Unable to extend session"
		client := r.data.configuredClient(summary, &resp.Diagnostics)
		if client == nil {
			return
		}
		r.data.applying.Store(true)
		if err := r.setLifetime(ctx, client, &model); err != nil {
			resp.Diagnostics.Append(r.data.apiError(summary, err))
			return
		}
		resp.Diagnostics.Append(r.readBack(ctx, client, &model)...)
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, model)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, sessionResourceIdentityModel{ID: model.ID})...)
}

func (r *sessionResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var model sessionResourceModel
	resp.Diagnostics.Append(req.State.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(r.data.deleteSession(ctx, model.ID.ValueString())...)
}

func (r *sessionResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	resource.ImportStatePassthroughWithIdentity(ctx, path.Root("id"), path.Root("id"), req, resp)
	resp.Diagnostics.AddWarning("Tokens and URLs cannot be imported",
		"The API tells publisher_token, subscriber_tokens, webrtc_url, webrtc_room_name and ws_url only when it creates a session. They are null in the imported resource.")
}

// ModifyPlan decides like that of palabra_session_expiry: from configuration and
// state alone.
func (r *sessionResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() || req.State.Raw.IsNull() {
		return
	}
	var prior, planned sessionResourceModel
	resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
	resp.Diagnostics.Append(req.Plan.Get(ctx, &planned)...)
	if resp.Diagnostics.HasError() {
		return
	}
	// What only the creation tells stays, null after an import included.
	planned.ID, planned.CreatedAt, planned.ExpiresAt = prior.ID, prior.CreatedAt, prior.ExpiresAt
	planned.PublisherToken, planned.SubscriberTokens = prior.PublisherToken, prior.SubscriberTokens
	planned.WebRTCURL, planned.WebRTCRoomName, planned.WSURL = prior.WebRTCURL, prior.WebRTCRoomName, prior.WSURL
	if planned.Intent.IsUnknown() {
		planned.Intent = prior.Intent
	}
	if !planned.TTLSeconds.IsNull() && !planned.TTLSeconds.Equal(prior.TTLSeconds) {
		planned.ExpiresAt = timetypes.NewRFC3339Unknown()
	}
	resp.Diagnostics.Append(r.claim(planned, true)...)
	resp.Diagnostics.Append(resp.Plan.Set(ctx, planned)...)
}

// claim warns when something else manages the lifetime of a session that has its
// ttl_seconds here.
func (r *sessionResource) claim(model sessionResourceModel, prior bool) diag.Diagnostics {
	if model.TTLSeconds.IsNull() {
		return nil
	}
	return r.data.claimSession(model.ID, path.Root("ttl_seconds"), func() string {
		return fmt.Sprintf("palabra_session with ttl_seconds = %s", model.TTLSeconds)
	}, prior)
}

// created fills in what the creation told, and null for what a read will tell.
func (m *sessionResourceModel) created(session palabra.CreatedSession) {
	m.ID = types.StringValue(session.ID)
	if m.Intent.IsUnknown() {
		m.Intent = types.StringNull()
		if session.Intent != "" {
			m.Intent = types.StringValue(session.Intent)
		}
	}
	m.PublisherToken = types.StringValue(session.PublisherToken)
	m.SubscriberTokens = stringList(session.SubscriberTokens)
	m.WebRTCURL = types.StringValue(session.WebRTCURL)
	m.WebRTCRoomName = types.StringValue(session.WebRTCRoomName)
	m.WSURL = types.StringValue(session.WSURL)
	m.CreatedAt = timetypes.NewRFC3339Null()
	m.ExpiresAt = timetypes.NewRFC3339Null()
}

// observe follows the rule of palabra_session_expiry: a later live expiry is no
// news.
func (m *sessionResourceModel) observe(session palabra.Session) {
	m.CreatedAt = timestamp(session.CreatedAt)
	if m.ExpiresAt.IsNull() || isEarlier(session.ExpiresAt, m.ExpiresAt) {
		m.ExpiresAt = timestamp(session.ExpiresAt)
	}
}

func (r *sessionResource) setLifetime(ctx context.Context, client *palabra.Client, model *sessionResourceModel) error {
	if model.TTLSeconds.IsNull() {
		return nil
	}
	written, err := client.SetExpiry(ctx, model.ID.ValueString(), model.TTLSeconds.ValueInt64())
	if err != nil {
		return err
	}
	model.ExpiresAt = timestamp(written.Add(time.Duration(model.TTLSeconds.ValueInt64()) * time.Second))
	return nil
}

// readBack learns the timestamps that creation and extension do not tell. That
// it fails is a warning: the session is as it should be, and the next refresh
// reads it again.
func (r *sessionResource) readBack(ctx context.Context, client *palabra.Client, model *sessionResourceModel) diag.Diagnostics {
	session, err := client.Get(ctx, model.ID.ValueString())
	if err != nil {
		return diag.Diagnostics{diag.NewWarningDiagnostic("Session not read back",
			fmt.Sprintf("Session %q is as it should be, but reading it back failed, so its timestamps are calculated or missing until the next plan reads it.\n\n%s",
				model.ID.ValueString(), sentence(err.Error())))}
	}
	model.CreatedAt = timestamp(session.CreatedAt)
	model.ExpiresAt = timestamp(session.ExpiresAt)
	return nil
}
