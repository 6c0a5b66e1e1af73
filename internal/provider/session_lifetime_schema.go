package provider

import (
	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// maxTTLSeconds, about 285 years, is close to the longest time.Duration. A longer
// one would overflow into the past.
const maxTTLSeconds = 9_000_000_000

const ttlSecondsDescription = "Lifetime in whole seconds, counted from the server's time at each apply that creates the resource, changes this value or renews the session."

// lifetimeSchema holds the common attributes of both resources. ttl_seconds is not
// among them, because only one resource requires it.
func lifetimeSchema() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"renew_before_seconds": schema.Int64Attribute{
			CustomType:          wholeNumberType{},
			MarkdownDescription: "Lead time, smaller than `ttl_seconds`: a plan made when fewer seconds are left renews the session in place. Not an interval. Default: none.",
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
			MarkdownDescription: "A plan made after this RFC 3339 timestamp renews the session. Null without `renew_before_seconds` and after the end.",
			CustomType:          timetypes.RFC3339Type{},
			Computed:            true,
		},
		"active": schema.BoolAttribute{
			MarkdownDescription: "Whether the session exists, according to the API's last answer.",
			Computed:            true,
		},
	}
}
