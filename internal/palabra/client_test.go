package palabra_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

var start = time.Date(2031, time.March, 14, 9, 26, 53, 0, time.UTC)

const (
	id     = "test-user.fec6b8fa.af4d2d22"
	secret = "a-client-secret-to-look-for"
)

type server struct {
	*sandbox.Sandbox
	clock *sandbox.Clock
	url   string
}

func newServer(t *testing.T, adjust ...func(*sandbox.Options)) *server {
	t.Helper()
	clock := sandbox.NewClock(start)
	options := sandbox.Options{ClientID: "client", ClientSecret: secret, APIKey: "plbr_key", Now: clock.Now}
	for _, f := range adjust {
		f(&options)
	}
	s := sandbox.New(options)
	listener := httptest.NewServer(s)
	t.Cleanup(listener.Close)
	return &server{Sandbox: s, clock: clock, url: listener.URL}
}

func newClient(t *testing.T, url string, adjust ...func(*palabra.Config)) *palabra.Client {
	t.Helper()
	config := palabra.Config{Endpoint: url, ClientID: "client", ClientSecret: secret, UserAgent: "test", RequestTimeout: time.Minute}
	for _, f := range adjust {
		f(&config)
	}
	client, err := palabra.New(config)
	if err != nil {
		t.Fatal(err)
	}
	client.RetryAtOnce()
	return client
}

func withRetries(n int) func(*palabra.Config) { return func(c *palabra.Config) { c.MaxRetries = n } }

func (s *server) calls() []string {
	var calls []string
	for _, r := range s.Requests() {
		call := r.Method + " " + strings.TrimPrefix(r.Path, "/session-storage")
		if r.Query != "" {
			call += "?" + r.Query
		}
		calls = append(calls, call)
	}
	return calls
}

func expectCalls(t *testing.T, s *server, want ...string) {
	t.Helper()
	if got := s.calls(); !slices.Equal(got, want) {
		t.Errorf("calls %q, want %q", got, want)
	}
}

