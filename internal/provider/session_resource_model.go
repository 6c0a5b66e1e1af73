package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

const managedSessionType = "palabra_session"

type sessionResourceModel struct {
	lifetimeModel
	sessionConnection
	Intent          types.String
	AggregationID   types.String
	SubscriberCount wholeNumber
	Organization    types.String
	CreatedAt       timetypes.RFC3339
}

// sessionResourceAttributes are the types of the schema's attributes.
var sessionResourceAttributes = withLifetime(lifetimeAttributeTypes, map[string]attr.Type{
	"intent":            types.StringType,
	"aggregation_id":    types.StringType,
	"subscriber_count":  wholeNumberType{},
	"publisher_token":   types.StringType,
	"subscriber_tokens": types.ListType{ElemType: types.StringType},
	"webrtc_url":        types.StringType,
	"webrtc_room_name":  types.StringType,
	"ws_url":            types.StringType,
	"organization":      types.StringType,
	"created_at":        timetypes.RFC3339Type{},
})

func newSessionResourceModel(ctx context.Context, from valueGetter) (*sessionResourceModel, diag.Diagnostics) {
	attributes, diags := objectAttributes(ctx, from)
	return &sessionResourceModel{
		lifetimeModel: newLifetimeModel(attributes, "id"),
		sessionConnection: sessionConnection{
			PublisherToken:   attribute[types.String](attributes, "publisher_token"),
			SubscriberTokens: attribute[types.List](attributes, "subscriber_tokens"),
			WebRTCURL:        attribute[types.String](attributes, "webrtc_url"),
			WebRTCRoomName:   attribute[types.String](attributes, "webrtc_room_name"),
			WSURL:            attribute[types.String](attributes, "ws_url"),
		},
		Intent:          attribute[types.String](attributes, "intent"),
		AggregationID:   attribute[types.String](attributes, "aggregation_id"),
		SubscriberCount: attribute[wholeNumber](attributes, "subscriber_count"),
		Organization:    attribute[types.String](attributes, "organization"),
		CreatedAt:       attribute[timetypes.RFC3339](attributes, "created_at"),
	}, diags
}

func (m *sessionResourceModel) object() types.Object {
	return types.ObjectValueMust(sessionResourceAttributes, withLifetime(m.values(), map[string]attr.Value{
		"intent":            m.Intent,
		"aggregation_id":    m.AggregationID,
		"subscriber_count":  m.SubscriberCount,
		"publisher_token":   m.PublisherToken,
		"subscriber_tokens": m.SubscriberTokens,
		"webrtc_url":        m.WebRTCURL,
		"webrtc_room_name":  m.WebRTCRoomName,
		"ws_url":            m.WSURL,
		"organization":      m.Organization,
		"created_at":        m.CreatedAt,
	}))
}

// fillFromCreation fills in what the API returns only on creation. What a read
// returns becomes null until fillFromRead.
func (m *sessionResourceModel) fillFromCreation(session palabra.CreatedSession) {
	m.SessionID = types.StringValue(session.ID)
	if m.Intent.IsUnknown() {
		m.Intent = stringOrNull(session.Intent)
	}
	m.sessionConnection = newSessionConnection(session)
	m.Organization = stringOrNull(session.Organization)
	m.CreatedAt = timetypes.NewRFC3339Null()
	m.ExpiresAt, m.RenewAt = timetypes.NewRFC3339Null(), timetypes.NewRFC3339Null()
	m.Active = types.BoolValue(true)
}

// observe is that of the lifetime, and fills in what else a read returns.
func (m *sessionResourceModel) observe(session palabra.Session, note lifetimeNote) (lifetimeNote, diag.Diagnostics) {
	m.fillFromRead(session)
	return m.lifetimeModel.observe(session, note)
}

// fillFromRead fills in what a read returns. A missing value does not replace a
// known one.
func (m *sessionResourceModel) fillFromRead(session palabra.Session) {
	if !session.CreatedAt.IsZero() {
		m.CreatedAt = timestamp(session.CreatedAt)
	}
	if session.Organization != "" {
		m.Organization = types.StringValue(session.Organization)
	}
}

func stringOrNull(value string) types.String {
	if value == "" {
		return types.StringNull()
	}
	return types.StringValue(value)
}
