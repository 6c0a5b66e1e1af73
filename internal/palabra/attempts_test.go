package palabra

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

func TestAttempts_RepeatsWhatMayPass(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		effect   sandbox.Effect
		attempts int
	}{
		"500":        {sandbox.HTMLError(500), 3},
		"502":        {sandbox.HTMLError(502), 3},
		"503":        {sandbox.HTMLError(503), 3},
		"504":        {sandbox.HTMLError(504), 3},
		"429":        {sandbox.RateLimited("0"), 3},
		"cut before": {sandbox.CutBefore(), 3},
		"cut after":  {sandbox.CutAfter(), 3},
		"429 quota":  {sandbox.Respond(429, jsonType, problemBody("Too many requests", "Session quota exceeded")), 3},
		"400":        {sandbox.HTMLError(400), 1},
		"401":        {sandbox.HTMLError(401), 1},
		"403":        {sandbox.HTMLError(403), 1},
		"404":        {sandbox.HTMLError(404), 1},
		"409":        {sandbox.HTMLError(409), 1},
		"422":        {sandbox.HTMLError(422), 1},
		"501":        {sandbox.HTMLError(501), 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, call := range []string{"get", "expiry", "delete"} {
				s := newServer(t)
				s.Put(sandbox.Session{ID: testID})
				client := s.client(t, withRetries(3))
				if _, err := list(t.Context(), client); err != nil {
					t.Fatal(err)
				}
				s.ResetRequests()
				s.Inject(sandbox.Fault{Effect: test.effect, Count: 2})
				err := sessionCalls(t.Context(), client, testID)[call]()
				if gone := errors.Is(err, ErrNotFound); (err == nil || gone && call == "delete") != (test.attempts > 1) {
					t.Errorf("%s: %v", call, err)
				}
				if _, got := s.counts(); got != test.attempts {
					t.Errorf("%s: %d attempts, want %d", call, got, test.attempts)
				}
				if _, left := s.Session(testID); call == "delete" && left == (test.attempts > 1) {
					t.Errorf("session left: %t", left)
				}
			}
		})
	}
}

func TestAttempts_EndsWithTheLastAnswer(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.Inject(sandbox.Fault{Effect: sandbox.RateLimited("0")})
	_, err := s.client(t, withRetries(2)).Get(t.Context(), testID)
	if expectError(t, err, "The rate limit is exceeded"); !errors.Is(err, ErrRateLimited) || len(s.Requests()) != 3 {
		t.Errorf("error %v after %d attempts, want ErrRateLimited after 3", err, len(s.Requests()))
	}
}

func TestAttempts_InterruptEndsTheWaitForAnotherAttempt(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer     time.Duration
		retryAfter string
		took       map[string]time.Duration
	}{
		"in the server's pause": {0, "30", map[string]time.Duration{"create": time.Second, "get": time.Second}},
		"in the backoff":        {0, "", map[string]time.Duration{"create": time.Second, "get": time.Second}},
		"before the answer":     {5 * time.Second, "", map[string]time.Duration{"create": 5 * time.Second, "get": time.Second}},
	} {
		for call, want := range test.took {
			synctest.Test(t, func(t *testing.T) {
				requests := 0
				client := offline(t, roundTrip(func(req *http.Request) (*http.Response, error) {
					connect(req)
					requests++
					if err := after(req, test.answer); err != nil {
						return nil, err
					}
					return respond(http.StatusTooManyRequests, "", "Retry-After", test.retryAfter), nil
				}))
				if test.retryAfter == "" {
					client.transport.waitMin, client.transport.waitMax = 1000*time.Hour, 1000*time.Hour
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				started := elapsedClock()
				err := allCalls(ctx, client)[call]()
				if took := elapsedClock().Sub(started); err == nil || classOf(err) != "" || took != want || requests != 1 {
					t.Errorf("%s %s: %v after %s and %d requests, want an interrupt after %s", call, name, err, took, requests, want)
				}
			})
		}
	}
}

func TestAttempts_RepeatsARefusalOnALoopbackAddressForASecond(t *testing.T) {
	t.Parallel()
	const loopback = "http://127.0.0.1:1"
	refused := errors.New("connection refused")
	for _, test := range []struct {
		endpoint, op string
		err          error
		local        bool
	}{
		{loopback, "dial", refused, true},
		{"http://localhost:1", "dial", refused, true},
		{"https://api.example.com", "dial", refused, false},
		{loopback, "dial", os.ErrDeadlineExceeded, false},
		{loopback, "read", refused, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			requests := 0
			client := offline(t, roundTrip(func(*http.Request) (*http.Response, error) {
				requests++
				return nil, &net.OpError{Op: test.op, Net: "tcp", Err: test.err}
			}), withRetries(10), func(c *Config) { c.Endpoint = test.endpoint })
			started := elapsedClock()
			_, err := client.Get(t.Context(), "a.b")
			if took := elapsedClock().Sub(started); (requests == 5 && took == time.Second) != test.local || (requests == 11) == test.local {
				t.Errorf("%+v: %d requests in %s", test, requests, took)
			}
			if errors.Is(err, ErrNotListening) != test.local || !errors.Is(err, test.err) {
				t.Errorf("%+v: %v", test, err)
			}
		})
	}
}

