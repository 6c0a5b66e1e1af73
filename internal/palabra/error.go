package palabra

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
)

// The classes of errors, for errors.Is.
var (
	// ErrNotFound says that the session does not exist: it was deleted, or it has
	// expired. See Get for what is believed.
	ErrNotFound = errors.New("session not found")
	// ErrStillListed says that the API answered 404 for a session that it lists.
	ErrStillListed = errors.New("the API answers that the session does not exist, and lists it")
	// ErrUnconfirmed says that a 404 is not believed, because no list of the sessions
	// could be read to confirm it.
	ErrUnconfirmed = errors.New("a 404 alone is not believed, and no list of the sessions could be read to confirm it")
	// ErrUnauthorized says that the API refused the credentials.
	ErrUnauthorized = errors.New("credentials refused")
	// ErrNoSuchEndpoint says that the server does not know the path of the call: the
	// endpoint is probably not the base URL of the API.
	ErrNoSuchEndpoint = errors.New("the server does not know this path")
	// ErrNotTheAPI says that something else than the API answered.
	ErrNotTheAPI = errors.New("not an error of the API; a proxy or gateway may have answered")
	// ErrProxy says that the proxy of the environment did not connect to the
	// endpoint. Nothing has reached the API.
	ErrProxy = errors.New("the proxy refused")
	// ErrInsufficientBalance says that the account has no balance left
	// (error_code 100050).
	ErrInsufficientBalance = errors.New("insufficient balance")
	// ErrSessionLimit says that a create was refused, probably because the account has
	// as many sessions as it may have. The wording says so: the API documents nothing.
	ErrSessionLimit = errors.New("session limit reached")
	// ErrRateLimited says that the API answered 429 to the last attempt.
	ErrRateLimited = errors.New("rate limited")
	// ErrMaybeCreated says that a create failed in a way that leaves open whether
	// a session was created.
	ErrMaybeCreated = errors.New("a session may have been created")
	// ErrMaybeDeleted says of an ErrNotFound that an earlier attempt of the same
	// delete, whose answer was lost, may have deleted the session.
	ErrMaybeDeleted = errors.New("an earlier attempt may have deleted it")
	// ErrUnanswered says that no answer came, whatever the cause.
	ErrUnanswered = errors.New("no answer")
	// ErrNotListening says that nothing listens at the endpoint, which is on a
	// loopback address.
	ErrNotListening = errors.New("no server is running there")
	// ErrRefusedBefore says that a call was not sent, because the credentials are
	// known to be wrong. It is an ErrUnauthorized, too.
	ErrRefusedBefore error = &redacted{"not sent, because the API has refused these credentials", ErrUnauthorized}

	errRedirect = errors.New("the server redirects elsewhere, and redirects are not followed " +
		"because they would carry the credentials along")
)

// Error is the type of every error of a call.
type Error struct {
	// Op is what was tried, such as "get session".
	Op string
	// SessionID is empty for calls about no session.
	SessionID string
	// Endpoint is the base URL that was called.
	Endpoint string
	// StatusCode is the HTTP status; 0 when there was no answer.
	StatusCode int
	// Code, Title and Detail are what the API said: error_code, title and
	// detail of its problem list, or the message of its older error body.
	Code          int
	Title, Detail string
	// ServerTime is that of Session.
	ServerTime time.Time
	// SentAt is when the request left, or earlier: the Date of an earlier answer, or
	// Config.Now where there was none. What may have been created is not older.
	SentAt time.Time
	// Err is the class of the error, or its cause.
	Err error
}

// saysNoMore are classes that only repeat what the API said.
var saysNoMore = []error{ErrNotFound, ErrInsufficientBalance, ErrSessionLimit, ErrRateLimited}

