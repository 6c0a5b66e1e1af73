package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/listplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

const replaceUnlessImported = "A change replaces the session, except after an import."

func (r *sessionResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	onCreation := func(description string) string {
		return description + " Returned only on creation; null after an import."
	}
	stable := []planmodifier.String{stringplanmodifier.UseStateForUnknown()}
	createdString := func(description string) schema.StringAttribute {
		return schema.StringAttribute{MarkdownDescription: onCreation(description), Computed: true, PlanModifiers: stable}
	}
	replaceIf := stringplanmodifier.RequiresReplaceIf(requiresReplace, replaceUnlessImported, replaceUnlessImported)
	resp.Schema = schema.Schema{
		MarkdownDescription: "Creates a session that outlives the run of Terraform, gives it a lifetime, renews it, and deletes it on destroy.\n\n" +
			"~> **Destroying or replacing this resource deletes the session**, and with it a live conversation. So does removing its block, or changing `intent` or `aggregation_id`. " +
			"If that must not happen, set and apply `delete_on_destroy = false`, or set `lifecycle { prevent_destroy = true }`.\n\n" +
			"~> **The tokens are secrets and are stored in the state**, marked as sensitive: protect the state. For a session that only one run needs, use the `palabra_session` ephemeral resource, which stores nothing.\n\n" +
			"The lifetime works as in `palabra_session_expiry`, which is for sessions that something else creates. Use only one of the two for a session.",
		Attributes: withLifetime(lifetimeSchema(), map[string]schema.Attribute{
			"id": schema.StringAttribute{
				MarkdownDescription: "Id of the session.",
				Computed:            true,
				PlanModifiers:       stable,
			},
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
				PlanModifiers:       []planmodifier.String{stringplanmodifier.UseStateForUnknown(), replaceIf},
			},
			"aggregation_id": schema.StringAttribute{
				MarkdownDescription: "Groups sessions in the billing display. " + replaceUnlessImported,
				Optional:            true,
				Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
				PlanModifiers:       []planmodifier.String{replaceIf},
			},
			"subscriber_count": schema.Int64Attribute{
				CustomType:          wholeNumberType{},
				MarkdownDescription: subscriberCountDescription + " A change does not replace the session. The present API may ignore it.",
				Optional:            true,
				Validators:          []validator.Int64{int64validator.Between(0, maxSubscribers)},
			},
			"publisher_token": schema.StringAttribute{
				MarkdownDescription: onCreation(publisherTokenDescription),
				Computed:            true,
				Sensitive:           true,
				PlanModifiers:       stable,
			},
			"subscriber_tokens": schema.ListAttribute{
				MarkdownDescription: onCreation(subscriberTokensDescription),
				ElementType:         types.StringType,
				Computed:            true,
				Sensitive:           true,
				PlanModifiers:       []planmodifier.List{listplanmodifier.UseStateForUnknown()},
			},
			"webrtc_url":       createdString(webRTCURLDescription),
			"webrtc_room_name": createdString(webRTCRoomNameDescription),
			"ws_url":           createdString(wsURLDescription),
			"organization": schema.StringAttribute{
				MarkdownDescription: "Organization that owns the session, where the API returns it.",
				Computed:            true,
				PlanModifiers:       stable,
			},
			"created_at": schema.StringAttribute{
				MarkdownDescription: createdAtDescription,
				CustomType:          timetypes.RFC3339Type{},
				Computed:            true,
				PlanModifiers:       stable,
			},
		}),
	}
}