func TestClient_ReadsExtendsAndDeletes(t *testing.T) {
	t.Parallel()
	s, ctx := newServer(t), t.Context()
	s.Put(sandbox.Session{ID: id})
	client := newClient(t, s.url)

	got, err := client.Get(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	want := palabra.Session{ID: id, CreatedAt: start, UpdatedAt: start, ExpiresAt: start.Add(720 * time.Hour), ServerTime: start}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	s.clock.Advance(time.Hour)
	at, err := client.SetExpiry(ctx, id, 600)
	if err != nil || !at.Equal(start.Add(time.Hour)) {
		t.Errorf("SetExpiry: %s, %v", at, err)
	}
	if session, _ := s.Session(id); !session.ExpiresAt.Equal(start.Add(time.Hour + 10*time.Minute)) {
		t.Errorf("expires at %s", session.ExpiresAt)
	}
	if err := client.Delete(ctx, id); err != nil {
		t.Error(err)
	}
	if err := client.Delete(ctx, id); !errors.Is(err, palabra.ErrNotFound) {
		t.Errorf("second delete: %v, want ErrNotFound", err)
	}
	expectCalls(t, s, "GET /sessions/"+id, "POST /sessions/"+id+"?ttl_seconds=600", "DELETE /sessions/"+id, "DELETE /sessions/"+id)
}

func TestClient_CreateReturnsTokensAndURLs(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	count := 2
	got, err := newClient(t, s.url).Create(t.Context(), palabra.CreateRequest{SubscriberCount: &count, Intent: "event"})
	if err != nil {
		t.Fatal(err)
	}
	if got.ID == "" || got.PublisherToken == "" || len(got.SubscriberTokens) != 2 || got.WebRTCURL == "" || got.WebRTCRoomName == "" || got.WSURL == "" || got.Intent != "event" || !got.ServerTime.Equal(start) {
		t.Errorf("incomplete: %+v", got)
	}
	if _, ok := s.Session(got.ID); !ok {
		t.Error("the session is not on the server")
	}
}

func TestClient_SendsOneKindOfCredentials(t *testing.T) {
	t.Parallel()
	var seen http.Header
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header.Clone()
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(listener.Close)
	if err := newClient(t, listener.URL).Delete(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if seen.Get("ClientID") != "client" || seen.Get("ClientSecret") != secret || seen.Get("Authorization") != "" || seen.Get("User-Agent") != "test" {
		t.Errorf("headers of the pair: %v", seen)
	}
	byKey := newClient(t, listener.URL, func(c *palabra.Config) { c.ClientID, c.ClientSecret, c.APIKey = "", "", "plbr_key" })
	if err := byKey.Delete(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if seen.Get("ClientID") != "" || seen.Get("ClientSecret") != "" || seen.Get("Authorization") != "Bearer plbr_key" {
		t.Errorf("headers of the key: %v", seen)
	}
}

func TestConfig_ErrorsNameTheField(t *testing.T) {
	t.Parallel()
	for want, config := range map[string]palabra.Config{
		"ClientID":     {ClientSecret: "x"},
		"ClientSecret": {ClientID: "x"},
		"APIKey":       {ClientID: "x", ClientSecret: "x", APIKey: "x"},
		"Endpoint":     {APIKey: "x", Endpoint: "http://example.com"},
	} {
		if _, err := palabra.New(config); err == nil || !strings.HasPrefix(err.Error(), "config."+want+":") {
			t.Errorf("error %v, want one about %s", err, want)
		}
	}
}

func TestClient_SendsTheIDAsOneSegment(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	client := newClient(t, s.url)
	for _, id := range []string{"a.b", "a/b", "/", "...", "%2e", "%2e%2e", "%", "a?b#c", "a b", "schön", "a;b=c", "+", strings.Repeat("eyJ.", 200), "\x00", "\xff"} {
		s.Put(sandbox.Session{ID: id})
		if _, err := client.SetExpiry(t.Context(), id, 60); err != nil {
			t.Errorf("%q: %v", id, err)
		}
		if err := client.Delete(t.Context(), id); err != nil {
			t.Errorf("%q: %v", id, err)
		}
	}
	if left := s.Sessions(); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestClient_RefusesIDsThatAreNoSegment(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	client := newClient(t, s.url, func(c *palabra.Config) { c.BulkRead = true })
	for id, want := range map[string]string{"": "id is empty", ".": "dot segments", "..": "dot segments"} {
		_, getErr := client.Get(t.Context(), id)
		_, readErr := client.Read(t.Context(), id)
		_, setErr := client.SetExpiry(t.Context(), id, 60)
		for _, err := range []error{getErr, readErr, setErr, client.Delete(t.Context(), id)} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: error %v, want one that says %q", id, err, want)
			}
		}
	}
	expectCalls(t, s)
}

func TestNotFound_IsBelievedOnlyWithCredentialsThatWork(t *testing.T) {
	t.Parallel()
	for _, status := range []int{401, 403, 404} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			s := newServer(t, func(o *sandbox.Options) { o.BadCredentialsStatus = status })
			wrong := newClient(t, s.url, func(c *palabra.Config) { c.ClientSecret = "wrong" })
			if _, err := wrong.Get(t.Context(), id); !errors.Is(err, palabra.ErrUnauthorized) || errors.Is(err, palabra.ErrNotFound) {
				t.Errorf("get: %v, want ErrUnauthorized", err)
			}
			if err := wrong.Delete(t.Context(), id); !errors.Is(err, palabra.ErrUnauthorized) {
				t.Errorf("delete: %v, want ErrUnauthorized", err)
			}
			if _, err := wrong.Create(t.Context(), palabra.CreateRequest{}); !errors.Is(err, palabra.ErrUnauthorized) {
				t.Errorf("create: %v, want ErrUnauthorized", err)
			}
		})
	}
	s := newServer(t)
	client := newClient(t, s.url)
	for range 2 {
		if _, err := client.Get(t.Context(), id); !errors.Is(err, palabra.ErrNotFound) {
			t.Errorf("get: %v, want ErrNotFound", err)
		}
	}
	// Only the first 404 had to be checked.
	expectCalls(t, s, "GET /sessions/"+id, "GET /sessions?page_size=1", "GET /sessions/"+id)
}

