package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

var (
	_ ephemeral.EphemeralResourceWithConfigure = (*sessionEphemeral)(nil)
	_ ephemeral.EphemeralResourceWithRenew     = (*sessionEphemeral)(nil)
	_ ephemeral.EphemeralResourceWithClose     = (*sessionEphemeral)(nil)
)

type sessionEphemeral struct {
	data *providerData
}

type sessionEphemeralModel struct {
	ID               types.String      `tfsdk:"id"`
	TTLSeconds       types.Int64       `tfsdk:"ttl_seconds"`
	Intent           types.String      `tfsdk:"intent"`
	SubscriberCount  types.Int64       `tfsdk:"subscriber_count"`
	PublisherToken   types.String      `tfsdk:"publisher_token"`
	SubscriberTokens types.List        `tfsdk:"subscriber_tokens"`
	WebRTCURL        types.String      `tfsdk:"webrtc_url"`
	WebRTCRoomName   types.String      `tfsdk:"webrtc_room_name"`
	WSURL            types.String      `tfsdk:"ws_url"`
	ExpiresAt        timetypes.RFC3339 `tfsdk:"expires_at"`
}

const openSessionKey = "session"

// openSession is what renewing and closing need to know.
type openSession struct {
	ID string `json:"id"`
	// TTLSeconds is what renewals ask for.
	TTLSeconds int64 `json:"ttl_seconds"`
	// LifetimeSeconds is what the API granted, from which the time of the next
	// renewal follows; it may be less than what was asked for.
	LifetimeSeconds int64 `json:"lifetime_seconds"`
}

func newSessionEphemeral() ephemeral.EphemeralResource { return &sessionEphemeral{} }

func (e *sessionEphemeral) Metadata(_ context.Context, req ephemeral.MetadataRequest, resp *ephemeral.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_session"
}

func (e *sessionEphemeral) Schema(_ context.Context, _ ephemeral.SchemaRequest, resp *ephemeral.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Opens a session for the time of one run of Terraform, and deletes it when the run does not need it any more. Neither the session nor its tokens are stored in state or plan.\n\n" +
			"Engines open and close ephemeral resources during `plan`, too: each opening is a session of its own, counts against the session limit until its close, and is deleted then. " +
			"A session that has to outlive the run is the `palabra_session` managed resource.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{
				MarkdownDescription: "Id of the session.",
				Computed:            true,
			},
			"ttl_seconds": schema.Int64Attribute{
				MarkdownDescription: "Lifetime in whole seconds, at least 1, set right after creation and again by each renewal during a long run. Default: what the API gives a new session.",
				Optional:            true,
				Validators:          []validator.Int64{int64validator.Between(1, maxTTLSeconds)},
			},
			"intent": schema.StringAttribute{
				MarkdownDescription: intentDescription,
				Optional:            true,
				Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"subscriber_count": schema.Int64Attribute{
				MarkdownDescription: subscriberCountDescription,
				Optional:            true,
				Validators:          []validator.Int64{int64validator.Between(0, maxSubscribers)},
			},
			"publisher_token": schema.StringAttribute{
				MarkdownDescription: publisherTokenDescription,
				Computed:            true,
				Sensitive:           true,
			},
			"subscriber_tokens": schema.ListAttribute{
				MarkdownDescription: subscriberTokensDescription,
				ElementType:         types.StringType,
				Computed:            true,
				Sensitive:           true,
			},
			"webrtc_url": schema.StringAttribute{
				MarkdownDescription: webRTCURLDescription,
				Computed:            true,
			},
			"webrtc_room_name": schema.StringAttribute{
				MarkdownDescription: webRTCRoomNameDescription,
				Computed:            true,
			},
			"ws_url": schema.StringAttribute{
				MarkdownDescription: wsURLDescription,
				Computed:            true,
			},
			"expires_at": schema.StringAttribute{
				MarkdownDescription: "When the session expires if it is not renewed, as an RFC 3339 timestamp in UTC.",
				CustomType:          timetypes.RFC3339Type{},
				Computed:            true,
			},
		},
	}
}

func (e *sessionEphemeral) Configure(_ context.Context, req ephemeral.ConfigureRequest, resp *ephemeral.ConfigureResponse) {
	e.data = providerDataFrom(req.ProviderData, &resp.Diagnostics)
}

