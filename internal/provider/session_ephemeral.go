package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
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
	TTLSeconds       wholeNumber       `tfsdk:"ttl_seconds"`
	Intent           types.String      `tfsdk:"intent"`
	SubscriberCount  wholeNumber       `tfsdk:"subscriber_count"`
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
	// ExpiresAt is when the session ends, by the server's clock.
	ExpiresAt time.Time `json:"expires_at"`
	// EndsAt is the same moment by the local clock, which the engine goes by.
	EndsAt time.Time `json:"ends_at"`
}

const (
	// ephemeralTTL is the default lifetime: what a killed run leaves behind
	// counts against the session limit for so long.
	ephemeralTTL = 10 * time.Minute
	// shortestRenewal is the least time between two renewals, also failed ones.
	shortestRenewal = time.Second
)

func newSessionEphemeral() ephemeral.EphemeralResource { return &sessionEphemeral{} }

func (e *sessionEphemeral) Metadata(_ context.Context, req ephemeral.MetadataRequest, resp *ephemeral.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_session"
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
	defer e.data.sessions.opening.begin()()
	created, err := client.Create(ctx, newCreateRequest(model.Intent, model.SubscriberCount))
	if err != nil {
		resp.Diagnostics.Append(e.data.createError(ctx, client, summary, err))
		return
	}
	e.data.sessions.add(created.ID, client)

	opened := openSession{ID: created.ID, TTLSeconds: int64(ephemeralTTL / time.Second)}
	if !model.TTLSeconds.IsNull() {
		opened.TTLSeconds = model.TTLSeconds.ValueInt64()
	}
	granted, diags, err := e.firstLifetime(ctx, client, opened)
	resp.Diagnostics.Append(diags...)
	if err == nil {
		// An engine that was interrupted does not close what it is given.
		err = ctx.Err()
	}
	if err != nil {
		resp.Diagnostics.Append(e.giveUp(ctx, client, created.ID, e.data.apiError(summary, err))...)
		return
	}

	opened = opened.until(granted, e.data.now())
	model.observe(created, granted)
	diags = resp.Result.Set(ctx, model)
	diags.Append(opened.store(ctx, resp.Private)...)
	if diags.HasError() {
		resp.Diagnostics.Append(e.giveUp(ctx, client, created.ID, diags...)...)
		return
	}
	resp.RenewAt = opened.renewAt(e.data.now())
}

// firstLifetime gives a session that was just created its lifetime.
func (e *sessionEphemeral) firstLifetime(ctx context.Context, client *palabra.Client, opened openSession) (lifetime, diag.Diagnostics, error) {
	if err := ctx.Err(); err != nil {
		return lifetime{}, nil, fmt.Errorf("session %q was created when the operation had been interrupted: %w", opened.ID, err)
	}
	return e.data.writeFirstLifetime(ctx, client, opened.ID, opened.ttl())
}

// giveUp deletes a session that Open cannot hand over: the engine closes only
// what it was given. It returns the reasons, and what is left behind.
func (e *sessionEphemeral) giveUp(ctx context.Context, client *palabra.Client, id string, reasons ...diag.Diagnostic) diag.Diagnostics {
	diags := diag.Diagnostics(reasons)
	if err := e.delete(ctx, client, id); err != nil {
		diags.AddError("Session left behind",
			fmt.Sprintf("Session %q was created, could not be used, and could not be deleted: %s "+
				"It counts against the session limit until it expires. The provider tries to delete it once more at the end of the run.",
				id, sentence(err.Error())))
	}
	return diags
}

// delete deletes the session even when the operation was cancelled, because
// nothing else knows of the session. A missing session is not an error.
func (e *sessionEphemeral) delete(ctx context.Context, client *palabra.Client, id string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deleteTimeout)
	defer cancel()
	if err := client.Delete(ctx, id); err != nil && !errors.Is(err, palabra.ErrNotFound) {
		return err
	}
	e.data.sessions.remove(id)
	return nil
}

// deleteTimeout bounds the clean-up after an interrupt, which somebody waits for.
const deleteTimeout = 15 * time.Second

