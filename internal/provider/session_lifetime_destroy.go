package provider

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

// destroy deletes the session of an instance, unless the plan keeps the session.
func (d *providerData) destroy(ctx context.Context, m lifetimeModel, private privateState) diag.Diagnostics {
	note, diags := loadLifetimeNote(ctx, private)
	next, successorDiags := loadPrivate[*successor](ctx, private, successorKey)
	diags.Append(successorDiags...)
	id := m.SessionID.ValueString()
	if diags.HasError() || !m.DeleteOnDestroy.IsNull() && !m.DeleteOnDestroy.ValueBool() {
		return diags
	}
	const summary = "Unable to delete session"
	client := d.configuredClient(summary, &diags)
	if client == nil {
		return diags
	}
	_, written := d.written.Load(id)
	switch {
	case written:
		// create_before_destroy: the successor has just set the session's lifetime.
		return diags
	case next != nil && next.SessionID == id:
		// The create half of this replacement extends the session.
		return diags
	case next != nil && next.SessionID == "" && next.DeletedElsewhere:
		return diags
	case next != nil && next.SessionID == "":
		diags.AddWarning("Session not deleted",
			fmt.Sprintf("This resource was replaced, and the new session_id was not known at plan time: it could have been session %q itself. "+
				"So the session was not deleted. It ends when it expires. To end it now, use the palabra_delete_session action, or import it and destroy it.", id))
		return diags
	case !m.isActive() && d.sameAccount(note):
		return diags
	}
	d.applying.Store(true)
	err := client.Delete(ctx, id)
	if errors.Is(err, palabra.ErrNotFound) {
		diags.Append(d.otherAccountError(summary, err, m, note)...)
		return diags
	}
	if err != nil {
		diags.Append(d.apiError(summary, err))
	}
	return diags
}
