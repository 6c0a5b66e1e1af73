package sandbox_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

var start = time.Date(2031, time.March, 14, 9, 26, 53, 999, time.UTC)

type fixture struct {
	*sandbox.Sandbox
	clock *sandbox.Clock
	url   string
}

func newFixture(t *testing.T, options sandbox.Options) *fixture {
	t.Helper()
	clock := sandbox.NewClock(start)
	options.Now = clock.Now
	s := sandbox.New(options)
	listener := httptest.NewServer(s)
	t.Cleanup(listener.Close)
	return &fixture{s, clock, listener.URL}
}

// call sends a request with the default key pair, in another spelling than the
// documented one, and returns status, headers and body.
func (f *fixture) call(t *testing.T, method, path, body string, headers ...string) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, f.url+"/session-storage"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if len(headers) == 0 {
		headers = []string{"clientid", sandbox.DefaultClientID, "ClientSecret", sandbox.DefaultClientSecret}
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json; charset=utf-8")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header[headers[i]] = []string{headers[i+1]}
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(got)
}

func (f *fixture) expectStatus(t *testing.T, want int, method, path, body string, headers ...string) string {
	t.Helper()
	status, _, got := f.call(t, method, path, body, headers...)
	if status != want {
		t.Errorf("%s %s: %d, want %d: %s", method, path, status, want, got)
	}
	return got
}

func TestSession_IsCreatedExtendedExpiredAndDeleted(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{})
	body := f.expectStatus(t, http.StatusCreated, "POST", "/session", `{"data":{"subscriber_count":2,"unknown":true}}`)
	var created struct {
		OK   bool `json:"ok"`
		Data struct {
			ID             string   `json:"id"`
			Publisher      string   `json:"publisher"`
			Subscriber     []string `json:"subscriber"`
			WebRTCRoomName string   `json:"webrtc_room_name"`
			WebRTCURL      string   `json:"webrtc_url"`
			WSURL          string   `json:"ws_url"`
			Intent         string   `json:"intent"`
		} `json:"data"`
	}
	if err := json.Unmarshal([]byte(body), &created); err != nil {
		t.Fatal(err)
	}
	d := created.Data
	if !created.OK || d.ID == "" || d.Publisher == "" || len(d.Subscriber) != 2 || d.WebRTCRoomName == "" || d.WebRTCURL == "" || d.WSURL == "" || d.Intent != "api" {
		t.Errorf("created: %s", body)
	}
	path := "/sessions/" + d.ID
	want := `"created_at":"2031-03-14T09:26:53Z","updated_at":"2031-03-14T09:26:53Z","expires_at":"2031-04-13T09:26:53Z"`
	if got := f.expectStatus(t, http.StatusOK, "GET", path, ""); !strings.Contains(got, want) || strings.Contains(got, d.Publisher) {
		t.Errorf("get: %s", got)
	}
	f.clock.Advance(time.Minute)
	status, header, got := f.call(t, "POST", path+"?ttl_seconds=60", `{"data":{"ttl_seconds":60}}`)
	if status != http.StatusNoContent || got != "" || header.Get("Date") != "Fri, 14 Mar 2031 09:27:53 GMT" {
		t.Errorf("expiry: %d %v %q", status, header, got)
	}
	f.clock.Advance(59 * time.Second)
	f.expectStatus(t, http.StatusOK, "GET", path, "")
	f.clock.Advance(time.Second)
	f.expectStatus(t, http.StatusNotFound, "GET", path, "")
	f.expectStatus(t, http.StatusNotFound, "POST", path+"?ttl_seconds=60", "")
	f.expectStatus(t, http.StatusNotFound, "DELETE", path, "")

	f.Put(sandbox.Session{ID: "another"})
	if got := f.expectStatus(t, http.StatusNoContent, "DELETE", "/sessions/another", ""); got != "" {
		t.Errorf("delete: body %q", got)
	}
	f.expectStatus(t, http.StatusNotFound, "DELETE", "/sessions/another", "")
}

func TestCreate_TakesTheDeprecatedPathAndAnEmptyObject(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{SessionLimit: 3})
	f.expectStatus(t, http.StatusCreated, "POST", "/session", `{"data":{}}`)
	f.expectStatus(t, http.StatusCreated, "POST", "/sessions", `{"data":{}}`)
	f.expectStatus(t, http.StatusCreated, "POST", "/sessions/?ttl_seconds=60", `{"data":{}}`)
	if got := f.expectStatus(t, http.StatusForbidden, "POST", "/session", `{"data":{}}`); !strings.Contains(got, "limit") {
		t.Errorf("over the limit: %s", got)
	}
	f.expectStatus(t, http.StatusBadRequest, "POST", "/session", `{}`)
	f.expectStatus(t, http.StatusBadRequest, "POST", "/session", `not JSON`)
	f.expectStatus(t, http.StatusUnprocessableEntity, "POST", "/session", `{"data":{"subscriber_count":11}}`)
}

