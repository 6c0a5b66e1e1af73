package palabra

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"html"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
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
	// ErrNoSuchEndpoint says that the server does not know the path of the call,
	// so the endpoint is probably not the base URL of the API.
	ErrNoSuchEndpoint = errors.New("the server does not know this path")
	// ErrNotTheAPI says that something else than the API answered.
	ErrNotTheAPI = errors.New("not an error of the API; a proxy or gateway may have answered")
	// ErrProxy says that the proxy of the environment did not connect to the
	// endpoint. Nothing has reached the API.
	ErrProxy = errors.New("the proxy refused")
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
	// ServerTime and LocalTime are those of Session.
	ServerTime, LocalTime time.Time
	// SentAt is set for ErrMaybeCreated: a session that was created has a
	// creation time of this or later. It is the Date of an earlier answer, or
	// Config.Now where there was none.
	SentAt time.Time
	// Err is the class of the error, or its cause.
	Err error
}

// saysNoMore are the classes that only repeat what the API said.
var saysNoMore = []error{ErrNotFound, ErrInsufficientBalance, ErrSessionLimit, ErrRateLimited}

// Error names the operation, the session, the status, what the API said, and the
// class or cause. It is one line and never holds a credential.
func (e *Error) Error() string {
	where := e.Op
	if e.SessionID != "" {
		where += fmt.Sprintf(" %q", e.SessionID)
	}
	if e.Endpoint != "" {
		where += " at " + e.Endpoint
	}
	said := []string{where}
	if e.StatusCode != 0 {
		said = append(said, fmt.Sprintf("HTTP %d", e.StatusCode))
	}
	texts := []string{http.StatusText(e.StatusCode), strings.TrimRight(e.Title, ". "), strings.TrimRight(e.Detail, ". ")}
	for i, text := range texts {
		repeats := func(other string) bool { return strings.Contains(strings.ToLower(other), strings.ToLower(text)) }
		switch {
		case text == "" || slices.ContainsFunc(texts[i+1:], repeats):
		case i == 0:
			said[len(said)-1] += " " + text
		default:
			said = append(said, text)
		}
	}
	if e.Code != 0 {
		said[len(said)-1] += fmt.Sprintf(" (error_code %d)", e.Code)
	}
	if e.Err != nil && (e.Detail == "" || !slices.Contains(saysNoMore, e.Err)) {
		said = append(said, oneLine(strings.ReplaceAll(e.Err.Error(), "\n", "; ")))
	}
	return strings.Join(said, ": ")
}

// Unwrap returns the class or the cause.
func (e *Error) Unwrap() error { return e.Err }

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
		StatusCode: got.status, ServerTime: got.serverTime, LocalTime: got.localTime, Err: err,
	}
}

// failure is the error for a call without an answer.
func (c *Client) failure(r request, err error) error {
	return c.errorFrom(answer{request: r}, c.redact(err))
}

// badAnswer is the error for a 2xx whose body cannot be used.
func (c *Client) badAnswer(got answer, err error) error {
	return c.errorFrom(got, c.redact(fmt.Errorf("the answer (%s) cannot be used: %w", c.contentType(got), err)))
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
		c.refused.Store(true)
	}
	return apiErr
}

// codeInsufficientBalance is the error_code that production sends.
const codeInsufficientBalance = 100050

