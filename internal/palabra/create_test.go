package palabra

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

func TestCreate_IsRepeatedOnlyIfItDidNothing(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		effect            sandbox.Effect
		maybe             bool
		attempts, created int
	}{
		"429 once":          {sandbox.RateLimited("0"), false, 2, 1},
		"cut after":         {sandbox.CutAfter(), true, 1, 1},
		"cut before":        {sandbox.CutBefore(), true, 1, 0},
		"502":               {sandbox.HTMLError(502), true, 1, 0},
		"broken answer":     {sandbox.Truncate(), true, 1, 1},
		"body cut off":      {sandbox.CutBody(), true, 1, 1},
		"answer without id": {sandbox.Replace(201, jsonType, `{"data":{}}`), true, 1, 1},
		"refused":           {sandbox.HTMLError(422), false, 1, 0},
	} {
		s := newServer(t)
		s.Inject(sandbox.Fault{Effect: test.effect, Count: 1})
		_, err := s.client(t, withRetries(3)).Create(t.Context(), CreateRequest{})
		if errors.Is(err, ErrMaybeCreated) != test.maybe {
			t.Errorf("%s: error %v, want ErrMaybeCreated: %t", name, err, test.maybe)
		}
		if attempts, created := len(s.Requests()), len(s.Sessions()); attempts != test.attempts || created != test.created {
			t.Errorf("%s: %d attempts and %d sessions, want %d and %d", name, attempts, created, test.attempts, test.created)
		}
	}
}

func TestCreate_AnswerIsAwaitedAfterAnInterrupt(t *testing.T) {
	t.Parallel()
	const interrupt, minute = time.Second, time.Minute
	for name, test := range map[string]struct {
		call                  string
		dial, answer, timeout time.Duration
		status                int
		took                  time.Duration
		requests              int32
		created, maybe        bool
	}{
		"the answer comes soon":        {"create", 0, 5 * time.Second, minute, 201, 5 * time.Second, 1, true, false},
		"the answer comes too late":    {"create", 0, 20 * time.Second, minute, 201, interrupt + 10*time.Second, 1, false, true},
		"the attempt's time ends":      {"create", 0, 20 * time.Second, 4 * time.Second, 201, 4 * time.Second, 1, false, true},
		"there is no connection":       {"create", 20 * time.Second, 0, minute, 201, interrupt, 1, false, false},
		"the connection came just now": {"create", interrupt - 1, time.Second, minute, 201, interrupt - 1 + time.Second, 1, true, false},
		"the answer is a 429":          {"create", 0, 5 * time.Second, minute, 429, 5 * time.Second, 1, false, false},
		"in a wait":                    {"create", 0, 0, minute, 429, interrupt, 1, false, false},
		"in the wait of a read":        {"get", 0, 0, minute, 429, interrupt, 1, false, false},
		"before the answer of a read":  {"get", 0, 5 * time.Second, minute, 200, interrupt, 1, false, false},
	} {
		for _, retryAfter := range []string{"", "30"} {
			synctest.Test(t, func(t *testing.T) {
				client := offline(t, func(req *http.Request) (*http.Response, error) {
					if err := after(req, test.dial); err != nil {
						return nil, err
					}
					connect(req)
					return respond(test.status, foundBody, "Retry-After", retryAfter), after(req, test.answer)
				}, func(c *Config) { c.RequestTimeout = test.timeout })
				if retryAfter == "" {
					client.transport.waitMin, client.transport.waitMax = 1000*time.Hour, 1000*time.Hour
				}
				ctx, cancel := context.WithTimeout(t.Context(), interrupt)
				defer cancel()
				started := elapsedClock()
				err := calls(ctx, client.Client, "a.b")[test.call]()
				if took, sent := elapsedClock().Sub(started), client.sent.Load(); took != test.took || sent != test.requests {
					t.Errorf("%s: %d requests in %s, want %d in %s", name, sent, took, test.requests, test.took)
				}
				if (err == nil) != test.created || errors.Is(err, ErrMaybeCreated) != test.maybe || err != nil && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%s: %v; want a session: %t, maybe created: %t, or the end of the caller's context", name, err, test.created, test.maybe)
				}
				var apiErr *Error
				if test.maybe && (!errors.As(err, &apiErr) || !apiErr.SentAt.Equal(started.Truncate(time.Second))) {
					t.Errorf("%s: %#v, want one that was sent at %s", name, err, started)
				}
			})
		}
	}
}

func TestCreate_QueuedIsNotSentAfterAnInterrupt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := offline(t, answers(http.StatusTooManyRequests, "", "Retry-After", "3600"))
		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() {
				if _, err := client.Create(ctx, CreateRequest{}); !errors.Is(err, context.Canceled) || errors.Is(err, ErrMaybeCreated) {
					t.Errorf("error %v", err)
				}
			})
			synctest.Wait()
		}
		cancel()
		group.Wait()
		if client.sent.Load() != 1 {
			t.Errorf("%d requests, want 1", client.sent.Load())
		}
	})
}

func TestCreate_SentAtIsTheServersTime(t *testing.T) {
	t.Parallel()
	client := offline(t, func(req *http.Request) (*http.Response, error) {
		if req.Method == http.MethodPost {
			connect(req)
			return nil, io.ErrUnexpectedEOF
		}
		return respond(http.StatusOK, foundBody, "Date", start.Format(http.TimeFormat)), nil
	})
	if _, err := client.Get(t.Context(), "a.b"); err != nil {
		t.Fatal(err)
	}
	_, err := client.Create(t.Context(), CreateRequest{})
	var apiErr *Error
	if !errors.Is(err, ErrMaybeCreated) || !errors.As(err, &apiErr) || !apiErr.SentAt.Equal(start) {
		t.Errorf("%#v, want one that was sent at %s", err, start)
	}
}

