package provider

import (
	"context"
	"errors"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

// lifetimeResource is embedded by both resources. It has every method that depends
// only on the lifetime of the session.
type lifetimeResource[M lifetimeResourceModel] struct {
	typeName string
	// newModel decodes a configuration, a plan or a state.
	newModel func(context.Context, valueGetter) (M, diag.Diagnostics)
	data     *providerData
}

// lifetimeResourceModel is the model of such a resource.
type lifetimeResourceModel interface {
	lifetime() *lifetimeModel
	observe(palabra.Session, lifetimeNote) (lifetimeNote, diag.Diagnostics)
	object() types.Object
}

func (r *lifetimeResource[M]) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = r.typeName
}

func (r *lifetimeResource[M]) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = sessionIdentitySchema
}

func (r *lifetimeResource[M]) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	r.data = providerDataFrom(req.ProviderData, &resp.Diagnostics)
}

// ValidateConfig compares the two durations if both are known. ModifyPlan does so
// again for values that were unknown.
func (r *lifetimeResource[M]) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	config, diags := r.newModel(ctx, req.Config)
	resp.Diagnostics.Append(diags...)
	resp.Diagnostics.Append(config.lifetime().validateLeadTime()...)
}

// refresh reads the session. If the API does not find it, missing updates the model
// and the note, and says whether the instance stays in the state.
func (r *lifetimeResource[M]) refresh(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse,
	missing func(gone error, m *lifetimeModel, note *lifetimeNote) (keep bool, diags diag.Diagnostics),
) {
	model, diags := r.newModel(ctx, req.State)
	resp.Diagnostics.Append(diags...)
	note, diags := loadLifetimeNote(ctx, req.Private)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	lifetime, before := model.lifetime(), model.object()
	// Set the identity before anything can return: engines refuse an answer without
	// it, even if the session is gone or an older state has no identity.
	if resp.Identity.Raw.IsFullyNull() {
		resp.Diagnostics.Append(resp.Identity.Set(ctx, sessionIdentityModel{SessionID: lifetime.SessionID})...)
	}
	id := lifetime.SessionID.ValueString()
	if r.data.client == nil {
		resp.Diagnostics.Append(r.data.notRefreshed(id))
		return
	}

	newer := note.withInstance()
	session, err := r.data.read(ctx, *lifetime, note)
	switch imported := lifetime.ExpiresAt.IsNull() && note.Instance == ""; {
	case err == nil:
		r.data.noteAccount(&newer)
		newer, diags = model.observe(session, newer)
		resp.Diagnostics.Append(diags...)
	case !errors.Is(err, palabra.ErrNotFound):
		resp.Diagnostics.Append(r.data.readError(id, err))
		return
	case imported:
		// The engine reports the error. The same goes for a moved resource.
		resp.State.RemoveResource(ctx)
		return
	default:
		keep, diags := missing(err, lifetime, &newer)
		resp.Diagnostics.Append(diags...)
		if resp.Diagnostics.HasError() {
			return
		}
		if !keep {
			resp.State.RemoveResource(ctx)
			return
		}
	}
	// The answer already holds the prior state, and encoding it again is most of
	// the cost of a refresh.
	if object := model.object(); !object.Equal(before) {
		resp.Diagnostics.Append(resp.State.Set(ctx, object)...)
	}
	if note.differs(newer, *lifetime) {
		resp.Diagnostics.Append(newer.save(ctx, resp.Private)...)
	}
}

// Update writes if, and only if, expires_at is unknown in the plan.
func (r *lifetimeResource[M]) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	model, diags := r.newModel(ctx, req.Plan)
	resp.Diagnostics.Append(diags...)
	prior, diags := r.newModel(ctx, req.State)
	resp.Diagnostics.Append(diags...)
	note, diags := loadLifetimeNote(ctx, req.Private)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	lifetime := model.lifetime()
	resp.Diagnostics.Append(r.data.update(ctx, lifetime, *prior.lifetime(), &note)...)
	if resp.Diagnostics.HasError() && lifetime.isActive() {
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, model.object())...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, sessionIdentityModel{SessionID: lifetime.SessionID})...)
	resp.Diagnostics.Append(note.save(ctx, resp.Private)...)
}

func (r *lifetimeResource[M]) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	model, diags := r.newModel(ctx, req.State)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(r.data.destroy(ctx, *model.lifetime(), req.Private)...)
}

// UpgradeIdentity replaces the identity of a moved restful_resource, which OpenTofu
// keeps.
func (r *lifetimeResource[M]) UpgradeIdentity(context.Context) map[int64]resource.IdentityUpgrader {
	return upgradeKeptIdentity(r.typeName)
}

// planDestroy claims the session that a destroy deletes. It removes the note of a
// create half, which must not outlive its plan.
func (r *lifetimeResource[M]) planDestroy(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse, note lifetimeNote) {
	resp.Diagnostics.Append(resp.Private.SetKey(ctx, successorKey, nil)...)
	model, diags := r.newModel(ctx, req.State)
	resp.Diagnostics.Append(diags...)
	if prior := model.lifetime(); prior.deletes() {
		resp.Diagnostics.Append(r.claim(*prior, note, deletes)...)
	}
}

func (r *lifetimeResource[M]) claim(m lifetimeModel, note lifetimeNote, effect effect) diag.Diagnostics {
	return r.data.claim(m.SessionID.ValueString(), m.newClaim(r.typeName, note.Instance, effect))
}

// saveNew stores a new instance.
func saveNew(ctx context.Context, model lifetimeResourceModel, note lifetimeNote, resp *resource.CreateResponse) {
	resp.Diagnostics.Append(resp.State.Set(ctx, model.object())...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, sessionIdentityModel{SessionID: model.lifetime().SessionID})...)
	resp.Diagnostics.Append(note.save(ctx, resp.Private)...)
}
