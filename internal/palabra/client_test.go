package palabra

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

func TestClient_ReadsExtendsAndDeletes(t *testing.T) {
	t.Parallel()
	s, ctx := newServer(t), t.Context()
	s.Put(sandbox.Session{ID: testID})
	client := s.client(t)
	got, err := client.Get(ctx, testID)
	want := Session{LocalTime: start, ID: testID, CreatedAt: start, UpdatedAt: start, ExpiresAt: start.Add(720 * time.Hour), ServerTime: start}
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	s.clock.Advance(time.Hour)
	now := start.Add(time.Hour)
	if at, err := client.SetExpiry(ctx, testID, 600); err != nil || !at.Equal(now) {
		t.Errorf("SetExpiry: %s, %v", at, err)
	}
	if session, _ := s.Session(testID); !session.ExpiresAt.Equal(now.Add(10 * time.Minute)) {
		t.Errorf("expires at %s", session.ExpiresAt)
	}
	if err := client.Delete(ctx, testID); err != nil {
		t.Error(err)
	}
	var apiErr *Error
	if err := client.Delete(ctx, testID); !errors.Is(err, ErrNotFound) || !errors.As(err, &apiErr) || !apiErr.ServerTime.Equal(now) {
		t.Errorf("second delete: %#v, want ErrNotFound", err)
	}
	s.expectCalls(t, "GET /sessions/"+testID, "POST /sessions/"+testID+"?ttl_seconds=600", "DELETE /sessions/"+testID, "DELETE /sessions/"+testID, "GET /sessions?page_size=100")
}

func TestClient_Creates(t *testing.T) {
	t.Parallel()
	s, count := newServer(t), 2
	client := s.client(t)
	created, err := client.Create(t.Context(), CreateRequest{SubscriberCount: &count, Intent: "event", AggregationID: "team-a"})
	if err != nil || created.ID == "" || created.PublisherToken == "" || len(created.SubscriberTokens) != 2 || created.WebRTCURL == "" || created.WebRTCRoomName == "" ||
		created.WSURL == "" || created.Intent != "event" || created.Organization != "sandbox" || !created.ServerTime.Equal(start) {
		t.Errorf("incomplete: %+v, %v", created, err)
	}
	got, err := client.Get(t.Context(), created.ID)
	if err != nil || got.Intent != "event" || got.AggregationID != "team-a" || got.Organization != "sandbox" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestClient_SendsOneKindOfCredentials(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		adjust func(*Config)
		want   map[string]string
	}{
		"pair": {func(*Config) {}, map[string]string{"ClientID": "client", "ClientSecret": testSecret, "Authorization": "", "User-Agent": "test"}},
		"key":  {withKey("plbr_key"), map[string]string{"ClientID": "", "ClientSecret": "", "Authorization": "Bearer plbr_key", "User-Agent": "test"}},
	} {
		client := offline(t, func(r *http.Request) (*http.Response, error) {
			for header, want := range test.want {
				if got, sent := r.Header[header]; sent != (want != "") || strings.Join(got, ",") != want {
					t.Errorf("%s: %s %q, want %q", name, header, got, want)
				}
			}
			return respond(http.StatusNoContent, ""), nil
		}, test.adjust)
		if err := client.Delete(t.Context(), testID); err != nil {
			t.Error(err)
		}
	}
}

func TestClient_ConfigIsValidatedAndHasDefaults(t *testing.T) {
	t.Parallel()
	for want, config := range map[string]Config{
		"ClientID":     {ClientSecret: "x"},
		"ClientSecret": {ClientID: "x"},
		"APIKey":       {ClientID: "x", ClientSecret: "x", APIKey: "x"},
		"Endpoint":     {APIKey: "x", Endpoint: "http://example.com"},
	} {
		_, err := New(config)
		expectError(t, err, "config."+want+":")
	}
	client, err := New(Config{APIKey: "plbr_key"})
	if err != nil {
		t.Fatal(err)
	}
	if c := client.config; c.Endpoint != DefaultEndpoint || c.RequestTimeout != 30*time.Second || c.Now().IsZero() || c.Logger == nil {
		t.Errorf("%+v", c)
	}
}

func TestClient_RefusesIDsThatAreNotASegment(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, id := range []string{"", ".", ".."} {
		for _, call := range append(ofASession, "read") {
			expectError(t, calls(t.Context(), s.client(t), id)[call](), "cannot be empty, . or ..")
		}
	}
	s.expectCalls(t)
}

