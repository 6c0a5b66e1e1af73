package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

const (
	intentDescription          = "What the session is for, such as `api`, `event` or `captions`. Default: the API's."
	subscriberCountDescription = "How many read-only subscriber tokens to create, from 0 to 10."
	// maxSubscribers is the limit in the vendor's API reference.
	maxSubscribers = 10
)

func newCreateRequest(intent types.String, subscriberCount wholeNumber) palabra.CreateRequest {
	request := palabra.CreateRequest{Intent: intent.ValueString()}
	if !subscriberCount.IsNull() && !subscriberCount.IsUnknown() {
		count := int(subscriberCount.ValueInt64())
		request.SubscriberCount = &count
	}
	return request
}
