package palabra

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"
)

const (
	maxBodyBytes  = 8 << 20  // of an answer, after decompression
	maxErrorBytes = 64 << 10 // of a refusal, which is only read for its reason

	// maxConnections bounds how often net/http may send one attempt: as often as a
	// connection or an HTTP/2 stream ends early.
	maxConnections = 4

	// graceAfterCancel is how long a create may continue after an interrupt.
	graceAfterCancel = 10 * time.Second
)

var (
	errTooSlow      = fmt.Errorf("no complete answer in time: %w", context.DeadlineExceeded)
	errBodyTooLarge = fmt.Errorf("the answer is larger than the limit of %d bytes", maxBodyBytes)
	errEndedAtOnce  = fmt.Errorf("the server ended %d connections or streams in a row without an answer", maxConnections)
	errSentOnce     = errors.New("the server ended the HTTP/2 stream without an answer; the request was sent once")
)

// proxyRefusal is the answer of a proxy that does not connect to the endpoint.
type proxyRefusal struct {
	error
	status int
}

func (p *proxyRefusal) Unwrap() error { return ErrProxy }

// transport is what all calls share: connections, credentials, pacing.
type transport struct {
	config   Config
	endpoint *url.URL
	base     http.RoundTripper
	pacer    *pacer
	// waitMin and waitMax bound the waits between attempts.
	waitMin, waitMax time.Duration
	lastDate         atomic.Pointer[time.Time] // the Date of the last answer
	// unanswered counts calls in a row that got no answer at all.
	unanswered atomic.Int32
}

func newTransport(config Config, endpoint *url.URL) *transport {
	return &transport{
		config: config, endpoint: endpoint, pacer: newPacer(),
		waitMin: shortestRetryWait, waitMax: longestRetryWait,
		base: &http.Transport{
			Proxy: http.ProxyFromEnvironment,
			OnProxyConnectResponse: func(_ context.Context, proxy *url.URL, _ *http.Request, resp *http.Response) error {
				if resp.StatusCode == http.StatusOK {
					return nil
				}
				err := fmt.Errorf("the proxy %s refused to connect to the endpoint, with %q", proxy.Host, resp.Status)
				return &proxyRefusal{err, resp.StatusCode}
			},
			DialContext:         (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
			TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: config.RootCAs},
			TLSHandshakeTimeout: 10 * time.Second,
			ForceAttemptHTTP2:   true,
			// Without pings, a connection that a firewall has dropped would take the time of
			// every attempt, because all requests share it.
			HTTP2:               &http.HTTP2Config{SendPingTimeout: 2 * time.Second, PingTimeout: 2 * time.Second},
			MaxIdleConnsPerHost: 32,               // With Go's two, ten parallel requests dial again and again.
			IdleConnTimeout:     50 * time.Second, // Common load balancers close it after 60.
		},
	}
}

// attempt sends r once and reads the whole answer.
func (t *transport) attempt(ctx context.Context, to string, r request) (answer, error) {
	got := answer{request: r, sentAt: t.now()}
	if date := t.lastDate.Load(); date != nil {
		got.sentAt = *date
	}
	var below belowHTTP
	if r.notIdempotent {
		var end context.CancelFunc
		ctx, end = outlive(ctx, below.sent)
		defer end()
	}
	ctx, stop := context.WithTimeoutCause(ctx, t.config.RequestTimeout, errTooSlow)
	defer stop()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	req, err := t.newRequest(httptrace.WithClientTrace(ctx, below.trace(cancel)), to, r, &below)
	if err != nil {
		return got, err
	}
	resp, err := t.base.RoundTrip(req)
	if err == nil {
		got.body, err = readBody(resp)
	}
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		got.lost = below.sent()
		return got, err
	}
	got.status, got.header = resp.StatusCode, resp.Header
	got.serverTime, got.localTime = t.times(resp.Header)
	return got, nil
}

func (t *transport) newRequest(ctx context.Context, to string, r request, below *belowHTTP) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, r.method, to, bytes.NewReader(r.body)) // #nosec G704 -- the endpoint
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", t.config.UserAgent)
	if len(r.body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	if again := req.GetBody; r.notIdempotent {
		req.GetBody = func() (io.ReadCloser, error) {
			if below.onHTTP2Stream.Load() {
				return nil, errSentOnce
			}
			return again()
		}
	}
	if t.config.APIKey != "" {
		req.Header.Set("Authorization", "Bearer "+t.config.APIKey)
	} else {
		// The documented spelling, which Set would change; HTTP ignores case.
		req.Header["ClientID"] = []string{t.config.ClientID}
		req.Header["ClientSecret"] = []string{t.config.ClientSecret}
	}
	return req, nil
}

// readBody reads to the end, so that the connection can be used again.
func readBody(resp *http.Response) ([]byte, error) {
	defer resp.Body.Close() //nolint:errcheck // read to its end, or given up
	limit := int64(maxBodyBytes) + 1
	switch {
	case resp.StatusCode == http.StatusSwitchingProtocols:
		return nil, nil // What follows is no body, and ends for no context.
	case resp.StatusCode >= 300:
		limit = maxErrorBytes
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit))
	if err == nil && len(body) > maxBodyBytes {
		return nil, errBodyTooLarge
	}
	return body, err
}

// belowHTTP follows one attempt on its connections.
type belowHTTP struct {
	connections atomic.Int32
	// onHTTP2Stream is set when the headers go out on an HTTP/2 stream. net/http would
	// repeat even a POST if that is reset; on HTTP/1 only if no byte was written.
	onHTTP2Stream atomic.Bool
}

// sent reports that the attempt had a connection. Before that, nothing can have
// reached the server.
func (b *belowHTTP) sent() bool { return b.connections.Load() > 0 }

func (b *belowHTTP) trace(cancel context.CancelCauseFunc) *httptrace.ClientTrace {
	var isHTTP2 atomic.Bool
	return &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			conn, isTLS := info.Conn.(*tls.Conn)
			isHTTP2.Store(isTLS && conn.ConnectionState().NegotiatedProtocol == "h2")
			if b.connections.Add(1) >= maxConnections {
				cancel(errEndedAtOnce)
			}
		},
		WroteHeaderField: func(string, []string) { b.onHTTP2Stream.Store(isHTTP2.Load()) },
	}
}

// outlive returns a context that ends with ctx or, if the request is on its way by
// then, later: the answer to a create holds the id of a session.
func outlive(ctx context.Context, sent func() bool) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		if sent() {
			_ = pause(longer, graceAfterCancel)
		}
		cancel()
	})
	return longer, func() { stop(); cancel() }
}

// now is this machine's time, in the precision of the header Date.
func (t *transport) now() time.Time { return t.config.Now().UTC().Truncate(time.Second) }

// times returns the Date of an answer and this machine's time, which replaces a
// missing Date.
func (t *transport) times(header http.Header) (server, local time.Time) {
	local = t.now()
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return local, local
	}
	date = date.UTC()
	t.lastDate.Store(&date)
	if isLoopback(t.endpoint.Hostname()) {
		local = date // The clock of a sandbox on this machine is moved on purpose.
	}
	return date, local
}