// The sandbox's router is an independent reading of what one path segment is.
func FuzzClient_SendsTheIDAsOneSegment(f *testing.F) {
	for _, seed := range []string{
		"a.b", "a/b", "/", "...", "%2e", "%2e%2e", "%2F", "%", "a?b#c", "?#&=", "a b", "schön", "a;b=c", "+", "\x00", "\xff",
		"eyJhbGciOiJIUzI1NiJ9.e30.c2ln", strings.Repeat("eyJ.", 200),
	} {
		f.Add(seed)
	}
	s := sandbox.New(sandbox.Options{})
	client := newClient(f, serve(f, s), withKey(sandbox.DefaultAPIKey))
	f.Fuzz(func(t *testing.T, id string) {
		if !isSegment(id) {
			return
		}
		s.ResetRequests()
		_, _ = client.SetExpiry(t.Context(), id, 60)
		if requests := s.Requests(); len(requests) == 0 || requests[0].SessionID != id {
			t.Errorf("%q arrived as %+v", id, requests)
		}
	})
}

func TestClient_LeavesOutARefusedBodyOfTheExpiry(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.Put(sandbox.Session{ID: testID})
	var bodies []int64
	s.Inject(sandbox.Fault{Effect: func(w http.ResponseWriter, r *http.Request, api http.Handler) {
		if bodies = append(bodies, r.ContentLength); r.ContentLength != 0 {
			w.WriteHeader(http.StatusUnsupportedMediaType)
			return
		}
		api.ServeHTTP(w, r)
	}})
	client := s.client(t)
	for range 2 {
		if _, err := client.SetExpiry(t.Context(), testID, 60); err != nil {
			t.Error(err)
		}
	}
	if want := []int64{int64(len(`{"data":{"ttl_seconds":60}}`)), 0, 0}; !slices.Equal(bodies, want) {
		t.Errorf("content lengths %v, want %v", bodies, want)
	}
}

func TestFingerprint_IsStableAndNotASecret(t *testing.T) {
	t.Parallel()
	if got := newClient(t, "").Fingerprint(); got != "client_id:client" {
		t.Errorf("pair: %q", got)
	}
	// Literals, because states of earlier versions contain fingerprints.
	for endpoint, want := range map[string]string{
		"https://API.palabra.ai/": "", "https://api.palabra.dev/v1": "@https://api.palabra.dev", "http://127.0.0.1:8920": "@http://127.0.0.1:8920",
	} {
		if got := newClient(t, endpoint).Fingerprint(); got != "client_id:client"+want {
			t.Errorf("%s: %q, want %q at the end", endpoint, got, want)
		}
	}
	for key, want := range map[string]string{"plbr_key": "api_key:003cbbf6d3fc", "plbr_kez": "api_key:badca559edc7"} {
		if got := newClient(t, "", withKey(key)).Fingerprint(); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
}

func TestShortenID_NeverShowsAWholeToken(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"":            "",
		"short":       "short",
		"a.b.c.d.e":   "a.b.c.…",
		"schönesüßes": "schöne…",
		testID:        "test-u…2d22",
	} {
		if got := ShortenID(id); got != want {
			t.Errorf("%q: %q, want %q", id, got, want)
		}
	}
}

func TestClient_ReturnsBothClocks(t *testing.T) {
	t.Parallel()
	local := start.Add(-time.Hour)
	const remote = "https://api.example.com"
	for _, test := range []struct {
		endpoint, date        string
		wantServer, wantLocal time.Time
	}{
		{remote, start.Format(http.TimeFormat), start, local},
		{"http://127.0.0.1:1", start.Format(http.TimeFormat), start, start},
		{remote, "", local, local},
	} {
		client := offline(t, answers(http.StatusOK, foundBody, "Date", test.date), func(c *Config) {
			c.Endpoint, c.Now = test.endpoint, func() time.Time { return local.Add(time.Millisecond) }
		})
		got, err := client.Get(t.Context(), "a.b")
		if err != nil || !got.ServerTime.Equal(test.wantServer) || !got.LocalTime.Equal(test.wantLocal) {
			t.Errorf("%+v: %+v, %v", test, got, err)
		}
	}
}
