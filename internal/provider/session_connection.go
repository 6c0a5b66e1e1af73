package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

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
