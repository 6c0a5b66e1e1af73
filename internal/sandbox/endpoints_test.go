package sandbox_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

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

func TestList_IsPagedInOrderOfCreationAndSkipsWhatEnded(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{})
	for i := range 25 {
		f.Put(sandbox.Session{ID: fmt.Sprintf("s%02d", 24-i), CreatedAt: start.Add(time.Duration(24-i) * time.Second), ExpiresAt: start.Add(time.Duration(1+(24-i)%2) * time.Hour)})
	}
	f.clock.Advance(time.Hour)
	ids, token := f.listed(t, "?page_size=5")
	f.Remove("s09") // The token's own item: the list goes on behind it.
	pages := 1
	for ; token != ""; pages++ {
		var more []string
		more, token = f.listed(t, "?page_size=5&page_token="+url.QueryEscape(token))
		ids = append(ids, more...)
	}
	if want := "s01 s03 s05 s07 s09 s11 s13 s15 s17 s19 s21 s23"; strings.Join(ids, " ") != want || pages != 3 {
		t.Errorf("%d pages: %s", pages, ids)
	}
	f.expectStatus(t, http.StatusBadRequest, "GET", "/sessions?page_token=x", "")
	for _, size := range []string{"0", "-1", "101", "x"} {
		f.expectStatus(t, http.StatusUnprocessableEntity, "GET", "/sessions?page_size="+size, "")
	}
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
