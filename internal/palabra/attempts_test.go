package palabra

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

func TestAttempts_RepeatsWhatMayPass(t *testing.T) {
	t.Parallel()
	effects := map[string]sandbox.Effect{
		"429": sandbox.RateLimited("0"), "cut before": sandbox.CutBefore(), "cut after": sandbox.CutAfter(),
		"429 quota": sandbox.Respond(429, jsonType, problemBody("Too many requests", "Session quota exceeded")),
	}
	for _, status := range []int{400, 401, 403, 404, 409, 422, 500, 501, 502, 503, 504, 520} {
		effects[strconv.Itoa(status)] = sandbox.HTMLError(status)
	}
	for name, effect := range effects {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			passes := strings.HasPrefix(name, "429") || name >= "500" && name != "501"
			attempts := map[bool]int{true: 3, false: 1}[passes]
			for _, call := range ofASession {
				s := newServer(t)
				s.Put(sandbox.Session{ID: testID})
				client := s.client(t, withRetries(3))
				if _, err := list(t.Context(), client); err != nil {
					t.Fatal(err)
				}
				s.ResetRequests()
				s.Inject(sandbox.Fault{Effect: effect, Count: 2})
				err := calls(t.Context(), client, testID)[call]()
				if gone := errors.Is(err, ErrNotFound); (err == nil || gone && call == "delete") != passes {
					t.Errorf("%s: %v", call, err)
				}
				if _, got := s.counts(); got != attempts {
					t.Errorf("%s: %d attempts, want %d", call, got, attempts)
				}
				if _, left := s.Session(testID); call == "delete" && left == passes {
					t.Errorf("session left: %t", left)
				}
			}
		})
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
			err := &net.OpError{Op: test.op, Net: "tcp", Err: test.err}
			client := offline(t, fails(err), withRetries(10), func(c *Config) { c.Endpoint = test.endpoint })
			started := elapsedClock()
			_, got := client.Get(t.Context(), "a.b")
			if took, requests := elapsedClock().Sub(started), client.sent.Load(); (requests == 5 && took == time.Second) != test.local || (requests == 11) == test.local {
				t.Errorf("%+v: %d requests in %s", test, requests, took)
			}
			if errors.Is(got, ErrNotListening) != test.local || !errors.Is(got, test.err) {
				t.Errorf("%+v: %v", test, got)
			}
		})
	}
}

func TestAttempts_RepeatsAnAttemptThatTimesOut(t *testing.T) {
	t.Parallel()
	for hanging, want := range map[int32]string{2: "", 3: `get session "a.b" at https://api.example.com: no complete answer in time: context deadline exceeded`} {
		synctest.Test(t, func(t *testing.T) {
			var client *offlineClient
			client = offline(t, func(req *http.Request) (*http.Response, error) {
				if client.sent.Load() <= hanging {
					return nil, after(req, time.Hour)
				}
				return respond(http.StatusOK, foundBody), nil
			}, withRetries(2))
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
	client := offline(t, func(req *http.Request) (*http.Response, error) {
		if !strings.HasPrefix(req.URL.Path, "/prefix/session-storage/") {
			t.Errorf("request to %s", req.URL)
		}
		if req.Method == http.MethodPost {
			return respond(http.StatusBadGateway, ""), nil
		}
		return nil, errors.New("malformed MIME header line: " + testSecret + "\nsecond line")
	}, withRetries(0), func(c *Config) {
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
