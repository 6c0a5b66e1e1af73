package palabra

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

const (
	// maxConnsPerHost is above the parallelism that engines use by default (10),
	// and keeps every connection: Go's default of two idle ones makes ten
	// parallel requests dial anew all the time.
	maxConnsPerHost = 32

	shortestRetryWait = 500 * time.Millisecond
	longestRetryWait  = 10 * time.Second
)

// transport sends requests: credentials, user agent, retries, limits.
type transport struct {
	config    Config
	endpoint  *url.URL
	http      *retryablehttp.Client
	base      http.RoundTripper
	pacer     *pacer
	waitMin   time.Duration
	waitMax   time.Duration
	retryWait time.Duration
}

// answer is what came back, its body read and bounded.
type answer struct {
	request    request
	status     int
	header     http.Header
	body       []byte
	serverTime time.Time
	// ambiguous says that an attempt failed after it may have had its effect.
	ambiguous bool
}

// attempts is what the attempts of one operation share.
type attempts struct {
	request   request
	count     int
	ambiguous bool
}

type attemptsKey struct{}

func newTransport(config Config, endpoint *url.URL) *transport {
	t := &transport{
		config: config, endpoint: endpoint, pacer: newPacer(),
		waitMin: shortestRetryWait, waitMax: longestRetryWait, retryWait: maxRetryAfter,
		base: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
			TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: config.RootCAs},
			TLSHandshakeTimeout:   10 * time.Second,
			ForceAttemptHTTP2:     true,
			MaxIdleConns:          maxConnsPerHost,
			MaxIdleConnsPerHost:   maxConnsPerHost,
			MaxConnsPerHost:       maxConnsPerHost,
			IdleConnTimeout:       90 * time.Second,
			ExpectContinueTimeout: time.Second,
		},
	}
	t.http = &retryablehttp.Client{
		HTTPClient: &http.Client{
			Transport: t,
			Timeout:   config.RequestTimeout,
			// A redirect is returned as it is: following it would send the
			// credentials' headers to whatever host it names.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		RetryMax:     config.MaxRetries,
		CheckRetry:   t.shouldRetry,
		Backoff:      t.backoff,
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
		PrepareRetry: func(r *http.Request) error { return t.pacer.wait(r.Context()) },
	}
	return t
}

// operationTimeout bounds all attempts of one operation and the waits between.
func (t *transport) operationTimeout() time.Duration {
	return time.Duration(t.config.MaxRetries+1) * (t.config.RequestTimeout + t.retryWait)
}

// do sends r until it has an answer that is worth no other attempt.
func (t *transport) do(ctx context.Context, u *url.URL, r request) (answer, error) {
	state := &attempts{request: r}
	ctx = context.WithValue(ctx, attemptsKey{}, state)
	var body any
	if r.body != nil {
		body = r.body
	}
	req, err := retryablehttp.NewRequestWithContext(ctx, r.method, "", body)
	if err != nil {
		return answer{}, err
	}
	req.URL, req.Host = u, u.Host
	var got answer
	req.SetResponseHandler(func(resp *http.Response) error {
		got, err = t.read(resp)
		return err
	})
	if err := t.pacer.wait(ctx); err != nil {
		return answer{}, err
	}
	resp, err := t.http.Do(req)
	if resp != nil {
		defer resp.Body.Close() //nolint:errcheck // read to its end, or given up
	}
	if err == nil && got.status == 0 {
		// Retries are used up: the last answer is the outcome.
		got, err = t.read(resp)
	}
	got.ambiguous = state.ambiguous
	if err != nil {
		return got, withoutURL(err)
	}
	return got, nil
}

// withoutURL drops the request's URL, which holds the whole session id, from
// what net/http says; Error names what was tried.
func withoutURL(err error) error {
	var urlErr *url.Error
	if errors.As(err, &urlErr) {
		err = urlErr.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("no complete answer in time: %w", err)
	}
	return err
}

var errBodyTooLarge = errors.New("the answer is larger than the limit")

// read reads the whole body, so that the connection can be used again.
func (t *transport) read(resp *http.Response) (answer, error) {
	limit := t.config.MaxBodyBytes
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err == nil && int64(len(body)) > limit {
		err = fmt.Errorf("%w of %d bytes", errBodyTooLarge, limit)
	}
	if err != nil {
		return answer{}, err
	}
	return answer{status: resp.StatusCode, header: resp.Header, body: body, serverTime: t.serverTime(resp.Header)}, nil
}

func (t *transport) serverTime(header http.Header) time.Time {
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return t.config.Now().UTC().Truncate(time.Second)
	}
	return date.UTC()
}

// shouldRetry is asked after each attempt.
func (t *transport) shouldRetry(ctx context.Context, resp *http.Response, err error) (bool, error) {
	state, ok := ctx.Value(attemptsKey{}).(*attempts)
	if !ok {
		return false, err
	}
	if err != nil {
		neverSent := isDialError(err)
		state.ambiguous = state.ambiguous || !neverSent
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		if state.request.notIdempotent && !neverSent || errors.Is(err, errBodyTooLarge) {
			return false, err
		}
		// What can never work, such as a certificate that does not verify.
		retry, _ := retryablehttp.DefaultRetryPolicy(ctx, nil, err)
		if !retry {
			return false, err
		}
		return true, nil
	}
	switch resp.StatusCode {
	case http.StatusTooManyRequests:
		return true, nil
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		state.ambiguous = true
		return !state.request.notIdempotent, nil
	default:
		return false, nil
	}
}

// isDialError says that no connection was made, so that no request was sent.
func isDialError(err error) bool {
	var opErr *net.OpError
	var dnsErr *net.DNSError
	return errors.As(err, &opErr) && opErr.Op == "dial" || errors.As(err, &dnsErr)
}

// RoundTrip sends one attempt with the credentials, which go to the configured
// host alone.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != t.endpoint.Scheme || req.URL.Host != t.endpoint.Host {
		return nil, errors.New("refused to send credentials to another host than the endpoint's")
	}
	req = req.Clone(req.Context())
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", t.config.UserAgent)
	if req.Body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if t.config.APIKey != "" {
		req.Header.Set("Authorization", "Bearer "+t.config.APIKey)
	} else {
		// The documented spelling, which Set would change; HTTP ignores case.
		req.Header["ClientID"] = []string{t.config.ClientID}
		req.Header["ClientSecret"] = []string{t.config.ClientSecret}
	}
	started := elapsedClock()
	resp, err := t.base.RoundTrip(req)
	if resp != nil {
		t.pacer.observe(resp, started, t.serverTime(resp.Header))
	}
	t.log(req, resp, err, elapsedClock().Sub(started))
	return resp, err
}

func (t *transport) log(req *http.Request, resp *http.Response, err error, duration time.Duration) {
	ctx := req.Context()
	state, ok := ctx.Value(attemptsKey{}).(*attempts)
	if !ok {
		return
	}
	retry := state.count
	state.count++
	if !t.config.Logger.Enabled(ctx, slog.LevelDebug) {
		return
	}
	path := state.request.path
	if path == "" {
		path = sessionsPath + "/" + ShortenID(state.request.sessionID)
	}
	attrs := []slog.Attr{
		slog.String("method", req.Method),
		slog.String("path", path),
		slog.Duration("duration", duration),
		slog.Int("retry", retry),
	}
	if err != nil {
		attrs = append(attrs, slog.String("error", err.Error()))
	} else {
		attrs = append(attrs, slog.Int("status", resp.StatusCode))
	}
	t.config.Logger.LogAttrs(ctx, slog.LevelDebug, "palabra API request", attrs...)
}
