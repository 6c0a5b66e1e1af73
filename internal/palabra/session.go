package palabra

import "time"

// Session is a streaming session. Times are UTC, and zero where the API left
// them out: the reference marks every field as optional.
type Session struct {
	// ID is opaque; it may hold dots, need escaping, or be JWT-shaped.
	ID string `json:"id"`
	// CreatedAt, UpdatedAt and ExpiresAt are RFC 3339 on the wire.
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	ExpiresAt time.Time `json:"expires_at"`
	// Intent, AggregationID and Organization are empty where the API leaves them
	// out. Only the newest reference has them.
	Intent        string `json:"intent"`
	AggregationID string `json:"aggregation_id"`
	Organization  string `json:"organization"`
	// ServerTime is the Date header of the answer that the session came with,
	// or Config.Now where there was none.
	ServerTime time.Time `json:"-"`
	// LocalTime is the time of this machine when the answer arrived. If it is far
	// from ServerTime, one of the two clocks is wrong. On a loopback address it is
	// ServerTime.
	LocalTime time.Time `json:"-"`
	// Listed says that the session came from a list page, not from a read of its
	// own. A page may lag behind the API.
	Listed bool `json:"-"`
}

// CreateRequest says what to create. (Create reference.)
type CreateRequest struct {
	// SubscriberCount is how many subscriber tokens to make, 0 to 10; nil leaves
	// it to the API. The newest reference no longer has it.
	SubscriberCount *int `json:"subscriber_count,omitempty"`
	// Intent is what the session is for; empty leaves it to the API.
	Intent string `json:"intent,omitempty"`
	// AggregationID groups sessions in the billing display; empty sends none.
	AggregationID string `json:"aggregation_id,omitempty"`
}

// CreatedSession is what the API returns only on creation. The expiry is not
// part of it.
type CreatedSession struct {
	ID string
	// PublisherToken and SubscriberTokens are secrets.
	PublisherToken   string
	SubscriberTokens []string
	// WebRTCURL, WebRTCRoomName and WSURL vary by session and server.
	WebRTCURL, WebRTCRoomName, WSURL string
	// Intent and Organization are empty where the API leaves them out.
	Intent, Organization string
	// ServerTime is as in Session.
	ServerTime time.Time
}
