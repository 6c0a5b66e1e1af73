package provider

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

// This file holds what palabra_session_expiry and palabra_session do in common when
// they are read, updated and destroyed. The rules that it applies are in
// session_lifetime.go, and those about other instances in session_guard.go.

// rereadDelay is the wait before a read is repeated, because the API may lag behind
// a write.
const rereadDelay = time.Second

// refreshLifetime reads the session of an instance. If the API does not find it,
// ended updates model and note, and says whether the instance stays in the state.
func (d *providerData) refreshLifetime(ctx context.Context, model lifetimeResourceModel, req resource.ReadRequest, resp *resource.ReadResponse,
	ended func(gone error, note *sessionNote) (keep bool, diags diag.Diagnostics),
) {
	resp.Diagnostics.Append(model.load(ctx, req.State)...)
	note, diags := loadSessionNote(ctx, req.Private)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	m := model.common()
	// Set the identity before anything can return: engines refuse an answer without
	// it, even if the session is gone or an older state has no identity.
	if resp.Identity.Raw.IsFullyNull() {
		resp.Diagnostics.Append(resp.Identity.Set(ctx, sessionIdentityModel{SessionID: m.ID})...)
	}
	id := m.ID.ValueString()
	if d.client == nil {
		resp.Diagnostics.Append(d.notRefreshed(id))
		return
	}

	newer := note.withInstance()
	session, err := d.readConfirmed(ctx, *m, note)
	switch imported := m.ExpiresAt.IsNull() && m.Active.IsNull() && note.Instance == ""; {
	case err == nil:
		d.noteAccount(&newer)
		resp.Diagnostics.Append(d.clockWarning(session)...)
		newer, diags = model.observe(session, newer)
		resp.Diagnostics.Append(diags...)
		d.guard.noteRead(id, newer)
	case errors.Is(err, palabra.ErrStillListed) && !imported:
		resp.Diagnostics.AddWarning("Session not read, but listed", fmt.Sprintf("%s\n\nThe state of session %q is kept. "+
			"If this does not pass, something between this machine and the API answers in its place.", sentence(err.Error()), id))
		return
	case !errors.Is(err, palabra.ErrNotFound):
		resp.Diagnostics.Append(d.readError(id, err))
		return
	case imported:
		// The engine reports the error. The same goes for a moved resource.
		resp.State.RemoveResource(ctx)
		return
	default:
		resp.Diagnostics.Append(d.otherAccountError("Unable to read session", err, *m, note)...)
		if resp.Diagnostics.HasError() {
			return
		}
		keep, diags := ended(err, &newer)
		resp.Diagnostics.Append(diags...)
		if resp.Diagnostics.HasError() {
			return
		}
		if !keep {
			resp.State.RemoveResource(ctx)
			return
		}
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, model)...)
	resp.State.Raw = withNumbersOf(resp.State.Raw, req.State.Raw)
	if note.differs(newer, *m) {
		resp.Diagnostics.Append(newer.save(ctx, resp.Private)...)
	}
}

// readConfirmed reads a session, from a page of the list if that only confirms the
// state.
func (d *providerData) readConfirmed(ctx context.Context, m lifetimeModel, note sessionNote) (palabra.Session, error) {
	if !m.isActive() {
		return d.client.GetEnded(ctx, m.ID.ValueString())
	}
	session, err := d.client.Read(ctx, m.ID.ValueString())
	if err == nil && session.Listed && m.needsSingleRead(session, note) {
		return d.client.Get(ctx, m.ID.ValueString())
	}
	return session, err
}

// keepEnded keeps an instance whose session was found missing.
func (d *providerData) keepEnded(m *lifetimeModel, gone error, note *sessionNote) diag.Diagnostics {
	var diags diag.Diagnostics
	if m.isActive() {
		diags.Append(m.endedWarning(*note))
	}
	m.markEnded(*m, *note, answeredAt(gone))
	return diags
}

// answeredAt is the server's time of an answer that was an error; zero if unknown.
func answeredAt(err error) time.Time {
	var apiErr *palabra.Error
	if !errors.As(err, &apiErr) {
		return time.Time{}
	}
	return apiErr.ServerTime
}

// warnOfShortening warns of a planned POST that makes a session end earlier, if this
// process has read the session. Apply reads nothing before it plans again, so it
// does not repeat the warning.
func (d *providerData) warnOfShortening(m lifetimeModel) diag.Diagnostics {
	read, ok := d.guard.lastRead(m.ID.ValueString())
	if !ok {
		return nil
	}
	return m.shorteningWarning(read.ExpiresAt, read.ServerTime)
}

