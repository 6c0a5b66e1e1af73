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

// configuredAction is what every action of the provider embeds.
type configuredAction struct {
	data *providerData
}

func (a *configuredAction) Configure(_ context.Context, req action.ConfigureRequest, resp *action.ConfigureResponse) {
	a.data = providerDataFrom(req.ProviderData, &resp.Diagnostics)
}

type extendSessionAction struct {
	configuredAction
}

func newExtendSessionAction() action.Action { return &extendSessionAction{} }

func (a *extendSessionAction) Metadata(_ context.Context, req action.MetadataRequest, resp *action.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_extend_session"
}

func (a *extendSessionAction) Schema(_ context.Context, _ action.SchemaRequest, resp *action.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Sets a session to expire `ttl_seconds` from now, once, each time the action is invoked. For a lifetime that Terraform keeps, use the `palabra_session_expiry` resource.",
		Attributes: map[string]schema.Attribute{
			"session_id": sessionIDArgument(),
			"ttl_seconds": schema.Int64Attribute{
				MarkdownDescription: "Lifetime in whole seconds, at least 1, counted from the server's present time.",
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
	if resp.Diagnostics.HasError() {
		return
	}
	const summary = "Unable to extend session"
	client := a.data.configuredClient(summary, &resp.Diagnostics)
	if client == nil {
		return
	}
	id, ttl := config.SessionID.ValueString(), config.TTLSeconds.ValueInt64()
	written, err := client.SetExpiry(ctx, id, ttl)
	if err != nil {
		resp.Diagnostics.AddAttributeError(path.Root("session_id"), summary, a.data.explain(err))
		return
	}
	resp.SendProgress(action.InvokeProgressEvent{
		Message: fmt.Sprintf("Session %s now expires at %s", id, written.Add(time.Duration(ttl)*time.Second).Format(time.RFC3339)),
	})
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
		MarkdownDescription: "Deletes a session, which ends a live connection to it. A session that does not exist any more is fine.",
		Attributes:          map[string]schema.Attribute{"session_id": sessionIDArgument()},
	}
}

func (a *deleteSessionAction) Invoke(ctx context.Context, req action.InvokeRequest, resp *action.InvokeResponse) {
	var config struct {
		SessionID types.String `tfsdk:"session_id"`
	}
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
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
	if err := client.Delete(ctx, id); errors.Is(err, palabra.ErrNotFound) {
		message = "Session " + id + " was already gone"
	} else if err != nil {
		resp.Diagnostics.AddAttributeError(path.Root("session_id"), summary, a.data.explain(err))
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
