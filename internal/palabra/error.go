package palabra

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// The classes of errors, for errors.Is.
var (
	// ErrNotFound says that the session does not exist: it was deleted, or it has
	// expired. Only the API's own 404 is believed.
	ErrNotFound = errors.New("session not found")
	// ErrUnauthorized says that the API refused the credentials.
	ErrUnauthorized = errors.New("credentials refused")
	// ErrNoSuchEndpoint says that the server does not know the path of the call,
	// so the endpoint is probably not the base URL of the API.
	ErrNoSuchEndpoint = errors.New("the server does not know this path")
	// ErrInsufficientBalance says that the account has no balance left
	// (error_code 100050).
	ErrInsufficientBalance = errors.New("insufficient balance")
	// ErrSessionLimit says that a create was refused, probably because the
	// account has as many sessions as it may have. The API does not document that
	// answer, so this is recognised by its wording.
	ErrSessionLimit = errors.New("session limit reached")
	// ErrRateLimited says that the API answered 429 to the last attempt.
	ErrRateLimited = errors.New("rate limited")
	// ErrMaybeCreated says that a create failed in a way that leaves open whether
	// a session was created.
	ErrMaybeCreated = errors.New("a session may have been created")

	// ErrNotListening says that nothing listens at the endpoint, which is on a
	// loopback address.
	ErrNotListening = errors.New("no server is running there")

	// ErrRefusedBefore says that a call was not sent, because the credentials are
	// known to be wrong. It is an ErrUnauthorized, too.
	ErrRefusedBefore error = &redacted{text: "not sent, because the API has refused these credentials", err: ErrUnauthorized}

	errRedirect = errors.New("the server redirects elsewhere, and redirects are not followed because they would carry the credentials along")
)

// Error is the type of every error of a call.
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
	// SentAt is set for ErrMaybeCreated: a session that was created has a
	// creation time of this or later. It is the Date of an earlier answer, or
	// Config.Now where there was none.
	SentAt time.Time
	// Err is the class of the error, or its cause.
	Err error
}

// Error names the operation, the session, the status and what the API said, each
// once. It is one line and never holds a credential.
func (e *Error) Error() string {
	where := e.Op
	if e.SessionID != "" {
		where += fmt.Sprintf(" %q", e.SessionID)
	}
	if e.Endpoint != "" {
		where += " at " + e.Endpoint
	}
	texts := make([]string, 4)
	if e.StatusCode != 0 {
		texts[0] = http.StatusText(e.StatusCode)
	}
	texts[1], texts[2] = e.Title, e.Detail
	if e.Err != nil {
		texts[3] = oneLine(strings.ReplaceAll(e.Err.Error(), "\n", "; "))
	}
	var said []string
	for i, text := range texts {
		text = strings.TrimRight(text, ". ")
		if saidElsewhere(texts, i) || i == 3 && len(said) > 1 && e.classSaysNoMore() {
			text = ""
		}
		switch {
		case i == 0 && e.StatusCode != 0:
			text = strings.TrimSpace("HTTP " + strconv.Itoa(e.StatusCode) + " " + text)
		case i == 2 && e.Code != 0:
			text = strings.TrimSpace(text + fmt.Sprintf(" (error_code %d)", e.Code))
		}
		if text != "" {
			said = append(said, text)
		}
	}
	return where + ": " + strings.Join(said, ": ")
}

// saidElsewhere reports that another text says the same and possibly more: APIs
// repeat the status in the title, and the title in the detail.
func saidElsewhere(texts []string, i int) bool {
	folded := func(text string) string { return strings.ToLower(strings.TrimRight(text, ". ")) }
	this := folded(texts[i])
	return slices.IndexFunc(texts, func(other string) bool {
		return strings.Contains(folded(other), this) && folded(other) != this
	}) >= 0 || slices.IndexFunc(texts[:i], func(other string) bool { return folded(other) == this }) >= 0
}

// classSaysNoMore reports that the class only repeats what the API said.
func (e *Error) classSaysNoMore() bool {
	return e.StatusCode != 0 && slices.Contains([]error{ErrNotFound, ErrInsufficientBalance, ErrSessionLimit, ErrRateLimited}, e.Err)
}

// Unwrap returns the class or the cause.
func (e *Error) Unwrap() error { return e.Err }

func (e *Error) hasReason() bool { return e.Title != "" || e.Detail != "" }

// redacted is an error whose text was made fit to be shown. errors.Is and
// errors.As still find what it was made of.
type redacted struct {
	text string
	err  error
}

func (r *redacted) Error() string { return r.text }
func (r *redacted) Unwrap() error { return r.err }

func (c *Client) redact(err error) error {
	return &redacted{text: c.config.readable(strings.ReplaceAll(err.Error(), "\n", "; ")), err: err}
}

func (c *Client) errorFrom(got answer, err error) *Error {
	return &Error{
		Op: got.request.op, SessionID: got.request.sessionID, Endpoint: c.config.Endpoint,
		StatusCode: got.status, ServerTime: got.serverTime, Err: err,
	}
}

// failure is the error for a call without an answer.
func (c *Client) failure(r request, err error) error {
	return c.errorFrom(answer{request: r}, c.redact(err))
}

// userinfo is in the address of a proxy that wants a password.
var userinfo = regexp.MustCompile(`://[^/@\s]+@`)

// maxReasonLength keeps an error readable whatever a server sends.
const maxReasonLength = 500

// readable joins what the API or net/http said into one line of bounded length,
// without our own secrets, should it repeat them.
func (c Config) readable(texts ...string) string {
	var kept []string
	for _, text := range texts {
		if text = strings.TrimSpace(text); text != "" {
			kept = append(kept, text)
		}
	}
	joined := strings.Join(kept, "; ")
	for _, secret := range []string{c.ClientSecret, c.APIKey} {
		if secret == "" {
			continue
		}
		quoted := strconv.Quote(secret)
		for _, form := range []string{secret, quoted[1 : len(quoted)-1], url.QueryEscape(secret), url.PathEscape(secret)} {
			joined = strings.ReplaceAll(joined, form, "[redacted]")
		}
	}
	joined = oneLine(userinfo.ReplaceAllString(joined, "://[redacted]@"))
	if runes := []rune(joined); len(runes) > maxReasonLength {
		joined = string(runes[:maxReasonLength]) + "…"
	}
	return joined
}

// oneLine replaces control characters and the separators of lines.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, text)
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
