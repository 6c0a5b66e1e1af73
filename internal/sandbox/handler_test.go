package sandbox_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

func TestHandler_AcceptsOneRightKindOfCredentials(t *testing.T) {
	t.Parallel()
	for _, status := range []int{0, 401, 403, 404} {
		f := newFixture(t, sandbox.Options{BadCredentialsStatus: status})
		want := max(status, 401)
		key := "Bearer " + sandbox.DefaultAPIKey
		f.expectStatus(t, http.StatusOK, "GET", "/sessions", "", "Authorization", key)
		f.expectStatus(t, want, "GET", "/sessions", "", "Authorization", "Bearer wrong")
		f.expectStatus(t, want, "GET", "/sessions", "", "ClientID", sandbox.DefaultClientID)
		f.expectStatus(t, want, "GET", "/sessions", "", "ClientID", sandbox.DefaultClientID, "ClientSecret", "wrong")
		f.expectStatus(t, want, "GET", "/sessions", "", "ClientID", sandbox.DefaultClientID, "ClientSecret", sandbox.DefaultClientSecret, "Authorization", key)
		if got := f.expectStatus(t, want, "POST", "/session", `{"data":{}}`, "X", "y"); !strings.Contains(got, `"ok":false`) || !strings.Contains(got, `"instance":"/session-storage/session"`) {
			t.Errorf("problem list: %s", got)
		}
	}
}

func TestHandler_UnknownPathsAndMethodsAre404(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{})
	f.Put(sandbox.Session{ID: "a"})
	for _, call := range []string{"GET /session", "GET /sessions/a/b", "PUT /sessions/a", "GET /sessions/", "DELETE /sessions", "GET /other"} {
		method, path, _ := strings.Cut(call, " ")
		f.expectStatus(t, http.StatusNotFound, method, path, "")
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
	body := stalledBody{func() { f.expectMember(t, "/sessions/a", `"id":"a"`) }}
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

func TestHandler_LogsRequests(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{})
	f.Put(sandbox.Session{ID: "a/b"})
	f.expectStatus(t, http.StatusNoContent, "POST", "/sessions/a%2Fb?ttl_seconds=60", "")
	got := f.Requests()
	if len(got) != 1 || got[0].Method != "POST" || got[0].Target() != "/session-storage/sessions/a%2Fb?ttl_seconds=60" ||
		got[0].SessionID != "a/b" || got[0].Status != 204 || got[0].RemoteAddr == "" || !got[0].Time.Equal(start.Truncate(time.Second)) {
		t.Errorf("log: %+v", got)
	}
	f.ResetRequests()
	if len(f.Requests()) != 0 {
		t.Error("not reset")
	}
}
