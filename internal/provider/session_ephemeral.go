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

func newSessionEphemeral() ephemeral.EphemeralResource { return &sessionEphemeral{} }

type sessionEphemeralModel struct {
	sessionConnection

	ID              types.String      `tfsdk:"id"`
	TTLSeconds      types.Int64       `tfsdk:"ttl_seconds"`
	Intent          types.String      `tfsdk:"intent"`
	SubscriberCount types.Int64       `tfsdk:"subscriber_count"`
	ExpiresAt       timetypes.RFC3339 `tfsdk:"expires_at"`
}

const (
	// ephemeralTTL is the default lifetime. The session of a killed run counts
	// against the session limit until it expires.
	ephemeralTTL = 10 * time.Minute
	// ephemeralDeleteTimeout bounds the clean-up after an interrupt, because a
	// person waits for it.
	ephemeralDeleteTimeout = 15 * time.Second
)

func (e *sessionEphemeral) Metadata(_ context.Context, req ephemeral.MetadataRequest, resp *ephemeral.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_session"
}

func (e *sessionEphemeral) Schema(_ context.Context, _ ephemeral.SchemaRequest, resp *ephemeral.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Opens a session for one run of Terraform and deletes it at the end of the run, also if the run fails or is interrupted. Neither the session nor its tokens are stored in state or plan.\n\n" +
			"-> Needs Terraform 1.10 or OpenTofu 1.11, or later.\n\n" +
			"The provider renews the session during a long run. The session of a killed run expires after `ttl_seconds`, ten minutes by default.\n\n" +
			"Engines open and close ephemeral resources during `plan`, too. Each opening creates another session, which counts against the session limit until it is deleted. " +
			"For a session that outlives the run, use the `palabra_session` managed resource.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{
				MarkdownDescription: "Id of the session.",
				Computed:            true,
			},
			"ttl_seconds": schema.Int64Attribute{
				CustomType:          wholeNumberType{},
				MarkdownDescription: "Lifetime in whole seconds, set after creation and by each renewal. The session of a killed run expires after this time. Default `600`.",
				Optional:            true,
				Validators:          []validator.Int64{int64validator.Between(1, maxTTLSeconds)},
			},
			"intent": schema.StringAttribute{
				MarkdownDescription: intentDescription,
				Optional:            true,
				Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"subscriber_count": schema.Int64Attribute{
				CustomType:          wholeNumberType{},
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
	resp.Diagnostics.Append(e.data.refuseToSend("open an ephemeral session")...)
	if resp.Diagnostics.HasError() {
		return
	}
	const summary = "Unable to open session"
	client := e.data.configuredClient(summary, &resp.Diagnostics)
	if client == nil {
		return
	}
	defer e.data.sessions.opening.begin()()
	created, err := client.Create(ctx, newCreateRequest(model.Intent, model.SubscriberCount))
	if err != nil {
		resp.Diagnostics.Append(e.data.createError(ctx, client, summary, err))
		return
	}
	e.data.sessions.add(created.ID, client)

	note := ephemeralNote{ID: created.ID, TTLSeconds: int64(ephemeralTTL / time.Second)}
	if !model.TTLSeconds.IsNull() {
		note.TTLSeconds = model.TTLSeconds.ValueInt64()
	}
	granted, diags, err := e.firstLifetime(ctx, client, note)
	resp.Diagnostics.Append(diags...)
	if err == nil {
		// An interrupted engine does not close the session.
		err = ctx.Err()
	}
	if err != nil {
		resp.Diagnostics.Append(e.giveUp(ctx, client, created.ID, e.data.apiError(summary, err))...)
		return
	}

	note = note.until(granted, e.data.timing.now())
	model.ID, model.sessionConnection = types.StringValue(created.ID), newSessionConnection(created)
	model.ExpiresAt = timestamp(granted.ExpiresAt)
	diags = resp.Result.Set(ctx, model)
	resp.Result.Raw = withNumbersOf(resp.Result.Raw, req.Config.Raw)
	diags.Append(savePrivate(ctx, resp.Private, ephemeralNoteKey, note)...)
	if diags.HasError() {
		resp.Diagnostics.Append(e.giveUp(ctx, client, created.ID, diags...)...)
		return
	}
	resp.RenewAt = note.renewAt(e.data.timing.now())
}

// firstLifetime sets the lifetime of a new session.
func (e *sessionEphemeral) firstLifetime(ctx context.Context, client *palabra.Client, note ephemeralNote) (grant, diag.Diagnostics, error) {
	if err := ctx.Err(); err != nil {
		return grant{}, nil, fmt.Errorf("session %q was created after the operation had been interrupted: %w", note.ID, err)
	}
	return e.data.setFirstLifetime(ctx, client, note.ID, note.ttl())
}

// giveUp deletes a session that Open cannot return, because the engine does not
// close it then. It adds an error to the reasons if that fails.
func (e *sessionEphemeral) giveUp(ctx context.Context, client *palabra.Client, id string, reasons ...diag.Diagnostic) diag.Diagnostics {
	diags := diag.Diagnostics(reasons)
	if err := e.delete(ctx, client, id); err != nil {
		diags.AddError("Session left behind",
			fmt.Sprintf("Session %q was created, but it cannot be used and could not be deleted: %s "+
				"It counts against the session limit until it expires. The provider will try to delete it once more at the end of the run.",
				id, sentence(err.Error())))
	}
	return diags
}

// delete deletes the session even if the operation was cancelled, because nothing
// else would delete it. A missing session is not an error.
func (e *sessionEphemeral) delete(ctx context.Context, client *palabra.Client, id string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ephemeralDeleteTimeout)
	defer cancel()
	if err := client.Delete(ctx, id); err != nil && !errors.Is(err, palabra.ErrNotFound) {
		return err
	}
	e.data.sessions.remove(id)
	return nil
}

