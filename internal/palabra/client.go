// Package palabra is a client of the Palabra Session Storage API. It knows HTTP
// and JSON, and nothing of Terraform.
package palabra

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync/atomic"
	"time"
)

const (
	sessionsPath = "/session-storage/sessions"
	createPath   = "/session-storage/session"
	// secondLook is the pause before a session is asked for again that is listed, but
	// was not found: the API may be slow to know what it has just created.
	secondLook = time.Second
)

// Client calls the API. It is safe for concurrent use.
type Client struct {
	config    Config
	transport *transport
	reader    *reader
	witness   witness

	// credentialsWork is set by the first answer that was understood.
	credentialsWork, credentialsRefused atomic.Bool
	expiryBodyRefused, pageSizeRefused  atomic.Bool
}

// Get reads one session, always with a request of its own. It is ErrNotFound only
// with two witnesses: the API's 404, and a list that was read afterwards and lacks
// the session. If the list holds it, the error is ErrStillListed; if the list cannot
// be read, ErrUnconfirmed. Credentials refused with a 404 are ErrUnauthorized.
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
		body:  fmt.Appendf(nil, `{"data":{"ttl_seconds":%d}}`, ttlSeconds),
		query: url.Values{"ttl_seconds": {strconv.FormatInt(ttlSeconds, 10)}},
	}
	without := func(r *request) { r.body = nil }
	answer, err := c.callOrWithout(ctx, r, &c.expiryBodyRefused, without, http.StatusUnsupportedMediaType)
	return answer.serverTime, err
}

// Delete deletes a session, and with it a live connection. Errors are those of
// Get. Most callers treat ErrNotFound as success; it can be ErrMaybeDeleted as well.
// (DELETE /session-storage/sessions/{session_id}, session management page.)
func (c *Client) Delete(ctx context.Context, id string) error {
	c.reader.written(id)
	_, err := c.call(ctx, request{op: "delete session", method: http.MethodDelete, sessionID: id})
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
	body, _ := json.Marshal(map[string]CreateRequest{"data": create}) // Strings and numbers always marshal.
	answer, err := c.call(ctx, request{
		op: "create session", method: http.MethodPost, path: createPath, body: body, notIdempotent: true,
		decode: func(body []byte) (err error) { created, err = decodeCreated(body); return err },
	})
	if err != nil {
		return CreatedSession{}, err
	}
	created.ServerTime = answer.serverTime
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
	// optional calls get one attempt, and say nothing about the credentials.
	optional bool
	// decode reads the body of a 2xx; nil for calls that return nothing.
	decode func(body []byte) error
}

// resolve returns the URL of r. A session id is exactly one path segment.
func (c *Client) resolve(r request) string {
	u := c.transport.endpoint.JoinPath(cmp.Or(r.path, sessionsPath+"/"+url.PathEscape(r.sessionID)))
	u.RawQuery = r.query.Encode()
	return u.String()
}

// isSegment reports that an id arrives as a segment of the path. Without one the path
// is another endpoint, and servers and proxies resolve dot segments.
func isSegment(id string) bool { return id != "" && id != "." && id != ".." }

// callOrWithout is call, and repeats it without what the statuses refuse. Once that
// has helped, refused makes later calls leave it out.
func (c *Client) callOrWithout(ctx context.Context, r request, refused *atomic.Bool, without func(*request),
	statuses ...int,
) (answer, error) {
	known := refused.Load()
	if known {
		without(&r)
	}
	got, err := c.call(ctx, r)
	if !known && slices.Contains(statuses, got.status) {
		without(&r)
		if got, err = c.call(ctx, r); err == nil {
			refused.Store(true)
		}
	}
	return got, err
}

// call sends r and decodes the answer of a 2xx. Every other outcome is *Error.
func (c *Client) call(ctx context.Context, r request) (answer, error) {
	if r.path == "" && !isSegment(r.sessionID) {
		err := errors.New("a session id cannot be empty, . or .., because it is a segment of a path")
		return answer{}, c.errorFrom(answer{request: r}, err)
	}
	got, err := c.callOnce(ctx, r)
	if errors.Is(err, ErrStillListed) && pause(ctx, secondLook) == nil {
		got, err = c.callOnce(ctx, r)
	}
	return got, err
}

func (c *Client) callOnce(ctx context.Context, r request) (answer, error) {
	if c.credentialsRefused.Load() && !c.credentialsWork.Load() {
		return answer{}, c.errorFrom(answer{request: r}, ErrRefusedBefore)
	}
	got, err := c.transport.do(ctx, c.resolve(r), r)
	if err == nil {
		switch {
		case got.status < 200 || got.status >= 300 || saysNotOK(got.body):
			return got, c.refusal(ctx, got)
		case r.decode != nil:
			err = r.decode(got.body)
		case !isEmpty(got.body):
			err = decodeJSON(got.body, new(json.RawMessage)) // A web page did not come from the API.
		}
		if err != nil {
			got.lost, err = true, c.unusable(got, err)
		}
	}
	switch {
	case err != nil && r.notIdempotent && got.lost:
		return got, c.errorFrom(got, errors.Join(err, ErrMaybeCreated))
	case err != nil:
		return got, c.errorFrom(got, err)
	case r.decode != nil:
		// A proxy in between can answer 204 or some JSON, but not with sessions.
		c.credentialsWork.Store(true)
	}
	return got, nil
}
