package palabra_test

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

func TestClient_BrokenAnswersAreClearErrors(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		effect sandbox.Effect
		want   string
	}{
		"truncated JSON":     {sandbox.Truncate(), "cut off"},
		"wrong types":        {sandbox.Respond(200, "application/json", `{"data":{"id":5}}`), "promises something else"},
		"list for an object": {sandbox.Respond(200, "application/json", `{"data":[]}`), "promises something else"},
		"null":               {sandbox.Respond(200, "application/json", `{"data":null}`), "no session"},
		"no object":          {sandbox.Respond(200, "application/json", `null`), "no session"},
		"bad time":           {sandbox.Respond(200, "application/json", `{"data":{"id":"`+id+`","expires_at":"soon"}}`), "RFC 3339"},
		"time as number":     {sandbox.Respond(200, "application/json", `{"data":{"id":"`+id+`","expires_at":1}}`), "API promises"},
		"endless body":       {sandbox.EndlessBody(), "larger than the limit"},
		"gzip bomb":          {sandbox.GzipBomb(64 << 20), "larger than the limit"},
		"deep JSON":          {sandbox.DeepJSON(100_000), "not JSON"},
		"HTML":               {sandbox.Respond(200, "text/html", "<html>"), "text/html"},
		"204":                {sandbox.Respond(204, "", ""), "204"},
		"another id":         {sandbox.Respond(200, "application/json", `{"data":{"id":"somebody.else"}}`), "another session"},
		"body cut off":       {sandbox.CutBody(), "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			s.Put(sandbox.Session{ID: id})
			s.Inject(sandbox.Fault{Effect: test.effect})
			_, err := newClient(t, s.url, func(c *palabra.Config) { c.MaxBodyBytes = 1 << 20 }).Get(t.Context(), id)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one that says %q", err, test.want)
			}
		})
	}
}

func TestClient_TimestampsWithFractionsAndOffsetsAreUTC(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.Inject(sandbox.Fault{Effect: sandbox.Respond(200, "application/json",
		`{"data":{"id":"`+id+`","created_at":"2031-03-14T11:26:53.5+02:00","updated_at":"2031-03-14T04:26:53-05:00","expires_at":"2031-03-14T09:26:53Z"}}`)})
	got, err := newClient(t, s.url).Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	// Compared as values: a time in another zone is not equal.
	if want := (palabra.Session{ID: id, CreatedAt: start.Add(500 * time.Millisecond), UpdatedAt: start, ExpiresAt: start, ServerTime: start}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestTransport_RefusesRedirectsWithoutSendingCredentials(t *testing.T) {
	t.Parallel()
	reached := make(chan http.Header, 1)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { reached <- r.Header }))
	t.Cleanup(elsewhere.Close)
	s := newServer(t)
	s.Inject(sandbox.Fault{Effect: sandbox.Redirect(elsewhere.URL)})
	client := newClient(t, s.url)
	_, getErr := client.Get(t.Context(), id)
	_, setErr := client.SetExpiry(t.Context(), id, 60)
	_, createErr := client.Create(t.Context(), palabra.CreateRequest{})
	for _, err := range []error{getErr, setErr, createErr, client.Delete(t.Context(), id)} {
		if err == nil || !strings.Contains(err.Error(), "redirect") {
			t.Errorf("error %v", err)
		}
	}
	select {
	case header := <-reached:
		t.Errorf("the redirect was followed, with %v", header)
	default:
	}
}

func TestTransport_CertificateThatDoesNotVerifyIsNotRetried(t *testing.T) {
	t.Parallel()
	var connections atomic.Int32
	listener := httptest.NewUnstartedServer(http.NotFoundHandler())
	listener.Config.ErrorLog = log.New(io.Discard, "", 0)
	listener.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	listener.StartTLS()
	t.Cleanup(listener.Close)
	_, err := newClient(t, listener.URL, withRetries(3)).Get(t.Context(), id)
	if err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("error %v", err)
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

func TestTransport_UsesHTTP2WhereItIsOffered(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.Put(sandbox.Session{ID: id})
	var protocol atomic.Int32
	listener := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		protocol.Store(int32(r.ProtoMajor)) //nolint:gosec // 1 or 2
		s.ServeHTTP(w, r)
	}))
	listener.EnableHTTP2 = true
	listener.StartTLS()
	t.Cleanup(listener.Close)
	roots := x509.NewCertPool()
	roots.AddCert(listener.Certificate())
	if _, err := newClient(t, listener.URL, func(c *palabra.Config) { c.RootCAs = roots }).Get(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if got := protocol.Load(); got != 2 {
		t.Errorf("HTTP/%d, want HTTP/2", got)
	}
}

