package provider

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

// lifetimeModel holds the attributes that palabra_session_expiry and
// palabra_session have in common.
type lifetimeModel struct {
	ID                 types.String      `tfsdk:"id"`
	TTLSeconds         types.Int64       `tfsdk:"ttl_seconds"`
	RenewBeforeSeconds types.Int64       `tfsdk:"renew_before_seconds"`
	RenewTriggers      types.Map         `tfsdk:"renew_triggers"`
	DeleteOnDestroy    types.Bool        `tfsdk:"delete_on_destroy"`
	ExpiresAt          timetypes.RFC3339 `tfsdk:"expires_at"`
	RenewAt            timetypes.RFC3339 `tfsdk:"renew_at"`
	Active             types.Bool        `tfsdk:"active"`
	Expired            types.Bool        `tfsdk:"expired"`
}

// maxTTLSeconds, about 285 years, is close to the longest time.Duration. A longer
// one would overflow into the past.
const maxTTLSeconds = 9_000_000_000

const ttlSecondsDescription = "Lifetime in whole seconds, counted from the server's time at each apply that creates the resource, changes this value or renews the session."

// lifetimeSchema adds the common attributes to a resource's own ones. ttl_seconds is
// not among them, because only one resource requires it.
func lifetimeSchema(own map[string]schema.Attribute) map[string]schema.Attribute {
	attributes := map[string]schema.Attribute{
		"renew_before_seconds": schema.Int64Attribute{
			CustomType:          wholeNumberType{},
			MarkdownDescription: "Lead time, smaller than `ttl_seconds`: a plan made when fewer seconds are left renews the session in place. Not an interval. Default: none.",
			Optional:            true,
			Validators:          []validator.Int64{int64validator.Between(1, maxTTLSeconds), int64validator.AlsoRequires(path.MatchRoot("ttl_seconds"))},
		},
		"renew_triggers": schema.MapAttribute{
			MarkdownDescription: "Arbitrary values; a change sets the lifetime anew, in place.",
			ElementType:         types.StringType,
			Optional:            true,
			Validators:          []validator.Map{mapvalidator.AlsoRequires(path.MatchRoot("ttl_seconds"))},
		},
		"delete_on_destroy": schema.BoolAttribute{
			MarkdownDescription: "Whether destroy deletes the session; with `false` it expires by itself. Default `true`. Apply a change before you destroy.",
			Optional:            true,
			Computed:            true,
			Default:             booldefault.StaticBool(true),
		},
		"expires_at": schema.StringAttribute{
			MarkdownDescription: "The session lives at least until this RFC 3339 timestamp. A later live expiry is not drift; an earlier one is stored, with a warning.",
			CustomType:          timetypes.RFC3339Type{},
			Computed:            true,
		},
		"renew_at": schema.StringAttribute{
			MarkdownDescription: "A plan that refreshes after this RFC 3339 timestamp renews the session, unless its live expiry is later. Null without `renew_before_seconds` and after the end.",
			CustomType:          timetypes.RFC3339Type{},
			Computed:            true,
		},
		"active": schema.BoolAttribute{
			MarkdownDescription: "Whether the session exists, according to the API's last answer.",
			Computed:            true,
		},
		"expired": schema.BoolAttribute{
			MarkdownDescription: "Whether the session was found missing after its last known expiry, so nobody renewed it. False if it was hung up or deleted before.",
			Computed:            true,
		},
	}
	maps.Copy(attributes, own)
	return attributes
}

// validateLeadTime compares the two durations if both are known.
func (m *lifetimeModel) validateLeadTime() diag.Diagnostics {
	var diags diag.Diagnostics
	lead, ttl := m.RenewBeforeSeconds, m.TTLSeconds
	if lead.IsNull() || lead.IsUnknown() || ttl.IsNull() || ttl.IsUnknown() || lead.ValueInt64() < ttl.ValueInt64() {
		return diags
	}
	diags.AddAttributeError(path.Root("renew_before_seconds"), "Lead time is not smaller than the lifetime",
		fmt.Sprintf("renew_before_seconds (%d) must be smaller than ttl_seconds (%d). Otherwise every plan would renew the session.",
			lead.ValueInt64(), ttl.ValueInt64()))
	return diags
}

// lifetimeResourceModel is the model of a resource that gives a session a lifetime.
type lifetimeResourceModel interface {
	// load reads a configuration, a plan or a state.
	load(ctx context.Context, from valueGetter) diag.Diagnostics
	// common returns the common attributes.
	common() *lifetimeModel
	// observe updates the model to a session that was just read.
	observe(session palabra.Session, note sessionNote) (sessionNote, diag.Diagnostics)
}

// valueGetter is a configuration, plan or state.
type valueGetter interface {
	Get(ctx context.Context, target any) diag.Diagnostics
}

func (m *lifetimeModel) common() *lifetimeModel { return m }

// isActive treats null as true: an import or a move leaves active unset.
func (m *lifetimeModel) isActive() bool { return m.Active.IsNull() || m.Active.ValueBool() }

// deletesOnDestroy treats null as true, as after an import.
func (m *lifetimeModel) deletesOnDestroy() bool {
	return m.DeleteOnDestroy.IsNull() || m.DeleteOnDestroy.ValueBool()
}

// deletes says whether a destroy of this instance deletes a session.
func (m *lifetimeModel) deletes() bool { return m.isActive() && m.deletesOnDestroy() }

func (m *lifetimeModel) ttl() time.Duration { return seconds(m.TTLSeconds) }

func seconds(value types.Int64) time.Duration {
	return time.Duration(value.ValueInt64()) * time.Second
}

// timestamp is null for the zero time, which stands for a missing value.
func timestamp(t time.Time) timetypes.RFC3339 {
	if t.IsZero() {
		return timetypes.NewRFC3339Null()
	}
	// RFC 3339 ends with the year 9999, and a later time in a state fails every run.
	if last := time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC); t.After(last) {
		t = last
	}
	return timetypes.NewRFC3339TimeValue(t)
}

// timeOf returns the zero time for a null or unknown timestamp.
func timeOf(value timetypes.RFC3339) time.Time {
	if value.IsNull() || value.IsUnknown() {
		return time.Time{}
	}
	t, _ := value.ValueRFC3339Time()
	return t
}