func (e *sessionEphemeral) Open(ctx context.Context, req ephemeral.OpenRequest, resp *ephemeral.OpenResponse) {
	var model sessionEphemeralModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	const summary = "Unable to open session"
	client := e.data.configuredClient(summary, &resp.Diagnostics)
	if client == nil {
		return
	}
	created, err := client.Create(ctx, newCreateRequest(model.Intent, model.SubscriberCount))
	if err != nil {
		resp.Diagnostics.Append(e.data.apiError(summary, err))
		return
	}
	lifetime, err := e.finishOpen(ctx, client, created, &model)
	if err != nil {
		resp.Diagnostics.Append(e.data.apiError(summary, err))
		resp.Diagnostics.Append(e.abandon(ctx, client, created.ID)...)
		return
	}

	opened := openSession{ID: created.ID, LifetimeSeconds: max(1, int64(lifetime/time.Second))}
	opened.TTLSeconds = opened.LifetimeSeconds
	if !model.TTLSeconds.IsNull() {
		opened.TTLSeconds = model.TTLSeconds.ValueInt64()
	}
	raw, err := json.Marshal(opened)
	if err == nil {
		resp.Diagnostics.Append(resp.Private.SetKey(ctx, openSessionKey, raw)...)
		resp.Diagnostics.Append(resp.Result.Set(ctx, model)...)
	}
	if err != nil || resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(e.abandon(ctx, client, created.ID)...)
		return
	}
	if lifetime > 0 {
		resp.RenewAt = e.renewAt(lifetime)
	}
}

// finishOpen sets the lifetime, reads the session back and fills in model. It
// returns how long the session lives from now on.
func (e *sessionEphemeral) finishOpen(ctx context.Context, client *palabra.Client, created palabra.CreatedSession, model *sessionEphemeralModel) (time.Duration, error) {
	if !model.TTLSeconds.IsNull() {
		if _, err := client.SetExpiry(ctx, created.ID, model.TTLSeconds.ValueInt64()); err != nil {
			return 0, err
		}
	}
	session, err := client.Get(ctx, created.ID)
	if err != nil {
		return 0, err
	}
	model.ID = types.StringValue(created.ID)
	model.PublisherToken = types.StringValue(created.PublisherToken)
	model.SubscriberTokens = stringList(created.SubscriberTokens)
	model.WebRTCURL = types.StringValue(created.WebRTCURL)
	model.WebRTCRoomName = types.StringValue(created.WebRTCRoomName)
	model.WSURL = types.StringValue(created.WSURL)
	model.ExpiresAt = timestamp(session.ExpiresAt)
	return session.ExpiresAt.Sub(session.ServerTime), nil
}

// abandon deletes a session that Open cannot hand over. The engine closes only
// what it was given, so nobody else would.
func (e *sessionEphemeral) abandon(ctx context.Context, client *palabra.Client, id string) diag.Diagnostics {
	err := deleteForGood(ctx, client, id)
	if err == nil {
		return nil
	}
	return diag.Diagnostics{diag.NewErrorDiagnostic("Session left behind",
		fmt.Sprintf("Session %q was created, could not be used, and could not be deleted either: %s It counts against the session limit until it expires; delete it by hand.",
			id, sentence(err.Error())))}
}

// deleteForGood deletes also when the operation was cancelled: nobody else knows
// of the session, and it would stay. One that is gone is done.
func deleteForGood(ctx context.Context, client *palabra.Client, id string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abandonTimeout)
	defer cancel()
	if err := client.Delete(ctx, id); err != nil && !errors.Is(err, palabra.ErrNotFound) {
		return err
	}
	return nil
}

// abandonTimeout bounds the clean-up after a cancellation, which the person who
// cancelled is waiting for.
const abandonTimeout = 15 * time.Second

// renewAt is when half of the lifetime has passed by the local clock, which is
// the one that the engine waits by.
func (e *sessionEphemeral) renewAt(lifetime time.Duration) time.Time {
	return e.data.now().Add(lifetime / 2)
}

func (e *sessionEphemeral) Renew(ctx context.Context, req ephemeral.RenewRequest, resp *ephemeral.RenewResponse) {
	const summary = "Unable to renew session"
	opened, client := e.opened(ctx, summary, req.Private, &resp.Diagnostics)
	if client == nil {
		return
	}
	if _, err := client.SetExpiry(ctx, opened.ID, opened.TTLSeconds); err != nil {
		resp.Diagnostics.Append(e.data.apiError(summary, err))
		return
	}
	resp.RenewAt = e.renewAt(time.Duration(opened.LifetimeSeconds) * time.Second)
}

func (e *sessionEphemeral) Close(ctx context.Context, req ephemeral.CloseRequest, resp *ephemeral.CloseResponse) {
	const summary = "Unable to delete session"
	opened, client := e.opened(ctx, summary, req.Private, &resp.Diagnostics)
	if client == nil {
		return
	}
	if err := deleteForGood(ctx, client, opened.ID); err != nil {
		resp.Diagnostics.Append(e.data.apiError(summary, err))
	}
}

func (e *sessionEphemeral) opened(ctx context.Context, summary string, private privateStateReader, diags *diag.Diagnostics) (openSession, *palabra.Client) {
	var opened openSession
	raw, getDiags := private.GetKey(ctx, openSessionKey)
	diags.Append(getDiags...)
	if diags.HasError() {
		return opened, nil
	}
	if err := json.Unmarshal(raw, &opened); err != nil {
		diags.AddError(summary, "The engine did not hand back what opening the session stored: "+sentence(err.Error()))
		return opened, nil
	}
	return opened, e.data.configuredClient(summary, diags)
}