func (e *sessionEphemeral) Renew(ctx context.Context, req ephemeral.RenewRequest, resp *ephemeral.RenewResponse) {
	const summary = "Unable to renew session"
	opened, client := e.opened(ctx, summary, req.Private, &resp.Diagnostics)
	if client == nil {
		return
	}
	attempt, cancel := context.WithTimeout(ctx, opened.nextWait(e.data.now()))
	defer cancel()
	// Open has already shown the warnings of the write.
	granted, _, err := e.data.writeLifetime(attempt, client, opened.ID, opened.ttl())
	left := opened.EndsAt.Sub(e.data.now())
	switch {
	case err == nil:
		opened = opened.until(granted, e.data.now())
		resp.Diagnostics.Append(opened.store(ctx, resp.Private)...)
	case errors.Is(err, palabra.ErrNotFound):
		resp.Diagnostics.AddError(summary, sentence(err.Error())+"\n\n"+
			"The session is gone: it expired, or somebody deleted it during the run. What still uses its id or tokens fails. Run the command again to open another session.")
		return
	case errors.Is(err, palabra.ErrUnauthorized):
		resp.Diagnostics.Append(e.data.apiError(summary, err))
		return
	case left <= 0:
		resp.Diagnostics.AddError(summary, e.data.explain(err)+"\n\n"+
			fmt.Sprintf("Session %q could not be renewed in time: it expired at %s. What still uses its id or tokens fails.", opened.ID, opened.expiry()))
		return
	default:
		resp.Diagnostics.AddWarning("Session not renewed yet", sentence(err.Error())+"\n\n"+
			fmt.Sprintf("Session %q lives until %s. The renewal is tried again in %s.",
				opened.ID, opened.expiry(), opened.nextWait(e.data.now()).Round(time.Second)))
	}
	resp.RenewAt = opened.renewAt(e.data.now())
}

func (e *sessionEphemeral) Close(ctx context.Context, req ephemeral.CloseRequest, resp *ephemeral.CloseResponse) {
	const summary = "Unable to delete session"
	opened, client := e.opened(ctx, summary, req.Private, &resp.Diagnostics)
	if client == nil {
		return
	}
	if err := e.delete(ctx, client, opened.ID); err != nil {
		resp.Diagnostics.AddError(summary, e.data.explain(err)+"\n\n"+
			fmt.Sprintf("Session %q remains until %s, and counts against the session limit until then. The provider tries to delete it once more at the end of the run.",
				opened.ID, opened.expiry()))
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

func (o openSession) until(granted lifetime, now time.Time) openSession {
	o.ExpiresAt, o.EndsAt = granted.ExpiresAt, now.Add(granted.Granted)
	return o
}

func (o openSession) store(ctx context.Context, private privateStateWriter) diag.Diagnostics {
	raw, err := json.Marshal(o)
	if err != nil {
		return diag.Diagnostics{diag.NewErrorDiagnostic("Unable to store what closing the session needs", sentence(err.Error()))}
	}
	return private.SetKey(ctx, openSessionKey, raw)
}

func (o openSession) ttl() time.Duration { return time.Duration(o.TTLSeconds) * time.Second }

func (o openSession) expiry() string { return o.ExpiresAt.UTC().Format(time.RFC3339) }

// nextWait is half of what is left of the session.
func (o openSession) nextWait(now time.Time) time.Duration {
	return max(o.EndsAt.Sub(now)/2, shortestRenewal)
}

func (o openSession) renewAt(now time.Time) time.Time { return now.Add(o.nextWait(now)) }

func (m *sessionEphemeralModel) observe(created palabra.CreatedSession, granted lifetime) {
	m.ID = types.StringValue(created.ID)
	m.PublisherToken = types.StringValue(created.PublisherToken)
	m.SubscriberTokens = stringList(created.SubscriberTokens)
	m.WebRTCURL = types.StringValue(created.WebRTCURL)
	m.WebRTCRoomName = types.StringValue(created.WebRTCRoomName)
	m.WSURL = types.StringValue(created.WSURL)
	m.ExpiresAt = timestamp(granted.ExpiresAt)
}
