package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// sessionExpiryModel is taken from and turned into an object of the framework
// by hand: an engine asks for it several times for each instance, and the
// framework's reflection on structs, which compiles a regular expression for
// each field of each call, costs more than all else that happens here.
type sessionExpiryModel struct {
	ID                 types.String
	SessionID          types.String
	TTLSeconds         types.Int64
	RenewBeforeSeconds types.Int64
	RenewTriggers      types.Map
	DeleteOnDestroy    types.Bool
	ExpiresAt          timetypes.RFC3339
	Expired            types.Bool
}

// sessionExpiryAttributes are the types of the schema's attributes.
var sessionExpiryAttributes = map[string]attr.Type{
	"id":                   types.StringType,
	"session_id":           types.StringType,
	"ttl_seconds":          types.Int64Type,
	"renew_before_seconds": types.Int64Type,
	"renew_triggers":       types.MapType{ElemType: types.StringType},
	"delete_on_destroy":    types.BoolType,
	"expires_at":           timetypes.RFC3339Type{},
	"expired":              types.BoolType,
}

// valueGetter is a configuration, plan or state.
type valueGetter interface {
	Get(ctx context.Context, target any) diag.Diagnostics
}

func newSessionExpiryModel(ctx context.Context, from valueGetter) (sessionExpiryModel, diag.Diagnostics) {
	var object types.Object
	diags := from.Get(ctx, &object)
	attributes := object.Attributes()
	return sessionExpiryModel{
		ID:                 attribute[types.String](attributes, "id"),
		SessionID:          attribute[types.String](attributes, "session_id"),
		TTLSeconds:         attribute[types.Int64](attributes, "ttl_seconds"),
		RenewBeforeSeconds: attribute[types.Int64](attributes, "renew_before_seconds"),
		RenewTriggers:      attribute[types.Map](attributes, "renew_triggers"),
		DeleteOnDestroy:    attribute[types.Bool](attributes, "delete_on_destroy"),
		ExpiresAt:          attribute[timetypes.RFC3339](attributes, "expires_at"),
		Expired:            attribute[types.Bool](attributes, "expired"),
	}, diags
}

// attribute is null, the zero value of the framework's types, where the object
// could not be read.
func attribute[T attr.Value](attributes map[string]attr.Value, name string) T {
	value, _ := attributes[name].(T)
	return value
}

func (m *sessionExpiryModel) object() types.Object {
	return types.ObjectValueMust(sessionExpiryAttributes, map[string]attr.Value{
		"id":                   m.ID,
		"session_id":           m.SessionID,
		"ttl_seconds":          m.TTLSeconds,
		"renew_before_seconds": m.RenewBeforeSeconds,
		"renew_triggers":       m.RenewTriggers,
		"delete_on_destroy":    m.DeleteOnDestroy,
		"expires_at":           m.ExpiresAt,
		"expired":              m.Expired,
	})
}

func (m *sessionExpiryModel) equal(other sessionExpiryModel) bool {
	return m.object().Equal(other.object())
}
