package palabra

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

func FuzzDecodePage(f *testing.F) {
	for _, seed := range []string{
		`{"data":[{"id":"a","created_at":"2024-10-11T09:02:56Z"}],"next_page_token":"eyJrZXkiOnt9fQ=="}`,
		`{"ok":true,"data":{"sessions":null}}`, `{"data":{"sessions":[{"id":"a"}],"next":"x"}}`, `[{"id":"a"}]`, `{"data":null,"next":null}`, `{"data":5}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := decodePage(body)
		for _, session := range got.sessions {
			if err != nil || session.ID == "" {
				t.Errorf("session %+v with error %v", session, err)
			}
		}
	})
}

func FuzzDecodeSession(f *testing.F) {
	f.Add([]byte(`{"data":{"id":"a.b","expires_at":"2024-11-20T14:13:18Z"}}`), "a.b")
	f.Add([]byte(`{"ok":true,"data":null}`), "a.b")
	f.Fuzz(func(t *testing.T, body []byte, id string) {
		if got, err := decodeSession(body, id); err == nil && got.ID != id {
			t.Errorf("answered with %q, asked for %q", got.ID, id)
		}
	})
}

func FuzzDecodeCreated(f *testing.F) {
	f.Add([]byte(`{"ok":true,"data":{"id":"a","publisher":"x","subscriber":["y"],"webrtc_url":"https://x","ws_url":"wss://x"}}`))
	f.Add([]byte(`{"data":{"id":"a","publisher":["x"],"subscriber":"y","stream_url":"https://x","control_url":"wss://x"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if got, err := decodeCreated(body); err == nil && got.ID == "" {
			t.Error("a created session without an id")
		}
	})
}

func FuzzErrorBody(f *testing.F) {
	for _, seed := range []string{
		`{"ok":false,"errors":[{"title":"Forbidden resource","detail":"Insufficient balance","error_code":100050}]}`,
		`{"error":"message"}`, `{"errors":["a",{"detail":[{"msg":"b"}]}]}`, `{"error":{"message":"x"}}`, `<html>`, ``, `{"errors":[{"error_code":1e400}]}`,
	} {
		f.Add(500, []byte(seed))
	}
	const secret = "the-client-secret"
	client, err := New(Config{ClientID: "id", ClientSecret: secret})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		var apiErr *Error
		if err := client.refusal(t.Context(), answer{status: status, body: body, header: http.Header{}}); !errors.As(err, &apiErr) {
			t.Fatalf("%v is not an *Error", err)
		}
		for _, r := range apiErr.Title + apiErr.Detail {
			if r < ' ' {
				t.Errorf("control character %U in %q, %q", r, apiErr.Title, apiErr.Detail)
			}
		}
		if len(apiErr.Title) > 4*maxReasonLength+10 || len(apiErr.Detail) > 4*maxReasonLength+10 {
			t.Error("unbounded reason")
		}
		if strings.ContainsAny(apiErr.Error(), "\r\n") || strings.Contains(apiErr.Error(), secret) {
			t.Errorf("not fit to be shown: %q", apiErr)
		}
		if apiErr.Error() == "" || errors.Is(apiErr, ErrNotFound) {
			t.Error("an error body decides no class")
		}
	})
}

func FuzzRetryAfter(f *testing.F) {
	now := time.Date(2031, time.March, 14, 9, 26, 53, 0, time.UTC)
	for _, seed := range []string{"0", "120", "-1", "Fri, 14 Mar 2031 09:27:03 GMT", "Thu, 01 Jan 1970 00:00:00 GMT", "1.5", "", "99999999999999999999", " 7 "} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if wait, ok := retryAfter(value, now); wait < 0 || wait > maxRetryAfter || !ok && wait != 0 {
			t.Errorf("%q: %s, %t", value, wait, ok)
		}
	})
}
