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
	// A server on this machine that refuses connections is starting, or not running at
	// all: a second is enough.
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
	// serverTime, localTime and sentAt are those of Session and Error.
	serverTime, localTime, sentAt time.Time
	// lost says that the request may have had its effect, and no answer tells; repeated
	// that an earlier attempt of the call may have had it.
	lost, repeated bool
}

// do sends r until an attempt needs no repetition. The error is nil if there is an
// answer, whatever it says.
func (t *transport) do(ctx context.Context, to string, r request) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, t.callTimeout())
	defer cancel()
	repeated := false
	for n := 0; ; n++ {
		if err := t.pacer.wait(ctx); err != nil {
			return answer{request: r}, err
		}
		started := elapsedClock()
		got, err := t.attempt(ctx, to, r)
		got.repeated = repeated
		repeated = repeated || got.lost || got.status >= http.StatusInternalServerError
		if err == nil {
			t.unanswered.Store(0)
			if !got.metSessionLimit() {
				t.pacer.observe(got.status, got.header, started, got.serverTime)
			}
		}
		t.log(ctx, got, err, elapsedClock().Sub(started), n)
		wait, again := t.shouldRepeat(got, err, n) //nolint:contextcheck // see below
		if ctx.Err() != nil && (again || err != nil) {
			return got, ctx.Err()
		}
		if err != nil && (!again || n == 1 && errors.Is(err, errTooSlow)) {
			t.unanswered.Add(1)
		}
		switch {
		case !again && t.refusedLocally(err):
			return got, fmt.Errorf("%w: %w", err, ErrNotListening)
		case !again && err != nil:
			return got, &redacted{text: err.Error(), err: errors.Join(err, ErrUnanswered)}
		case !again:
			return got, nil
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
	if t.refusedLocally(err) {
		return localRetryWait, n < localRetries
	}
	mayBeDone := got.lost || got.status >= http.StatusInternalServerError
	if r.notIdempotent && mayBeDone || got.metSessionLimit() || errors.Is(err, errBodyTooLarge) {
		return 0, false
	}
	ceiling := retryablehttp.DefaultBackoff(t.waitMin, t.waitMax, n, nil)
	wait = rand.N(ceiling + 1) // #nosec G404 -- full jitter, no secret
	var refusal *proxyRefusal
	switch {
	case errors.As(err, &refusal):
		got.status, err = refusal.status, nil
	case err != nil:
		err = &url.Error{Op: r.method, Err: err} // In it the policy knows what a retry does not change.
	}
	again, _ = retryablehttp.DefaultRetryPolicy(context.Background(), &http.Response{StatusCode: got.status}, err)
	return wait, again
}

// refusedLocally reports that no connection could be made to a loopback address.
func (t *transport) refusedLocally(err error) bool {
	var opErr *net.OpError
	return isLoopback(t.endpoint.Hostname()) && errors.As(err, &opErr) && opErr.Op == "dial" && !opErr.Timeout()
}

// metSessionLimit reports a 429 that is no rate limit.
func (got *answer) metSessionLimit() bool {
	if got.status != http.StatusTooManyRequests || got.request.path != createPath {
		return false
	}
	said := decodeProblem(got.body)
	return said.isSessionLimit(got.status)
}

// pause returns nil after d, or the error of ctx.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func (t *transport) log(ctx context.Context, got answer, err error, duration time.Duration, retry int) {
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
		slog.String("host", t.endpoint.Host), slog.String("path", t.endpoint.Path+r.path),
		slog.String("query", query.Encode()), slog.Duration("duration", duration), slog.Int("retry", retry), outcome)
}