func (e *sessionEphemeral) Renew(ctx context.Context, req ephemeral.RenewRequest, resp *ephemeral.RenewResponse) {
	const summary = "Unable to renew session"
	note, client := e.loadNote(ctx, summary, req.Private, &resp.Diagnostics)
	if client == nil {
		return
	}
	attempt, cancel := context.WithTimeout(ctx, note.nextWait(e.data.timing.now()))
	defer cancel()
	// Open has already shown the warnings of the write.
	granted, _, err := e.data.setLifetime(attempt, client, note.ID, note.ttl())
	left := note.EndsAt.Sub(e.data.timing.now())
	switch {
	case err == nil:
		note = note.until(granted, e.data.timing.now())
		resp.Diagnostics.Append(savePrivate(ctx, resp.Private, ephemeralNoteKey, note)...)
	case errors.Is(err, palabra.ErrNotFound):
		resp.Diagnostics.AddError(summary, sentence(err.Error())+"\n\n"+
			"The session is gone: it expired, or somebody deleted it during the run. Anything that still uses its id or tokens fails. Run the command again to open another session.")
		return
	case errors.Is(err, palabra.ErrUnauthorized):
		resp.Diagnostics.Append(e.data.apiError(summary, err))
		return
	case left <= 0:
		resp.Diagnostics.AddError(summary, e.data.explain(err)+"\n\n"+
			fmt.Sprintf("Session %q was not renewed in time: it expired at %s. Anything that still uses its id or tokens fails. Run the command again to open another session.", note.ID, note.expiry()))
		return
	default:
		resp.Diagnostics.AddWarning("Session not renewed yet", sentence(err.Error())+"\n\n"+
			fmt.Sprintf("Session %q lives until %s. The provider will try to renew it again in %s.",
				note.ID, note.expiry(), note.nextWait(e.data.timing.now()).Round(time.Second)))
	}
	resp.RenewAt = note.renewAt(e.data.timing.now())
}

func (e *sessionEphemeral) Close(ctx context.Context, req ephemeral.CloseRequest, resp *ephemeral.CloseResponse) {
	const summary = "Unable to delete session"
	note, client := e.loadNote(ctx, summary, req.Private, &resp.Diagnostics)
	if client == nil {
		return
	}
	if err := e.delete(ctx, client, note.ID); err != nil {
		resp.Diagnostics.AddError(summary, e.data.explain(err)+"\n\n"+
			fmt.Sprintf("Session %q remains until %s and counts against the session limit until then. The provider will try to delete it once more at the end of the run.",
				note.ID, note.expiry()))
	}
}

const (
	ephemeralNoteKey = "session"
	// shortestRenewal is the least time between two attempts to renew.
	shortestRenewal = time.Second
)

// ephemeralNote is what Open stores in private data for Renew and Close.
type ephemeralNote struct {
	ID string `json:"id"`
	// TTLSeconds is what renewals ask for.
	TTLSeconds int64 `json:"ttl_seconds"`
	// ExpiresAt is when the session ends, by the server's clock.
	ExpiresAt time.Time `json:"expires_at"`
	// EndsAt is the same moment by the local clock, which the engine goes by.
	EndsAt time.Time `json:"ends_at"`
}

func (e *sessionEphemeral) loadNote(ctx context.Context, summary string, private privateStateReader, diags *diag.Diagnostics) (ephemeralNote, *palabra.Client) {
	var note ephemeralNote
	raw, getDiags := private.GetKey(ctx, ephemeralNoteKey)
	diags.Append(getDiags...)
	if diags.HasError() {
		return note, nil
	}
	if err := json.Unmarshal(raw, &note); err != nil {
		diags.AddError(summary, "The engine did not return the private data that opening the session stored: "+sentence(err.Error()))
		return note, nil
	}
	return note, e.data.configuredClient(summary, diags)
}

// until is the note after a write that was granted a lifetime.
func (n ephemeralNote) until(granted grant, now time.Time) ephemeralNote {
	n.ExpiresAt, n.EndsAt = granted.ExpiresAt, now.Add(granted.Granted)
	return n
}

func (n ephemeralNote) ttl() time.Duration { return time.Duration(n.TTLSeconds) * time.Second }

func (n ephemeralNote) expiry() string { return n.ExpiresAt.UTC().Format(time.RFC3339) }

// nextWait is half of the remaining time.
func (n ephemeralNote) nextWait(now time.Time) time.Duration {
	return max(n.EndsAt.Sub(now)/2, shortestRenewal)
}

func (n ephemeralNote) renewAt(now time.Time) time.Time { return now.Add(n.nextWait(now)) }
