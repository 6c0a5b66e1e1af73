package sandbox_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

func (f *fixture) expectControl(t *testing.T, want int, call string) string {
	t.Helper()
	status, _, body := f.send(t, "POST", "/sandbox/"+call, "")
	if status != want {
		t.Errorf("%s: %d, want %d: %s", call, status, want, body)
	}
	return body
}

func TestControl_IsOffUnlessAskedFor(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{})
	f.Put(sandbox.Session{ID: "a"})
	for _, call := range []string{"advance?by=72h", "put?id=b", "connect?id=a", "hang-up?id=a", "delete?id=a", "reset"} {
		if got := f.expectControl(t, http.StatusNotFound, call); !strings.Contains(got, "--control") {
			t.Errorf("%s: %s", call, got)
		}
	}
	if got := f.dashboard(t); strings.Contains(got, "<form") {
		t.Error("the dashboard offers controls")
	}
	f.expectListed(t, "a")
}

func TestControl_AdvanceMovesTheClock(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{Control: true})
	f.Put(sandbox.Session{ID: "a", ExpiresAt: start.Add(73 * time.Hour)})
	f.Put(sandbox.Session{ID: "b", ExpiresAt: start.Add(72 * time.Hour)})
	if got := f.expectControl(t, http.StatusOK, "advance?by=72h"); got != `{"now":"2031-03-17T09:26:53Z","ok":true,"sessions":1}`+"\n" {
		t.Error(got)
	}
	f.expectListed(t, "a")
	if _, header, _ := f.call(t, "GET", "/sessions/a", ""); header.Get("Date") != "Mon, 17 Mar 2031 09:26:53 GMT" {
		t.Error(header.Get("Date"))
	}
	for _, by := range []string{"", "0s", "-1h", "3", "soon", "900000h"} {
		f.expectControl(t, http.StatusBadRequest, "advance?by="+by)
	}
}

func TestControl_ChangesSessionsWithoutTheClient(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{Control: true})
	f.expectControl(t, http.StatusOK, "put?id=a%2Fb&expires_in=1h")
	f.expectMember(t, "/sessions/a%2Fb", `"created_at":"2031-03-14T09:26:53Z","updated_at":"2031-03-14T09:26:53Z","expires_at":"2031-03-14T10:26:53Z"`)
	f.clock.Advance(time.Minute)
	f.expectControl(t, http.StatusOK, "put?id=a%2Fb")
	f.expectMember(t, "/sessions/a%2Fb", `"created_at":"2031-03-14T09:26:53Z","updated_at":"2031-03-14T09:27:53Z","expires_at":"2031-04-13T09:27:53Z"`)
	f.expectControl(t, http.StatusOK, "connect?id=a%2Fb")
	f.expectMember(t, "/sessions/a%2Fb", `"expires_at":"2031-03-14T09:28:53Z"`)
	f.expectControl(t, http.StatusOK, "advance?by=10m")
	f.expectMember(t, "/sessions/a%2Fb", `"expires_at":"2031-03-14T09:38:53Z"`)
	f.expectControl(t, http.StatusOK, "hang-up?id=a%2Fb")
	f.expectControl(t, http.StatusOK, "advance?by=1m")
	f.expectStatus(t, http.StatusNotFound, "GET", "/sessions/a%2Fb", "")

	f.expectControl(t, http.StatusOK, "put?id=c")
	f.expectControl(t, http.StatusOK, "delete?id=c")
	f.expectListed(t)
	for _, call := range []string{"connect?id=c", "hang-up?id=c", "delete?id=c", "delete"} {
		f.expectControl(t, http.StatusNotFound, call)
	}
	f.expectControl(t, http.StatusBadRequest, "put")
	f.expectControl(t, http.StatusBadRequest, "put?id=c&expires_in=0s")
	f.expectControl(t, http.StatusNotFound, "other")
	if got := f.Requests()[0].Path; strings.HasPrefix(got, "/sandbox/") {
		t.Error("control calls count as requests")
	}
}

func TestControl_ResetGoesBackToTheStart(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{Control: true})
	if err := f.LoadSeed(strings.NewReader(`{"sessions":[{"id":"a","expires_in":"1h"},{"id":"b","connected":true}]}`)); err != nil {
		t.Fatal(err)
	}
	f.expectStatus(t, http.StatusNoContent, "DELETE", "/sessions/a", "")
	f.expectStatus(t, http.StatusCreated, "POST", "/session", `{"data":{}}`)
	f.expectControl(t, http.StatusOK, "advance?by=72h")
	f.expectControl(t, http.StatusOK, "reset")
	if got := f.Requests(); len(got) > 0 {
		t.Errorf("requests left: %+v", got)
	}
	f.expectListed(t, "a", "b")
	f.expectMember(t, "/sessions/a", `"expires_at":"2031-03-14T10:26:53Z"`)
	if session, _ := f.Session("b"); !session.Connected {
		t.Error("not connected again")
	}
}

func TestControl_TakesTheDashboardsForms(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{Control: true})
	f.Put(sandbox.Session{ID: "a"})
	page := f.dashboard(t)
	for _, action := range []string{"advance", "put", "connect", "delete", "reset"} {
		if !strings.Contains(page, `<form method="post" action="/sandbox/`+action+`">`) {
			t.Errorf("the dashboard has no form for %s", action)
		}
	}
	f.Connect("a")
	if page := f.dashboard(t); !strings.Contains(page, `action="/sandbox/hang-up"`) || strings.Contains(page, `action="/sandbox/connect"`) {
		t.Error("the dashboard does not offer to hang up")
	}
	_, header, _ := f.send(t, "GET", "/", "")
	if policy := header.Get("Content-Security-Policy"); !strings.Contains(policy, "form-action 'self'") {
		t.Error(policy)
	}
	status, header, _ := f.send(t, "POST", "/sandbox/delete", "id=a", "Content-Type", "application/x-www-form-urlencoded", "Accept", "text/html,*/*", "Origin", f.url)
	if status != http.StatusSeeOther || header.Get("Location") != "/" {
		t.Errorf("%d %v", status, header)
	}
	f.expectListed(t)
}

func TestControl_RefusesOtherSitesAndMethods(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{Control: true})
	for _, headers := range [][]string{{"Origin", "https://elsewhere.example"}, {"Sec-Fetch-Site", "cross-site"}} {
		if status, _, body := f.send(t, "POST", "/sandbox/reset", "", headers...); status != http.StatusForbidden {
			t.Errorf("%s: %d %s", headers, status, body)
		}
	}
	if status, header, _ := f.send(t, "GET", "/sandbox/reset", ""); status != http.StatusMethodNotAllowed || header.Get("Allow") != "POST" {
		t.Errorf("GET: %d", status)
	}
}
