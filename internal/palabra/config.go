package palabra

import (
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"
)

const (
	// DefaultEndpoint is the vendor's production host.
	DefaultEndpoint = "https://api.palabra.ai"
	// DefaultPageSize is how many sessions a page is asked to hold. The API's
	// own maximum is not documented; sibling lists take up to 100.
	DefaultPageSize = 100

	defaultRequestTimeout = 30 * time.Second
)

// Config configures a client. Credentials are either ClientID with ClientSecret
// or APIKey.
type Config struct {
	// Endpoint is the base URL of the API, by default DefaultEndpoint. See
	// ValidateEndpoint for what is allowed.
	Endpoint string
	// AllowInsecureEndpoint lets Endpoint be http on a host that is not loopback.
	AllowInsecureEndpoint bool
	// ClientID and ClientSecret are sent as the headers of these names.
	ClientID, ClientSecret string
	// APIKey is sent as "Authorization: Bearer".
	APIKey string
	// UserAgent is sent with each request.
	UserAgent string
	// RequestTimeout bounds one attempt, the reading of its answer included.
	// 0 means 30 seconds.
	RequestTimeout time.Duration
	// MaxRetries is how often a request that can be repeated is tried again.
	MaxRetries int
	// BulkRead lets Read answer many single reads from a few list pages.
	BulkRead bool
	// Now is the time of answers that have no Date header; nil means time.Now.
	Now func() time.Time
	// Logger gets one DEBUG record per request, with ids shortened and without
	// credentials; nil logs nothing.
	Logger *slog.Logger
	// RootCAs are the certificate authorities to trust; nil means the system's.
	RootCAs *x509.CertPool
}

// New returns a client and sends no request. Errors name the field of Config
// that is missing or contradictory.
func New(config Config) (*Client, error) {
	if config.Endpoint == "" {
		config.Endpoint = DefaultEndpoint
	}
	if _, err := ValidateEndpoint(config.Endpoint, config.AllowInsecureEndpoint); err != nil {
		return nil, fmt.Errorf("config.Endpoint: %w", err)
	}
	endpoint, err := url.Parse(strings.TrimRight(config.Endpoint, "/"))
	if err != nil {
		return nil, fmt.Errorf("config.Endpoint: %w", err)
	}
	switch pair := config.ClientID != "" || config.ClientSecret != ""; {
	case config.APIKey != "" && pair:
		return nil, errors.New("config.APIKey: set as well as ClientID or ClientSecret")
	case config.APIKey != "":
	case config.ClientID == "":
		return nil, errors.New("config.ClientID: missing")
	case config.ClientSecret == "":
		return nil, errors.New("config.ClientSecret: missing")
	}
	if config.RequestTimeout <= 0 {
		config.RequestTimeout = defaultRequestTimeout
	}
	if config.Now == nil {
		config.Now = time.Now //nolint:forbidigo // the default of an injected clock
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	c := &Client{config: config, transport: newTransport(config, endpoint)}
	c.reader = newReader(c)
	return c, nil
}