func TestAttempts_RepeatsAnAttemptThatTimesOut(t *testing.T) {
	t.Parallel()
	for hanging, want := range map[int]string{2: "", 3: `get session "a.b" at https://api.example.com: no complete answer in time: context deadline exceeded`} {
		synctest.Test(t, func(t *testing.T) {
			requests := 0
			client := offline(t, roundTrip(func(req *http.Request) (*http.Response, error) {
				if requests++; requests <= hanging {
					<-req.Context().Done()
					return nil, req.Context().Err()
				}
				return respond(http.StatusOK, foundBody), nil
			}), withRetries(2))
			if _, err := client.Get(t.Context(), "a.b"); (err == nil) != (want == "") || err != nil && !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%d attempts hang: %v", hanging, err)
			}
		})
	}
}

func TestAttempts_TimeoutDoesNotOverflow(t *testing.T) {
	t.Parallel()
	for _, config := range []Config{
		{RequestTimeout: math.MaxInt64, MaxRetries: 4},
		{RequestTimeout: math.MaxInt64, MaxRetries: 0},
		{RequestTimeout: time.Hour, MaxRetries: math.MaxInt},
		{RequestTimeout: math.MaxInt64, MaxRetries: math.MaxInt},
		{RequestTimeout: time.Hour, MaxRetries: -1},
	} {
		if got := newTransport(config, nil).callTimeout(); got < time.Hour {
			t.Errorf("%+v: %s", config, got)
		}
	}
	if got, want := newTransport(Config{RequestTimeout: 30 * time.Second, MaxRetries: 4}, nil).callTimeout(), 450*time.Second; got != want {
		t.Errorf("defaults: %s, want %s", got, want)
	}
}

func TestAttempts_TimeoutBoundsTheQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, began := offline(t, nil), elapsedClock()
		client.transport.pacer.until = began.Add(time.Hour)
		_, err := client.Get(t.Context(), testID)
		if took := elapsedClock().Sub(began); !errors.Is(err, context.DeadlineExceeded) || took != client.transport.callTimeout() {
			t.Errorf("%v after %s", err, took)
		}
	})
}

func TestAttempts_LogShowsHostAndQueryButNoSecrets(t *testing.T) {
	t.Parallel()
	const token = "eyJrZXkiOnsidXNlciI6InRlc3QtdXNlciJ9fQ=="
	var written bytes.Buffer
	client := offline(t, roundTrip(func(req *http.Request) (*http.Response, error) {
		if !strings.HasPrefix(req.URL.Path, "/prefix/session-storage/") {
			t.Errorf("request to %s", req.URL)
		}
		if req.Method == http.MethodPost {
			return respond(http.StatusBadGateway, ""), nil
		}
		return nil, errors.New("malformed MIME header line: " + testSecret + "\nsecond line")
	}), withRetries(0), func(c *Config) {
		c.Endpoint, c.Logger = "https://api.example.com/prefix", slog.New(slog.NewTextHandler(&written, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	_, _ = client.nextPage(t.Context(), &walk{token: token}, 7, false)
	_, _ = client.SetExpiry(t.Context(), testID, 60)
	for _, want := range []string{
		"host=api.example.com", "path=/prefix/session-storage/sessions", "page_size=7", "ttl_seconds=60", "[redacted]", "retry=0",
		"sessions/" + ShortenID(testID), "status=502",
	} {
		if !strings.Contains(written.String(), want) {
			t.Errorf("the log does not say %q:\n%s", want, &written)
		}
	}
	for _, secret := range []string{testSecret, token[:20], testID, `\n`} {
		if strings.Contains(written.String(), secret) {
			t.Errorf("the log says %q:\n%s", secret, &written)
		}
	}
}

// A page token is the server's. Whatever it contains must come back unchanged.
func FuzzAttempts_SendsAPageTokenUnchanged(f *testing.F) {
	for _, seed := range []string{"eyJrZXkiOnt9fQ==", "a+b/c=", "&page_size=1", "ü", " "} {
		f.Add(seed)
	}
	client := newClient(f, "")
	f.Fuzz(func(t *testing.T, token string) {
		sent, err := url.Parse(client.resolve(request{path: sessionsPath, query: url.Values{"page_token": {token}}}))
		if err != nil || sent.Query().Get("page_token") != token {
			t.Errorf("%q would be sent as %q, %v", token, sent, err)
		}
	})
}
