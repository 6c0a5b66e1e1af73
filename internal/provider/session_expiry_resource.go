package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
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
	lifetimeResource[*sessionExpiryModel]
}

func newSessionExpiryResource() resource.Resource {
	return &sessionExpiryResource{lifetimeResource[*sessionExpiryModel]{typeName: sessionExpiryType, newModel: newSessionExpiryModel}}
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
	saveNew(ctx, model, note, resp)
}

func (r *sessionExpiryResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	r.refresh(ctx, req, resp, r.keepEnded)
}

// keepEnded keeps the instance of an ended session: removing it would plan a create,
// which can only fail.
func (r *sessionExpiryResource) keepEnded(_ error, m *lifetimeModel, note *lifetimeNote) (keep bool, diags diag.Diagnostics) {
	if m.isActive() {
		diags.Append(m.endedWarning(*note))
	}
	m.markEnded(*m)
	if r.data.sameAccount(*note) {
		note.Account = r.data.client.Fingerprint()
	}
	return true, diags
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
