package palabra

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

const (
	shortestRetryWait = 500 * time.Millisecond
	longestRetryWait  = 10 * time.Second

	// localRetryWait and localRetries add up to a second: a server on this machine
	// that refuses connections is starting, or not running at all.
	localRetryWait = 250 * time.Millisecond
	localRetries   = 4

	// enoughUnanswered calls in a row without any answer show that repeating the
	// others only multiplies the wait.
	enoughUnanswered = 3
)

// answer is the outcome of the last attempt of a call.
type answer struct {
	request request
	status  int
	header  http.Header
	body    []byte
	// serverTime is the Date of the answer, localTime this machine's time then.
	serverTime, localTime time.Time
	// sentAt is when the attempt left, or earlier: the Date of the answer before
	// it, or the injected clock.
	sentAt time.Time
	// lost says that the request may have reached the server, and no answer came;
	// repeated that an earlier attempt of the call may have had its effect.
	lost, repeated bool
}

// do sends r until an attempt needs no repetition. The error is nil if there is an
// answer, whatever it says.
func (t *transport) do(ctx context.Context, u *url.URL, r request) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, t.callTimeout())
	defer cancel()
	repeated := false
	for n := 0; ; n++ {
		if err := t.pacer.wait(ctx); err != nil {
			return answer{request: r}, err
		}
		started := elapsedClock()
		got, err := t.attempt(ctx, u, r)
		got.repeated = repeated
		repeated = repeated || got.lost || got.status >= http.StatusInternalServerError
		if err == nil {
			t.unanswered.Store(0)
			if !got.metSessionLimit() { // A 429, but not a rate limit.
				t.pacer.observe(got.status, got.header, started, got.serverTime)
			}
		}
		t.log(ctx, got, err, elapsedClock().Sub(started), n)
		wait, again := t.shouldRepeat(got, err, n) //nolint:contextcheck // an interrupt is handled below
		if ctx.Err() != nil && (again || err != nil) {
			return got, ctx.Err()
		}
		if err != nil && (!again || n == 1 && errors.Is(err, errTooSlow)) {
			t.unanswered.Add(1)
		}
		if !again {
			return got, t.classed(err)
		}
		if err := pause(ctx, wait); err != nil {
			return got, err
		}
	}
}

// callTimeout bounds all attempts of one call and the waits between them.
func (t *transport) callTimeout() time.Duration {
	attempts := float64(max(t.config.MaxRetries, 0)) + 1
	return time.Duration(min(attempts*(float64(t.config.RequestTimeout)+float64(maxRetryAfter)), math.MaxInt64/2))
}

// shouldRepeat decides after attempt n, counted from 0. The pacer adds what is left
// of the time that the server asked for.
func (t *transport) shouldRepeat(got answer, err error, n int) (wait time.Duration, again bool) {
	r := got.request
	if n >= t.config.MaxRetries || r.optional || t.unanswered.Load() >= enoughUnanswered {
		return 0, false
	}
	ceiling := retryablehttp.DefaultBackoff(t.waitMin, t.waitMax, n, nil)
	wait = rand.N(ceiling + 1) // #nosec G404 -- full jitter, no secret
	if err == nil {
		switch got.status {
		case http.StatusTooManyRequests:
			return wait, !got.metSessionLimit()
		case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return wait, !r.notIdempotent
		}
		return 0, false
	}
	var refusal *proxyRefusal
	switch {
	case r.notIdempotent && got.lost, errors.Is(err, errBodyTooLarge):
		return 0, false
	case errors.As(err, &refusal):
		return wait, refusal.status >= http.StatusInternalServerError
	case t.refusedLocally(err):
		return localRetryWait, n < localRetries
	}
	// The policy knows the errors that a retry does not change, such as an invalid
	// certificate.
	again, _ = retryablehttp.DefaultRetryPolicy(context.Background(), nil, &url.Error{Op: r.method, Err: err})
	return wait, again
}

// refusedLocally reports that no connection could be made to a loopback address.
func (t *transport) refusedLocally(err error) bool {
	var opErr *net.OpError
	return isLoopback(t.endpoint.Hostname()) && errors.As(err, &opErr) && opErr.Op == "dial" && !opErr.Timeout()
}

// classed gives the error of the last attempt its class.
func (t *transport) classed(err error) error {
	switch {
	case err == nil:
		return nil
	case t.refusedLocally(err):
		return fmt.Errorf("%w: %w", err, ErrNotListening)
	}
	return &redacted{text: err.Error(), err: errors.Join(err, ErrUnanswered)}
}

func (got *answer) metSessionLimit() bool {
	said := decodeProblem(got.body)
	return got.status == http.StatusTooManyRequests && got.request.path == createPath && said.isSessionLimit(got.status)
}

// pause returns nil after d, or the error of ctx.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func (t *transport) log(ctx context.Context, got answer, err error, duration time.Duration, retry int) {
	if !t.config.Logger.Enabled(ctx, slog.LevelDebug) {
		return
	}
	r, outcome := got.request, slog.Int("status", got.status)
	if err != nil {
		outcome = slog.String("error", t.config.readable(err.Error()))
	}
	if r.path == "" {
		r.path = sessionsPath + "/" + ShortenID(r.sessionID)
	}
	query := maps.Clone(r.query)
	if token := query.Get("page_token"); token != "" {
		query.Set("page_token", ShortenID(token)) // It holds an id.
	}
	t.config.Logger.LogAttrs(ctx, slog.LevelDebug, "palabra API request", slog.String("method", r.method),
		slog.String("host", t.endpoint.Host), slog.String("path", t.endpoint.Path+r.path), slog.String("query", query.Encode()),
		slog.Duration("duration", duration), slog.Int("retry", retry), outcome)
}
