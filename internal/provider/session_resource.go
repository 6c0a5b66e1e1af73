package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/listplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

const managedSessionType = "palabra_session"

var (
	_ resource.ResourceWithConfigure       = (*sessionResource)(nil)
	_ resource.ResourceWithIdentity        = (*sessionResource)(nil)
	_ resource.ResourceWithImportState     = (*sessionResource)(nil)
	_ resource.ResourceWithModifyPlan      = (*sessionResource)(nil)
	_ resource.ResourceWithMoveState       = (*sessionResource)(nil)
	_ resource.ResourceWithUpgradeIdentity = (*sessionResource)(nil)
	_ resource.ResourceWithValidateConfig  = (*sessionResource)(nil)
)

// sessionResource creates a session and gives it a lifetime.
type sessionResource struct {
	data *providerData
}

func newSessionResource() resource.Resource { return &sessionResource{} }

type sessionResourceModel struct {
	lifetimeModel
	sessionConnection

	Intent            types.String      `tfsdk:"intent"`
	RecreateWhenEnded types.Bool        `tfsdk:"recreate_when_ended"`
	AggregationID     types.String      `tfsdk:"aggregation_id"`
	SubscriberCount   types.Int64       `tfsdk:"subscriber_count"`
	Organization      types.String      `tfsdk:"organization"`
	CreatedAt         timetypes.RFC3339 `tfsdk:"created_at"`
}

func (m *sessionResourceModel) load(ctx context.Context, from valueGetter) diag.Diagnostics {
	return from.Get(ctx, m)
}

// fillFromCreation fills in what the API returns only on creation. What a read
// returns becomes null until fillFromRead.
func (m *sessionResourceModel) fillFromCreation(session palabra.CreatedSession) {
	m.ID = types.StringValue(session.ID)
	if m.Intent.IsUnknown() {
		m.Intent = stringOrNull(session.Intent)
	}
	m.sessionConnection = newSessionConnection(session)
	m.Organization = stringOrNull(session.Organization)
	m.CreatedAt = timetypes.NewRFC3339Null()
	m.ExpiresAt, m.RenewAt = timetypes.NewRFC3339Null(), timetypes.NewRFC3339Null()
}

// observe is that of the lifetime, and fills in what else a read returns.
func (m *sessionResourceModel) observe(session palabra.Session, note sessionNote) (sessionNote, diag.Diagnostics) {
	m.fillFromRead(session)
	return m.lifetimeModel.observe(session, note)
}

// fillFromRead fills in what a read returns. A missing value does not replace a
// known one.
func (m *sessionResourceModel) fillFromRead(session palabra.Session) {
	if m.RecreateWhenEnded.IsNull() { // after an import, and in the state of an older version
		m.RecreateWhenEnded = types.BoolValue(true)
	}
	if !session.CreatedAt.IsZero() {
		m.CreatedAt = timestamp(session.CreatedAt)
	}
	if session.Organization != "" {
		m.Organization = types.StringValue(session.Organization)
	}
}

func (r *sessionResource) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = managedSessionType
}

const replaceUnlessImported = "A change replaces the session, except after an import."