func TestOperation_RepeatsIdempotentCalls(t *testing.T) {
	t.Parallel()
	for name, effect := range map[string]sandbox.Effect{
		"500":        sandbox.HTMLError(500),
		"502":        sandbox.HTMLError(502),
		"503":        sandbox.HTMLError(503),
		"504":        sandbox.HTMLError(504),
		"429":        sandbox.RateLimited("0"),
		"cut before": sandbox.CutBefore(),
		"cut after":  sandbox.CutAfter(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			s.Put(sandbox.Session{ID: id})
			client := newClient(t, s.url, withRetries(2))
			if _, err := client.Get(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			for _, call := range []func() error{
				func() error { _, err := client.Get(t.Context(), id); return err },
				func() error { _, err := client.SetExpiry(t.Context(), id, 60); return err },
				func() error { return client.Delete(t.Context(), id) },
			} {
				s.ResetRequests()
				s.Inject(sandbox.Fault{Effect: effect, Count: 2})
				if err := call(); err != nil {
					t.Error(err)
				}
				if got := len(s.calls()); got != 3 {
					t.Errorf("%d attempts, want 3", got)
				}
			}
			if len(s.Sessions()) != 0 {
				t.Error("the session was not deleted")
			}
		})
	}
}

func TestOperation_DoesNotRepeatRefusals(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 401, 403, 404, 409, 422, 501} {
		s := newServer(t)
		s.Put(sandbox.Session{ID: "another"})
		client := newClient(t, s.url, withRetries(3))
		if _, err := client.Get(t.Context(), "another"); err != nil {
			t.Fatal(err)
		}
		s.ResetRequests()
		s.Inject(sandbox.Fault{Effect: sandbox.HTMLError(status)})
		if _, err := client.SetExpiry(t.Context(), id, 60); err == nil {
			t.Errorf("%d: no error", status)
		}
		if got := len(s.calls()); got != 1 {
			t.Errorf("%d: %d attempts, want 1", status, got)
		}
	}
}

func TestOperation_RetriesEndWithTheLastAnswer(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.Inject(sandbox.Fault{Effect: sandbox.RateLimited("0")})
	_, err := newClient(t, s.url, withRetries(2)).Get(t.Context(), id)
	if !errors.Is(err, palabra.ErrRateLimited) || !strings.Contains(err.Error(), "The rate limit is exceeded") {
		t.Errorf("error %v", err)
	}
	if got := len(s.calls()); got != 3 {
		t.Errorf("%d attempts, want 3", got)
	}
}

func TestCreate_IsRepeatedOnlyWhenItDidNothing(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		effect   sandbox.Effect
		maybe    bool
		attempts int
		created  int
	}{
		"429 once":        {sandbox.RateLimited("0"), false, 2, 1},
		"cut after":       {sandbox.CutAfter(), true, 1, 1},
		"cut before":      {sandbox.CutBefore(), true, 1, 0},
		"502":             {sandbox.HTMLError(502), true, 1, 0},
		"broken answer":   {sandbox.Truncate(), true, 1, 1},
		"answer of no id": {sandbox.Replace(201, "application/json", `{"data":{}}`), true, 1, 1},
		"refused":         {sandbox.HTMLError(422), false, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			s.Inject(sandbox.Fault{Effect: test.effect, Count: 1})
			_, err := newClient(t, s.url, withRetries(3)).Create(t.Context(), palabra.CreateRequest{})
			if errors.Is(err, palabra.ErrMaybeCreated) != test.maybe {
				t.Errorf("error %v, want ErrMaybeCreated: %t", err, test.maybe)
			}
			if got := len(s.calls()); got != test.attempts {
				t.Errorf("%d attempts, want %d", got, test.attempts)
			}
			if got := len(s.Sessions()); got != test.created {
				t.Errorf("%d sessions, want %d", got, test.created)
			}
		})
	}
}

func TestCreate_IsRepeatedWhenNoConnectionWasMade(t *testing.T) {
	t.Parallel()
	_, err := newClient(t, "http://127.0.0.1:1", withRetries(1)).Create(t.Context(), palabra.CreateRequest{})
	if err == nil || errors.Is(err, palabra.ErrMaybeCreated) || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("error %v", err)
	}
}

func TestOperation_CancelEndsAWaitAtOnce(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	refused := make(chan struct{}, 10)
	s.Inject(sandbox.Fault{Effect: func(w http.ResponseWriter, r *http.Request, api http.Handler) {
		sandbox.RateLimited("3600")(w, r, api)
		refused <- struct{}{}
	}})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-refused
		cancel()
	}()
	config := palabra.Config{Endpoint: s.url, APIKey: "plbr_key", MaxRetries: 4}
	client, err := palabra.New(config)
	if err != nil {
		t.Fatal(err)
	}
	// Without the cancel it would wait for a minute, the cap of Retry-After.
	if _, err := client.Get(ctx, id); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if got := len(s.calls()); got != 1 {
		t.Errorf("%d attempts, want 1", got)
	}
}
