package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// maxTTLSeconds is what a duration in nanoseconds can still hold, some 285
// years; more would overflow into the past.
const maxTTLSeconds = 9_000_000_000

const ttlSecondsDescription = "Lifetime in whole seconds, counted from the server's time at each apply that creates, changes or renews."

// lifetimeSchema holds the attributes that both resources have in common, but
// for ttl_seconds, which one of them requires.
func lifetimeSchema() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"renew_before_seconds": schema.Int64Attribute{
			CustomType:          wholeNumberType{},
			MarkdownDescription: "Lead time, smaller than `ttl_seconds`: a plan made when fewer seconds are left renews in place. Not an interval. Default: none.",
			Optional:            true,
			Validators:          []validator.Int64{int64validator.Between(1, maxTTLSeconds), int64validator.AlsoRequires(path.MatchRoot("ttl_seconds"))},
		},
		"renew_triggers": schema.MapAttribute{
			MarkdownDescription: "Arbitrary values; a change renews the session in place.",
			ElementType:         types.StringType,
			Optional:            true,
			Validators:          []validator.Map{mapvalidator.AlsoRequires(path.MatchRoot("ttl_seconds"))},
		},
		"delete_on_destroy": schema.BoolAttribute{
			MarkdownDescription: "Whether destroy deletes the session; `false` lets it run out. Default `true`. Apply a change of it before you destroy.",
			Optional:            true,
			Computed:            true,
			Default:             booldefault.StaticBool(true),
		},
		"expires_at": schema.StringAttribute{
			MarkdownDescription: "The session lives at least until this RFC 3339 timestamp. A later live expiry is no drift; an earlier one is stored, with a warning.",
			CustomType:          timetypes.RFC3339Type{},
			Computed:            true,
		},
		"renew_at": schema.StringAttribute{
			MarkdownDescription: "A plan made after this RFC 3339 timestamp renews the session. Null without `renew_before_seconds` and after the end.",
			CustomType:          timetypes.RFC3339Type{},
			Computed:            true,
		},
		"active": schema.BoolAttribute{
			MarkdownDescription: "Whether the session exists, as far as the API has said. An ended session is left alone: nothing is planned for it.",
			Computed:            true,
		},
	}
}

func (r *sessionExpiryResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Gives an existing session a lifetime, renews it, and deletes the session on destroy.\n\n" +
			"~> **Destroying this resource deletes the session**, and with it a live conversation. So does removing its block or another `session_id`. " +
			"Set `delete_on_destroy = false`, or `lifecycle { prevent_destroy = true }`, where that must not happen. `-replace` and `taint` extend the session and do not delete it.\n\n" +
			"The resource states an intent: at the last apply, the session was given this lifetime. Time that passes, and a live connection that moves the expiry later, are no drift. " +
			"Renewal happens only when Terraform runs.",
		Attributes: withLifetime(lifetimeSchema(), map[string]schema.Attribute{
			"id": schema.StringAttribute{
				MarkdownDescription: "Same as `session_id`.",
				Computed:            true,
			},
			"session_id": schema.StringAttribute{
				MarkdownDescription: sessionIDDescription + " Another id replaces the resource.",
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

// ValidateConfig compares the two durations where both are known; ModifyPlan
// does so again for values that only apply knows.
func (r *sessionExpiryResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	config, diags := newSessionExpiryModel(ctx, req.Config)
	resp.Diagnostics.Append(diags...)
	resp.Diagnostics.Append(config.validateLeadTime()...)
}

// sessionIDValidator refuses ids that cannot be sent in a request. It accepts
// every other id.
type sessionIDValidator struct{}

func (sessionIDValidator) Description(context.Context) string {
	return "must be the id of a session"
}

func (v sessionIDValidator) MarkdownDescription(ctx context.Context) string {
	return v.Description(ctx)
}

func (sessionIDValidator) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if problem := problemOfID(req.ConfigValue.ValueString()); problem != "" {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid session id", problem)
	}
}

// problemOfID says why an id cannot be sent in a request; empty if it can.
func problemOfID(id string) string {
	switch id {
	case "":
		return "The session id is empty."
	case ".", "..":
		return fmt.Sprintf("%q is not the id of a session: proxies and servers take it for a step in the path of the URL.", id)
	}
	return ""
}
