package palabra

import (
	"cmp"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"html"
	"log/slog"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	// DefaultEndpoint is the vendor's production host.
	DefaultEndpoint = "https://api.palabra.ai"
	// DefaultPageSize is how many sessions a page is asked to hold. The API's
	// own maximum is not documented; sibling lists take up to 100.
	DefaultPageSize = 100
)

// ErrInsecureEndpoint says that an endpoint would send the credentials
// unencrypted through a network.
var ErrInsecureEndpoint = errors.New("it must start with https://, because the request carries credentials " +
	"(http:// is allowed on a loopback address: localhost in lower case, 127.0.0.1 or [::1])")

// Config configures a client. Credentials are either ClientID with ClientSecret
// or APIKey.
type Config struct {
	// Endpoint is the base URL of the API, by default DefaultEndpoint. It must pass
	// ValidateEndpoint.
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

	secret *regexp.Regexp // every form of ClientSecret or APIKey
}

// New returns a client and sends no request. Errors name the field of Config
// that is missing or contradictory.
func New(config Config) (*Client, error) {
	config.Endpoint = cmp.Or(config.Endpoint, DefaultEndpoint)
	err := ValidateEndpoint(config.Endpoint)
	if err != nil && (!config.AllowInsecureEndpoint || !errors.Is(err, ErrInsecureEndpoint)) {
		return nil, fmt.Errorf("config.Endpoint: %w", err)
	}
	endpoint, _ := url.Parse(config.Endpoint) // It is valid.
	switch hasKey := config.APIKey != ""; {
	case hasKey && config.ClientID+config.ClientSecret != "":
		return nil, errors.New("config.APIKey: set as well as ClientID or ClientSecret")
	case !hasKey && config.ClientID == "":
		return nil, errors.New("config.ClientID: missing")
	case !hasKey && config.ClientSecret == "":
		return nil, errors.New("config.ClientSecret: missing")
	}
	config.RequestTimeout = cmp.Or(config.RequestTimeout, 30*time.Second)
	config.Logger = cmp.Or(config.Logger, slog.New(slog.DiscardHandler))
	if config.Now == nil {
		config.Now = time.Now //nolint:forbidigo // the default of an injected clock
	}
	config.secret = formsOf(cmp.Or(config.APIKey, config.ClientSecret))
	c := &Client{config: config, transport: newTransport(config, endpoint)}
	c.witness.turn = make(chan struct{}, 1)
	c.reader = &reader{client: c, pageSize: DefaultPageSize, own: make(map[string]bool), patience: patience}
	return c, nil
}

// Fingerprint identifies the account without being secret: the client id or a
// short hash of the API key and, unless it is the vendor's production host, the
// origin of the endpoint. It is the same in every run.
func (c *Client) Fingerprint() string {
	account := "client_id:" + c.config.ClientID
	if c.config.APIKey != "" {
		sum := sha256.Sum256([]byte("terraform-provider-palabra fingerprint\x00" + c.config.APIKey))
		account = fmt.Sprintf("api_key:%x", sum[:6])
	}
	endpoint := c.transport.endpoint
	if origin := strings.ToLower(endpoint.Scheme + "://" + endpoint.Host); origin != DefaultEndpoint {
		account += "@" + origin
	}
	return account
}

// ValidateEndpoint says why an endpoint cannot be used: it must be an absolute
// https URL without credentials, query or fragment. The headers carry secrets, so
// http on a host that is not loopback is ErrInsecureEndpoint.
func ValidateEndpoint(endpoint string) error {
	if !strings.Contains(endpoint, "://") {
		scheme := "https"
		if u, err := url.Parse("//" + endpoint); err == nil && isLoopback(u.Hostname()) {
			scheme = "http"
		}
		return errors.New(`it has no scheme: add "` + scheme + `://" in front of it`)
	}
	u, err := url.Parse(endpoint)
	switch {
	case err != nil:
		// The error of url.Parse quotes its input, which may hold a password.
		return errors.New("it is not a URL such as " + DefaultEndpoint)
	case u.Hostname() == "":
		return errors.New("it must be an absolute URL such as " + DefaultEndpoint)
	case u.User != nil:
		return errors.New("it must not hold a user name or password")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return errors.New("it must not have a query or fragment")
	case u.Scheme == "https", u.Scheme == "http" && isLoopback(u.Hostname()):
		return nil
	case u.Scheme == "http":
		return ErrInsecureEndpoint
	default:
		return errors.New("it must start with https://")
	}
}

// isLoopback reports that requests to host never leave this machine. net/http
// sends every other spelling of localhost to the proxy of the environment.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

var (
	// userinfo is in the address of a proxy that wants a password.
	userinfo = regexp.MustCompile(`://[^/@\s]+@`)
	// controls are control characters and the separators of lines.
	controls = regexp.MustCompile(`[\p{Cc}\x{2028}\x{2029}]`)
)

// maxReasonLength keeps an error readable whatever a server sends.
const maxReasonLength = 500

// readable joins what the API or net/http said into one line of bounded length,
// without our own secrets, should it repeat them.
func (c Config) readable(texts ...string) string {
	joined := strings.Join(slices.DeleteFunc(texts, func(text string) bool { return strings.TrimSpace(text) == "" }), "; ")
	joined = c.secret.ReplaceAllLiteralString(joined, "[redacted]")
	joined = userinfo.ReplaceAllString(joined, "://[redacted]@")
	joined = strings.TrimSpace(controls.ReplaceAllString(joined, " "))
	if runes := []rune(joined); len(runes) > maxReasonLength {
		joined = string(runes[:maxReasonLength]) + "…"
	}
	return joined
}

// formsOf matches a secret as it is, quoted, or in any mix of the escapes of URLs,
// HTML and JSON, and in Base64, also in the middle of a longer text.
func formsOf(secret string) *regexp.Regexp {
	var escaped strings.Builder
	for _, char := range secret {
		percent := ""
		for _, octet := range []byte(string(char)) {
			percent += fmt.Sprintf("%%(?:25)*%02x", octet)
		}
		inHTML := strings.Replace(regexp.QuoteMeta(html.EscapeString(string(char))), "&", "&(?:amp;)*", 1)
		fmt.Fprintf(&escaped, `\\*(?:%s|%s|(?i:%s|u%04x|&(?:amp;)*#(?:0*%[4]d|x0*%[4]x);)`,
			regexp.QuoteMeta(string(char)), inHTML, percent, char)
		if char == ' ' {
			escaped.WriteString(`|\+`)
		}
		escaped.WriteString(")")
	}
	forms := []string{escaped.String()}
	for before, from := range []int{0, 2, 3} {
		// The characters at both ends also hold bits of what stands beside the secret.
		core := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("\x00", before) + secret))[from:]
		if (before+len(secret))%3 != 0 {
			core = core[:len(core)-1]
		}
		if len(core) >= 8 {
			core = regexp.QuoteMeta(core)
			forms = append(forms, strings.NewReplacer(`\+`, `(?:\+|-|%2[bB])`, "/", `(?:\\?/|_|%2[fF])`).Replace(core))
		}
	}
	return regexp.MustCompile(strings.Join(forms, "|"))
}

// ShortenID is an id for logs: enough to recognise it, and never a whole one
// that is long enough to be a token.
func ShortenID(id string) string {
	const head, tail = 6, 4
	switch runes := []rune(id); {
	case len(runes) > 2*(head+tail):
		return string(runes[:head]) + "…" + string(runes[len(runes)-tail:])
	case len(runes) > head:
		return string(runes[:head]) + "…"
	default:
		return id
	}
}
