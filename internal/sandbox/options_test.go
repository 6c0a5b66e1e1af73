package sandbox_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

func TestExpiry_RefusesWhatEndsBeyondTheYear9999(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{})
	f.Put(sandbox.Session{ID: "a"})
	for _, ttl := range []string{"9223372036854775807", "251472000000"} {
		f.expectStatus(t, http.StatusBadRequest, "POST", "/sessions/a?ttl_seconds="+ttl, "")
	}
	f.expectMember(t, "/sessions/a", `"expires_at":"2031-04-13T09:26:53Z"`)
	// More than a time.Duration can hold.
	f.expectStatus(t, http.StatusNoContent, "POST", "/sessions/a?ttl_seconds=9223372037", "")
	f.expectMember(t, "/sessions/a", `"expires_at":"2323-06-24T09:14:10Z"`)
}

func TestExpiry_MovesUpdatedAtUnlessToldNotTo(t *testing.T) {
	t.Parallel()
	for keep, want := range map[bool]string{false: "09:27:53Z", true: "09:26:53Z"} {
		f := newFixture(t, sandbox.Options{KeepUpdatedAt: keep})
		f.Put(sandbox.Session{ID: "a"})
		f.clock.Advance(time.Minute)
		f.expectStatus(t, http.StatusNoContent, "POST", "/sessions/a?ttl_seconds=60", "")
		f.expectMember(t, "/sessions/a", `"updated_at":"2031-03-14T`+want+`","expires_at":"2031-03-14T09:28:53Z"`)
	}
}

// stalledBody lets another client call while it is being read.
type stalledBody struct{ meanwhile func() }

func (b stalledBody) Read([]byte) (int, error) {
	b.meanwhile()
	return 0, io.EOF
}

func TestHandler_StalledBodyDoesNotBlockOthers(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{})
	f.Put(sandbox.Session{ID: "a"})
	body := stalledBody{func() {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url+"/session-storage/sessions/a", nil)
		if err != nil {
			t.Error(err)
			return
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Error("another client waits:", err)
			return
		}
		_ = resp.Body.Close()
	}}
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/session-storage/sessions/a?ttl_seconds=60", body)
	req.Header.Set("Authorization", "Bearer "+sandbox.DefaultAPIKey)
	answer := httptest.NewRecorder()
	f.ServeHTTP(answer, req)
	if answer.Code != http.StatusNoContent {
		t.Error(answer.Code, answer.Body)
	}
}

func TestHandler_BodyHasToBeJSONUnlessToldOtherwise(t *testing.T) {
	t.Parallel()
	for lenient, want := range map[bool]int{false: http.StatusUnsupportedMediaType, true: http.StatusNoContent} {
		f := newFixture(t, sandbox.Options{AnyContentType: lenient})
		f.Put(sandbox.Session{ID: "a"})
		for _, kind := range []string{"", "text/plain", "application/x-www-form-urlencoded", ";"} {
			f.expectStatus(t, want, "POST", "/sessions/a?ttl_seconds=60", `{"data":{"ttl_seconds":60}}`, "Authorization", "Bearer "+sandbox.DefaultAPIKey, "Content-Type", kind)
		}
		f.expectStatus(t, http.StatusNoContent, "POST", "/sessions/a?ttl_seconds=60", "")
	}
}

func TestHandler_RefusesABodyThatIsTooLarge(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{})
	f.expectStatus(t, http.StatusBadRequest, "POST", "/session", `{"data":{}}`+strings.Repeat(" ", 1<<20))
}