func TestExpiry_RefusesWhatTheContractDoesNotPromise(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{MaxTTL: time.Hour})
	f.Put(sandbox.Session{ID: "a"})
	for _, query := range []string{"", "?ttl_seconds=", "?ttl_seconds=0", "?ttl_seconds=-1", "?ttl_seconds=1.5", "?ttl_seconds=soon"} {
		f.expectStatus(t, http.StatusBadRequest, "POST", "/sessions/a"+query, "")
	}
	f.expectStatus(t, http.StatusBadRequest, "POST", "/sessions/a?ttl_seconds=60", `{"data":{"ttl_seconds":61}}`)
	f.expectStatus(t, http.StatusNoContent, "POST", "/sessions/a?ttl_seconds=60", "")
	f.expectStatus(t, http.StatusNoContent, "POST", "/sessions/a?ttl_seconds=7200", "")
	if session, _ := f.Session("a"); !session.ExpiresAt.Equal(start.Truncate(time.Second).Add(time.Hour)) {
		t.Errorf("not capped: %s", session.ExpiresAt)
	}
}

func TestCredentials_AreOneKindAndRight(t *testing.T) {
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

func TestList_IsPagedInOrderOfCreationAndSkipsWhatEnded(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{})
	for i := range 25 {
		f.Put(sandbox.Session{ID: fmt.Sprintf("s%02d", 24-i), CreatedAt: start.Add(time.Duration(24-i) * time.Second), ExpiresAt: start.Add(time.Duration(1+(24-i)%2) * time.Hour)})
	}
	f.clock.Advance(time.Hour)
	var ids []string
	token, pages := "", 0
	for {
		var got struct {
			Data []struct {
				ID string `json:"id"`
			} `json:"data"`
			Next string `json:"next_page_token"`
		}
		if err := json.Unmarshal([]byte(f.expectStatus(t, http.StatusOK, "GET", "/sessions?page_size=5&page_token="+token, "")), &got); err != nil {
			t.Fatal(err)
		}
		for _, item := range got.Data {
			ids = append(ids, item.ID)
		}
		if pages++; got.Next == "" {
			break
		}
		token = strings.NewReplacer("+", "%2B", "=", "%3D", "/", "%2F").Replace(got.Next)
		if pages == 1 {
			f.Remove("s09") // The token's own item: the list goes on behind it.
		}
	}
	if want := "s01 s03 s05 s07 s09 s11 s13 s15 s17 s19 s21 s23"; strings.Join(ids, " ") != want || pages != 3 {
		t.Errorf("%d pages: %s", pages, ids)
	}
	f.expectStatus(t, http.StatusBadRequest, "GET", "/sessions?page_token=x", "")
	for _, size := range []string{"0", "-1", "101", "x"} {
		f.expectStatus(t, http.StatusUnprocessableEntity, "GET", "/sessions?page_size="+size, "")
	}
}

func TestConnect_MovesTheExpiryEveryMinute(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{})
	f.Put(sandbox.Session{ID: "a"})
	at := func() time.Duration {
		session, ok := f.Session("a")
		if !ok {
			t.Fatal("the session is gone")
		}
		return session.ExpiresAt.Sub(start.Truncate(time.Second))
	}
	f.Connect("a")
	if got := at(); got != time.Minute {
		t.Errorf("connecting resets the expiry to %s", got)
	}
	f.clock.Advance(10*time.Minute + 30*time.Second)
	if got := at(); got != 11*time.Minute {
		t.Errorf("after ten minutes and a half: %s", got)
	}
	f.expectStatus(t, http.StatusNoContent, "POST", "/sessions/a?ttl_seconds=3600", "")
	f.clock.Advance(5 * time.Minute)
	if got := at(); got != 70*time.Minute+30*time.Second {
		t.Errorf("a longer TTL holds: %s", got)
	}
	f.Disconnect("a")
	f.clock.Advance(time.Hour)
	if _, ok := f.Session("a"); ok {
		t.Error("lives on after its end")
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

func TestRequests_SayWhatWasAsked(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{})
	f.Put(sandbox.Session{ID: "a/b"})
	f.expectStatus(t, http.StatusNoContent, "POST", "/sessions/a%2Fb?ttl_seconds=60", "")
	got := f.Requests()
	if len(got) != 1 || got[0].Method != "POST" || got[0].Path != "/session-storage/sessions/a%2Fb" || got[0].Query != "ttl_seconds=60" ||
		got[0].SessionID != "a/b" || got[0].Status != 204 || got[0].RemoteAddr == "" || !got[0].Time.Equal(start.Truncate(time.Second)) {
		t.Errorf("log: %+v", got)
	}
	f.ResetRequests()
	if len(f.Requests()) != 0 {
		t.Error("not reset")
	}
}

func TestLoadSeed_TakesRelativeAndAbsoluteTimes(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{})
	err := f.LoadSeed(strings.NewReader(`{"sessions":[{"id":"a","expires_in":"720h"},{"id":"b","created_at":"2031-01-01T00:00:00Z","expires_at":"2032-01-01T00:00:00Z"},{"id":"c","connected":true}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Sessions(); len(got) != 3 || got[0].ID != "b" || got[1].ExpiresAt.Sub(got[1].CreatedAt) != 720*time.Hour || !got[2].Connected {
		t.Errorf("%+v", got)
	}
	for _, bad := range []string{`{`, `{"sessions":[{}]}`, `{"sessions":[{"id":"a","expires_in":"soon"}]}`, `{"sessions":[{"id":"a","expires_in":"1h","expires_at":"2032-01-01T00:00:00Z"}]}`, `{"session":[]}`} {
		if err := f.LoadSeed(strings.NewReader(bad)); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}
