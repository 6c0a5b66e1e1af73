package provider

import (
	"context"
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

func newSessionEphemeral() ephemeral.EphemeralResource { return &sessionEphemeral{} }

type sessionEphemeralModel struct {
	sessionConnection

	ID              types.String      `tfsdk:"id"`
	TTLSeconds      wholeNumber       `tfsdk:"ttl_seconds"`
	Intent          types.String      `tfsdk:"intent"`
	SubscriberCount wholeNumber       `tfsdk:"subscriber_count"`
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

	note = note.until(granted, e.data.now())
	model.ID, model.sessionConnection = types.StringValue(created.ID), newSessionConnection(created)
	model.ExpiresAt = timestamp(granted.ExpiresAt)
	diags = resp.Result.Set(ctx, model)
	diags.Append(savePrivate(ctx, resp.Private, ephemeralNoteKey, note)...)
	if diags.HasError() {
		resp.Diagnostics.Append(e.giveUp(ctx, client, created.ID, diags...)...)
		return
	}
	resp.RenewAt = note.renewAt(e.data.now())
}

// firstLifetime sets the lifetime of a new session.
func (e *sessionEphemeral) firstLifetime(ctx context.Context, client *palabra.Client, note ephemeralNote) (lifetime, diag.Diagnostics, error) {
	if err := ctx.Err(); err != nil {
		return lifetime{}, nil, fmt.Errorf("session %q was created after the operation had been interrupted: %w", note.ID, err)
	}
	return e.data.writeFirstLifetime(ctx, client, note.ID, note.ttl())
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
	attempt, cancel := context.WithTimeout(ctx, note.nextWait(e.data.now()))
	defer cancel()
	// Open has already shown the warnings of the write.
	granted, _, err := e.data.writeLifetime(attempt, client, note.ID, note.ttl())
	left := note.EndsAt.Sub(e.data.now())
	switch {
	case err == nil:
		note = note.until(granted, e.data.now())
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
				note.ID, note.expiry(), note.nextWait(e.data.now()).Round(time.Second)))
	}
	resp.RenewAt = note.renewAt(e.data.now())
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
