package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

// maxSubscribers is the limit of the vendor's create reference.
const maxSubscribers = 10

const (
	intentDescription           = "What the session is for, such as `api`, `event` or `captions`. Default: the API's."
	subscriberCountDescription  = "How many read-only subscriber tokens to create, from 0 to 10."
	publisherTokenDescription   = "Token to publish with, a secret: whoever has it can speak in the session."
	subscriberTokensDescription = "Tokens to listen with, secrets, as many as `subscriber_count`."
	webRTCURLDescription        = "URL of the WebRTC server."
	webRTCRoomNameDescription   = "Name of the WebRTC room."
	wsURLDescription            = "URL of the WebSocket control channel."
)

func newCreateRequest(intent types.String, subscriberCount wholeNumber) palabra.CreateRequest {
	request := palabra.CreateRequest{Intent: intent.ValueString()}
	if !subscriberCount.IsNull() && !subscriberCount.IsUnknown() {
		count := int(subscriberCount.ValueInt64())
		request.SubscriberCount = &count
	}
	return request
}

// stringList is empty, not null, for no strings.
func stringList(values []string) types.List {
	elements := make([]attr.Value, 0, len(values))
	for _, value := range values {
		elements = append(elements, types.StringValue(value))
	}
	return types.ListValueMust(types.StringType, elements)
}
