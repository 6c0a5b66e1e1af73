package palabra

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"
	"unicode"
)

// The classes of errors, for errors.Is.
var (
	// ErrNotFound says that the session does not exist: it was deleted, or it has
	// expired.
	ErrNotFound = errors.New("session not found")
	// ErrUnauthorized says that the API refused the credentials.
	ErrUnauthorized = errors.New("credentials refused")
	// ErrRateLimited says that the API answered 429 to the last attempt.
	ErrRateLimited = errors.New("rate limited")
	// ErrMaybeCreated says that a create failed in a way that leaves open whether
	// a session was created.
	ErrMaybeCreated = errors.New("a session may have been created")

	errRedirect = errors.New("the server redirects elsewhere, and redirects are not followed because they would carry the credentials along")
)

// Error is every error of a call.
type Error struct {
	// Op is what was tried, such as "get session".
	Op string
	// SessionID is the session it was about; empty for calls about none.
	SessionID string
	// Endpoint is the base URL that was called.
	Endpoint string
	// StatusCode is the HTTP status; 0 when there was no answer.
	StatusCode int
	// Code, Title and Detail are what the API said: error_code, title and
	// detail of its problem list, or the message of its older error body.
	Code          int
	Title, Detail string
	// ServerTime is the Date header of the answer, or Config.Now.
	ServerTime time.Time
	// Err is the class of the error, or its cause.
	Err error
}

// Error names the operation, the session, the status and what the API said. It
// never holds a credential.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.SessionID != "" {
		fmt.Fprintf(&b, " %q", e.SessionID)
	}
	fmt.Fprintf(&b, " at %s: ", e.Endpoint)
	var said []string
	if e.StatusCode != 0 {
		status := fmt.Sprintf("HTTP %d %s", e.StatusCode, http.StatusText(e.StatusCode))
		said = append(said, strings.TrimSpace(status))
	}
	if e.hasReason() {
		reason := e.Title
		if e.Detail != "" && e.Detail != e.Title {
			reason = strings.TrimPrefix(reason+": "+e.Detail, ": ")
		}
		if e.Code != 0 {
			reason += fmt.Sprintf(" (error_code %d)", e.Code)
		}
		said = append(said, reason)
	}
	if e.Err != nil {
		said = append(said, strings.ReplaceAll(e.Err.Error(), "\n", "; "))
	}
	b.WriteString(strings.Join(said, ": "))
	return b.String()
}

// Unwrap returns the class or the cause.
func (e *Error) Unwrap() error { return e.Err }

func (e *Error) hasReason() bool { return e.Title != "" || e.Detail != "" }

// maxReasonLength keeps an error readable whatever a server sends.
const maxReasonLength = 500

// errorFrom decodes the two error bodies of the API, the variants seen in
// clients, and anything else that a server between may send.
func (c *Client) errorFrom(got answer) *Error {
	apiErr := &Error{
		Op: got.request.op, SessionID: got.request.sessionID, Endpoint: c.config.Endpoint,
		StatusCode: got.status, ServerTime: got.serverTime,
	}
	var body struct {
		Errors []struct {
			Title     string  `json:"title"`
			Detail    string  `json:"detail"`
			ErrorCode float64 `json:"error_code"`
		} `json:"errors"`
		Error json.RawMessage `json:"error"`
	}
	if err := json.Unmarshal(got.body, &body); err != nil {
		if got.status < 300 || got.status >= 400 {
			apiErr.Detail = "the answer is " + got.contentType() + " and not an error of the API; something between may have answered"
		}
		return apiErr
	}
	var titles, details []string
	for _, problem := range body.Errors {
		titles = append(titles, problem.Title)
		details = append(details, problem.Detail)
		if apiErr.Code == 0 {
			apiErr.Code = int(problem.ErrorCode)
		}
	}
	apiErr.Title, apiErr.Detail = c.readable(titles...), c.readable(details...)
	if !apiErr.hasReason() {
		apiErr.Detail = c.readable(olderMessage(body.Error))
	}
	return apiErr
}

// olderMessage decodes {"error": "…"} and {"error": {"message": "…"}}.
func olderMessage(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	var object struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(raw, &object) == nil {
		return object.Message
	}
	return ""
}

// readable joins what the API said into one line of bounded length, without
// control characters and without our own secrets, should it repeat them.
func (c *Client) readable(texts ...string) string {
	var kept []string
	for _, text := range texts {
		if text = strings.TrimSpace(text); text != "" {
			kept = append(kept, text)
		}
	}
	joined := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.Join(kept, "; "))
	for _, secret := range []string{c.config.ClientSecret, c.config.APIKey} {
		if secret != "" {
			joined = strings.ReplaceAll(joined, secret, "[redacted]")
		}
	}
	if runes := []rune(joined); len(runes) > maxReasonLength {
		joined = string(runes[:maxReasonLength]) + "…"
	}
	return joined
}

func (a answer) contentType() string {
	if a.status == http.StatusNoContent {
		return "204 without a body"
	}
	mediaType, _, err := mime.ParseMediaType(a.header.Get("Content-Type"))
	if err != nil {
		return "of no content type"
	}
	return mediaType
}

// ShortenID is an id for logs: enough to recognise it, and never a whole one
// that is long enough to be a token.
func ShortenID(id string) string {
	const head, tail = 6, 4
	runes := []rune(id)
	if len(runes) <= 2*(head+tail) {
		if len(runes) <= head {
			return id
		}
		return string(runes[:head]) + "…"
	}
	return string(runes[:head]) + "…" + string(runes[len(runes)-tail:])
}
