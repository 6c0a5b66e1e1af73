package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// maxTTLSeconds is what a duration in nanoseconds can still hold, some 292
// years; more would overflow into the past.
const maxTTLSeconds = 9_000_000_000

func (r *sessionExpiryResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Gives an existing session a lifetime, renews it, and deletes the session on destroy.\n\n" +
			"The resource states an intent: at the last apply, the session was given this lifetime. It does not chase the clock: " +
			"time that passes, and a live connection that moves the expiry later, are no drift. Renewal happens only when Terraform runs.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{
				MarkdownDescription: "Same as `session_id`.",
				Computed:            true,
			},
			"session_id": schema.StringAttribute{
				MarkdownDescription: sessionIDDescription + " Changing it replaces the resource, which **deletes the old session** unless `delete_on_destroy` is `false`. " +
					"Beware of `-replace` and `taint`: they delete the very session they are about to extend.",
				Required:      true,
				Validators:    []validator.String{stringvalidator.LengthAtLeast(1)},
				PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()},
			},
			"ttl_seconds": schema.Int64Attribute{
				MarkdownDescription: "Lifetime in whole seconds, at least 1. Create, and every update that changes it, sets the session to expire this long after the server's present time. " +
					"Once the session has reached its end, a change is an error at plan time.",
				Required:   true,
				Validators: []validator.Int64{int64validator.Between(1, maxTTLSeconds)},
			},
			"renew_before_seconds": schema.Int64Attribute{
				MarkdownDescription: "Lead time in whole seconds: a plan made when less than this remains shows an in-place renewal. It is no period: nothing happens between runs of Terraform. " +
					"Must be smaller than `ttl_seconds`. Changing only this sends no request. " +
					"Where the API granted no more than this, the lead time shrinks in proportion, so that a capped session is not renewed in every plan. Default: never renewed by time.",
				Optional:   true,
				Validators: []validator.Int64{int64validator.Between(1, maxTTLSeconds)},
			},
			"renew_triggers": schema.MapAttribute{
				MarkdownDescription: "Arbitrary values that, when they change, renew the session in place. Adding or removing the argument renews it, too.",
				ElementType:         types.StringType,
				Optional:            true,
			},
			"delete_on_destroy": schema.BoolAttribute{
				MarkdownDescription: "Whether destroy deletes the session, which ends a live connection. `false` forgets the session and lets it run out. Default `true`. " +
					"Destroy goes by the value in the state: apply a change of it before destroying.",
				Optional: true,
				Computed: true,
				Default:  booldefault.StaticBool(true),
			},
			"expires_at": schema.StringAttribute{
				MarkdownDescription: "The session lives at least until this RFC 3339 timestamp: what the last write was granted. " +
					"A later live expiry leaves it alone; one that is earlier by more than a minute is stored, with a warning. The live value is that of the `palabra_session` data source.",
				CustomType: timetypes.RFC3339Type{},
				Computed:   true,
			},
			"expired": schema.BoolAttribute{
				MarkdownDescription: "Whether the session has reached its end. Nothing more can be done with it, and nothing is planned for it.",
				Computed:            true,
			},
		},
	}
}

// ValidateConfig compares the two durations where both are known; ModifyPlan
// does so again for values that only apply knows.
func (r *sessionExpiryResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	config, diags := newSessionExpiryModel(ctx, req.Config)
	resp.Diagnostics.Append(diags...)
	resp.Diagnostics.Append(config.validateLeadTime()...)
}

func (m *sessionExpiryModel) validateLeadTime() diag.Diagnostics {
	var diags diag.Diagnostics
	lead, ttl := m.RenewBeforeSeconds, m.TTLSeconds
	if lead.IsNull() || lead.IsUnknown() || ttl.IsNull() || ttl.IsUnknown() || lead.ValueInt64() < ttl.ValueInt64() {
		return diags
	}
	diags.AddAttributeError(path.Root("renew_before_seconds"), "Lead time is not smaller than the lifetime",
		fmt.Sprintf("renew_before_seconds (%d) must be smaller than ttl_seconds (%d): a session would be due for renewal as soon as it was renewed.",
			lead.ValueInt64(), ttl.ValueInt64()))
	return diags
}
