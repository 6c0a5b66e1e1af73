package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

const replaceUnlessImported = "Changing it replaces the session, except after an import, which leaves it unset."

func (r *sessionResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	computedString := func(description string) schema.StringAttribute {
		return schema.StringAttribute{MarkdownDescription: description + " Told only at creation; null after an import.", Computed: true}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Creates a session that outlives the run of Terraform, and deletes it on destroy.\n\n" +
			"The tokens are secrets and stay in the state, marked as sensitive: protect it. A session that only one run needs is better the `palabra_session` ephemeral resource, which stores nothing. " +
			"A session that something else creates is given a lifetime with `palabra_session_expiry`; do not use that on a session whose `ttl_seconds` is set here.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{
				MarkdownDescription: "Id of the session.",
				Computed:            true,
			},
			"ttl_seconds": schema.Int64Attribute{
				MarkdownDescription: "Lifetime in whole seconds, at least 1, set right after creation and again, in place, whenever it is changed: the session then expires this long after the server's present time. " +
					"Default: what the API gives a new session. Removing it leaves the expiry as it is.",
				Optional:   true,
				Validators: []validator.Int64{int64validator.Between(1, maxTTLSeconds)},
			},
			"intent": schema.StringAttribute{
				MarkdownDescription: intentDescription + " " + replaceUnlessImported,
				Optional:            true,
				Computed:            true,
				Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
				PlanModifiers: []planmodifier.String{
					stringplanmodifier.UseStateForUnknown(),
					stringplanmodifier.RequiresReplaceIf(func(ctx context.Context, req planmodifier.StringRequest, resp *stringplanmodifier.RequiresReplaceIfFuncResponse) {
						resp.RequiresReplace = replacesSession(ctx, req.State, req.StateValue, req.ConfigValue, &resp.Diagnostics)
					}, replaceUnlessImported, replaceUnlessImported),
				},
			},
			"subscriber_count": schema.Int64Attribute{
				MarkdownDescription: subscriberCountDescription + " " + replaceUnlessImported,
				Optional:            true,
				Validators:          []validator.Int64{int64validator.Between(0, maxSubscribers)},
				PlanModifiers: []planmodifier.Int64{
					int64planmodifier.RequiresReplaceIf(func(ctx context.Context, req planmodifier.Int64Request, resp *int64planmodifier.RequiresReplaceIfFuncResponse) {
						resp.RequiresReplace = replacesSession(ctx, req.State, req.StateValue, req.ConfigValue, &resp.Diagnostics)
					}, replaceUnlessImported, replaceUnlessImported),
				},
			},
			"publisher_token": schema.StringAttribute{
				MarkdownDescription: publisherTokenDescription + " Told only at creation; null after an import.",
				Computed:            true,
				Sensitive:           true,
			},
			"subscriber_tokens": schema.ListAttribute{
				MarkdownDescription: subscriberTokensDescription + " Told only at creation; null after an import.",
				ElementType:         types.StringType,
				Computed:            true,
				Sensitive:           true,
			},
			"webrtc_url":       computedString(webRTCURLDescription),
			"webrtc_room_name": computedString(webRTCRoomNameDescription),
			"ws_url":           computedString(wsURLDescription),
			"created_at": schema.StringAttribute{
				MarkdownDescription: createdAtDescription,
				CustomType:          timetypes.RFC3339Type{},
				Computed:            true,
			},
			"expires_at": schema.StringAttribute{
				MarkdownDescription: "The session lives at least until this RFC 3339 timestamp. A later live expiry leaves it alone; one that is earlier by more than a minute is stored.",
				CustomType:          timetypes.RFC3339Type{},
				Computed:            true,
			},
		},
	}
}

// replacesSession says whether a changed argument of the creation needs another
// session. What an import left unset is not known to differ, and a session that
// was created here without the argument is: only that one has a token.
func replacesSession(ctx context.Context, state tfsdk.State, prior, configured attr.Value, diags *diag.Diagnostics) bool {
	if configured.IsNull() {
		return false
	}
	var publisherToken types.String
	diags.Append(state.GetAttribute(ctx, path.Root("publisher_token"), &publisherToken)...)
	return !prior.IsNull() || !publisherToken.IsNull()
}