func TestList_HasTheEnvelopeThatIsAskedFor(t *testing.T) {
	t.Parallel()
	const (
		item  = `{"id":"a","created_at":"2031-03-14T09:26:53Z","updated_at":"2031-03-14T09:26:53Z","expires_at":"2031-04-13T09:26:53Z"}`
		token = `"eyJrZXkiOnsiY3JlYXRlZF9hdCI6IjIwMzEtMDMtMTRUMDk6MjY6NTNaIiwiaWQiOiJhIn19"`
	)
	for name, want := range map[string][2]string{
		"data":          {`{"data":[` + item + `],"next_page_token":` + token + `}`, `{"data":[]}`},
		"next":          {`{"data":[` + item + `],"next":` + token + `}`, `{"data":[]}`},
		"sessions":      {`{"data":{"next_page_token":` + token + `,"sessions":[` + item + `]},"ok":true}`, `{"data":{"sessions":null},"ok":true}`},
		"sessions-next": {`{"data":{"next":` + token + `,"sessions":[` + item + `]},"ok":true}`, `{"data":{"sessions":null},"ok":true}`},
		"top-level":     {`{"next_page_token":` + token + `,"sessions":[` + item + `]}`, `{"sessions":[]}`},
		"items":         {`{"data":{"items":[` + item + `],"next":` + token + `},"ok":true}`, `{"data":{"items":[]},"ok":true}`},
		"no-token":      {`{"data":[` + item + `],"ok":true}`, `{"data":[],"ok":true}`},
		"array":         {`[` + item + `]`, `[]`},
	} {
		var envelope sandbox.Envelope
		if err := envelope.UnmarshalText([]byte(name)); err != nil || envelope.String() != name {
			t.Errorf("%s: %s, %v", name, envelope, err)
		}
		f := newFixture(t, sandbox.Options{Envelope: envelope})
		if got := f.expectStatus(t, http.StatusOK, "GET", "/sessions", ""); got != want[1]+"\n" {
			t.Errorf("%s, no sessions: %s", name, got)
		}
		f.Put(sandbox.Session{ID: "a"})
		f.Put(sandbox.Session{ID: "b"})
		if got := f.expectStatus(t, http.StatusOK, "GET", "/sessions?page_size=1", ""); got != want[0]+"\n" {
			t.Errorf("%s: %s", name, got)
		}
	}
	if err := new(sandbox.Envelope).UnmarshalText([]byte("other")); err == nil {
		t.Error("an unknown envelope is no error")
	}
}

func TestCreate_ShowsOrganizationAndAggregation(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{Organization: "acme"})
	created := f.expectStatus(t, http.StatusCreated, "POST", "/session", `{"data":{"aggregation_id":"tour"}}`)
	if !strings.Contains(created, `"organization":"acme"`) || strings.Contains(created, "aggregation_id") {
		t.Errorf("created: %s", created)
	}
	f.expectMember(t, "/sessions/"+f.Sessions()[0].ID, `"intent":"api","aggregation_id":"tour","organization":"acme"`)
	f.expectMember(t, "/sessions", `"intent":"api","aggregation_id":"tour","organization":"acme"`)
}

func TestCreate_GivesJWTIDsOnDemand(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{JWTIDs: true})
	f.expectStatus(t, http.StatusCreated, "POST", "/session", `{"data":{}}`)
	id := f.Sessions()[0].ID
	if !strings.HasPrefix(id, "eyJ") || strings.Count(id, ".") != 2 || len(id) < 100 {
		t.Errorf("id %q", id)
	}
	f.expectStatus(t, http.StatusOK, "GET", "/sessions/"+id, "")
}

func TestCreate_RefusesOverTheLimitWithTheGivenStatus(t *testing.T) {
	t.Parallel()
	for _, status := range []int{0, 409, 422, 429} {
		f := newFixture(t, sandbox.Options{SessionLimit: 1, SessionLimitStatus: status})
		f.Put(sandbox.Session{ID: "a"})
		f.expectStatus(t, max(status, 403), "POST", "/session", `{"data":{}}`)
	}
}

func TestConnect_MayResetTheExpiryToNow(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{ConnectResetsToNow: true})
	f.Put(sandbox.Session{ID: "a"})
	f.Connect("a")
	f.clock.Advance(59 * time.Second)
	f.expectMember(t, "/sessions/a", `"expires_at":"2031-03-14T09:26:53Z"`)
	f.expectMember(t, "/sessions", `"expires_at":"2031-03-14T09:26:53Z"`)
	f.clock.Advance(time.Second)
	f.expectMember(t, "/sessions/a", `"expires_at":"2031-03-14T09:28:53Z"`)
	f.Disconnect("a")
	f.clock.Advance(time.Minute)
	f.expectStatus(t, http.StatusNotFound, "GET", "/sessions/a", "")
}

func TestDisconnect_EndsTheSessionBeforeItsStoredExpiry(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{})
	f.Put(sandbox.Session{ID: "a"})
	f.Connect("a")
	f.clock.Advance(10 * time.Minute)
	f.Disconnect("a")
	f.clock.Advance(59 * time.Second)
	f.expectMember(t, "/sessions/a", `"expires_at":"2031-03-14T09:37:53Z"`)
	f.clock.Advance(time.Second)
	f.expectStatus(t, http.StatusNotFound, "GET", "/sessions/a", "")
	f.expectStatus(t, http.StatusNotFound, "POST", "/sessions/a?ttl_seconds=60", "")
}
