// Package palabra is a client of the Palabra Session Storage API. It knows HTTP
// and JSON, and nothing of Terraform.
package palabra

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"
)

const (
	sessionsPath = "/session-storage/sessions"
	createPath   = "/session-storage/session"

	// secondLook is the pause before a call is repeated that found no session
	// which is listed: the API may be slow to know what it has just created.
	secondLook = time.Second
)

// Client calls the API. It is safe for concurrent use.
type Client struct {
	config    Config
	transport *transport
	reader    *reader
	witness   witness

	// credentialsWork is set by the first answer that was understood, and refused
	// when credentials that have not worked are refused.
	credentialsWork, refused atomic.Bool
	// expiryBodyRefused is set when the API refused a body in the TTL call, and
	// pageSizeRefused when it refused a page_size.
	expiryBodyRefused, pageSizeRefused atomic.Bool
}

// Get reads one session, always with a request of its own.
//
// It is ErrNotFound only with two witnesses: the API's 404, and a list that was
// read afterwards and lacks the session. If that list holds the session, the error
// is ErrStillListed; if it cannot be read, ErrUnconfirmed. The API has been seen to
// answer refused credentials with 404: they are ErrUnauthorized.
// (GET /session-storage/sessions/{session_id}, session management page.)
func (c *Client) Get(ctx context.Context, id string) (Session, error) { return c.get(ctx, id, false) }

// GetEnded is Get for a session that is known to have ended. Nothing is lost by a
// wrong 404, so it needs no second witness.
func (c *Client) GetEnded(ctx context.Context, id string) (Session, error) {
	return c.get(ctx, id, true)
}

func (c *Client) get(ctx context.Context, id string, ended bool) (Session, error) {
	var session Session
	answer, err := c.call(ctx, request{
		op: "get session", method: http.MethodGet, sessionID: id, ended: ended,
		decode: func(body []byte) (err error) { session, err = decodeSession(body, id); return err },
	})
	if err != nil {
		return Session{}, err
	}
	session.ServerTime, session.LocalTime = answer.serverTime, answer.localTime
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

// Delete deletes a session, and with it a live connection. Errors are those of
// Get. Most callers treat ErrNotFound as success; it can be ErrMaybeDeleted as well.
// (DELETE /session-storage/sessions/{session_id}, session management page.)
func (c *Client) Delete(ctx context.Context, id string) error {
	c.reader.written(id)
	answer, err := c.call(ctx, request{op: "delete session", method: http.MethodDelete, sessionID: id})
	var apiErr *Error
	if answer.repeated && errors.Is(err, ErrNotFound) && errors.As(err, &apiErr) {
		apiErr.Err = fmt.Errorf("%w; %w", ErrNotFound, ErrMaybeDeleted)
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

// request is one call, whatever number of attempts it takes.
type request struct {
	op, method string
	// sessionID or path say where to; one of them is set.
	sessionID, path string
	query           url.Values
	body            []byte
	notIdempotent   bool
	// ended says that a 404 needs no second witness.
	ended bool
	// optional is for a call that nobody fails of: it gets one attempt, and says
	// nothing about the credentials.
	optional bool
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
	got, err := c.callOnce(ctx, r)
	if errors.Is(err, ErrStillListed) && pause(ctx, secondLook) == nil {
		got, err = c.callOnce(ctx, r)
	}
	return got, err
}

func (c *Client) callOnce(ctx context.Context, r request) (answer, error) {
	if c.refused.Load() && !c.credentialsWork.Load() {
		return answer{}, c.failure(r, ErrRefusedBefore)
	}
	got, err := c.transport.do(ctx, c.resolve(r), r)
	if err != nil {
		if r.notIdempotent && got.lost {
			err = errors.Join(err, ErrMaybeCreated)
		}
		return got, c.failure(r, err)
	}
	if got.status < 200 || got.status >= 300 || saysNotOK(got.body) {
		return got, c.refusal(ctx, got)
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