func (r *sessionResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	stable := []planmodifier.String{stringplanmodifier.UseStateForUnknown()}
	computed := func(description string) schema.StringAttribute {
		return schema.StringAttribute{MarkdownDescription: description, Computed: true, PlanModifiers: stable}
	}
	const onCreation = " Returned only on creation; null after an import."
	publisherToken := computed(publisherTokenDescription + onCreation)
	publisherToken.Sensitive = true
	resp.Schema = schema.Schema{
		MarkdownDescription: "Creates a session that outlives the run of Terraform, gives it a lifetime, renews it, and deletes it on destroy.\n\n" +
			"~> **Destroying or replacing this resource deletes the session**, and with it a live conversation. So does removing its block, or changing `intent` or `aggregation_id`. " +
			"If that must not happen, set and apply `delete_on_destroy = false`, or set `lifecycle { prevent_destroy = true }`.\n\n" +
			"~> **The tokens are secrets and are stored in the state**, marked as sensitive: protect the state. For a session that only one run needs, use the `palabra_session` ephemeral resource, which stores nothing.\n\n" +
			"The lifetime works as in `palabra_session_expiry`, which is for sessions that something else creates. Use only one of the two for a session.",
		Attributes: lifetimeSchema(map[string]schema.Attribute{
			"id": computed("Id of the session."),
			"ttl_seconds": schema.Int64Attribute{
				CustomType:          wholeNumberType{},
				MarkdownDescription: ttlSecondsDescription + " Default: the API's.",
				Optional:            true,
				Computed:            true,
				Validators:          []validator.Int64{int64validator.Between(1, maxTTLSeconds)},
			},
			"intent": schema.StringAttribute{
				MarkdownDescription: intentDescription + " " + replaceUnlessImported,
				Optional:            true,
				Computed:            true,
				Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
				PlanModifiers:       stable,
			},
			"aggregation_id": schema.StringAttribute{
				MarkdownDescription: "Groups sessions in the billing display. " + replaceUnlessImported,
				Optional:            true,
				Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"subscriber_count": schema.Int64Attribute{
				CustomType:          wholeNumberType{},
				MarkdownDescription: subscriberCountDescription + " A change does not replace the session. The present API may ignore it.",
				Optional:            true,
				Validators:          []validator.Int64{int64validator.Between(0, maxSubscribers)},
			},
			"recreate_when_ended": schema.BoolAttribute{
				MarkdownDescription: "Whether an ended session leaves the state, so that the next apply creates another. With `false` it stays, with `active = false`. Default `true`.",
				Optional:            true,
				Computed:            true,
				Default:             booldefault.StaticBool(true),
			},
			"publisher_token": publisherToken,
			"subscriber_tokens": schema.ListAttribute{
				MarkdownDescription: subscriberTokensDescription + onCreation,
				ElementType:         types.StringType,
				Computed:            true,
				Sensitive:           true,
				PlanModifiers:       []planmodifier.List{listplanmodifier.UseStateForUnknown()},
			},
			"webrtc_url":       computed(webRTCURLDescription + onCreation),
			"webrtc_room_name": computed(webRTCRoomNameDescription + onCreation),
			"ws_url":           computed(wsURLDescription + onCreation),
			"organization":     computed("Organization that owns the session, where the API returns it."),
			"created_at": schema.StringAttribute{
				MarkdownDescription: createdAtDescription,
				CustomType:          timetypes.RFC3339Type{},
				Computed:            true,
				PlanModifiers:       stable,
			},
		}),
	}
}

func (r *sessionResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = sessionIdentitySchema
}

func (r *sessionResource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	r.data = providerDataFrom(req.ProviderData, &resp.Diagnostics)
}

// ValidateConfig compares the two durations if both are known. ModifyPlan does so
// again for values that were unknown.
func (r *sessionResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	var config sessionResourceModel
	resp.Diagnostics.Append(config.load(ctx, req.Config)...)
	resp.Diagnostics.Append(config.validateLeadTime()...)
}

// Create creates a session and sets its lifetime.
func (r *sessionResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var model sessionResourceModel
	resp.Diagnostics.Append(model.load(ctx, req.Plan)...)
	resp.Diagnostics.Append(r.data.refuseCreate(req)...)
	if resp.Diagnostics.HasError() {
		return
	}
	const summary = "Unable to create session"
	client := r.data.clientForApply(summary, &resp.Diagnostics)
	if client == nil {
		return
	}
	defer r.data.sessions.opening.begin()()
	request := newCreateRequest(model.Intent, model.SubscriberCount)
	request.AggregationID = model.AggregationID.ValueString()
	created, err := client.Create(ctx, request)
	if err != nil {
		resp.Diagnostics.Append(r.data.createError(ctx, client, summary, err))
		return
	}
	r.data.guard.noteWritten(created.ID)
	r.data.sessions.add(created.ID, client)
	defer r.data.sessions.handOver(created.ID)
	// Nothing is an error from here on: an engine would taint the instance, and
	// replacing it deletes the session.
	model.fillFromCreation(created)
	note := sessionNote{Instance: newInstanceID(), Account: client.Fingerprint(), ServerTime: created.ServerTime}
	if model.TTLSeconds.IsNull() {
		resp.Diagnostics.Append(r.readNew(ctx, client, &model, &note)...)
	} else {
		resp.Diagnostics.Append(r.setNewLifetime(ctx, client, &model, &note)...)
	}
	saveNew(ctx, &model, note, req, resp)
}

// setNewLifetime POSTs the TTL of a new session. If that fails, the next plan renews
// the session.
func (r *sessionResource) setNewLifetime(ctx context.Context, client *palabra.Client, model *sessionResourceModel, note *sessionNote) diag.Diagnostics {
	id := model.ID.ValueString()
	got, diags, err := r.data.setFirstLifetime(ctx, client, id, model.ttl())
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
func (r *sessionResource) readNew(ctx context.Context, client *palabra.Client, model *sessionResourceModel, note *sessionNote) diag.Diagnostics {
	session, diags := r.data.readBack(ctx, client, model.ID.ValueString(), func(palabra.Session) bool { return false })
	if !session.ExpiresAt.IsZero() {
		note.ServerTime, note.ExpiresAt, note.LatestEnd = session.ServerTime, session.ExpiresAt, session.ExpiresAt
		model.ExpiresAt = timestamp(session.ExpiresAt)
		model.RenewAt = model.renewAt(*note)
	}
	model.fillFromRead(session)
	return diags
}

// Read removes the instance of an ended session, so that the next apply creates
// another, unless recreate_when_ended is false.
func (r *sessionResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var m sessionResourceModel
	r.data.refreshLifetime(ctx, &m, req, resp, func(gone error, note *sessionNote) (keep bool, diags diag.Diagnostics) {
		if !m.RecreateWhenEnded.IsNull() && !m.RecreateWhenEnded.ValueBool() {
			return true, r.data.keepEnded(&m.lifetimeModel, gone, note)
		}
		diags.AddWarning("Session does not exist any more",
			fmt.Sprintf("The API does not find session %q any more (%s): it expired, was used and hung up, or was deleted. It is removed from the state. "+
				"If the resource is still in the configuration, the next apply creates another session, with new tokens.",
				m.ID.ValueString(), m.whenItEnded(*note)))
		return false, diags
	})
}

// Update sets the lifetime again if the plan says so.
func (r *sessionResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var planned, prior sessionResourceModel
	r.data.updateLifetime(ctx, &planned, &prior, req, resp)
}

// Delete deletes the session, unless delete_on_destroy is false or the plan keeps it.
func (r *sessionResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var model sessionResourceModel
	r.data.destroyLifetime(ctx, &model, req, resp)
}

func (r *sessionResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	importSession(ctx, path.Root("id"), req, resp)
	resp.Diagnostics.AddWarning("Tokens and URLs cannot be imported",
		"The API returns publisher_token, subscriber_tokens, webrtc_url, webrtc_room_name and ws_url only when it creates a session. They are null in the imported resource.")
}

// MoveState takes a session back from palabra_session_expiry, without its tokens:
// the API returns them only on creation.
func (r *sessionResource) MoveState(context.Context) []resource.StateMover {
	return []resource.StateMover{sessionMover(managedSessionType, map[string]moveSource{
		sessionExpiryType:  fromSessionExpiry,
		managedSessionType: fromElsewhere(fromSession),
	})}
}

// UpgradeIdentity replaces the identity of a moved restful_resource, which OpenTofu
// keeps.
func (r *sessionResource) UpgradeIdentity(context.Context) map[int64]resource.IdentityUpgrader {
	return upgradeKeptIdentity(managedSessionType)
}

// ModifyPlan decides from configuration, state and private state alone, as that of
// palabra_session_expiry does.
func (r *sessionResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	defer r.data.refusePlan(ctx, req, resp)
	var config, planned, prior sessionResourceModel
	note, more := r.data.beginPlan(ctx, managedSessionType, &planned, &prior, req, resp)
	if !more {
		return
	}
	resp.Diagnostics.Append(config.load(ctx, req.Config)...)
	if req.State.Raw.IsNull() {
		planned.planCreate()
		if config.TTLSeconds.IsNull() {
			planned.TTLSeconds = types.Int64Null()
		}
		resp.Diagnostics.Append(planned.validateLeadTime()...)
		if replaced, ok := r.data.guard.priorOf(note); ok && replaced.deletes() {
			resp.Diagnostics.Append(r.data.guard.claimSession(replaced.ID.ValueString(), newClaim(managedSessionType, replaced, note, deletes))...)
		}
		setPlan(ctx, &planned, req, resp)
		return
	}
	resp.Diagnostics.Append(planned.planOptionalUpdate(config.TTLSeconds, prior.lifetimeModel, note)...)
	resp.Diagnostics.Append(r.data.warnOfShortening(planned.lifetimeModel)...)
	resp.Diagnostics.Append(planned.validateLeadTime()...)
	if imported := prior.PublisherToken.IsNull(); !imported && !planned.SubscriberCount.Equal(prior.SubscriberCount) {
		resp.Diagnostics.AddAttributeWarning(path.Root("subscriber_count"), "Change has no effect on the session",
			"subscriber_count is used only when a session is created. The change is recorded in the state. "+
				"To use it, replace the session with -replace: that deletes this session and creates another.")
	}
	resp.RequiresReplace = planned.replacedBy(prior)
	// The create half of a replacement, planned next, claims that it deletes.
	if len(resp.RequiresReplace) == 0 {
		held := newClaim(managedSessionType, planned.lifetimeModel, note, keeps)
		held.ended, held.extends = !prior.isActive(), !config.TTLSeconds.IsNull()
		resp.Diagnostics.Append(r.data.guard.claimSession(prior.ID.ValueString(), held)...)
	}
	setPlan(ctx, &planned, req, resp)
}

// planOptionalUpdate leaves the lifetime alone if ttl_seconds is not configured. The
// state then holds that of an import or of an earlier configuration.
func (m *sessionResourceModel) planOptionalUpdate(configured types.Int64, prior lifetimeModel, note sessionNote) diag.Diagnostics {
	if !configured.IsNull() {
		return m.planUpdate(prior, note)
	}
	stored := prior.TTLSeconds
	m.TTLSeconds, prior.TTLSeconds = types.Int64Null(), types.Int64Null()
	diags := m.planUpdate(prior, note)
	m.TTLSeconds = stored
	return diags
}

// replacedBy returns the arguments whose change replaces the session. If the session
// was created here, null in the state means that the argument was not set. After an
// import, which has no publisher token, it means that the argument is not known.
func (m *sessionResourceModel) replacedBy(prior sessionResourceModel) (arguments path.Paths) {
	createdHere := !prior.PublisherToken.IsNull()
	for name, values := range map[string]struct{ prior, planned types.String }{
		"intent":         {prior.Intent, m.Intent},
		"aggregation_id": {prior.AggregationID, m.AggregationID},
	} {
		if !values.planned.IsNull() && !values.planned.Equal(values.prior) && (createdHere || !values.prior.IsNull()) {
			arguments = append(arguments, path.Root(name))
		}
	}
	return arguments
}
