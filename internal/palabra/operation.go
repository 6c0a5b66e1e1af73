package palabra

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// operation is all attempts of one call. Its RoundTrip sends an attempt, and
// shouldRetry decides whether another follows.
type operation struct {
	*transport
	request request
	// caller is the context of the call. The attempts of a request that cannot
	// be repeated may outlive it.
	caller context.Context

	// answer and sentAt belong to the last attempt, ambiguous to any.
	answer        answer
	attempts      int
	sentAt        time.Time
	ambiguous     bool
	localRefusals int
	// sent is set when the attempt has a connection. Before that, nothing can have
	// reached the server.
	sent atomic.Bool
}

// context returns the context of the attempts. A request that cannot be repeated
// and is on its way when the caller's context ends gets more time: its answer holds
// the id of a session that would otherwise be lost.
func (op *operation) context(caller context.Context) (context.Context, context.CancelFunc) {
	if !op.request.notIdempotent {
		return context.WithCancel(caller)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(caller))
	stop := context.AfterFunc(caller, func() {
		if !op.sent.Load() {
			cancel()
			return
		}
		timer := time.NewTimer(graceAfterCancel)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel()
		case <-ctx.Done():
		}
	})
	return ctx, func() { stop(); cancel() }
}

// RoundTrip sends one attempt. Its error is nil only if the whole answer arrived.
func (op *operation) RoundTrip(req *http.Request) (*http.Response, error) {
	op.answer, op.sentAt = answer{}, op.sendTime()
	op.sent.Store(false)
	req = req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { op.sent.Store(true) },
	}))
	started := elapsedClock()
	resp, body, err := op.send(req)
	if err == nil {
		op.answer = answer{status: resp.StatusCode, header: resp.Header, body: body, serverTime: op.serverTime(resp.Header)}
		status := resp.StatusCode
		if op.metSessionLimit() {
			status = http.StatusForbidden // Not a rate limit.
		}
		op.pacer.observe(status, resp.Header, started, op.answer.serverTime)
	}
	op.log(req, err, elapsedClock().Sub(started))
	op.attempts++
	return resp, err
}

// shouldRetry decides after each attempt.
func (op *operation) shouldRetry(ctx context.Context, resp *http.Response, err error) (bool, error) {
	sent := op.sent.Swap(false)
	if err != nil {
		return op.shouldRetryError(ctx, err, sent)
	}
	retry := false
	switch resp.StatusCode {
	case http.StatusTooManyRequests:
		retry = !op.metSessionLimit()
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		op.ambiguous = true
		retry = !op.request.notIdempotent
	}
	if retry && op.caller.Err() != nil {
		return false, op.caller.Err()
	}
	return retry, nil
}

func (op *operation) shouldRetryError(ctx context.Context, err error, sent bool) (bool, error) {
	op.ambiguous = op.ambiguous || sent
	switch {
	case op.caller.Err() != nil:
		return false, op.caller.Err()
	case op.request.notIdempotent && sent, errors.Is(err, errBodyTooLarge):
		return false, err
	case op.refusedLocally(err):
		op.localRefusals++
		return op.localRefusals <= localRetries, nil
	}
	// The default policy knows the errors that a retry does not change, such as an
	// invalid certificate.
	if retry, _ := retryablehttp.DefaultRetryPolicy(ctx, nil, err); !retry {
		return false, err
	}
	return true, nil
}

// refusedLocally reports that no connection could be made to a loopback address.
func (op *operation) refusedLocally(err error) bool {
	var opErr *net.OpError
	return isLoopback(op.endpoint.Hostname()) && errors.As(err, &opErr) && opErr.Op == "dial" && !opErr.Timeout()
}

func (op *operation) metSessionLimit() bool {
	if op.request.path != createPath || op.answer.status != http.StatusTooManyRequests {
		return false
	}
	said, _ := decodeProblem(op.answer.body)
	return said.isSessionLimit(op.answer.status)
}

// backoff is exponential with full jitter. The pacer then waits for what is left of
// the time that the server asked for.
func (op *operation) backoff(shortest, longest time.Duration, attempt int, resp *http.Response) time.Duration {
	if resp == nil && op.localRefusals > 0 {
		return min(localRetryWait, longest)
	}
	ceiling := retryablehttp.DefaultBackoff(shortest, longest, attempt, nil)
	return rand.N(ceiling + 1) // #nosec G404 -- jitter is no secret
}

// outcome returns the answer or the error of the last attempt.
func (op *operation) outcome(err error) (answer, error) {
	got := op.answer
	got.request, got.sentAt, got.ambiguous = op.request, op.sentAt, op.ambiguous
	var urlErr *url.Error
	if errors.As(err, &urlErr) {
		// The URL holds the whole session id.
		err = urlErr.Err
	}
	switch {
	case err == nil:
		return got, nil
	case op.refusedLocally(err):
		err = fmt.Errorf("%w: %w", err, ErrNotListening)
	case errors.Is(err, context.DeadlineExceeded):
		err = fmt.Errorf("no complete answer in time: %w", err)
	}
	return got, err
}

func (op *operation) log(req *http.Request, err error, duration time.Duration) {
	ctx, logger := req.Context(), op.config.Logger
	if !logger.Enabled(ctx, slog.LevelDebug) {
		return
	}
	path := op.request.path
	if path == "" {
		path = sessionsPath + "/" + ShortenID(op.request.sessionID)
	}
	attrs := []slog.Attr{
		slog.String("method", req.Method),
		slog.String("host", req.URL.Host),
		slog.String("path", op.endpoint.Path+path),
		slog.String("query", loggedQuery(op.request.query)),
		slog.Duration("duration", duration),
		slog.Int("retry", op.attempts),
	}
	if err != nil {
		attrs = append(attrs, slog.String("error", op.config.readable(err.Error())))
	} else {
		attrs = append(attrs, slog.Int("status", op.answer.status))
	}
	logger.LogAttrs(ctx, slog.LevelDebug, "palabra API request", attrs...)
}

// loggedQuery shortens page tokens, which hold an id.
func loggedQuery(query url.Values) string {
	logged := url.Values{}
	for name := range query {
		value := query.Get(name)
		if name == "page_token" {
			value = ShortenID(value)
		}
		logged.Set(name, value)
	}
	return logged.Encode()
}
