// Package palabra is a client of the Palabra Session Storage API. It knows HTTP
// and JSON, and nothing of Terraform.
package palabra

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// DefaultEndpoint is the vendor's production host.
	DefaultEndpoint = "https://api.palabra.ai"
	// DefaultPageSize is how many sessions a page is asked to hold. The API's
	// own maximum is not documented; sibling lists take up to 100.
	DefaultPageSize = 100

	defaultRequestTimeout = 30 * time.Second
	defaultMaxBodyBytes   = 8 << 20

	sessionsPath = "/session-storage/sessions"
	createPath   = "/session-storage/session"
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
	// PageSize is the size of list pages; 0 means DefaultPageSize.
	PageSize int
	// MaxBodyBytes bounds an answer after decompression; 0 means 8 MiB.
	MaxBodyBytes int64
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

// Client calls the API. It is safe for concurrent use.
type Client struct {
	config    Config
	endpoint  *url.URL
	transport *transport
	reader    *reader

	// credentialsWork is set by the first call that the API accepted.
	credentialsWork atomic.Bool
	// expiryBodyRefused is set when the API refused a body in the TTL call.
	expiryBodyRefused atomic.Bool
	// pageSizeRefused is set when the API refused a page_size.
	pageSizeRefused atomic.Bool
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
	if config.PageSize <= 0 {
		config.PageSize = DefaultPageSize
	}
	if config.MaxBodyBytes <= 0 {
		config.MaxBodyBytes = defaultMaxBodyBytes
	}
	if config.Now == nil {
		config.Now = time.Now //nolint:forbidigo // the default of an injected clock
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	c := &Client{config: config, endpoint: endpoint, transport: newTransport(config, endpoint)}
	c.reader = newReader(c)
	return c, nil
}

// Get reads one session, always with a request of its own. A session that does
// not exist is ErrNotFound, refused credentials are ErrUnauthorized; the API has
// been seen to answer both with 404, and Get tells them apart.
// (GET /session-storage/sessions/{session_id}, session management page.)
func (c *Client) Get(ctx context.Context, id string) (Session, error) {
	answer, err := c.call(ctx, request{op: "get session", method: http.MethodGet, sessionID: id})
	if err != nil {
		return Session{}, err
	}
	session, err := decodeSession(answer.body, id)
	if err != nil {
		return Session{}, c.badAnswer(answer, err)
	}
	session.ServerTime = answer.serverTime
	return session, nil
}

// SetExpiry makes the session expire ttlSeconds after the server's present
// time, which it returns. Errors are those of Get. The call can be repeated.
// (POST /session-storage/sessions/{session_id}, session management page; the
// newer reference wants the value in a body as well. A server that refuses the
// body with 415 is asked again without one.)
func (c *Client) SetExpiry(ctx context.Context, id string, ttlSeconds int64) (time.Time, error) {
	c.reader.written(id)
	defer c.reader.written(id)
	r := request{
		op: "set session expiry", method: http.MethodPost, sessionID: id,
		query: url.Values{"ttl_seconds": {strconv.FormatInt(ttlSeconds, 10)}},
	}
	withBody := !c.expiryBodyRefused.Load()
	if withBody {
		var err error
		if r.body, err = encodeExpiry(ttlSeconds); err != nil {
			return time.Time{}, err
		}
	}
	answer, err := c.call(ctx, r)
	if withBody && answer.status == http.StatusUnsupportedMediaType {
		// The session management page knows of no body, and a server that goes by
		// it may refuse one.
		r.body = nil
		if answer, err = c.call(ctx, r); err == nil {
			c.expiryBodyRefused.Store(true)
		}
	}
	return answer.serverTime, err
}

// Delete deletes a session, and with it a live connection. A session that does
// not exist is ErrNotFound, which most callers take for done. When an attempt
// may have deleted it before its answer was lost, that is nil.
// (DELETE /session-storage/sessions/{session_id}, session management page.)
func (c *Client) Delete(ctx context.Context, id string) error {
	c.reader.written(id)
	defer c.reader.written(id)
	answer, err := c.call(ctx, request{op: "delete session", method: http.MethodDelete, sessionID: id})
	if answer.ambiguous && errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// Create creates a session with the lifetime that the API chooses. It is not
// repeated once it may have reached the server: then the error is
// ErrMaybeCreated as well.
// (POST /session-storage/session, create reference.)
func (c *Client) Create(ctx context.Context, create CreateRequest) (CreatedSession, error) {
	body, err := create.encode()
	if err != nil {
		return CreatedSession{}, err
	}
	answer, err := c.call(ctx, request{op: "create session", method: http.MethodPost, path: createPath, body: body, notIdempotent: true})
	if err != nil {
		return CreatedSession{}, err
	}
	created, err := decodeCreated(answer.body)
	if err != nil {
		return CreatedSession{}, c.badAnswer(answer, errors.Join(err, ErrMaybeCreated))
	}
	created.ServerTime = answer.serverTime
	c.reader.written(created.ID)
	return created, nil
}

// request is one operation, whatever number of attempts it takes.
type request struct {
	op, method string
	// sessionID or path say where to; one of them is set.
	sessionID, path string
	query           url.Values
	body            []byte
	notIdempotent   bool
}

// sessionURL puts the id into exactly one path segment.
func (c *Client) url(r request) *url.URL {
	u := *c.endpoint
	path, escaped := r.path, r.path
	if r.path == "" {
		path = sessionsPath + "/" + r.sessionID
		escaped = sessionsPath + "/" + escapeSegment(r.sessionID)
	}
	u.Path, u.RawPath = c.endpoint.Path+path, c.endpoint.EscapedPath()+escaped
	u.RawQuery = r.query.Encode()
	return &u
}

// escapeSegment also escapes the two segments that a server or proxy would
// otherwise take for a way up or for nothing.
func escapeSegment(id string) string {
	if id == "." || id == ".." {
		return strings.ReplaceAll(id, ".", "%2E")
	}
	return url.PathEscape(id)
}

// call sends r and returns the answer of a 2xx. Every other outcome is *Error.
func (c *Client) call(ctx context.Context, r request) (answer, error) {
	failed := func(err error) error {
		return &Error{Op: r.op, SessionID: r.sessionID, Endpoint: c.config.Endpoint, Err: err}
	}
	if r.path == "" && r.sessionID == "" {
		return answer{}, failed(errors.New("the session id is empty"))
	}
	ctx, cancel := context.WithTimeout(ctx, c.transport.operationTimeout())
	defer cancel()
	got, err := c.transport.do(ctx, c.url(r), r)
	if err != nil {
		return got, failed(c.transportCause(r, got, err))
	}
	got.request = r
	if got.status >= 200 && got.status < 300 {
		c.credentialsWork.Store(true)
		return got, nil
	}
	return got, c.refusal(ctx, got)
}

func (c *Client) transportCause(r request, got answer, err error) error {
	if r.notIdempotent && got.ambiguous {
		return errors.Join(err, ErrMaybeCreated)
	}
	return err
}

// refusal is the error for an answer that is no success.
func (c *Client) refusal(ctx context.Context, got answer) error {
	apiErr := c.errorFrom(got)
	switch {
	case got.status == http.StatusUnauthorized:
		apiErr.Err = ErrUnauthorized
	case got.status == http.StatusForbidden && got.request.path != createPath:
		apiErr.Err = ErrUnauthorized
	case got.status == http.StatusForbidden && !apiErr.hasReason():
		apiErr.Err = ErrUnauthorized
	case got.status == http.StatusTooManyRequests:
		apiErr.Err = ErrRateLimited
	case got.status == http.StatusNotFound:
		apiErr.Err = c.meaningOfNotFound(ctx, got.request)
	case got.status >= 300 && got.status < 400:
		apiErr.Err = errRedirect
	case got.request.notIdempotent && got.status >= 500:
		apiErr.Err = ErrMaybeCreated
	}
	return apiErr
}

// meaningOfNotFound tells a missing session from wrong credentials, for which
// the API has answered 404, too: the session is believed to be missing only when
// the same credentials have worked, for an earlier call or for a list call now.
func (c *Client) meaningOfNotFound(ctx context.Context, r request) error {
	switch {
	case r.sessionID != "" && c.credentialsWork.Load():
		return ErrNotFound
	case r.sessionID == "":
		// Nothing to be missing: the create and list paths exist.
		return ErrUnauthorized
	}
	probe := request{op: "check credentials", method: http.MethodGet, path: sessionsPath, query: url.Values{"page_size": {"1"}}}
	_, err := c.call(ctx, probe)
	var apiErr *Error
	if errors.As(err, &apiErr) && isPageSizeRefusal(apiErr.StatusCode) {
		probe.query = nil
		_, err = c.call(ctx, probe)
	}
	if err != nil {
		return err
	}
	return ErrNotFound
}

// badAnswer is the error for a 2xx whose body is not what it should be.
func (c *Client) badAnswer(got answer, err error) error {
	return &Error{
		Op: got.request.op, SessionID: got.request.sessionID, Endpoint: c.config.Endpoint,
		StatusCode: got.status, ServerTime: got.serverTime,
		Err: fmt.Errorf("the answer (%s) cannot be used: %w", got.contentType(), err),
	}
}
