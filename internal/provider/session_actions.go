package provider

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/action"
	"github.com/hashicorp/terraform-plugin-framework/action/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

var (
	_ action.ActionWithConfigure = (*extendSessionAction)(nil)
	_ action.ActionWithConfigure = (*deleteSessionAction)(nil)
)

// configuredAction is embedded by every action.
type configuredAction struct {
	data *providerData
}

func (a *configuredAction) Configure(_ context.Context, req action.ConfigureRequest, resp *action.ConfigureResponse) {
	a.data = providerDataFrom(req.ProviderData, &resp.Diagnostics)
}

const needsActions = "-> Needs Terraform 1.14 or later. OpenTofu does not support actions yet."

type extendSessionAction struct {
	configuredAction
}

func newExtendSessionAction() action.Action { return &extendSessionAction{} }

func (a *extendSessionAction) Metadata(_ context.Context, req action.MetadataRequest, resp *action.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_extend_session"
}

func (a *extendSessionAction) Schema(_ context.Context, _ action.SchemaRequest, resp *action.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Extends a session, so that it lives at least `ttl_seconds` from now. It never shortens one: if the session lives longer already, nothing is sent.\n\n" + needsActions +
			"\n\nIt reports the expiry that the API returns afterwards, and warns if that is earlier than requested. To keep a session alive, use the `palabra_session_expiry` resource.",
		Attributes: map[string]schema.Attribute{
			"session_id": sessionIDArgument(),
			"ttl_seconds": schema.Int64Attribute{
				CustomType:          wholeNumberType{},
				MarkdownDescription: "Lifetime in whole seconds, at least 1, counted from the server's time when the action is invoked.",
				Required:            true,
				Validators:          []validator.Int64{int64validator.Between(1, maxTTLSeconds)},
			},
		},
	}
}

func (a *extendSessionAction) Invoke(ctx context.Context, req action.InvokeRequest, resp *action.InvokeResponse) {
	var config struct {
		SessionID  types.String `tfsdk:"session_id"`
		TTLSeconds types.Int64  `tfsdk:"ttl_seconds"`
	}
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	resp.Diagnostics.Append(a.data.refuseToSend(anAction)...)
	if resp.Diagnostics.HasError() {
		return
	}
	const summary = "Unable to extend session"
	client := a.data.configuredClient(summary, &resp.Diagnostics)
	if client == nil {
		return
	}
	id, ttl := config.SessionID.ValueString(), config.TTLSeconds.ValueInt64()
	session, err := client.Get(ctx, id)
	if err != nil {
		resp.Diagnostics.AddAttributeError(path.Root("session_id"), summary, a.data.explainAction(ctx, err, "Nothing was sent that changes the session."))
		return
	}
	if lasts := time.Duration(ttl) * time.Second; session.ExpiresAt.After(session.ServerTime.Add(lasts)) {
		resp.SendProgress(action.InvokeProgressEvent{Message: fmt.Sprintf("Session %s already lives longer, until %s, so nothing was sent", id, session.ExpiresAt.UTC().Format(time.RFC3339))})
		return
	}
	granted, diags, err := a.data.setLifetime(ctx, client, id, time.Duration(ttl)*time.Second, session.ExpiresAt)
	resp.Diagnostics.Append(diags...)
	if err != nil {
		resp.Diagnostics.AddAttributeError(path.Root("session_id"), summary, a.data.explainAction(ctx, err,
			fmt.Sprintf("Session %q may have got the new lifetime. Invoke the action again to be sure.", id)))
		return
	}
	message := fmt.Sprintf("Session %s now expires at %s", id, granted.ExpiresAt.UTC().Format(time.RFC3339))
	if granted.Calculated {
		message = fmt.Sprintf("Session %s should now expire at %s, which was not read back", id, granted.ExpiresAt.UTC().Format(time.RFC3339))
	}
	resp.SendProgress(action.InvokeProgressEvent{Message: message})
}

// explainAction is explain, unless the action was interrupted: then it says what may
// have been done.
func (d *providerData) explainAction(ctx context.Context, err error, interrupted string) string {
	if ctx.Err() != nil {
		return sentence(err.Error()) + "\n\nThe action was interrupted. " + interrupted
	}
	return d.explain(err)
}

type deleteSessionAction struct {
	configuredAction
}

func newDeleteSessionAction() action.Action { return &deleteSessionAction{} }

func (a *deleteSessionAction) Metadata(_ context.Context, req action.MetadataRequest, resp *action.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_delete_session"
}

func (a *deleteSessionAction) Schema(_ context.Context, _ action.SchemaRequest, resp *action.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Deletes a session. A session that does not exist is not an error.\n\n" +
			"~> **Deletes the session even while a client is connected**, and so ends a live conversation.\n\n" + needsActions,
		Attributes: map[string]schema.Attribute{"session_id": sessionIDArgument()},
	}
}

func (a *deleteSessionAction) Invoke(ctx context.Context, req action.InvokeRequest, resp *action.InvokeResponse) {
	var config struct {
		SessionID types.String `tfsdk:"session_id"`
	}
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	resp.Diagnostics.Append(a.data.refuseToSend(anAction)...)
	if resp.Diagnostics.HasError() {
		return
	}
	const summary = "Unable to delete session"
	client := a.data.configuredClient(summary, &resp.Diagnostics)
	if client == nil {
		return
	}
	id := config.SessionID.ValueString()
	message := "Deleted session " + id
	if err := client.Delete(ctx, id); errors.Is(err, palabra.ErrNotFound) && !errors.Is(err, palabra.ErrMaybeDeleted) {
		message = "Session " + id + " does not exist: it has ended, was deleted, or never existed"
	} else if err != nil && !errors.Is(err, palabra.ErrMaybeDeleted) {
		resp.Diagnostics.AddAttributeError(path.Root("session_id"), summary, a.data.explainAction(ctx, err,
			fmt.Sprintf("Session %q may be deleted already. Invoke the action again to be sure.", id)))
		return
	}
	resp.SendProgress(action.InvokeProgressEvent{Message: message})
}

func sessionIDArgument() schema.StringAttribute {
	return schema.StringAttribute{
		MarkdownDescription: sessionIDDescription,
		Required:            true,
		Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
	}
}
