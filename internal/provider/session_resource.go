package provider

import (
	"context"
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
	lifetimeResource[*sessionResourceModel]
}

func newSessionResource() resource.Resource {
	return &sessionResource{lifetimeResource[*sessionResourceModel]{typeName: managedSessionType, newModel: newSessionResourceModel}}
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
		resp.Diagnostics.Append(r.readNew(ctx, client, model, &note)...)
	} else {
		resp.Diagnostics.Append(r.setLifetime(ctx, client, model, &note)...)
	}
	saveNew(ctx, model, note, resp)
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
	r.refresh(ctx, req, resp, r.removeEnded)
}

// removeEnded removes the instance of an ended session: the next apply creates
// another.
func (r *sessionResource) removeEnded(gone error, m *lifetimeModel, note *lifetimeNote) (keep bool, diags diag.Diagnostics) {
	if diags := r.data.otherAccountError("Unable to read session", gone, *m, *note); diags.HasError() {
		return true, diags
	}
	diags.AddWarning("Session does not exist any more",
		fmt.Sprintf("The API does not find session %q any more (%s): it expired, was used and hung up, or was deleted. It is removed from the state. "+
			"If the resource is still in the configuration, the next apply creates another session, with new tokens.",
			m.SessionID.ValueString(), m.whenItEnded(*note)))
	return false, diags
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
