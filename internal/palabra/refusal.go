package palabra

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"regexp"
	"slices"
)

// codeInsufficientBalance is the error_code that production sends.
const codeInsufficientBalance = 100050

// badAnswer is the error for a 2xx whose body cannot be used.
func (c *Client) badAnswer(got answer, err error) error {
	return c.errorFrom(got, c.redact(fmt.Errorf("the answer (%s) cannot be used: %w", c.contentType(got), err)))
}

// refusal is the error for an answer that is not a success.
func (c *Client) refusal(ctx context.Context, got answer) error {
	apiErr := c.errorFrom(got, nil)
	said, isObject := decodeProblem(got.body)
	apiErr.Title, apiErr.Detail, apiErr.Code = c.config.readable(said.titles...), c.config.readable(said.details...), said.code
	if !apiErr.hasReason() {
		switch {
		case got.status < 300:
			apiErr.Detail = "the answer says that the call failed, and gives no reason"
		case got.status < 400 || isObject || isEmpty(got.body):
		default:
			apiErr.Detail = "the answer is " + c.contentType(got) + " and not an error of the API; a proxy or gateway may have answered"
		}
	}
	apiErr.Err = c.class(ctx, got, said, isEmpty(got.body) || isObject && !said.isFromRouter())
	return apiErr
}

// class returns the class of a refusal, or nil. fromAPI is false for a body that
// the API would not send.
func (c *Client) class(ctx context.Context, got answer, said problem, fromAPI bool) error {
	create := got.request.path == createPath
	switch {
	case said.code == codeInsufficientBalance:
		return ErrInsufficientBalance
	case create && said.isSessionLimit(got.status):
		return ErrSessionLimit
	case got.status == http.StatusUnauthorized:
		return ErrUnauthorized
	case got.status == http.StatusForbidden && fromAPI && said.mayBlameCredentials():
		return ErrUnauthorized
	case got.status == http.StatusTooManyRequests:
		return ErrRateLimited
	case got.status == http.StatusNotFound && got.request.sessionID != "":
		return c.meaningOfNotFound(ctx, fromAPI)
	case got.status == http.StatusNotFound && (said.mentions(credentialWords) || said.mentions(accountWords) || said.known && !said.mentions(endpointWords)):
		// The create and list paths exist, so nothing else can be missing.
		return ErrUnauthorized
	case got.request.sessionID == "" && (got.status == http.StatusNotFound || got.status == http.StatusMethodNotAllowed && !said.known):
		return ErrNoSuchEndpoint
	case got.status >= 300 && got.status < 400:
		return errRedirect
	case got.request.notIdempotent && got.status >= 500:
		return ErrMaybeCreated
	default:
		return nil
	}
}

// meaningOfNotFound tells a missing session from wrong credentials, which the API
// has also answered with 404, and from a gateway's 404. The session counts as
// missing only if the answer is the API's own and the same credentials have
// worked, in an earlier call or in a list call now.
func (c *Client) meaningOfNotFound(ctx context.Context, fromAPI bool) error {
	switch work := c.credentialsWork.Load(); {
	case !fromAPI && work:
		return nil
	case !fromAPI:
		return ErrNoSuchEndpoint
	case work:
		return ErrNotFound
	}
	if err := c.checkCredentials(ctx); err != nil {
		return fmt.Errorf("unable to find out whether the credentials work: %w", err)
	}
	return ErrNotFound
}

// noteRefusal remembers that the credentials are wrong, so that later calls end at
// once. A 403 about one session says nothing about other sessions.
func (c *Client) noteRefusal(got answer, err error) {
	aboutAll := got.status == http.StatusUnauthorized || got.request.path == sessionsPath
	if aboutAll && errors.Is(err, ErrUnauthorized) {
		c.refused.Store(true)
	}
}

// checkCredentials lists one session. Concurrent callers share the request, so
// none of them may cancel it.
func (c *Client) checkCredentials(ctx context.Context) error {
	check := c.checks.DoChan("", func() (any, error) {
		if c.credentialsWork.Load() {
			return nil, nil
		}
		_, _, err := c.page(context.WithoutCancel(ctx), 1, "")
		return nil, err
	})
	select {
	case got := <-check:
		return got.Err
	case <-ctx.Done():
		return ctx.Err()
	}
}

var (
	credentialWords = regexp.MustCompile(`(?i)credential|unauthori[sz]ed|authenticat|api.?key|client.?(id|secret)`)
	accountWords    = regexp.MustCompile(`(?i)\b(user|account|client)\b`)
	endpointWords   = regexp.MustCompile(`(?i)endpoint|route|path|url|page`)
	limitWords      = regexp.MustCompile(`(?i)limit|quota|too many|maximum|\bmax\b|exceed`)
	sessionWords    = regexp.MustCompile(`(?i)session|concurrent|parallel|simultaneous`)
	otherLimitWords = regexp.MustCompile(`(?i)\brate\b|request|subscriber|ttl`)
	noReason        = regexp.MustCompile(`(?i)^\W*(forbidden( resource)?|access denied|permission denied)?\W*$`)
)

func (p *problem) texts() []string { return slices.Concat(p.titles, p.details) }

func (p *problem) mentions(words *regexp.Regexp) bool {
	return slices.ContainsFunc(p.texts(), words.MatchString)
}

// mayBlameCredentials reports that a 403 names the credentials as its reason, or
// gives no reason.
func (p *problem) mayBlameCredentials() bool {
	return p.mentions(credentialWords) || !slices.ContainsFunc(p.texts(), func(text string) bool { return !noReason.MatchString(text) })
}

// isFromRouter reports that a gateway or web framework does not know the path.
func (p *problem) isFromRouter() bool { return !p.known && p.mentions(endpointWords) }

// isSessionLimit goes by the wording, because status and code are not documented.
// Rate limits and the limits of other fields do not count.
func (p *problem) isSessionLimit(status int) bool {
	switch status {
	case http.StatusForbidden, http.StatusConflict, http.StatusUnprocessableEntity, http.StatusTooManyRequests, http.StatusOK, http.StatusCreated:
		return slices.ContainsFunc(p.texts(), func(text string) bool {
			return limitWords.MatchString(text) && sessionWords.MatchString(text) && !otherLimitWords.MatchString(text)
		})
	default:
		return false
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
