// Package palabra is a client of the Palabra Session Storage API. It knows HTTP
// and JSON, and nothing of Terraform.
package palabra

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"
)

const (
	sessionsPath = "/session-storage/sessions"
	createPath   = "/session-storage/session"
)

// Client calls the API. It is safe for concurrent use.
type Client struct {
	config    Config
	transport *transport
	reader    *reader

	// credentialsWork is set by the first answer that was understood.
	// Only then can a 404 mean that a session is gone.
	credentialsWork atomic.Bool
	checks          singleflight.Group
	// refused is set when credentials that have not worked are refused.
	refused atomic.Bool
	// expiryBodyRefused is set when the API refused a body in the TTL call.
	expiryBodyRefused atomic.Bool
	// pageSizeRefused is set when the API refused a page_size.
	pageSizeRefused atomic.Bool
}

// Fingerprint identifies the credentials without being secret: the client id, or
// a short hash of the API key. It is the same in every run.
func (c *Client) Fingerprint() string {
	if c.config.APIKey == "" {
		return "client_id:" + c.config.ClientID
	}
	sum := sha256.Sum256([]byte("terraform-provider-palabra fingerprint\x00" + c.config.APIKey))
	return "api_key:" + hex.EncodeToString(sum[:6])
}

// Get reads one session, always with a request of its own. A session that does
// not exist is ErrNotFound, refused credentials are ErrUnauthorized; the API has
// been seen to answer both with 404, and Get tells them apart.
// (GET /session-storage/sessions/{session_id}, session management page.)
func (c *Client) Get(ctx context.Context, id string) (Session, error) {
	var session Session
	answer, err := c.call(ctx, request{
		op: "get session", method: http.MethodGet, sessionID: id,
		decode: func(body []byte) (err error) { session, err = decodeSession(body, id); return err },
	})
	if err != nil {
		return Session{}, err
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
	r := request{
		op: "set session expiry", method: http.MethodPost, sessionID: id,
		query: url.Values{"ttl_seconds": {strconv.FormatInt(ttlSeconds, 10)}},
	}
	withBody := !c.expiryBodyRefused.Load()
	if withBody {
		r.body = encodeExpiry(ttlSeconds)
	}
	answer, err := c.call(ctx, r)
	if withBody && answer.status == http.StatusUnsupportedMediaType {
		r.body = nil
		if answer, err = c.call(ctx, r); err == nil {
			c.expiryBodyRefused.Store(true)
		}
	}
	return answer.serverTime, err
}

// Delete deletes a session, and with it a live connection. A session that does
// not exist is ErrNotFound, which most callers treat as success. When an earlier
// attempt may have deleted the session and its answer was lost, the error is nil.
// (DELETE /session-storage/sessions/{session_id}, session management page.)
func (c *Client) Delete(ctx context.Context, id string) error {
	c.reader.written(id)
	answer, err := c.call(ctx, request{op: "delete session", method: http.MethodDelete, sessionID: id})
	if answer.ambiguous && errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// Create creates a session with the lifetime that the API chooses. It is not
// repeated once it may have reached the server: then the error is
// ErrMaybeCreated as well. When ctx ends while the request is on its way, Create
// waits for the answer for up to ten seconds more, and returns the session
// without an error if it comes.
// (POST /session-storage/session, create reference.)
func (c *Client) Create(ctx context.Context, create CreateRequest) (CreatedSession, error) {
	var created CreatedSession
	answer, err := c.call(ctx, request{
		op: "create session", method: http.MethodPost, path: createPath, body: create.encode(), notIdempotent: true,
		decode: func(body []byte) (err error) { created, err = decodeCreated(body); return err },
	})
	if err != nil {
		var apiErr *Error
		if errors.Is(err, ErrMaybeCreated) && errors.As(err, &apiErr) {
			apiErr.SentAt = answer.sentAt
		}
		return CreatedSession{}, err
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
	// decode takes what the call returns out of the body of a 2xx; nil for calls
	// that return nothing.
	decode func(body []byte) error
}

// resolve returns the URL of r. A session id is exactly one path segment.
func (c *Client) resolve(r request) *url.URL {
	u := *c.transport.endpoint
	path, escaped := r.path, r.path
	if r.path == "" {
		path = sessionsPath + "/" + r.sessionID
		escaped = sessionsPath + "/" + url.PathEscape(r.sessionID)
	}
	u.Path, u.RawPath = u.Path+path, u.EscapedPath()+escaped
	u.RawQuery = r.query.Encode()
	return &u
}

// checkID refuses ids that would not arrive as a path segment: without one the
// path is another endpoint, and servers and proxies resolve dot segments.
func checkID(id string) error {
	switch id {
	case "":
		return errors.New("the session id is empty")
	case ".", "..":
		return errors.New("a session id cannot be . or .., which are dot segments of a path")
	}
	return nil
}

// call sends r and decodes the answer of a 2xx. Every other outcome is *Error.
func (c *Client) call(ctx context.Context, r request) (answer, error) {
	if r.path == "" {
		if err := checkID(r.sessionID); err != nil {
			return answer{}, c.failure(r, err)
		}
	}
	if c.refused.Load() && !c.credentialsWork.Load() {
		return answer{}, c.failure(r, ErrRefusedBefore)
	}
	ctx, cancel := context.WithTimeout(ctx, c.transport.operationTimeout())
	defer cancel()
	got, err := c.transport.do(ctx, c.resolve(r), r)
	if err != nil {
		if r.notIdempotent && got.ambiguous {
			err = errors.Join(err, ErrMaybeCreated)
		}
		return got, c.failure(r, err)
	}
	if got.status < 200 || got.status >= 300 || saysNotOK(got.body) {
		err := c.refusal(ctx, got)
		c.noteRefusal(got, err)
		return got, err
	}
	decode := r.decode
	if decode == nil {
		decode = decodeNothing
	}
	if err := decode(got.body); err != nil {
		if r.notIdempotent {
			err = errors.Join(err, ErrMaybeCreated)
		}
		return got, c.badAnswer(got, err)
	}
	if r.decode != nil {
		// A proxy in between can answer 204 or some JSON, but not with sessions.
		c.credentialsWork.Store(true)
	}
	return got, nil
}