// Error names the operation, the session, the status, what the API said, and the
// class or cause. It is one line and never holds a credential.
func (e *Error) Error() string {
	text := e.Op
	if e.SessionID != "" {
		text += fmt.Sprintf(" %q", e.SessionID)
	}
	if e.Endpoint != "" {
		text += " at " + e.Endpoint
	}
	if e.StatusCode != 0 {
		title := cmp.Or(e.Title, http.StatusText(e.StatusCode))
		text += strings.TrimRight(fmt.Sprintf(": HTTP %d %s", e.StatusCode, title), ". ")
	}
	detail := strings.TrimRight(e.Detail, ". ")
	if e.givesNoReason() {
		detail = ""
	}
	if detail != "" {
		text += ": " + detail
	}
	if e.Code != 0 {
		text += fmt.Sprintf(" (error_code %d)", e.Code)
	}
	if e.Err != nil && (detail == "" || !slices.Contains(saysNoMore, e.Err)) {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the class or the cause.
func (e *Error) Unwrap() error { return e.Err }

// redacted is an error whose text was made fit to be shown.
type redacted struct {
	text string
	err  error
}

func (r *redacted) Error() string { return r.text }
func (r *redacted) Unwrap() error { return r.err }

// errorFrom makes the text of err fit to be shown.
func (c *Client) errorFrom(got answer, err error) *Error {
	if err != nil {
		err = &redacted{text: c.config.readable(strings.Split(err.Error(), "\n")...), err: err}
	}
	return &Error{
		Op: got.request.op, SessionID: got.request.sessionID, Endpoint: c.config.Endpoint,
		StatusCode: got.status, ServerTime: got.serverTime, SentAt: got.sentAt, Err: err,
	}
}

// unusable is the error for a 2xx whose body is not what the API promises.
func (c *Client) unusable(got answer, err error) error {
	return fmt.Errorf("the answer (%s) cannot be used: %w", c.contentType(got), err)
}

// refusal is the error for an answer that is not a success.
func (c *Client) refusal(ctx context.Context, got answer) error {
	apiErr, said := c.errorFrom(got, nil), decodeProblem(got.body)
	apiErr.Title, apiErr.Detail, apiErr.Code = c.config.readable(said.titles...), c.config.readable(said.details...), said.code
	if apiErr.Title+apiErr.Detail == "" && got.status >= 200 && got.status < 300 {
		apiErr.Detail = "the answer says that the call failed, and gives no reason"
	}
	apiErr.Err = c.class(ctx, got, said, apiErr)
	// A 403 about one session says nothing about the other calls.
	aboutAll := got.status == http.StatusUnauthorized || got.request.path == sessionsPath
	if aboutAll && !got.request.optional && errors.Is(apiErr, ErrUnauthorized) {
		c.credentialsRefused.Store(true)
	}
	return apiErr
}

// class returns the class of a refusal, or nil.
func (c *Client) class(ctx context.Context, got answer, said problem, apiErr *Error) error {
	status, path := got.status, got.request.path
	switch {
	case said.code == 100050:
		return ErrInsufficientBalance
	case path == createPath && said.isSessionLimit(status):
		return ErrSessionLimit
	case status == http.StatusUnauthorized, strings.EqualFold(apiErr.Title, http.StatusText(http.StatusUnauthorized)),
		status == http.StatusForbidden && said.mayBeAPI && (path == sessionsPath || apiErr.givesNoReason()):
		return ErrUnauthorized
	case status == http.StatusNotFound && path == "" && said.mayBeAPI:
		return c.secondWitness(ctx, got, said)
	case status == http.StatusNotFound && path != "" && (said.known || !apiErr.givesNoReason()) &&
		!endpointWords.MatchString(apiErr.Title+" "+apiErr.Detail):
		// The create and list paths exist, so the API misses the account.
		return ErrUnauthorized
	case status == http.StatusNotFound && (path != "" || !c.credentialsWork.Load()),
		status == http.StatusMethodNotAllowed && path != "" && !said.known:
		return ErrNoSuchEndpoint
	case status == http.StatusTooManyRequests:
		return ErrRateLimited
	case status >= 300 && status < 400:
		return errRedirect
	case status >= 500 && path == createPath:
		return ErrMaybeCreated
	case !said.mayBeAPI || status < 200:
		return fmt.Errorf("the answer is %s and %w", c.contentType(got), ErrNotTheAPI)
	default:
		return nil
	}
}

// givesNoReason reports that the answer says no more than its status does.
func (e *Error) givesNoReason() bool {
	said := strings.TrimRight(e.Title+e.Detail, ".")
	return said == "" || strings.EqualFold(said, http.StatusText(e.StatusCode))
}

// secondWitness says what a 404 means.
func (c *Client) secondWitness(ctx context.Context, got answer, said problem) error {
	if got.request.ended {
		return ErrNotFound
	}
	listed, err := c.isListed(ctx, got.request.sessionID)
	// These credentials may read sessions, but not the list.
	mayNotList := errors.Is(err, ErrUnauthorized) && c.credentialsWork.Load()
	switch {
	case listed:
		return ErrStillListed
	case err != nil && (!mayNotList || !said.known):
		return fmt.Errorf("%w: %w", ErrUnconfirmed, err)
	case got.repeated && got.request.method == http.MethodDelete:
		return fmt.Errorf("%w; %w", ErrNotFound, ErrMaybeDeleted)
	default:
		return ErrNotFound
	}
}

func (c *Client) contentType(got answer) string {
	if got.status == http.StatusNoContent {
		return "204 without a body"
	}
	mediaType, _, _ := mime.ParseMediaType(got.header.Get("Content-Type"))
	return c.config.readable(cmp.Or(mediaType, "of no content type"))
}