// updateLifetime POSTs the TTL if the plan says so, and stores the planned values.
// If the session is gone, the instance becomes inactive, so that the error is
// reported only once.
func (d *providerData) updateLifetime(ctx context.Context, planned, prior lifetimeResourceModel, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	resp.Diagnostics.Append(planned.load(ctx, req.Plan)...)
	resp.Diagnostics.Append(prior.load(ctx, req.State)...)
	note, diags := loadSessionNote(ctx, req.Private)
	resp.Diagnostics.Append(diags...)
	resp.Diagnostics.Append(d.refuse(req.State.Raw, req.Plan.Raw, note)...)
	if resp.Diagnostics.HasError() {
		return
	}
	m, before := planned.common(), *prior.common()
	switch {
	case m.renewalIsPlanned():
		resp.Diagnostics.Append(d.renewLifetime(ctx, m, before, &note)...)
	case !m.isActive() && len(m.renewingChanges(before)) > 0:
		note.Unsent = true
	}
	if resp.Diagnostics.HasError() && m.isActive() {
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, planned)...)
	resp.State.Raw = withNumbersOf(resp.State.Raw, req.Plan.Raw)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, sessionIdentityModel{SessionID: m.ID})...)
	resp.Diagnostics.Append(note.save(ctx, resp.Private)...)
}

func (d *providerData) renewLifetime(ctx context.Context, m *lifetimeModel, prior lifetimeModel, note *sessionNote) diag.Diagnostics {
	var diags diag.Diagnostics
	const summary = "Unable to extend session"
	client := d.clientForApply(summary, &diags)
	if client == nil {
		return diags
	}
	d.guard.noteWritten(m.ID.ValueString())
	got, diags, err := d.setLifetime(ctx, client, m.ID.ValueString(), m.ttl(), note.ExpiresAt, timeOf(prior.ExpiresAt))
	if err == nil {
		d.noteAccount(note)
		m.recordGrant(note, got)
		return diags
	}
	if errors.Is(err, palabra.ErrNotFound) {
		if elsewhere := d.otherAccountError(summary, err, prior, *note); elsewhere.HasError() {
			return elsewhere
		}
		m.markEnded(prior, *note, answeredAt(err))
		note.Unsent = true
	}
	diags.Append(d.apiError(summary, err))
	return diags
}

// destroyLifetime deletes the session of an instance, unless the plan keeps the
// session.
func (d *providerData) destroyLifetime(ctx context.Context, model lifetimeResourceModel, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	resp.Diagnostics.Append(model.load(ctx, req.State)...)
	note, diags := loadSessionNote(ctx, req.Private)
	resp.Diagnostics.Append(diags...)
	resp.Diagnostics.Append(d.refuseDelete(req, note)...)
	next, diags := loadSuccessor(ctx, req.Private)
	resp.Diagnostics.Append(diags...)
	m := *model.common()
	if resp.Diagnostics.HasError() || !m.deletesOnDestroy() {
		return
	}
	const summary = "Unable to delete session"
	client := d.clientForApply(summary, &resp.Diagnostics)
	if client == nil {
		return
	}
	if !m.isActive() {
		return
	}
	id := m.ID.ValueString()
	spared, diags := d.guard.spares(id, next)
	resp.Diagnostics.Append(diags...)
	if spared {
		return
	}
	err := client.Delete(ctx, id)
	switch {
	case errors.Is(err, palabra.ErrNotFound):
		resp.Diagnostics.Append(d.otherAccountError(summary, err, m, note)...)
	case err != nil:
		resp.Diagnostics.Append(d.apiError(summary, err))
	default:
		d.guard.deleted.Store(id, true)
	}
}

// saveNew stores a new instance.
func saveNew(ctx context.Context, model lifetimeResourceModel, note sessionNote, req resource.CreateRequest, resp *resource.CreateResponse) {
	resp.Diagnostics.Append(resp.State.Set(ctx, model)...)
	resp.State.Raw = withNumbersOf(resp.State.Raw, req.Plan.Raw)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, sessionIdentityModel{SessionID: model.common().ID})...)
	resp.Diagnostics.Append(note.save(ctx, resp.Private)...)
}

