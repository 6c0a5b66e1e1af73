package palabra

import (
	"cmp"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"regexp"
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

// ErrInsecureEndpoint says that an endpoint would send the credentials
// unencrypted through a network.
var ErrInsecureEndpoint = errors.New("it must start with https://, because the request carries credentials (http:// is allowed on a loopback address: localhost in lower case, 127.0.0.1 or [::1])")

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
	// Now is this machine's time; nil means time.Now.
	Now func() time.Time
	// Logger gets one DEBUG record per request, with ids shortened and without
	// credentials; nil logs nothing.
	Logger *slog.Logger
	// RootCAs are the certificate authorities to trust; nil means the system's.
	RootCAs *x509.CertPool

	secret *regexp.Regexp // every form of ClientSecret or APIKey; nil before New
}

// New returns a client and sends no request. Errors name the field of Config
// that is missing or contradictory.
func New(config Config) (*Client, error) {
	config.Endpoint = cmp.Or(config.Endpoint, DefaultEndpoint)
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
	config.secret = formsOf(cmp.Or(config.APIKey, config.ClientSecret))
	c := &Client{config: config, transport: newTransport(config, endpoint)}
	c.reader = newReader(c)
	return c, nil
}

// Fingerprint identifies the account without being secret: the client id or a
// short hash of the API key and, unless it is the vendor's production host, the
// origin of the endpoint. It is the same in every run.
func (c *Client) Fingerprint() string {
	account := "client_id:" + c.config.ClientID
	if c.config.APIKey != "" {
		sum := sha256.Sum256([]byte("terraform-provider-palabra fingerprint\x00" + c.config.APIKey))
		account = "api_key:" + hex.EncodeToString(sum[:6])
	}
	endpoint := c.transport.endpoint
	if origin := strings.ToLower(endpoint.Scheme + "://" + endpoint.Host); origin != DefaultEndpoint {
		account += "@" + origin
	}
	return account
}

// ValidateEndpoint says why an endpoint cannot be used: it must be an absolute
// https URL without credentials, query or fragment. The headers carry secrets, so
// http is allowed only on a loopback address and, with allowInsecure, elsewhere:
// insecure is then true.
func ValidateEndpoint(endpoint string, allowInsecure bool) (insecure bool, err error) {
	if host, _, _ := strings.Cut(endpoint, "/"); !strings.Contains(endpoint, "://") {
		return false, errors.New(`it has no scheme: add "` + schemeFor(host) + `://" in front of it`)
	}
	u, err := url.Parse(endpoint)
	switch {
	case err != nil:
		// The error of url.Parse quotes its input, which may hold a password.
		return false, errors.New("it is not a URL such as " + DefaultEndpoint)
	case u.Host == "" || u.Hostname() == "":
		return false, errors.New("it must be an absolute URL such as " + DefaultEndpoint)
	case u.User != nil:
		return false, errors.New("it must not hold a user name or password")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return false, errors.New("it must not have a query or fragment")
	case u.Scheme == "https", u.Scheme == "http" && isLoopback(u.Hostname()):
		return false, nil
	case u.Scheme == "http" && allowInsecure:
		return true, nil
	case u.Scheme == "http":
		return false, ErrInsecureEndpoint
	default:
		return false, errors.New("it must start with https://")
	}
}

// schemeFor is the most likely scheme for a host that was given without one.
func schemeFor(hostAndPort string) string {
	host := hostAndPort
	if name, _, err := net.SplitHostPort(hostAndPort); err == nil {
		host = name
	}
	if isLoopback(strings.Trim(host, "[]")) {
		return "http"
	}
	return "https"
}

// isLoopback reports that requests to host never leave this machine. net/http
// sends every other spelling of localhost to the proxy of the environment.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
