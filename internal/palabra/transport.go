package palabra

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

const (
	// idleConns is above the default parallelism of engines (10). Go's default of
	// two makes ten parallel requests dial again and again. Connections in use are
	// not limited: a request that waits for one would use up its attempt's time.
	idleConns = 32
	// idleTimeout is below the 60 seconds after which common load balancers close
	// a connection, so that no request is sent while they close it.
	idleTimeout = 50 * time.Second

	// maxBodyBytes bounds an answer after decompression.
	maxBodyBytes = 8 << 20

	shortestRetryWait = 500 * time.Millisecond
	longestRetryWait  = 10 * time.Second

	// graceAfterCancel is how long a request that cannot be repeated may continue
	// after its caller's context has ended.
	graceAfterCancel = 10 * time.Second

	// localRetryWait and localRetries add up to a second: a server on this machine
	// that refuses connections is starting, or not running at all.
	localRetryWait = 250 * time.Millisecond
	localRetries   = 4
)

// transport is what all calls share: connections, credentials, pacing.
type transport struct {
	config   Config
	endpoint *url.URL
	base     http.RoundTripper
	pacer    *pacer
	waitMin  time.Duration
	waitMax  time.Duration
	// lastDate is the Date of the last answer.
	lastDate atomic.Pointer[time.Time]
}

// answer is a response whose body has been read.
type answer struct {
	request    request
	status     int
	header     http.Header
	body       []byte
	serverTime time.Time
	// sentAt is when the last attempt left, or earlier: the Date of the answer
	// before it, or the injected clock.
	sentAt time.Time
	// ambiguous says that an attempt failed, but may have had its effect.
	ambiguous bool
}

func newTransport(config Config, endpoint *url.URL) *transport {
	return &transport{
		config: config, endpoint: endpoint, pacer: newPacer(),
		waitMin: shortestRetryWait, waitMax: longestRetryWait,
		base: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
			TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: config.RootCAs},
			TLSHandshakeTimeout:   10 * time.Second,
			ForceAttemptHTTP2:     true,
			MaxIdleConnsPerHost:   idleConns,
			IdleConnTimeout:       idleTimeout,
			ExpectContinueTimeout: time.Second,
		},
	}
}

// operationTimeout bounds all attempts of one operation and the waits between
// them. It is the longest time.Duration where the product would overflow.
func (t *transport) operationTimeout() time.Duration {
	attempts := min(max(int64(t.config.MaxRetries), 0), math.MaxInt32) + 1
	longest := min(int64(t.config.RequestTimeout), math.MaxInt64-int64(maxRetryAfter)) + int64(maxRetryAfter)
	return time.Duration(attempts * min(longest, math.MaxInt64/attempts))
}

// do sends r until an attempt needs no retry.
func (t *transport) do(ctx context.Context, u *url.URL, r request) (answer, error) {
	if err := t.pacer.wait(ctx); err != nil {
		return answer{}, err
	}
	op := &operation{transport: t, request: r, caller: ctx}
	attempts, cancel := op.context(ctx)
	defer cancel()
	req, err := t.newRequest(attempts, u, r)
	if err != nil {
		return answer{}, err
	}
	client := retryablehttp.Client{
		HTTPClient: &http.Client{
			Transport: op,
			Timeout:   t.config.RequestTimeout,
			// Following a redirect would send the credentials' headers to whatever
			// host it names.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		RetryMax:     t.config.MaxRetries,
		RetryWaitMin: t.waitMin,
		RetryWaitMax: t.waitMax,
		CheckRetry:   op.shouldRetry,
		Backoff:      op.backoff,
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
		PrepareRetry: func(*http.Request) error { return t.pacer.wait(ctx) },
	}
	resp, err := client.Do(req)
	if resp != nil {
		_ = resp.Body.Close() // The body has been read; this stops the attempt's timer.
	}
	return op.outcome(err)
}

// newRequest makes the request that each attempt repeats.
func (t *transport) newRequest(ctx context.Context, u *url.URL, r request) (*retryablehttp.Request, error) {
	var body any
	if r.body != nil {
		body = r.body
	}
	req, err := retryablehttp.NewRequestWithContext(ctx, r.method, "", body)
	if err != nil {
		return nil, err
	}
	req.URL, req.Host = u, u.Host
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", t.config.UserAgent)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

// send sends one attempt with the credentials, only to the configured host. It
// reads the whole answer, so that the connection can be used again.
func (t *transport) send(req *http.Request) (*http.Response, []byte, error) {
	if req.URL.Scheme != t.endpoint.Scheme || req.URL.Host != t.endpoint.Host {
		return nil, nil, errors.New("refused to send credentials to a host other than the endpoint's")
	}
	req.Header = req.Header.Clone()
	if t.config.APIKey != "" {
		req.Header.Set("Authorization", "Bearer "+t.config.APIKey)
	} else {
		// The documented spelling, which Set would change; HTTP ignores case.
		req.Header["ClientID"] = []string{t.config.ClientID}
		req.Header["ClientSecret"] = []string{t.config.ClientSecret}
	}
	resp, err := t.base.RoundTrip(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end, or given up
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBodyBytes+1))
	if err == nil && len(body) > maxBodyBytes {
		err = errBodyTooLarge
	}
	if err != nil {
		return nil, nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(nil))
	return resp, body, nil
}

var errBodyTooLarge = fmt.Errorf("the answer is larger than the limit of %d bytes", maxBodyBytes)

// serverTime returns the Date of an answer, or the injected time if it has none.
func (t *transport) serverTime(header http.Header) time.Time {
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return t.config.Now().UTC().Truncate(time.Second)
	}
	date = date.UTC()
	t.lastDate.Store(&date)
	return date
}

// sendTime returns the Date of the last answer, or the injected time before one.
func (t *transport) sendTime() time.Time {
	if date := t.lastDate.Load(); date != nil {
		return *date
	}
	return t.config.Now().UTC().Truncate(time.Second)
}