func TestNotFound_UncheckedIsNeitherClass(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.Inject(sandbox.Fault{Operation: sandbox.OperationList, Effect: sandbox.HTMLError(502)})
	_, err := newClient(t, s.url).Get(t.Context(), id)
	if err == nil || errors.Is(err, palabra.ErrNotFound) || errors.Is(err, palabra.ErrUnauthorized) {
		t.Errorf("error %v, want one that decides nothing", err)
	}
}

func TestError_CarriesWhatTheAPISaid(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status     int
		kind, body string
		want       []string
	}{
		"problem list": {403, "application/json", `{"ok":false,"errors":[{"title":"Forbidden resource","detail":"Insufficient balance","status":403,"error_code":100050}]}`, []string{"403", "Forbidden resource", "Insufficient balance", "100050"}},
		"two problems": {400, "application/json", `{"ok":false,"errors":[{"title":"First"},{"title":"Second"}]}`, []string{"First; Second"}},
		"older":        {400, "application/json", `{"error":"ttl too long"}`, []string{"ttl too long"}},
		"message":      {400, "application/json", `{"error":{"message":"ttl too long"}}`, []string{"ttl too long"}},
		"html":         {502, "text/html", `<html>` + secret, []string{"502", "text/html"}},
		"no type":      {418, "", `teapot`, []string{"418", "not an error of the API"}},
		"echo":         {400, "application/json", `{"error":"bad ` + secret + `\n\u0007"}`, []string{"[redacted]"}},
		"long":         {400, "application/json", `{"error":"` + strings.Repeat("x", 10000) + `"}`, []string{"xxx…"}},
		"redirect":     {302, "text/plain", ``, []string{"redirect"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			s.Inject(sandbox.Fault{Effect: sandbox.Respond(test.status, test.kind, test.body, "Location", "/elsewhere")})
			_, err := newClient(t, s.url).SetExpiry(t.Context(), id, 60)
			var apiErr *palabra.Error
			if !errors.As(err, &apiErr) || apiErr.StatusCode != test.status || !apiErr.ServerTime.Equal(start) {
				t.Fatalf("error %#v", err)
			}
			text := err.Error()
			for _, part := range append(test.want, id, s.url) {
				if !strings.Contains(text, part) {
					t.Errorf("%q does not say %q", text, part)
				}
			}
			if strings.Contains(text, secret) || strings.ContainsAny(text, "\n\a") || len(text) > 1000 {
				t.Errorf("not fit to be shown: %q", text)
			}
		})
	}
}

func TestClient_RefusedBodyOfTheExpiryIsLeftOut(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.Put(sandbox.Session{ID: id})
	var bodies []int64
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		bodies = append(bodies, r.ContentLength)
		if r.ContentLength != 0 {
			w.WriteHeader(http.StatusUnsupportedMediaType)
			return
		}
		s.ServeHTTP(w, r)
	}))
	t.Cleanup(listener.Close)
	client := newClient(t, listener.URL)
	for range 2 {
		if _, err := client.SetExpiry(t.Context(), id, 60); err != nil {
			t.Error(err)
		}
	}
	if len(bodies) != 3 || bodies[0] == 0 || bodies[1] != 0 || bodies[2] != 0 {
		t.Errorf("content lengths %v, want one body, then none", bodies)
	}
}

func TestClient_ServerTimeIsTheInjectedClockWithoutADate(t *testing.T) {
	t.Parallel()
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Date"] = nil
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(listener.Close)
	client := newClient(t, listener.URL, func(c *palabra.Config) { c.Now = func() time.Time { return start } })
	if at, err := client.SetExpiry(context.Background(), id, 60); err != nil || !at.Equal(start) {
		t.Errorf("%s, %v", at, err)
	}
}

func TestShortenID_NeverShowsAWholeToken(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"":                            "",
		"short":                       "short",
		"a.b.c.d.e":                   "a.b.c.…",
		"schönesüßes":                 "schöne…",
		"test-user.fec6b8fa.af4d2d22": "test-u…2d22",
	} {
		if got := palabra.ShortenID(id); got != want {
			t.Errorf("%q: %q, want %q", id, got, want)
		}
	}
}
