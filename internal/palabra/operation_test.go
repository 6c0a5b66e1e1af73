package palabra

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// roundTrip is a server without a network.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func respond(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

// slowServer takes its time for a connection and for an answer.
func slowServer(dial, answer time.Duration, requests *int) roundTrip {
	wait := func(ctx context.Context, d time.Duration) error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(d):
			return nil
		}
	}
	return func(req *http.Request) (*http.Response, error) {
		ctx := req.Context()
		if err := wait(ctx, dial); err != nil {
			return nil, err
		}
		httptrace.ContextClientTrace(ctx).GotConn(httptrace.GotConnInfo{})
		*requests++
		if err := wait(ctx, answer); err != nil {
			return nil, err
		}
		return respond(http.StatusCreated, `{"ok":true,"data":{"id":"a.b"}}`), nil
	}
}

func TestCreate_AfterAnInterrupt(t *testing.T) {
	t.Parallel()
	const interrupt = time.Second
	for name, test := range map[string]struct {
		dial, answer, timeout time.Duration
		created, maybe        bool
		took                  time.Duration
		requests              int
	}{
		"the answer comes soon":        {0, 5 * time.Second, time.Minute, true, false, 5 * time.Second, 1},
		"the answer comes too late":    {0, 20 * time.Second, time.Minute, false, true, interrupt + 10*time.Second, 1},
		"the attempt's time ends":      {0, 20 * time.Second, 4 * time.Second, false, true, 4 * time.Second, 1},
		"there is no connection":       {20 * time.Second, 0, time.Minute, false, false, interrupt, 0},
		"the connection came just now": {interrupt - 1, time.Second, time.Minute, true, false, interrupt - 1 + time.Second, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				requests := 0
				client := clientOf(t, slowServer(test.dial, test.answer, &requests))
				client.transport.config.RequestTimeout = test.timeout
				ctx, cancel := context.WithTimeout(t.Context(), interrupt)
				defer cancel()
				started := elapsedClock()
				created, err := client.Create(ctx, CreateRequest{})
				if took := elapsedClock().Sub(started); took != test.took {
					t.Errorf("took %s, want %s", took, test.took)
				}
				if (err == nil && created.ID == "a.b") != test.created || errors.Is(err, ErrMaybeCreated) != test.maybe {
					t.Errorf("created %+v, %v; want a session: %t, maybe created: %t", created, err, test.created, test.maybe)
				}
				if err != nil && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%v, want the end of the caller's context", err)
				}
				if requests != test.requests {
					t.Errorf("%d requests, want %d", requests, test.requests)
				}
				var apiErr *Error
				if test.maybe && (!errors.As(err, &apiErr) || !apiErr.SentAt.Equal(started.Truncate(time.Second))) {
					t.Errorf("sent at %s, want %s", apiErr.SentAt, started)
				}
			})
		})
	}
}

func TestCreate_InterruptEndsTheWaitForAnotherAttempt(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answerAfter time.Duration
		retryAfter  string
		took        time.Duration
	}{
		"in the server's pause":  {0, "30", time.Second},
		"in the backoff":         {0, "", time.Second},
		"before the answer came": {5 * time.Second, "", 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client := clientOf(t, roundTrip(func(req *http.Request) (*http.Response, error) {
					httptrace.ContextClientTrace(req.Context()).GotConn(httptrace.GotConnInfo{})
					time.Sleep(test.answerAfter)
					resp := respond(http.StatusTooManyRequests, "")
					resp.Header.Set("Retry-After", test.retryAfter)
					return resp, nil
				}))
				if test.retryAfter == "" {
					client.transport.waitMin, client.transport.waitMax = 1000*time.Hour, 1000*time.Hour
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				started := elapsedClock()
				_, err := client.Create(ctx, CreateRequest{})
				if took := elapsedClock().Sub(started); errors.Is(err, ErrMaybeCreated) || err == nil || took != test.took {
					t.Errorf("%v after %s, want the end of the context after %s", err, took, test.took)
				}
			})
		})
	}
}

func TestCreate_SentAtIsTheServersTime(t *testing.T) {
	t.Parallel()
	date := time.Date(2031, time.March, 14, 9, 26, 53, 0, time.UTC)
	client := clientOf(t, roundTrip(func(req *http.Request) (*http.Response, error) {
		if req.Method == http.MethodPost {
			httptrace.ContextClientTrace(req.Context()).GotConn(httptrace.GotConnInfo{})
			return nil, io.ErrUnexpectedEOF
		}
		resp := respond(http.StatusOK, `{"data":{"id":"a.b"}}`)
		resp.Header.Set("Date", date.Format(http.TimeFormat))
		return resp, nil
	}))
	if _, err := client.Get(t.Context(), "a.b"); err != nil {
		t.Fatal(err)
	}
	_, err := client.Create(t.Context(), CreateRequest{})
	var apiErr *Error
	if !errors.Is(err, ErrMaybeCreated) || !errors.As(err, &apiErr) || !apiErr.SentAt.Equal(date) {
		t.Errorf("%#v, want one that was sent at %s", err, date)
	}
}

