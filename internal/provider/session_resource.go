package provider

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

var (
	_ resource.ResourceWithConfigure       = (*sessionResource)(nil)
	_ resource.ResourceWithIdentity        = (*sessionResource)(nil)
	_ resource.ResourceWithImportState     = (*sessionResource)(nil)
	_ resource.ResourceWithModifyPlan      = (*sessionResource)(nil)
	_ resource.ResourceWithMoveState       = (*sessionResource)(nil)
	_ resource.ResourceWithUpgradeIdentity = (*sessionResource)(nil)
	_ resource.ResourceWithValidateConfig  = (*sessionResource)(nil)
)

type sessionResource struct {
	data *providerData
}

func newSessionResource() resource.Resource { return &sessionResource{} }

func (r *sessionResource) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = managedSessionType
}

func (r *sessionResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = sessionIdentitySchema
}

func (r *sessionResource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	r.data = providerDataFrom(req.ProviderData, &resp.Diagnostics)
}

func (r *sessionResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	model, diags := newSessionResourceModel(ctx, req.Plan)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	const summary = "Unable to create session"
	client := r.data.configuredClient(summary, &resp.Diagnostics)
	if client == nil {
		return
	}
	r.data.applying.Store(true)
	request := newCreateRequest(model.Intent, model.SubscriberCount)
	request.AggregationID = model.AggregationID.ValueString()
	created, err := client.Create(ctx, request)
	if err != nil {
		resp.Diagnostics.Append(r.data.createError(ctx, client, summary, err))
		return
	}
	r.data.written.Store(created.ID, true)
	// Nothing is an error from here on: an engine would taint the instance, and
	// replacing it deletes the session.
	model.fillFromCreation(created)
	note := lifetimeNote{Instance: newInstanceID(), Account: client.Fingerprint(), ServerTime: created.ServerTime}
	if model.TTLSeconds.IsNull() {
		resp.Diagnostics.Append(r.readNew(ctx, client, &model, &note)...)
	} else {
		resp.Diagnostics.Append(r.setLifetime(ctx, client, &model, &note)...)
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, model.object())...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, sessionIdentityModel{SessionID: model.SessionID})...)
	resp.Diagnostics.Append(note.save(ctx, resp.Private)...)
}

// setLifetime POSTs the TTL of a new session. If that fails, the next plan renews
// the session.
func (r *sessionResource) setLifetime(ctx context.Context, client *palabra.Client, model *sessionResourceModel, note *lifetimeNote) diag.Diagnostics {
	id := model.SessionID.ValueString()
	got, diags, err := r.data.writeFirstLifetime(ctx, client, id, model.ttl())
	if err != nil {
		note.Unsent = true
		diags.AddAttributeWarning(path.Root("ttl_seconds"), "Lifetime of the new session not set",
			fmt.Sprintf("Session %q was created and is in the state, but setting ttl_seconds = %d failed. The session has the API's default lifetime until the next apply sets it.\n\n%s",
				id, model.TTLSeconds.ValueInt64(), r.data.explain(err)))
		diags.Append(r.readNew(ctx, client, model, note)...)
		return diags
	}
	model.recordGrant(note, got)
	model.fillFromRead(got.Session)
	return diags
}

// readNew reads the timestamps that a creation does not return.
func (r *sessionResource) readNew(ctx context.Context, client *palabra.Client, model *sessionResourceModel, note *lifetimeNote) diag.Diagnostics {
	session, diags := r.data.readBack(ctx, client, model.SessionID.ValueString(), func(palabra.Session) bool { return false })
	if !session.ExpiresAt.IsZero() {
		note.ServerTime, note.ExpiresAt, note.LatestEnd = session.ServerTime, session.ExpiresAt, session.ExpiresAt
		model.ExpiresAt = timestamp(session.ExpiresAt)
		model.RenewAt = model.renewAt(*note)
	}
	model.fillFromRead(session)
	return diags
}

func (r *sessionResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	model, diags := newSessionResourceModel(ctx, req.State)
	resp.Diagnostics.Append(diags...)
	note, diags := loadLifetimeNote(ctx, req.Private)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	// Before anything can return: see Read of palabra_session_expiry.
	resp.Diagnostics.Append(resp.Identity.Set(ctx, sessionIdentityModel{SessionID: model.SessionID})...)
	if r.data.client == nil {
		resp.Diagnostics.Append(r.data.notRefreshed(model.SessionID.ValueString()))
		return
	}
	const summary = "Unable to read session"
	session, err := r.data.read(ctx, model.lifetimeModel, note)
	if errors.Is(err, palabra.ErrNotFound) {
		if diags := r.data.otherAccountError(summary, err, model.lifetimeModel, note); diags.HasError() {
			resp.Diagnostics.Append(diags...)
			return
		}
		resp.State.RemoveResource(ctx)
		if imported := model.ExpiresAt.IsNull() && note.Instance == ""; !imported {
			resp.Diagnostics.AddWarning("Session does not exist any more",
				fmt.Sprintf("The API does not find session %q any more (%s): it expired, was used and hung up, or was deleted. It is removed from the state. "+
					"If the resource is still in the configuration, the next apply creates another session, with new tokens.",
					model.SessionID.ValueString(), model.whenItEnded(note)))
		}
		return
	}
	if err != nil {
		resp.Diagnostics.Append(r.data.readError(model.SessionID.ValueString(), err))
		return
	}
	before, newer := model, note.withInstance()
	r.data.noteAccount(&newer)
	newer, diags = model.observe(session, newer)
	resp.Diagnostics.Append(diags...)
	model.fillFromRead(session)
	if !model.object().Equal(before.object()) {
		resp.Diagnostics.Append(resp.State.Set(ctx, model.object())...)
	}
	if note.differs(newer, model.lifetimeModel) {
		resp.Diagnostics.Append(newer.save(ctx, resp.Private)...)
	}
}

// Update writes if, and only if, expires_at is unknown in the plan.
func (r *sessionResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	model, diags := newSessionResourceModel(ctx, req.Plan)
	resp.Diagnostics.Append(diags...)
	prior, diags := newSessionResourceModel(ctx, req.State)
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

func (r *sessionResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	model, diags := newSessionResourceModel(ctx, req.State)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(r.data.destroy(ctx, model.lifetimeModel, req.Private)...)
}

func (r *sessionResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	importSession(ctx, path.Root("id"), req, resp)
	resp.Diagnostics.AddWarning("Tokens and URLs cannot be imported",
		"The API returns publisher_token, subscriber_tokens, webrtc_url, webrtc_room_name and ws_url only when it creates a session. They are null in the imported resource.")
}

// MoveState takes a session back from palabra_session_expiry, without its tokens:
// the API returns them only on creation.
func (r *sessionResource) MoveState(context.Context) []resource.StateMover {
	return []resource.StateMover{sessionMover(managedSessionType, map[string]moveSource{sessionExpiryType: fromSessionExpiry})}
}

func (r *sessionResource) UpgradeIdentity(context.Context) map[int64]resource.IdentityUpgrader {
	return upgradeKeptIdentity(managedSessionType)
}
