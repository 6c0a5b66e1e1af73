package sandbox

import "time"

// Options configures a sandbox; the zero value is a working one.
type Options struct {
	// ClientID, ClientSecret and APIKey are the credentials to accept; empty ones
	// mean the defaults.
	ClientID, ClientSecret, APIKey string
	// Now is the server's clock; nil means time.Now. Sandbox.Advance adds to it.
	Now func() time.Time
	// SessionLimit is how many live sessions a create may lead to; 0 means 1000.
	// Put ignores it.
	SessionLimit int
	// SessionLimitStatus is the answer to a create over the limit; 0 means 403.
	// The API's own is not known: 403, 409, 422 and 429 are candidates.
	SessionLimitStatus int
	// DefaultTTL is the lifetime of a created session; 0 means 30 days.
	DefaultTTL time.Duration
	// MaxTTL silently caps what a TTL call grants; 0 means no cap.
	MaxTTL time.Duration
	// BadCredentialsStatus is the answer to wrong credentials: 401 (also for 0),
	// 403 or 404; the API has been seen to give each.
	BadCredentialsStatus int
	// AnyContentType accepts a body without "Content-Type: application/json".
	AnyContentType bool
	// KeepUpdatedAt lets a TTL call leave updated_at as it is.
	KeepUpdatedAt bool
	// ConnectResetsToNow lets Connect set the expiry to the current time for the
	// first minute, as one version of the documentation says: until then the API
	// answers for a live session with an expiry that is past.
	ConnectResetsToNow bool
	// JWTIDs gives created sessions ids in the form of a JWT, as the API has been
	// seen to do.
	JWTIDs bool
	// Organization is that of created sessions; empty means "sandbox".
	Organization string
	// Envelope is the shape of list answers.
	Envelope Envelope
	// Hosts are names with a dot by which browsers and control calls may reach the
	// sandbox; addresses and names without a dot always may.
	Hosts []string
	// Control answers the calls under /sandbox/, which move the clock and change
	// sessions behind the clients' backs, without credentials.
	Control bool
	// Seed seeds the probabilities of faults.
	Seed uint64
	// OnRequest is called after each request.
	OnRequest func(Request)
}