func TestCreate_SessionLimitAs429IsNotRepeated(t *testing.T) {
	t.Parallel()
	client := offline(t, answers(http.StatusTooManyRequests, `{"errors":[{"detail":"Too many active sessions"}]}`))
	if _, err := client.Create(t.Context(), CreateRequest{}); !errors.Is(err, ErrSessionLimit) || client.sent.Load() != 1 {
		t.Errorf("%v after %d requests", err, client.sent.Load())
	}
	if client.transport.pacer.spacing != 0 {
		t.Error("other calls are slowed down")
	}
}

func TestCreate_WithoutAConnectionWasNotSent(t *testing.T) {
	t.Parallel()
	refusing, _ := tunnel(t, "", http.StatusForbidden)
	busy, _ := tunnel(t, "", http.StatusServiceUnavailable)
	unreachable := &url.URL{Scheme: "http", Host: "127.0.0.1:1"} // No server of another test gets this port.
	for name, test := range map[string]struct {
		timeout time.Duration
		adjust  func(*http.Transport)
		want    string
		dials   int32 // 0 where a dial may begin after its attempt has ended
	}{
		"unverifiable certificate": {time.Minute, func(*http.Transport) {}, "certificate", 1},
		"unreachable proxy":        {time.Minute, func(base *http.Transport) { base.Proxy = http.ProxyURL(unreachable) }, "proxyconnect", 3},
		"refused CONNECT":          {time.Minute, func(base *http.Transport) { base.Proxy = http.ProxyURL(refusing) }, "the proxy " + refusing.Host + ` refused to connect to the endpoint, with "403 Forbidden"`, 1},
		"busy proxy":               {time.Minute, func(base *http.Transport) { base.Proxy = http.ProxyURL(busy) }, `with "503 Service Unavailable"`, 3},
		"dropped SYN": {50 * time.Millisecond, func(base *http.Transport) {
			// net/http lets a dial go on when its request has ended.
			base.DialContext = func(context.Context, string, string) (net.Conn, error) {
				<-t.Context().Done()
				return nil, t.Context().Err()
			}
		}, "in time", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			client := newClient(t, serveTLS(t, s).URL, withRetries(2), func(c *Config) { c.RequestTimeout = test.timeout })
			base, _ := client.transport.base.(*http.Transport)
			test.adjust(base)
			var dials atomic.Int32
			dial := base.DialContext
			base.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
				dials.Add(1)
				return dial(ctx, network, address)
			}
			_, err := client.Create(t.Context(), CreateRequest{})
			if expectError(t, err, test.want); errors.Is(err, ErrMaybeCreated) {
				t.Errorf("error %v says that a session may exist", err)
			}
			if isProxy := strings.Contains(test.want, "with "); errors.Is(err, ErrProxy) != isProxy {
				t.Errorf("%v, want ErrProxy: %t", err, isProxy)
			}
			if got := dials.Load(); test.dials != 0 && got != test.dials {
				t.Errorf("%d dials, want %d", got, test.dials)
			}
			s.expectCalls(t)
		})
	}
}

// A kept connection, or one that HTTP/2 shares, is not made for the create, which
// may nevertheless have arrived.
func TestCreate_LostOnAKeptConnectionMayHaveBeenSent(t *testing.T) {
	t.Parallel()
	for _, version := range []int{1, 2} {
		var created, connections, protocol atomic.Int32
		listener := serveTLS(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			protocol.Store(int32(r.ProtoMajor)) //nolint:gosec // 1 or 2
			if r.Method == http.MethodPost {
				created.Add(1)
				panic(http.ErrAbortHandler)
			}
			_, _ = w.Write([]byte(`{"data":[]}`))
		}), func(listener *httptest.Server) {
			listener.EnableHTTP2 = version == 2
			listener.Config.ConnState = func(_ net.Conn, state http.ConnState) {
				if state == http.StateNew {
					connections.Add(1)
				}
			}
		})
		roots := x509.NewCertPool()
		roots.AddCert(listener.Certificate())
		client := newClient(t, listener.URL, withRetries(3), func(c *Config) { c.RootCAs = roots })
		if _, err := list(t.Context(), client); err != nil {
			t.Fatal(err)
		}
		if _, err := client.Create(t.Context(), CreateRequest{}); !errors.Is(err, ErrMaybeCreated) {
			t.Errorf("HTTP/%d: error %v, want ErrMaybeCreated", version, err)
		}
		if created.Load() != 1 || connections.Load() != 1 || protocol.Load() != int32(version) { //nolint:gosec // 1 or 2
			t.Errorf("HTTP/%d: %d creates on %d connections with HTTP/%d", version, created.Load(), connections.Load(), protocol.Load())
		}
	}
}

// brokenConn writes nothing once it is broken, like a kept connection that the
// server has closed.
type brokenConn struct {
	net.Conn
	broken atomic.Bool
}

func (c *brokenConn) Write(b []byte) (int, error) {
	if c.broken.Load() {
		return 0, net.ErrClosed
	}
	return c.Conn.Write(b)
}

func TestCreate_IsSentOnAnotherConnectionIfNothingWasWritten(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	client := s.client(t)
	base, _ := client.transport.base.(*http.Transport)
	var connections []*brokenConn
	dial := base.DialContext
	base.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		connections = append(connections, &brokenConn{Conn: conn})
		return connections[len(connections)-1], err
	}
	if _, err := list(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	connections[0].broken.Store(true)
	if _, err := client.Create(t.Context(), CreateRequest{}); err != nil || len(connections) != 2 || len(s.Sessions()) != 1 {
		t.Errorf("%d connections, %d sessions, %v", len(connections), len(s.Sessions()), err)
	}
}
