package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

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