func TestCreate_SessionLimitAs429IsNotRepeated(t *testing.T) {
	t.Parallel()
	requests := 0
	client := clientOf(t, roundTrip(func(*http.Request) (*http.Response, error) {
		requests++
		return respond(http.StatusTooManyRequests, `{"errors":[{"detail":"Too many active sessions"}]}`), nil
	}))
	if _, err := client.Create(t.Context(), CreateRequest{}); !errors.Is(err, ErrSessionLimit) || requests != 1 {
		t.Errorf("%v after %d requests", err, requests)
	}
	if client.transport.pacer.spacing != 0 {
		t.Error("other calls are slowed down")
	}
}

func TestOperation_RefusalOnALoopbackAddressIsRetriedForASecond(t *testing.T) {
	t.Parallel()
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	for endpoint, local := range map[string]bool{"http://127.0.0.1:1": true, "http://localhost:1": true, "https://api.example.com": false} {
		synctest.Test(t, func(t *testing.T) {
			client, err := New(Config{Endpoint: endpoint, APIKey: "plbr_key", MaxRetries: 10})
			if err != nil {
				t.Fatal(err)
			}
			requests := 0
			client.transport.base = roundTrip(func(*http.Request) (*http.Response, error) {
				requests++
				return nil, refused
			})
			started := elapsedClock()
			_, err = client.Get(t.Context(), "a.b")
			if took := elapsedClock().Sub(started); (requests == 5 && took == time.Second) != local || (requests == 11) == local {
				t.Errorf("%s: %d requests in %s", endpoint, requests, took)
			}
			if errors.Is(err, ErrNotListening) != local || !errors.Is(err, refused) {
				t.Errorf("%s: %v", endpoint, err)
			}
		})
	}
}

func TestOperation_TimeoutOfOneAttemptIsRepeated(t *testing.T) {
	t.Parallel()
	for hanging, want := range map[int]string{2: "", 3: "no complete answer in time"} {
		synctest.Test(t, func(t *testing.T) {
			requests := 0
			client := clientOf(t, roundTrip(func(req *http.Request) (*http.Response, error) {
				if requests++; requests <= hanging {
					<-req.Context().Done()
					return nil, req.Context().Err()
				}
				return respond(http.StatusOK, `{"data":{"id":"a.b"}}`), nil
			}))
			client.transport.config.MaxRetries = 2
			if _, err := client.Get(t.Context(), "a.b"); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%d attempts hang: %v", hanging, err)
			}
		})
	}
}

func TestTransport_DoesNotQueueForConnectionsNorKeepThemFor60Seconds(t *testing.T) {
	t.Parallel()
	client, err := New(Config{APIKey: "plbr_key"})
	if err != nil {
		t.Fatal(err)
	}
	base, ok := client.transport.base.(*http.Transport)
	if !ok || base.MaxConnsPerHost != 0 || base.IdleConnTimeout <= 0 || base.IdleConnTimeout >= time.Minute || base.MaxIdleConnsPerHost < 10 {
		t.Errorf("transport %+v", base)
	}
}

func TestTransport_OperationTimeoutDoesNotOverflow(t *testing.T) {
	t.Parallel()
	for _, config := range []Config{
		{RequestTimeout: math.MaxInt64, MaxRetries: 4},
		{RequestTimeout: math.MaxInt64, MaxRetries: 0},
		{RequestTimeout: time.Hour, MaxRetries: math.MaxInt},
		{RequestTimeout: math.MaxInt64, MaxRetries: math.MaxInt},
		{RequestTimeout: time.Hour, MaxRetries: -1},
	} {
		if got := newTransport(config, nil).operationTimeout(); got < time.Hour {
			t.Errorf("%+v: %s", config, got)
		}
	}
	if got, want := newTransport(Config{RequestTimeout: 30 * time.Second, MaxRetries: 4}, nil).operationTimeout(), 450*time.Second; got != want {
		t.Errorf("defaults: %s, want %s", got, want)
	}
	client := clientOf(t, roundTrip(func(*http.Request) (*http.Response, error) {
		return respond(http.StatusOK, `{"data":{"id":"a.b"}}`), nil
	}))
	client.transport.config.RequestTimeout = math.MaxInt64
	if _, err := client.Get(t.Context(), "a.b"); err != nil {
		t.Error(err)
	}
}

func TestLog_ShowsHostAndQueryButNoSecrets(t *testing.T) {
	t.Parallel()
	const token = "eyJrZXkiOnsidXNlciI6InRlc3QtdXNlciJ9fQ=="
	var written bytes.Buffer
	client, err := New(Config{
		Endpoint: "https://api.example.com/prefix", ClientID: "client", ClientSecret: "hunter2-hunter2",
		Logger: slog.New(slog.NewTextHandler(&written, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	client.transport.base = roundTrip(func(*http.Request) (*http.Response, error) {
		return nil, errors.New("malformed MIME header line: hunter2-hunter2\nsecond line")
	})
	_, _, _ = client.page(t.Context(), 7, token)
	_, _ = client.SetExpiry(t.Context(), "a.b", 60)
	for _, want := range []string{"host=api.example.com", "path=/prefix/session-storage/sessions", "page_size=7", "ttl_seconds=60", "[redacted]", "retry=0"} {
		if !strings.Contains(written.String(), want) {
			t.Errorf("the log does not say %q:\n%s", want, &written)
		}
	}
	for _, secret := range []string{"hunter2", token[:20], `\n`} {
		if strings.Contains(written.String(), secret) {
			t.Errorf("the log says %q:\n%s", secret, &written)
		}
	}
}
