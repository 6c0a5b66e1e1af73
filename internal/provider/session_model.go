package provider

import (
	"maps"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

const (
	sessionIDDescription = "Id of the session, exactly as the API returns it."
	createdAtDescription = "When the session was created, as an RFC 3339 timestamp in UTC."
	updatedAtDescription = "When the session was last changed, as an RFC 3339 timestamp in UTC."
	expiresAtDescription = "When the session expires, as an RFC 3339 timestamp in UTC. While a client is connected, the API moves it forward every minute."
)

// sessionAttributes are the computed attributes of a session in both data sources.
// own are those that the data sources do not share.
func sessionAttributes(own map[string]schema.Attribute) map[string]schema.Attribute {
	computedTime := func(description string) schema.StringAttribute {
		return schema.StringAttribute{MarkdownDescription: description, CustomType: timetypes.RFC3339Type{}, Computed: true}
	}
	attributes := map[string]schema.Attribute{
		"created_at": computedTime(createdAtDescription),
		"updated_at": computedTime(updatedAtDescription),
		"expires_at": computedTime(expiresAtDescription),
	}
	maps.Copy(attributes, own)
	return attributes
}

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

const (
	publisherTokenDescription   = "Token to publish with. It is a secret: whoever has it can speak in the session."
	subscriberTokensDescription = "Tokens to listen with, as many as `subscriber_count`. They are secrets."
	webRTCURLDescription        = "URL of the WebRTC server."
	webRTCRoomNameDescription   = "Name of the WebRTC room."
	wsURLDescription            = "URL of the WebSocket control channel."
)

// sessionConnection is what a client connects with. The API returns it only on
// creation.
type sessionConnection struct {
	PublisherToken   types.String `tfsdk:"publisher_token"`
	SubscriberTokens types.List   `tfsdk:"subscriber_tokens"`
	WebRTCURL        types.String `tfsdk:"webrtc_url"`
	WebRTCRoomName   types.String `tfsdk:"webrtc_room_name"`
	WSURL            types.String `tfsdk:"ws_url"`
}

func newSessionConnection(created palabra.CreatedSession) sessionConnection {
	tokens := make([]attr.Value, 0, len(created.SubscriberTokens))
	for _, token := range created.SubscriberTokens {
		tokens = append(tokens, types.StringValue(token))
	}
	return sessionConnection{
		PublisherToken:   types.StringValue(created.PublisherToken),
		SubscriberTokens: types.ListValueMust(types.StringType, tokens),
		WebRTCURL:        types.StringValue(created.WebRTCURL),
		WebRTCRoomName:   types.StringValue(created.WebRTCRoomName),
		WSURL:            types.StringValue(created.WSURL),
	}
}

const (
	intentDescription          = "What the session is for, such as `api`, `event` or `captions`. Default: the API's."
	subscriberCountDescription = "How many read-only subscriber tokens to create, from 0 to 10."
	// maxSubscribers is the limit in the vendor's API reference.
	maxSubscribers = 10
)

func newCreateRequest(intent types.String, subscriberCount types.Int64) palabra.CreateRequest {
	request := palabra.CreateRequest{Intent: intent.ValueString()}
	if !subscriberCount.IsNull() && !subscriberCount.IsUnknown() {
		count := int(subscriberCount.ValueInt64())
		request.SubscriberCount = &count
	}
	return request
}

func stringOrNull(value string) types.String {
	if value == "" {
		return types.StringNull()
	}
	return types.StringValue(value)
}
