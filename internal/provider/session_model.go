package provider

import (
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

const (
	sessionIDDescription = "Id of the session, exactly as the API returns it."
	createdAtDescription = "When the session was created, as an RFC 3339 timestamp in UTC."
	updatedAtDescription = "When the session was last changed, as an RFC 3339 timestamp in UTC."
	expiresAtDescription = "When the session expires, as an RFC 3339 timestamp in UTC. While a client is connected, the API moves it forward every minute."
)

// sessionModel is a session as the data sources show it.
type sessionModel struct {
	ID        types.String      `tfsdk:"id"`
	CreatedAt timetypes.RFC3339 `tfsdk:"created_at"`
	UpdatedAt timetypes.RFC3339 `tfsdk:"updated_at"`
	ExpiresAt timetypes.RFC3339 `tfsdk:"expires_at"`
}

func newSessionModel(session palabra.Session) sessionModel {
	return sessionModel{
		ID:        types.StringValue(session.ID),
		CreatedAt: timestamp(session.CreatedAt),
		UpdatedAt: timestamp(session.UpdatedAt),
		ExpiresAt: timestamp(session.ExpiresAt),
	}
}

// sessionType is the type of sessionModel as an object.
var sessionType = types.ObjectType{AttrTypes: map[string]attr.Type{
	"id":         types.StringType,
	"created_at": timetypes.RFC3339Type{},
	"updated_at": timetypes.RFC3339Type{},
	"expires_at": timetypes.RFC3339Type{},
}}

func (m sessionModel) object() types.Object {
	return types.ObjectValueMust(sessionType.AttrTypes, map[string]attr.Value{
		"id":         m.ID,
		"created_at": m.CreatedAt,
		"updated_at": m.UpdatedAt,
		"expires_at": m.ExpiresAt,
	})
}

// timestamp is null for the zero time, which stands for a missing value.
func timestamp(t time.Time) timetypes.RFC3339 {
	if t.IsZero() {
		return timetypes.NewRFC3339Null()
	}
	return timetypes.NewRFC3339TimeValue(t)
}
