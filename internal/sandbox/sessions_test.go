package sandbox_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

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

func TestConnect_MovesTheExpiryEveryMinute(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{})
	f.Put(sandbox.Session{ID: "a"})
	expect := func(when string, want time.Duration) {
		t.Helper()
		if session, ok := f.Session("a"); !ok || !session.ExpiresAt.Equal(start.Truncate(time.Second).Add(want)) {
			t.Errorf("%s: expires at %s, want %s after the start", when, session.ExpiresAt, want)
		}
	}
	f.Connect("a")
	expect("connected", time.Minute)
	f.expectStatus(t, http.StatusNoContent, "POST", "/sessions/a?ttl_seconds=600", "")
	f.clock.Advance(5 * time.Minute)
	expect("a longer TTL was set", 10*time.Minute)
	f.clock.Advance(5*time.Minute + 30*time.Second)
	expect("after ten minutes and a half", 11*time.Minute)
	f.Disconnect("a")
	f.clock.Advance(29 * time.Second)
	expect("disconnected", 11*time.Minute)
	f.clock.Advance(time.Second)
	f.expectStatus(t, http.StatusNotFound, "GET", "/sessions/a", "")
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

func TestFaster_RunsThatManyTimesAsFast(t *testing.T) {
	t.Parallel()
	clock := sandbox.NewClock(start)
	faster := sandbox.Faster(clock.Now, 3600)
	clock.Advance(time.Minute)
	if got := faster(); !got.Equal(start.Add(60 * time.Hour)) {
		t.Error(got)
	}
}

func TestAdvance_AddsToTheGivenClock(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{})
	f.Advance(time.Hour)
	f.clock.Advance(time.Hour)
	f.Put(sandbox.Session{ID: "a"})
	f.expectMember(t, "/sessions/a", `"created_at":"2031-03-14T11:26:53Z"`)
}
