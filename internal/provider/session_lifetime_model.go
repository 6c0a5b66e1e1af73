package provider

import (
	"context"
	"maps"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// lifetimeModel holds the attributes that palabra_session_expiry and
// palabra_session have in common. Both models are read and written by hand,
// because engines ask for them several times for each instance, and the
// framework's reflection compiles a regular expression for each field of each call.
type lifetimeModel struct {
	// SessionID is session_id of palabra_session_expiry, and id of palabra_session.
	SessionID          types.String
	TTLSeconds         wholeNumber
	RenewBeforeSeconds wholeNumber
	RenewTriggers      types.Map
	DeleteOnDestroy    types.Bool
	ExpiresAt          timetypes.RFC3339
	RenewAt            timetypes.RFC3339
	Active             types.Bool
}

// lifetimeAttributeTypes are the types of the common attributes. session_id is not
// among them: only one resource has it.
var lifetimeAttributeTypes = map[string]attr.Type{
	"id":                   types.StringType,
	"ttl_seconds":          wholeNumberType{},
	"renew_before_seconds": wholeNumberType{},
	"renew_triggers":       types.MapType{ElemType: types.StringType},
	"delete_on_destroy":    types.BoolType,
	"expires_at":           timetypes.RFC3339Type{},
	"renew_at":             timetypes.RFC3339Type{},
	"active":               types.BoolType,
}

// withLifetime adds a resource's own attributes to the common ones.
func withLifetime[T any](common, own map[string]T) map[string]T {
	all := maps.Clone(common)
	maps.Copy(all, own)
	return all
}

// valueGetter is a configuration, plan or state.
type valueGetter interface {
	Get(ctx context.Context, target any) diag.Diagnostics
}

func objectAttributes(ctx context.Context, from valueGetter) (map[string]attr.Value, diag.Diagnostics) {
	var object types.Object
	diags := from.Get(ctx, &object)
	return object.Attributes(), diags
}

// attribute returns null, the zero value of the framework's types, if the object
// could not be read.
func attribute[T attr.Value](attributes map[string]attr.Value, name string) T {
	value, _ := attributes[name].(T)
	return value
}

func newLifetimeModel(attributes map[string]attr.Value, idAttribute string) lifetimeModel {
	return lifetimeModel{
		SessionID:          attribute[types.String](attributes, idAttribute),
		TTLSeconds:         attribute[wholeNumber](attributes, "ttl_seconds"),
		RenewBeforeSeconds: attribute[wholeNumber](attributes, "renew_before_seconds"),
		RenewTriggers:      attribute[types.Map](attributes, "renew_triggers"),
		DeleteOnDestroy:    attribute[types.Bool](attributes, "delete_on_destroy"),
		ExpiresAt:          attribute[timetypes.RFC3339](attributes, "expires_at"),
		RenewAt:            attribute[timetypes.RFC3339](attributes, "renew_at"),
		Active:             attribute[types.Bool](attributes, "active"),
	}
}

func (m *lifetimeModel) lifetime() *lifetimeModel { return m }

func (m *lifetimeModel) values() map[string]attr.Value {
	return map[string]attr.Value{
		"id":                   m.SessionID,
		"ttl_seconds":          m.TTLSeconds,
		"renew_before_seconds": m.RenewBeforeSeconds,
		"renew_triggers":       m.RenewTriggers,
		"delete_on_destroy":    m.DeleteOnDestroy,
		"expires_at":           m.ExpiresAt,
		"renew_at":             m.RenewAt,
		"active":               m.Active,
	}
}

// isActive treats null as true: an import or a move leaves active unset.
func (m *lifetimeModel) isActive() bool { return m.Active.IsNull() || m.Active.ValueBool() }

// deletes says whether a destroy of this instance deletes a session.
func (m *lifetimeModel) deletes() bool {
	return m.isActive() && (m.DeleteOnDestroy.IsNull() || m.DeleteOnDestroy.ValueBool())
}

func (m *lifetimeModel) ttl() time.Duration {
	return time.Duration(m.TTLSeconds.ValueInt64()) * time.Second
}

// renewAt is the time from which plans renew. It is null without a lead time,
// without a known end, and after the end.
func (m *lifetimeModel) renewAt(note lifetimeNote) timetypes.RFC3339 {
	end := timeOf(m.ExpiresAt)
	if m.RenewBeforeSeconds.IsNull() || m.RenewBeforeSeconds.IsUnknown() || end.IsZero() || !m.isActive() {
		return timetypes.NewRFC3339Null()
	}
	return timestamp(end.Add(-m.effectiveLead(note)))
}

// effectiveLead is renew_before_seconds, but at most nine tenths of a capped
// lifetime: a longer lead time would renew in every plan.
func (m *lifetimeModel) effectiveLead(note lifetimeNote) time.Duration {
	lead := time.Duration(m.RenewBeforeSeconds.ValueInt64()) * time.Second
	if longest := note.granted() * 9 / 10; longest > 0 {
		return min(lead, longest.Truncate(time.Second))
	}
	return lead
}

// timeOf returns the zero time for a null or unknown timestamp.
func timeOf(value timetypes.RFC3339) time.Time {
	if value.IsNull() || value.IsUnknown() {
		return time.Time{}
	}
	t, _ := value.ValueRFC3339Time()
	return t
}

func hasUnknownElement(m types.Map) bool {
	for _, element := range m.Elements() {
		if element.IsUnknown() {
			return true
		}
	}
	return false
}