// beginPlan loads what a plan decides from: configuration, state and private state
// alone. more is false after an error, and for a destroy, which only claims its session.
func (d *providerData) beginPlan(ctx context.Context, resourceType string, planned, prior lifetimeResourceModel, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) (note sessionNote, more bool) {
	note, diags := loadSessionNote(ctx, req.Private)
	resp.Diagnostics.Append(diags...)
	if req.Plan.Raw.IsNull() {
		d.guard.planDestroy(ctx, resourceType, prior, note, req, resp)
		return note, false
	}
	resp.Diagnostics.Append(planned.load(ctx, req.Plan)...)
	if isCreate := req.State.Raw.IsNull(); isCreate || resp.Diagnostics.HasError() {
		return note, !resp.Diagnostics.HasError()
	}
	resp.Diagnostics.Append(prior.load(ctx, req.State)...)
	before := *prior.common()
	note, diags = d.guard.rememberPrior(ctx, before, d.noteOrLastRead(note, before.ID.ValueString()), resp.Private)
	resp.Diagnostics.Append(diags...)
	return note, !resp.Diagnostics.HasError()
}

// setPlan plans the model. Numbers stay as they are in the state, or else as they
// are configured.
func setPlan(ctx context.Context, model lifetimeResourceModel, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	resp.Diagnostics.Append(resp.Plan.Set(ctx, model)...)
	resp.Plan.Raw = withNumbersOf(withNumbersOf(resp.Plan.Raw, req.Config.Raw), req.State.Raw)
}

// setLifetime POSTs the TTL and reads the session back. before are the expiries from
// before the write, zero where none is known. Only a failed POST is an error. What fails after
// an accepted POST is a warning, because an engine would taint a new instance.
func (d *providerData) setLifetime(ctx context.Context, client *palabra.Client, sessionID string, ttl time.Duration, before ...time.Time) (grant, diag.Diagnostics, error) {
	before = slices.DeleteFunc(before, time.Time.IsZero)
	writtenAt, err := client.SetExpiry(ctx, sessionID, int64(ttl/time.Second))
	if err != nil {
		return grant{}, nil, err
	}
	calculated := grant{ExpiresAt: writtenAt.Add(ttl), ServerTime: writtenAt, Granted: ttl, Calculated: true}
	stale := func(session palabra.Session) bool { return isStale(session, writtenAt, ttl, before) }
	session, diags := d.readBack(ctx, client, sessionID, stale)
	calculated.Session = session
	if session.ExpiresAt.IsZero() || stale(session) && len(before) > 0 {
		// A wrongly assumed cap can lose the session; a calculated expiry cannot.
		return calculated, diags, nil
	}
	got := grant{ExpiresAt: session.ExpiresAt, ServerTime: session.ServerTime, Granted: session.ExpiresAt.Sub(writtenAt), Session: session}
	if got.capped(ttl) {
		diags.AddAttributeWarning(path.Root("ttl_seconds"), "Session granted less than asked",
			fmt.Sprintf("Session %q was to live %s (ttl_seconds = %d), and the API reports that it expires at %s. "+
				"The API may cap lifetimes. Lower ttl_seconds to the granted lifetime.",
				sessionID, readableDuration(ttl), int64(ttl/time.Second), got.ExpiresAt.Format(time.RFC3339)))
	}
	return got, diags, nil
}

// setFirstLifetime is setLifetime for a session that was just created. It retries a
// 404 once, because the API may lag behind the creation.
func (d *providerData) setFirstLifetime(ctx context.Context, client *palabra.Client, sessionID string, ttl time.Duration) (grant, diag.Diagnostics, error) {
	got, diags, err := d.setLifetime(ctx, client, sessionID, ttl)
	if errors.Is(err, palabra.ErrNotFound) {
		d.timing.pause(ctx, rereadDelay)
		return d.setLifetime(ctx, client, sessionID, ttl)
	}
	return got, diags, err
}

// readBack reads a session after a write. It reads a second time if the API may
// lag behind the write. A failure is a warning.
func (d *providerData) readBack(ctx context.Context, client *palabra.Client, sessionID string, stale func(palabra.Session) bool) (palabra.Session, diag.Diagnostics) {
	session, err := client.Get(ctx, sessionID)
	if errors.Is(err, palabra.ErrNotFound) || err == nil && stale(session) {
		d.timing.pause(ctx, rereadDelay)
		if again, againErr := client.Get(ctx, sessionID); againErr == nil || err != nil {
			session, err = again, againErr
		}
	}
	if err != nil {
		return palabra.Session{}, diag.Diagnostics{diag.NewWarningDiagnostic("Session not read back",
			fmt.Sprintf("The write succeeded, but session %q could not be read afterwards. "+
				"Timestamps are calculated or missing until the next plan reads them.\n\n%s", sessionID, sentence(err.Error())))}
	}
	return session, nil
}
