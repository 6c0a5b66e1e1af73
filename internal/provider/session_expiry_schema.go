package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
)

func (r *sessionExpiryResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Gives an existing session a lifetime, renews it, and deletes the session on destroy.\n\n" +
			"~> **Destroying this resource deletes the session**, and with it a live conversation. So does removing its block or changing `session_id`. " +
			"If that must not happen, set and apply `delete_on_destroy = false`, or set `lifecycle { prevent_destroy = true }`. `-replace` and `taint` extend the session and do not delete it.\n\n" +
			"The resource states an intent: at the last apply, the session was given this lifetime. Neither passing time nor a live connection that moves the expiry later is drift. " +
			"Renewal happens only when Terraform runs. When the session has ended, `active` is false and nothing is planned.",
		Attributes: withLifetime(lifetimeSchema(), map[string]schema.Attribute{
			"id": schema.StringAttribute{
				MarkdownDescription: "Same as `session_id`.",
				Computed:            true,
			},
			"session_id": schema.StringAttribute{
				MarkdownDescription: sessionIDDescription + " A change replaces the resource.",
				Required:            true,
				Validators:          []validator.String{sessionIDValidator{}},
				PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
			},
			"ttl_seconds": schema.Int64Attribute{
				CustomType:          wholeNumberType{},
				MarkdownDescription: ttlSecondsDescription,
				Required:            true,
				Validators:          []validator.Int64{int64validator.Between(1, maxTTLSeconds)},
			},
		}),
	}
}