// class returns the class of a refusal, or nil.
func (c *Client) class(ctx context.Context, got answer, said problem, apiErr *Error) error {
	status, isCreate, aboutSession := got.status, got.request.path == createPath, got.request.sessionID != ""
	switch {
	case said.code == codeInsufficientBalance:
		return ErrInsufficientBalance
	case isCreate && said.isSessionLimit(status):
		return ErrSessionLimit
	case status == http.StatusUnauthorized || strings.EqualFold(apiErr.Title, http.StatusText(http.StatusUnauthorized)):
		return ErrUnauthorized
	case status == http.StatusForbidden && said.mayBeAPI && (got.request.path == sessionsPath || apiErr.givesNoReason()):
		return ErrUnauthorized
	case status == http.StatusTooManyRequests:
		return ErrRateLimited
	case status >= 300 && status < 400:
		return errRedirect
	case isCreate && status >= 500:
		return ErrMaybeCreated
	case status == http.StatusNotFound && aboutSession && said.mayBeAPI:
		return c.meaningOfNotFound(ctx, got.request, said)
	case status == http.StatusNotFound && (said.known || !apiErr.givesNoReason()) && !slices.ContainsFunc(said.texts(), endpointWords.MatchString):
		// The create and list paths exist, so the API misses the account.
		return ErrUnauthorized
	case status == http.StatusNotFound && (!aboutSession || !c.credentialsWork.Load()), status == http.StatusMethodNotAllowed && !said.known && !aboutSession:
		return ErrNoSuchEndpoint
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

// meaningOfNotFound asks for the second witness of an end.
func (c *Client) meaningOfNotFound(ctx context.Context, r request, said problem) error {
	if r.ended {
		return ErrNotFound
	}
	switch listed, err := c.witness.lists(ctx, c, r.sessionID); {
	case err == nil && listed:
		return ErrStillListed
	case err == nil:
		return ErrNotFound
	case errors.Is(err, ErrUnauthorized) && c.credentialsWork.Load() && said.known:
		// These credentials may read sessions, but not the list.
		return ErrNotFound
	default:
		return fmt.Errorf("%w: %w", ErrUnconfirmed, err)
	}
}

func (c *Client) contentType(got answer) string {
	if got.status == http.StatusNoContent {
		return "204 without a body"
	}
	mediaType, _, err := mime.ParseMediaType(got.header.Get("Content-Type"))
	if err != nil {
		return "of no content type"
	}
	return c.config.readable(mediaType)
}

// userinfo is in the address of a proxy that wants a password.
var userinfo = regexp.MustCompile(`://[^/@\s]+@`)

// maxReasonLength keeps an error readable whatever a server sends.
const maxReasonLength = 500

// readable joins what the API or net/http said into one line of bounded length,
// without our own secrets, should it repeat them.
func (c Config) readable(texts ...string) string {
	joined := strings.Join(slices.DeleteFunc(texts, func(text string) bool { return strings.TrimSpace(text) == "" }), "; ")
	if c.secret != nil {
		joined = c.secret.ReplaceAllLiteralString(joined, "[redacted]")
	}
	joined = oneLine(strings.TrimSpace(userinfo.ReplaceAllString(joined, "://[redacted]@")))
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
		forms := []string{
			regexp.QuoteMeta(string(char)), strings.Replace(regexp.QuoteMeta(html.EscapeString(string(char))), "&", "&(?:amp;)*", 1),
			fmt.Sprintf(`(?i:%s|u%04x|&(?:amp;)*#0*%d;|&(?:amp;)*#x0*%x;)`, percent, char, char, char),
		}
		if char == ' ' {
			forms = append(forms, `\+`)
		}
		escaped.WriteString(`\\*(?:` + strings.Join(forms, "|") + ")")
	}
	forms := []string{escaped.String()}
	for before := range 3 {
		// The characters at both ends also hold bits of what stands beside the secret.
		encoded := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("\x00", before) + secret))
		from, to := []int{0, 2, 3}[before], len(encoded)
		if (before+len(secret))%3 != 0 {
			to--
		}
		if core := encoded[min(from, to):to]; len(core) >= 8 {
			core = regexp.QuoteMeta(core)
			core = strings.NewReplacer(`\+`, `(?:\+|-|%2[bB])`, "/", `(?:\\?/|_|%2[fF])`).Replace(core)
			forms = append(forms, core)
		}
	}
	return regexp.MustCompile(strings.Join(forms, "|"))
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
	switch runes := []rune(id); {
	case len(runes) <= head:
		return id
	case len(runes) <= 2*(head+tail):
		return string(runes[:head]) + "…"
	default:
		return string(runes[:head]) + "…" + string(runes[len(runes)-tail:])
	}
}
